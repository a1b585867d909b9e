"""The platform's own four processes, as our supervisor starts them; the Procfile says it for others."""

from __future__ import annotations

import sys

from infra.deployment import Deployment
from infra.embedded.paths import CHECKOUT
from infra.embedded.processes import Program


def programs(deployment: Deployment) -> list[Program]:
    """In the order to start them; they wait for each other where they must."""
    beat_schedule = deployment.state.runtime / "beat-schedule"
    celery = ("-m", "celery", "-A", "orchestrator")
    return [
        _program(deployment, "gateway", "-m", "gateway"),
        _program(deployment, "web", "-m", "orchestrator.serve"),
        _program(
            deployment,
            "worker",
            *celery,
            *("worker", "--pool", "threads", "--concurrency", "16", "--loglevel", "info"),
            # One worker per deployment and machine: its name is free again only when the old one is gone.
            *("--hostname", f"worker-{deployment.state.runtime.name}@%h"),
            # Nobody listens to the chatter between workers here, and it costs round trips.
            *("--without-gossip", "--without-mingle"),
            grace_s=15,
        ),
        _program(
            deployment,
            "beat",
            *celery,
            *("beat", "--schedule", str(beat_schedule), "--pidfile=", "--loglevel", "info"),
        ),
    ]


def _program(deployment: Deployment, name: str, *arguments: str, grace_s: float = 10.0) -> Program:
    return Program(
        name,
        (sys.executable, *arguments),
        deployment.state.logs / f"{name}.log",
        env=deployment.environment(),
        cwd=CHECKOUT,
        grace_s=grace_s,
    )
