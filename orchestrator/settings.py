"""Every setting, read from the environment. Without one, what is needed to load the project and check it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import dj_database_url

from common.pooled import Pooled
from orchestrator import document, providers, theme

BASE_DIR = Path(__file__).resolve().parent.parent
VERSION = "0.1.0"


def _flag(name: str, *, default: bool = False) -> bool:
    return os.environ.get(name, str(default)).lower() in {"1", "true", "yes", "on"}


def _list(name: str, default: str = "") -> list[str]:
    return [item.strip() for item in os.environ.get(name, default).split(",") if item.strip()]


DEBUG = _flag("DEBUG")
SECRET_KEY = os.environ.get("SECRET_KEY", "not-secret-only-good-for-checks-without-a-database")
PORT = int(os.environ.get("PORT", "8000"))
PUBLIC_URL = os.environ.get("PUBLIC_URL", f"http://127.0.0.1:{PORT}").rstrip("/")
STATE_DIR = Path(os.environ.get("STATE_DIR", BASE_DIR / ".local"))
ALLOWED_HOSTS = _list("ALLOWED_HOSTS", "127.0.0.1,localhost,[::1]")
CSRF_TRUSTED_ORIGINS = _list("CSRF_TRUSTED_ORIGINS", PUBLIC_URL)

# Fernet keys, the current one first; the older ones still open what they sealed.
FIELD_KEYS = _list("FIELD_KEYS", "bm90LXNlY3JldC1vbmx5LWdvb2QtZm9yLWNoZWNrcyE=")

INSTALLED_APPS = [
    "unfold.apps.BasicAppConfig",
    "sites.admin_config.PlatformAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "channels",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "sites",
    "instances",
    "plans",
    "orchestrator",
]

MIDDLEWARE = [
    "common.api.middleware.RequestId",
    "common.api.middleware.Caller",
    "common.api.telemetry.Observed",
    "facades.doors.InDialect",
    "common.api.middleware.SaneRequest",
    "django.middleware.security.SecurityMiddleware",
    "common.api.content_security.ContentSecurity",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "sites.api.staff_door.StaffDoor",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "orchestrator.urls"
ASGI_APPLICATION = "orchestrator.asgi.application"
WSGI_APPLICATION = "orchestrator.wsgi.application"
APPEND_SLASH = False  # every route takes both forms; a redirect would lose a client's body

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "orchestrator" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# --- Postgres: one database, three roles -------------------------------------------------------------------------
_NOWHERE = "postgres://app@127.0.0.1:1/orchestrator"


def _database(variable: str, *, pool: int, statement_s: int = 0) -> dict[str, Any]:
    config: dict[str, Any] = dict(dj_database_url.parse(os.environ.get(variable, _NOWHERE)))
    config["CONN_HEALTH_CHECKS"] = True
    config["OPTIONS"] = {**config.get("OPTIONS", {}), "connect_timeout": 5}
    if statement_s:
        config["OPTIONS"]["options"] = f"-c statement_timeout={statement_s}s"
    if pool and variable in os.environ:
        config["OPTIONS"]["pool"] = {"min_size": 1, "max_size": pool, "timeout": 10, "connection_class": Pooled}
    return config


WEB_THREADS = int(os.environ.get("WEB_THREADS", "32"))
_POOL = int(os.environ.get("DATABASE_POOL") or WEB_THREADS)  # of each role: no thread waits for another's connection
DATABASES = {
    "default": _database("DATABASE_URL", pool=_POOL, statement_s=int(os.environ.get("REQUEST_STATEMENT_S", "20"))),
    "crew": _database("DATABASE_CREW_URL", pool=_POOL),
    "owner": _database("DATABASE_OWNER_URL", pool=0),
}
DATABASE_ROUTERS = ["common.admin.AdminRouter"]
# Off: an action's log row is committed when the answer goes out, and on the disk some milliseconds later.
ACTION_LOG_WAITS_FOR_DISK = _flag("ACTION_LOG_WAITS_FOR_DISK")
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Redis and Celery --------------------------------------------------------------------------------------------
REDIS_URL = os.environ.get("REDIS_URL", "redis://127.0.0.1:1/0")
CELERY_BROKER_URL = os.environ.get("CELERY_BROKER_URL", REDIS_URL)
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 300, "socket_timeout": 10, "socket_connect_timeout": 5}
CELERY_TASK_PUBLISH_RETRY_POLICY = {"max_retries": 1, "interval_start": 0.05}
SWEEP_EVERY_S = float(os.environ.get("SWEEP_EVERY_S", "2"))
CELERY_BEAT_SCHEDULE = {
    "instances.sweep": {"task": "instances.sweep", "schedule": SWEEP_EVERY_S, "options": {"expires": 10}},
    "instances.run_schedules": {
        "task": "instances.run_schedules",
        "schedule": SWEEP_EVERY_S,
        "options": {"expires": 10},
    },
    "instances.fill_pools": {"task": "instances.fill_pools", "schedule": SWEEP_EVERY_S, "options": {"expires": 10}},
    "sites.mail_due": {"task": "sites.mail_due", "schedule": 30.0, "options": {"expires": 30}},
    "sites.forget_answers": {"task": "sites.forget_answers", "schedule": 600.0, "options": {"expires": 600}},
    "sites.keep_audit": {"task": "sites.keep_audit", "schedule": 3600.0, "options": {"expires": 3600}},
    "instances.keep_logs": {"task": "instances.keep_logs", "schedule": 600.0, "options": {"expires": 600}},
    "plans.sweep": {"task": "plans.sweep", "schedule": SWEEP_EVERY_S, "options": {"expires": 10}},
}
PATROL_EVERY_S = float(os.environ.get("PATROL_EVERY_S", "30"))
CELERY_BEAT_SCHEDULE["instances.patrol"] = {
    "task": "instances.patrol",
    "schedule": PATROL_EVERY_S,
    "options": {"expires": PATROL_EVERY_S},
}
STREAM_RECHECK_S = float(os.environ.get("STREAM_RECHECK_S", "20"))  # how often whoever holds a stream is asked for
CELERY_BEAT_SCHEDULE["instances.check_bearers"] = {
    "task": "instances.check_bearers",
    "schedule": STREAM_RECHECK_S / 2,
    "options": {"expires": STREAM_RECHECK_S / 2},
}
ORPHANS = os.environ.get("ORPHANS", "report")  # or destroy: what becomes of machines that belong to no instance
ORPHAN_GRACE_S = float(os.environ.get("ORPHAN_GRACE_S", "600"))
CELERY_BEAT_SCHEDULE["instances.tell_webhooks"] = {
    "task": "instances.tell_webhooks",
    "schedule": SWEEP_EVERY_S,
    "options": {"expires": 10},
}
CELERY_BEAT_SCHEDULE["instances.record"] = {
    "task": "instances.record",
    "schedule": SWEEP_EVERY_S,
    "options": {"expires": 10},
}
CELERY_BEAT_SCHEDULE["instances.keep_recordings"] = {
    "task": "instances.keep_recordings",
    "schedule": 60.0,
    "options": {"expires": 60},
}
CELERY_BEAT_SCHEDULE["instances.sweep_recordings"] = {
    "task": "instances.sweep_recordings",
    "schedule": 3600.0,
    "options": {"expires": 3600},
}
TASKS_WHEN_DOWN = ["plans.sweep"]  # by name, because what is below knows nothing of what is above
CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}}

# --- Machines and their guests -----------------------------------------------------------------------------------
GATEWAY_SECRET = os.environ.get("GATEWAY_SECRET", "not-secret-only-good-for-checks")
GATEWAY_UPSTREAM = os.environ.get("GATEWAY_UPSTREAM") or f"127.0.0.1:{os.environ.get('GATEWAY_PORT', '8001')}"
GATEWAY_PUBLIC_URL = (os.environ.get("GATEWAY_PUBLIC_URL") or PUBLIC_URL).rstrip("/")  # in signed URLs of streams
VIEW_FRAME_ANCESTORS = os.environ.get("VIEW_FRAME_ANCESTORS") or "*"  # who may show the live view in a frame
GATEWAY_DIR = Path(os.environ.get("GATEWAY_DIR", STATE_DIR / "gateway"))
PROVIDERS: dict[str, dict[str, Any]] = {
    "local": {
        "driver": "instances.providers.local.provider.LocalProvider",
        "options": {
            "machines_dir": Path(os.environ.get("MACHINES_DIR", STATE_DIR / "machines")),
            "gateway_dir": GATEWAY_DIR / "guest",
            "guest_site_dir": Path(os.environ.get("GUEST_SITE_DIR", STATE_DIR / "guest-site")),
            "templates_dir": Path(os.environ.get("TEMPLATES_DIR", STATE_DIR / "templates")),
            "alone_hours": float(os.environ.get("ALONE_HOURS", "24")),
        },
    },
}
SIMULATION_FILE = os.environ.get("SIMULATION_FILE")  # with it there is a provider `simulated`, whose cloud it is
if SIMULATION_FILE:
    PROVIDERS["simulated"] = {
        "driver": "instances.providers.simulated.provider.SimulatedProvider",
        "options": {"path": SIMULATION_FILE},
    }
GATEWAY_PUBLIC_GUEST_URL = os.environ.get("GATEWAY_PUBLIC_GUEST_URL", "").rstrip("/")  # wss://…, for clouds' guests
if PROVIDERS_FILE := os.environ.get("PROVIDERS_FILE"):
    _for_clouds = {
        "deployment": os.environ.get("DEPLOYMENT", ""),
        "bootstrap_url": f"{PUBLIC_URL}/api/system/bootstrap",
    }
    PROVIDERS |= providers.read(Path(PROVIDERS_FILE), defaults=dict.fromkeys(providers.DRIVERS, _for_clouds))
DEFAULT_PROVIDER = os.environ.get("DEFAULT_PROVIDER", "local")
DESKTOP_V1_TYPE = os.environ.get("DESKTOP_V1_TYPE", "browser")  # what POST /v1/desktop makes
TIMEOUT_HOURS_MAX = float(os.environ.get("TIMEOUT_HOURS_MAX", "0"))  # 0: an instance may ask for any limit, or none
TIMEOUT_HOURS = min(float(os.environ.get("TIMEOUT_HOURS", "1")), TIMEOUT_HOURS_MAX or float("inf"))  # 0: no limit
IDLE_STOP_MINUTES = int(os.environ.get("IDLE_STOP_MINUTES", "0"))  # where an instance does not say; 0: never
# Networks, such as 10.0.0.0/8, that webhooks may lead into although they are not public; by http:// as well.
WEBHOOK_ALLOWED_NETWORKS = _list("WEBHOOK_ALLOWED_NETWORKS")
WEBHOOK_RETRY_DAYS = float(os.environ.get("WEBHOOK_RETRY_DAYS", "3"))
POOL_SIZE_MAX = int(os.environ.get("POOL_SIZE_MAX", "10"))  # the most machines that a template may keep warm
POOL_MAX_AGE_HOURS = float(os.environ.get("POOL_MAX_AGE_HOURS", "12"))  # an older one is replaced before it is claimed
LOG_RETENTION_DAYS = int(os.environ.get("LOG_RETENTION_DAYS", "90"))  # at most; a site may wish for less
RECORDING_RETENTION_DAYS = int(os.environ.get("RECORDING_RETENTION_DAYS", "30"))
RECORDING_MINUTES_MAX = int(os.environ.get("RECORDING_MINUTES_MAX", "120"))  # the longest, and what is usual
RECORDING_MIB_MAX = int(os.environ.get("RECORDING_MIB_MAX", "1024"))  # the largest, and what is usual
FFMPEG = os.environ.get("FFMPEG", "ffmpeg")  # a program's name or path; without it recordings are no videos
RECORDINGS_AT_ONCE = int(os.environ.get("RECORDINGS_AT_ONCE", "32"))  # by one worker

# --- Objects: what is too big for a row lies in a folder, or in a bucket where one is named ---------------------------
OBJECTS_DIR = Path(os.environ.get("OBJECTS_DIR") or STATE_DIR / "objects")
OBJECTS_MIN_FREE_MIB = int(os.environ.get("OBJECTS_MIN_FREE_MIB", "512"))  # of the folder's disk, left to others
OBJECTS_S3_BUCKET = os.environ.get("OBJECTS_S3_BUCKET", "")
OBJECTS_S3_PREFIX = os.environ.get("OBJECTS_S3_PREFIX", "")
OBJECTS_S3_REGION = os.environ.get("OBJECTS_S3_REGION", "")
OBJECTS_S3_ENDPOINT = os.environ.get("OBJECTS_S3_ENDPOINT", "")  # of a service that is not Amazon's


# --- Quotas of a site that has none of its own; "none": no limit ----------------------------------------------------
def _limit(name: str, default: str) -> int | None:
    value = os.environ.get(name, default)
    return None if value == "none" else int(value)


QUOTAS: dict[str, Any] = {
    "instances": _limit("QUOTA_INSTANCES", "500"),
    "running": _limit("QUOTA_RUNNING", "250"),
    "provisioning": _limit("QUOTA_PROVISIONING", "20"),
    "actions_a_minute": _limit("QUOTA_ACTIONS_A_MINUTE", "12000"),
    "recordings_mib": _limit("QUOTA_RECORDINGS_MIB", "20480"),
    "per_type": {name: int(limit) for name, limit in (item.split("=") for item in _list("QUOTA_PER_TYPE"))},
}


# --- Rate limits: so many requests in so many seconds ----------------------------------------------------------------
def _rate(name: str, default: str) -> tuple[int, int]:
    times, _, window_s = os.environ.get(name, default).partition("/")
    return int(times), int(window_s or 60)


RATE_LIMITS: dict[str, tuple[int, int]] = {
    "key": _rate("RATE_LIMIT_KEY", "6000/60"),
    "site": _rate("RATE_LIMIT_SITE", "12000/60"),
    "address": _rate("RATE_LIMIT_ADDRESS", "12000/60"),
    "anonymous": _rate("RATE_LIMIT_ANONYMOUS", "600/60"),
    "failures": _rate("RATE_LIMIT_FAILURES", "60/60"),
}
if not _flag("RATE_LIMITS", default=True):
    RATE_LIMITS = {}

# --- People ------------------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "sites.User"
AUTHENTICATION_BACKENDS = ["sites.signin.WatchedBackend"]
AUDIT_RETENTION_DAYS = int(os.environ.get("AUDIT_RETENTION_DAYS", "400"))
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "/api/login"
LOGIN_REDIRECT_URL = "/api/"
PASSWORD_RESET_TIMEOUT = 3600  # seconds
_IS_HTTPS = PUBLIC_URL.startswith("https://")
STAFF_TWO_FACTOR = os.environ.get("STAFF_TWO_FACTOR") or ("required" if _IS_HTTPS else "optional")
SESSION_ENGINE = "common.sessions"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _IS_HTTPS
SESSION_COOKIE_HTTPONLY = True
SECURE_HSTS_SECONDS = int(os.environ.get("HSTS_SECONDS") or "31536000") if _IS_HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = _flag("HSTS_SUBDOMAINS")
SECURE_HSTS_PRELOAD = _flag("HSTS_PRELOAD")
SECURE_SSL_REDIRECT = _flag("SSL_REDIRECT")
if int(os.environ.get("TRUSTED_PROXIES") or "0"):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
# W005 and W021: what a domain's other hosts do, and its preloading, is its owner's to say. W008: TLS ends at a proxy,
# and that sends plain HTTP on.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W008", "security.W021"]
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
MAX_BODY_BYTES = 2 * 1024 * 1024
DATA_UPLOAD_MAX_MEMORY_SIZE = MAX_BODY_BYTES

# --- Mail: by SMTP where a server is named, else into files of this deployment --------------------------------------
EMAIL_HOST = os.environ.get("EMAIL_HOST", "")
_MAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend" if EMAIL_HOST else "common.mail.PrivateFileBackend"
EMAIL_BACKEND = os.environ.get("EMAIL_BACKEND") or _MAIL_BACKEND
EMAIL_FILE_PATH = os.environ.get("EMAIL_FILE_PATH") or str(STATE_DIR / "mail")
EMAIL_PORT = int(os.environ.get("EMAIL_PORT") or "587")
EMAIL_HOST_USER = os.environ.get("EMAIL_HOST_USER", "")
EMAIL_HOST_PASSWORD = os.environ.get("EMAIL_HOST_PASSWORD", "")
EMAIL_USE_SSL = _flag("EMAIL_USE_SSL")
EMAIL_USE_TLS = _flag("EMAIL_USE_TLS", default=not EMAIL_USE_SSL)
EMAIL_TIMEOUT = 20
DEFAULT_FROM_EMAIL = os.environ.get("EMAIL_FROM") or "Orchestrator <noreply@localhost>"

# --- The API -----------------------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "sites.api.authentication.KeyAuthentication",
        "sites.api.authentication.MemberSessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["sites.api.permissions.HasScope"],
    "DEFAULT_PARSER_CLASSES": ["common.api.parsers.StrictJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["common.api.renderers.JSONRenderer", "common.api.renderers.BrowsableAPIRenderer"],
    "DEFAULT_PAGINATION_CLASS": "common.api.keyset.PageOrCursor",
    "DEFAULT_FILTER_BACKENDS": [
        "common.api.filters.StrictFilterBackend",
        "rest_framework.filters.SearchFilter",
        "common.api.ordering.StrictOrderingFilter",
    ],
    "DEFAULT_SCHEMA_CLASS": "common.api.schema.Schema",
    "NUM_PROXIES": int(os.environ.get("TRUSTED_PROXIES") or "0"),  # whose X-Forwarded-For throttles may believe
    "DEFAULT_THROTTLE_CLASSES": ["sites.api.limits.ByCaller"],
    "EXCEPTION_HANDLER": "common.api.exceptions.handle",
    "PAGE_SIZE": 50,
    "DATETIME_FORMAT": "%Y-%m-%dT%H:%M:%S.%fZ",  # always six digits; TIME_ZONE is UTC
    "UNAUTHENTICATED_USER": None,
}
BROWSABLE_PAGE = "orchestrator.browsable.page.context"  # what the pages of the API for people are made of
SPECTACULAR_SETTINGS = document.settings(VERSION)

# --- Texts, times, files, logs -----------------------------------------------------------------------------------
USE_TZ = True
TIME_ZONE = "UTC"
USE_I18N = False
DATETIME_FORMAT = "Y-m-d H:i:s"  # as the admin shows moments
STATIC_URL = "/static/"
STATIC_ROOT = os.environ.get("STATIC_ROOT")  # where collectstatic puts files; without it the finders serve them
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = DEBUG
DEFAULT_EXCEPTION_REPORTER = "common.api.exception_pages.Reporter"  # pages with DEBUG, and mails
DEFAULT_EXCEPTION_REPORTER_FILTER = "common.api.exception_pages.WithoutValues"

METRICS_TOKEN = os.environ.get("METRICS_TOKEN", "")  # who shows it may read /metrics; without one, this host alone
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"context": {"()": "common.logs.WithContext"}},
    "formatters": {
        "line": {
            "()": "common.logs.Line",
            "format": "%(asctime)s %(levelname)-7s %(name)s [%(context)s] %(message)s",
        },
        "json": {
            "()": "pythonjsonlogger.json.JsonFormatter",
            "format": "%(asctime)s %(levelname)s %(name)s %(request_id)s %(message)s",
        },
    },
    "handlers": {
        "stderr": {
            "class": "logging.StreamHandler",
            "formatter": os.environ.get("LOG_FORMAT", "line"),
            "filters": ["context"],
        },
    },
    "root": {"handlers": ["stderr"], "level": os.environ.get("LOG_LEVEL", "INFO")},
    "loggers": {
        "django.request": {"level": "ERROR"},
        "httpx": {"level": "WARNING"},
        # A sweep every two seconds would be all that these say.
        "celery.beat": {"level": "WARNING"},
        "celery.worker.strategy": {"level": "WARNING"},
        "celery.app.trace": {"level": "WARNING"},
    },
}
UNFOLD = theme.SETTINGS
