"""Plugs the parts together when Django starts: providers from settings, and the way to guests."""

from pathlib import Path

from django.apps import AppConfig
from django.conf import settings

from common import tracing
from instances import guestlink, ports
from instances.providers import registry
from instances.providers.simulated.cloud import Cloud
from orchestrator.simulation import SimulatedGuests


class OrchestratorConfig(AppConfig):
    name = "orchestrator"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        tracing.start()
        registry.configure(settings.PROVIDERS)
        link = guestlink.GuestLink(redis_url=settings.REDIS_URL, gateway_dir=settings.GATEWAY_DIR)
        ports.install_guests(_with_simulated(link) if settings.SIMULATION_FILE else link)


def _with_simulated(link: ports.GuestPath) -> ports.GuestPath:
    return SimulatedGuests(Cloud(Path(settings.SIMULATION_FILE or "")), link)
