"""The project's settings without its apps: enough for `tests.realtime.app` to be served for real."""

import os

from orchestrator.settings import *  # noqa: F403

INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "channels", "rest_framework"]
AUTH_USER_MODEL = "auth.User"
ROOT_URLCONF = "tests.realtime.app"
MIDDLEWARE = [name for name in MIDDLEWARE if not name.startswith("sites.")]  # noqa: F405 - of an app that is not here
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.environ["ROWS_FILE"],
        "OPTIONS": {"timeout": 20, "transaction_mode": "IMMEDIATE"},
    }
}
DATABASE_ROUTERS: list[str] = []
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "UNAUTHENTICATED_USER": None,
    "EXCEPTION_HANDLER": "common.api.exceptions.handle",
    "NUM_PROXIES": 0,
}
MAX_BODY_BYTES = 100_000
DATA_UPLOAD_MAX_MEMORY_SIZE = MAX_BODY_BYTES
