"""The admin's first page: how the fleet is, how starts went, and whether the workers keep up, as plots."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from instances.flavours import FLAVOURS
from instances.models import Instance, Status
from orchestrator import figures
from sites.admin_base import page_of, sites_seen

_ON_THE_WAY = (Status.PENDING, Status.PROVISIONING, Status.STARTING, Status.STOPPING, Status.DELETING)
_COLOURS = {"ubuntu": "#f97316", "browser": "#2563eb", "windows": "#06b6d4"}
_GREEN, _RED, _AMBER = "#16a34a", "#dc2626", "#d97706"
_GRID = {"color": "rgba(128,128,128,.15)"}
_TICKS = {"color": "#9ca3af", "precision": 0}


@dataclass(frozen=True, slots=True)
class Card:
    """One figure at the top of the page, with the page that it leads to."""

    label: str
    value: str
    url: str
    tone: str = ""


def show(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Called by the theme for the index page; shows nothing to those who may see no instance."""
    sites = sites_seen(request)
    if sites == []:
        return context
    fleet, outcomes = figures.fleet(sites), figures.outcomes(sites)
    starts, queue = figures.slowest_starts(sites), figures.queue(sites)
    plots = {
        "fleet": _fleet_plot(fleet),
        "outcomes": _outcomes_plot(outcomes),
        "starts": _starts_plot(starts),
        "queue": _queue_plot(queue),
    }
    return {
        **context,
        "title": "Dashboard",
        "cards": _cards(fleet, outcomes, queue),
        "plots": {name: (json.dumps(plot["data"]), json.dumps(plot["options"])) for name, plot in plots.items()},
        "statuses": _by_status(fleet),
        "starts": [(start, page_of(Instance, start.instance_id)) for start in starts],
        "looked_at": figures.STARTS_LOOKED_AT,
    }


def _cards(
    fleet: dict[tuple[str, str], int], outcomes: dict[str, dict[datetime, int]], queue: figures.Queue
) -> list[Card]:
    counts = _counts(fleet)
    failures, starts = sum(outcomes["error"].values()), sum(outcomes["running"].values())
    late = queue.oldest_s > figures.LATE_S[2]
    return [
        Card("Instances", f"{sum(counts.values()):,}", _list()),
        Card("Running", f"{counts.get(Status.RUNNING, 0):,}", _list(Status.RUNNING)),
        Card("On the way", f"{sum(counts.get(status, 0) for status in _ON_THE_WAY):,}", _list()),
        Card(
            "In error", f"{counts.get(Status.ERROR, 0):,}", _list(Status.ERROR), "red" if Status.ERROR in counts else ""
        ),
        Card("Starts, 24 h", f"{starts:,}", _events(Status.RUNNING)),
        Card("Failures, 24 h", f"{failures:,}", _events(Status.ERROR), "red" if failures else ""),
        Card("Most overdue", f"{queue.oldest_s:,.1f} s", _list(), "red" if late else ""),
    ]


def _by_status(fleet: dict[tuple[str, str], int]) -> list[tuple[str, int, str]]:
    counts = _counts(fleet)
    return [(status, counts[status], _list(status)) for status in Status.values if status in counts]


def _counts(fleet: dict[tuple[str, str], int]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for (_, status), count in fleet.items():
        counts[status] = counts.get(status, 0) + count
    return counts


def _fleet_plot(fleet: dict[tuple[str, str], int]) -> dict[str, Any]:
    statuses = [status for status in Status.values if any(found == status for _, found in fleet)]
    sets = [
        _set(flavour.label, [fleet.get((name, status), 0) for status in statuses], _COLOURS[name])
        for name, flavour in FLAVOURS.items()
    ]
    return _plot(statuses, sets, stacked=True)


def _outcomes_plot(outcomes: dict[str, dict[datetime, int]]) -> dict[str, Any]:
    hours = [hour.strftime("%H:%M") for hour in outcomes["running"]]
    sets = [
        _set("Starts", list(outcomes["running"].values()), _GREEN),
        _set("Failures", list(outcomes["error"].values()), _RED),
    ]
    return _plot(hours, sets)


def _starts_plot(starts: list[figures.Start]) -> dict[str, Any]:
    colours = [_COLOURS[start.instance_type] for start in starts]
    seconds = {**_set("Seconds", [round(start.took_s, 2) for start in starts], ""), "backgroundColor": colours}
    return _plot([start.name[:24] for start in starts], [seconds], lying=True, legend=False)


def _queue_plot(queue: figures.Queue) -> dict[str, Any]:
    labels = [*(f"under {end} s" for end in figures.LATE_S), f"over {figures.LATE_S[-1]} s"]
    colours = [_GREEN, _GREEN, _AMBER, _AMBER, _RED, _RED]
    return _plot(labels, [{**_set("Instances", queue.buckets, ""), "backgroundColor": colours}], legend=False)


def _set(label: str, values: list[Any], colour: str) -> dict[str, Any]:
    return {"label": label, "data": values, "backgroundColor": colour, "borderRadius": 3, "maxBarThickness": 34}


def _plot(
    labels: list[str], sets: list[dict[str, Any]], *, stacked: bool = False, lying: bool = False, legend: bool = True
) -> dict[str, Any]:
    axis = {"stacked": stacked, "ticks": _TICKS, "grid": _GRID, "beginAtZero": True}
    options = {
        "animation": False,
        "responsive": True,
        "maintainAspectRatio": False,
        "indexAxis": "y" if lying else "x",
        "scales": {"x": axis, "y": axis},
        "plugins": {"legend": {"display": legend, "align": "end", "labels": {"color": "#9ca3af", "boxWidth": 12}}},
    }
    return {"data": {"labels": labels, "datasets": sets}, "options": options}


def _list(status: str = "") -> str:
    return reverse("admin:instances_instance_changelist") + (f"?status__exact={status}" if status else "")


def _events(status: str) -> str:
    return reverse("admin:instances_event_changelist") + f"?status_to__exact={status}"
