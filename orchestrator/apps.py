"""Plugs the parts together when Django starts: providers from settings, and the way to guests."""

from django.apps import AppConfig
from django.conf import settings

from instances import guestlink, ports
from instances.providers import registry


class OrchestratorConfig(AppConfig):
    name = "orchestrator"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        registry.configure(settings.PROVIDERS)
        ports.install_guests(guestlink.GuestLink(redis_url=settings.REDIS_URL, gateway_dir=settings.GATEWAY_DIR))
