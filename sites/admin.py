"""The admin pages of who is who. Keys are made and revoked by the services; a hash is shown nowhere."""

from __future__ import annotations

from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.contrib import admin, messages
from django.contrib.admin import EmptyFieldListFilter
from django.contrib.admin.utils import unquote
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.forms.fields import InvalidJSONInput
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.html import format_html
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm
from unfold.widgets import UnfoldAdminTextareaWidget

from common.admin import ShownOnly
from common.admin_orders import Order, OrderedAdmin
from common.api.parsers import loads
from common.errors import Invalid
from common.tenancy import everywhere_alias, unconfined
from sites import keys, members, services
from sites.admin_base import Audited, OperatorsOnly, SiteOwnedAdmin, asking, is_operator, site_seen
from sites.models import Agent, ApiKey, AuditEntry, Membership, Site, User
from sites.models.site import numbers_by_name
from sites.roles import ALL_SCOPES, Role


class KeyAffecting(SiteOwnedAdmin):
    """Pages whose changes decide whether a key is good."""

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        transaction.on_commit(keys.forget, using=everywhere_alias())

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        super().delete_model(request, obj)
        transaction.on_commit(keys.forget, using=everywhere_alias())

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        super().delete_queryset(request, queryset)
        transaction.on_commit(keys.forget, using=everywhere_alias())


QUOTAS = (
    "quota_instances",
    "quota_running",
    "quota_provisioning",
    "quota_actions_a_minute",
    "quota_recordings_mib",
    "quota_per_type",
)


class _NumbersField(forms.JSONField):
    """A JSON object by the API's rules. Whatever is empty is an empty one: Django would check and change none of it."""

    def bound_data(self, data: Any, initial: Any) -> str:
        return InvalidJSONInput(data or "")  # as it was typed

    def to_python(self, value: Any) -> Any:
        try:
            return (loads(value.encode()) if isinstance(value, str) else value) or {}
        except (Invalid, UnicodeEncodeError) as error:
            raise ValidationError("That is not valid JSON.") from error


class SiteForm(forms.ModelForm):
    quota_per_type = _NumbersField(required=False, widget=UnfoldAdminTextareaWidget, validators=[numbers_by_name])

    def clean_time_zone(self) -> str:
        name = str(self.cleaned_data["time_zone"])
        if name not in available_timezones():
            raise ValidationError("No such time zone; an IANA name such as Europe/Berlin.")
        return name


@admin.register(Site)
class SiteAdmin(KeyAffecting):
    noun = "sites"
    form = SiteForm
    list_display = ["name", "time_zone", "is_active", "created_at"]
    search_fields = ["name"]
    list_filter = ["is_active"]
    fields = ["name", "time_zone", "log_retention_days", "is_active", *QUOTAS]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """What a site may have is the operators' to set; its own people see it."""
        return () if is_operator(request) else ("is_active", *QUOTAS)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """A new site would be nobody's, and with an old one everything of it would go: both are for operators."""
        return is_operator(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_operator(request)


class _LowerCase:
    cleaned_data: dict[str, Any]

    def clean_email(self) -> str:
        return str(self.cleaned_data["email"]).lower()


_RIGHTS = ("is_staff", "is_superuser")


class PersonForm(_LowerCase, UserChangeForm):
    pass


class NewPersonForm(_LowerCase, UserCreationForm):
    pass


class PasswordForm(AdminPasswordChangeForm):
    def save(self, commit: bool = True) -> User:
        """Of the row only the password: the rest is not for everybody to write."""
        user: User = super().save(commit=False)
        if commit:
            user.save(update_fields=["password"])
        return user


@admin.register(User)
class PersonAdmin(UserAdmin, KeyAffecting):  # type: ignore[misc]
    noun = "users"
    form = PersonForm
    add_form = NewPersonForm
    change_password_form = PasswordForm
    list_display = ["email", "name", "is_active", "is_staff", "last_login"]
    list_filter = ["is_active", "is_staff", "is_superuser"]
    search_fields = ["email", "name"]
    ordering = ["email"]
    filter_horizontal = ["groups", "user_permissions"]
    readonly_fields = ["last_login", "created_at"]
    fieldsets = [
        (None, {"fields": ["email", "name", "password"]}),
        ("Rights", {"fields": ["is_active", "is_staff", "is_superuser", "groups", "user_permissions"]}),
        ("Times", {"fields": ["last_login", "created_at"]}),
    ]
    add_fieldsets = [(None, {"classes": ["wide"], "fields": ["email", "name", "password1", "password2"]})]

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Groups and permissions are the platform's, and when somebody came in last is not one site's to know."""
        if is_operator(request) or obj is None:
            return super().get_fieldsets(request, obj)
        # Django shows the beginning of a hash beside the link to set another password.
        password = ["password"] if self.has_change_permission(request, obj) else []
        rights = ["is_active", *_RIGHTS]
        return [
            (None, {"fields": ["email", "name", *password]}),
            ("Rights", {"fields": rights}),
            ("Times", {"fields": ["created_at"]}),
        ]

    def get_list_display(self, request: HttpRequest) -> Any:
        return [name for name in self.list_display if name != "last_login" or is_operator(request)]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Rights on the whole platform are a superuser's to give; the database refuses them to anybody else."""
        return [*self.readonly_fields] if is_operator(request) else [*self.readonly_fields, *_RIGHTS]

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if change and "email" in form.changed_data:
            _has_password_by_others(request, obj)

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:
        answer: HttpResponse = super().user_change_password(request, id, form_url)
        user = self.get_object(request, unquote(id))
        if answer.status_code == 302 and user is not None and user.pk != request.user.pk:
            _has_password_by_others(request, user)
        return answer

    def has_add_permission(self, request: HttpRequest) -> bool:
        """A site's own people invite others. A person without a site is nobody whom they could see."""
        return is_operator(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Who sets a person's email or password can be that person, so nobody of a site is let near other sites' people
        or the platform's."""
        may = bool(super().has_change_permission(request, obj))
        return may and (obj is None or is_operator(request) or obj.pk == request.user.pk or _is_theirs(request, obj))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A person goes with all that they made; a site ends their membership instead."""
        return is_operator(request)


def _has_password_by_others(request: HttpRequest, user: User) -> None:
    """Whoever reads the email did not choose it. Operators are trusted with that; a site's people, by their site."""
    if not is_operator(request):
        User.objects.filter(pk=user.pk).update(password_by_others=True)


def _is_theirs(request: HttpRequest, user: User) -> bool:
    """Whether somebody belongs to the site that is looked at, to no other, and has no part in running the platform."""
    with unconfined():
        elsewhere = Membership.everywhere.filter(user=user).exclude(site=site_seen(request)).exists()
    return not (elsewhere or user.is_staff or user.is_superuser)


class MembershipForm(forms.ModelForm):
    def clean(self) -> dict[str, Any]:
        wanted: dict[str, Any] = super().clean() or {}
        site, user = wanted.get("for_site"), wanted.get("user")
        if site and user and Membership.everywhere.filter(site=site, user=user).exists():
            raise ValidationError("They are a member of this site already.")
        return wanted


@admin.register(Membership)
class MembershipAdmin(SiteOwnedAdmin):
    """Written by the services alone: nobody hands out more than they have, and an owner always remains."""

    noun = "memberships"
    role_writes = True
    form = MembershipForm
    list_display = ["user", "site", "role_label", "created_at"]
    list_select_related = ["user", "site"]
    list_filter = ["role"]
    search_fields = ["user__email", "site__name"]
    fields = ["user", "role"]
    readonly_fields = ["user"]
    autocomplete_fields = ["user"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("user")

    @display(description="Role", label={"owner": "primary", "admin": "info", "operator": "success"}, ordering="role")
    def role_label(self, membership: Membership) -> str:
        return membership.role

    def save_model(self, request: HttpRequest, obj: Membership, form: Any, change: bool) -> None:
        with asking(request, obj.site_id, as_role=Role.OWNER) as principal:
            if change:
                members.change_role(principal, obj, role=obj.role)
            else:
                vouched = is_operator(request)
                obj.pk = members.add_member(principal, role=obj.role, user_id=obj.user_id, vouched=vouched).pk

    def delete_model(self, request: HttpRequest, obj: Membership) -> None:
        with asking(request, obj.site_id, as_role=Role.OWNER) as principal:
            members.remove_member(principal, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Membership]) -> None:
        for membership in queryset:
            self.delete_model(request, membership)


@admin.register(Agent)
class AgentAdmin(KeyAffecting):
    noun = "agents"
    role_writes = True
    list_display = ["name", "site", "description", "is_active", "created_at"]
    list_select_related = ["site"]
    list_filter = ["is_active"]
    search_fields = ["name", "site__name"]
    fields = ["name", "description", "is_active"]


class KeyForm(forms.ModelForm):
    scopes = forms.MultipleChoiceField(
        choices=[(scope, scope) for scope in ALL_SCOPES],
        widget=forms.CheckboxSelectMultiple,
        required=False,
        help_text="None chosen: all that the user's role may do.",
    )


def _revoke(request: HttpRequest, key: ApiKey) -> None:
    with asking(request, key.site_id, as_role=Role.OWNER) as principal:
        services.revoke_key(principal, key)


@admin.register(ApiKey)
class ApiKeyAdmin(OrderedAdmin, SiteOwnedAdmin):
    noun = "keys"
    role_writes = True
    form = KeyForm
    orders = (
        Order(
            "revoke",
            "Revoke",
            "block",
            _revoke,
            fits=lambda key: key.revoked_at is None,
            warning="From now on it is refused, everywhere and for good.",
        ),
    )
    list_display = ["name", "prefix", "state", "site", "user", "last_used_at", "expires_at"]
    list_select_related = ["site", "user"]
    list_filter = [("revoked_at", EmptyFieldListFilter), "expires_at"]
    autocomplete_fields = ["user", "agent"]
    search_fields = ["name", "prefix", "site__name", "user__email"]
    fields = ["name", "user", "agent", "scopes", "expires_at"]
    readonly_fields = ["prefix", "last_used_at", "revoked_at", "created_at"]

    @display(description="State", label={"usable": "success", "revoked": "danger", "expired": "warning"})
    def state(self, key: ApiKey) -> str:
        if key.revoked_at is not None:
            return "revoked"
        return "expired" if key.expires_at and key.expires_at <= timezone.now() else "usable"

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        fields = super().get_fields(request, obj)
        return fields if obj is None else [*fields, *self.readonly_fields]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A key is made and revoked, and never edited."""
        return obj is None and super().has_change_permission(request)

    def save_model(self, request: HttpRequest, obj: ApiKey, form: Any, change: bool) -> None:
        with asking(request, obj.site_id, as_role=Role.OWNER) as principal:
            key, secret = services.create_key(
                principal,
                name=obj.name,
                scopes=obj.scopes,
                user_id=obj.user_id,
                agent_id=obj.agent_id,
                expires_at=obj.expires_at,
            )
        obj.pk = key.pk
        shown = format_html("The key, shown this once: <code>{}</code>", secret)
        self.message_user(request, shown, messages.WARNING)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # a revoked key stays as a record


@admin.register(AuditEntry)
class AuditAdmin(ShownOnly, SiteOwnedAdmin):
    """Shown to those whose role reads it, each their sites'; the platform's own entries to superusers."""

    noun = "audit"
    list_display = ["created_at", "action", "target_type", "target_name", "site", "user_id", "via", "address"]
    list_select_related = ["site"]
    list_filter = ["via", "target_type", "created_at"]
    search_fields = ["action", "target_id", "target_name", "address", "request_id"]
    fields = [
        "created_at",
        "action",
        "target_type",
        "target_id",
        "target_name",
        "site",
        "user_id",
        "agent_id",
        "key_id",
        "via",
        "address",
        "request_id",
        "details",
    ]
    readonly_fields = fields


admin.site.unregister(Group)


@admin.register(Group)
class SuperuserGroupAdmin(Audited, OperatorsOnly, GroupAdmin, ModelAdmin):
    """Django's groups of permissions, for staff who are no superusers; written by those who are."""
