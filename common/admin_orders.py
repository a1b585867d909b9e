"""What may be asked of a row in the admin beside editing it: as buttons on its page and for chosen rows of a list."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, cast

from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.utils import flatten_fieldsets
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.urls.resolvers import URLPattern

from common.admin import PlatformAdmin, drawn, page, waits
from common.errors import PlatformError

_CONFIRMED = "confirmed"


@dataclass(frozen=True, slots=True)
class Order:
    """`ask` calls the service, `fits` says for which rows the button stands; with a `warning`, people confirm first.
    With `ends`, there is no row any more when it is done."""

    name: str
    label: str
    icon: str
    ask: Callable[[HttpRequest, Any], object]
    fits: Callable[[Any], bool]
    warning: str = ""
    ends: bool = False


class OrderedAdmin(PlatformAdmin):
    """A page whose rows take `orders`. Whoever may change such rows may give them; the service decides again."""

    orders: ClassVar[tuple[Order, ...]] = ()
    change_form_template = "admin/ordered_change_form.html"

    def get_urls(self) -> list[URLPattern]:
        name = f"{self.opts.app_label}_{self.opts.model_name}_order"
        view = self.admin_site.admin_view(self.order_view)
        return [path("<path:object_id>/order/<slug:name>/", view, name=name), *super().get_urls()]

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """The orders, for many rows at once, beside what Django offers."""
        actions: dict[str, Any] = super().get_actions(request)
        if self.has_change_permission(request):
            actions |= {order.name: (_bulk(order), order.name, f"{order.label} …") for order in self.orders}
        return actions

    def changeform_view(
        self, request: HttpRequest, object_id: Any = None, form_url: str = "", extra_context: Any = None
    ) -> HttpResponseBase:
        context = {**(extra_context or {}), "orders": partial(self._buttons, request, object_id)}
        return cast(HttpResponseBase, super().changeform_view(request, object_id, form_url, context))

    @waits
    def order_view(self, request: HttpRequest, object_id: str, name: str) -> HttpResponseBase:
        """POST gives the order; GET asks whether to, where it warns."""
        order = next((order for order in self.orders if order.name == name), None)
        with page():
            row = self.get_object(request, object_id)
        if order is None or row is None:
            raise Http404
        if not self.has_change_permission(request):
            raise PermissionDenied
        if request.method != "POST":
            return drawn(self._confirmation)(request, order, [row], back_to=self._page_of(row))
        back_to = self._list() if order.ends else self._page_of(row)
        self.give(request, order, [row])
        return HttpResponseRedirect(back_to)

    def give(self, request: HttpRequest, order: Order, rows: list[Model]) -> None:
        """Ask it of each row; what was refused is said with the reason, and the rest goes on."""
        given = []
        for row in rows:
            try:
                order.ask(request, row)
            except PlatformError as refusal:
                self.message_user(request, f"{row}: {refusal.message}", messages.WARNING)
            else:
                given.append(row)
                with page():
                    self.log_change(request, row, f"{order.label} asked for.")
        if given:
            what = str(given[0]) if len(given) == 1 else f"{len(given)} {self.opts.verbose_name_plural}"
            self.message_user(request, f"{order.label}: asked for {what}.", messages.SUCCESS)

    def give_to_chosen(self, request: HttpRequest, order: Order, rows: QuerySet[Any]) -> HttpResponseBase | None:
        if order.warning and _CONFIRMED not in request.POST:
            return self._confirmation(request, order, list(rows), back_to=request.get_full_path())
        self.give(request, order, list(rows))
        return None

    def _confirmation(self, request: HttpRequest, order: Order, rows: list[Any], *, back_to: str) -> HttpResponseBase:
        context = {
            **self.admin_site.each_context(request),
            "title": f"{order.label}?",
            "opts": self.opts,
            "order": order,
            "rows": rows,
            "back_to": back_to,
            "is_bulk": request.method == "POST",
            "checkbox_name": ACTION_CHECKBOX_NAME,
            "confirmed_name": _CONFIRMED,
        }
        return TemplateResponse(request, "admin/confirm_order.html", context)

    def _buttons(self, request: HttpRequest, object_id: Any) -> list[dict[str, Any]]:
        row = self.get_object(request, object_id) if object_id else None
        if row is None or not self.has_change_permission(request):
            return []
        address = f"admin:{self.opts.app_label}_{self.opts.model_name}_order"
        return [
            {"order": order, "url": reverse(address, args=[row.pk, order.name])}
            for order in self.orders
            if order.fits(row)
        ]

    def _list(self) -> str:
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist")

    def _page_of(self, row: Model) -> str:
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=[row.pk])


class OrdersAlone(OrderedAdmin):
    """Rows that nobody makes, edits or deletes here: a whole row saved from a form would undo what a worker has
    written meanwhile. Their pages show them, and take orders."""

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return flatten_fieldsets(self.get_fieldsets(request, obj))

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.get_fields(request, obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """To give orders, that is."""
        return obj is None and super().has_change_permission(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def _bulk(order: Order) -> Callable[[OrderedAdmin, HttpRequest, QuerySet[Any]], HttpResponseBase | None]:
    def act(page: OrderedAdmin, request: HttpRequest, rows: QuerySet[Any]) -> HttpResponseBase | None:
        return page.give_to_chosen(request, order, rows)

    return act
