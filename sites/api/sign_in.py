"""The pages of signing in: email and password, then a second factor where there is one. Both by forms, both limited.

Nobody is signed in before the last step: until then the session only knows who has shown a password.
"""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import urlencode

import segno
from django.conf import settings
from django.contrib.auth import login
from django.contrib.auth.views import LoginView
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.safestring import mark_safe
from django.views import View
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from rest_framework.throttling import BaseThrottle

from common.attempts import Attempts
from common.errors import Invalid
from sites import audit, second_factor
from sites.models import User

PENDING_S = 600
PENDING = "pending_sign_in"
VERIFIED = "second_factor_at"

OF_ACCOUNT_THERE = Attempts("sign-in-there", 10)
OF_ACCOUNT = Attempts("sign-in", 100)
OF_ADDRESS = Attempts("sign-in-from", 50)
OF_CODES = Attempts("second-factor", 10)


class SignInView(LoginView):
    """Email and password. Who was wrong too often, or whose account others are wrong about, waits."""

    template_name = "sites/login.html"
    redirect_authenticated_user = True

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        account, address = _account(request), _address(request)
        wait_s = max(OF_ACCOUNT_THERE.wait_s(account + address), OF_ACCOUNT.wait_s(account), OF_ADDRESS.wait_s(address))
        if wait_s:
            return _wait(request, self.template_name, wait_s, {"form": self.get_form_class()(request)})
        return super().post(request, *args, **kwargs)

    def form_invalid(self, form: Any) -> HttpResponse:
        account, address = _account(self.request), _address(self.request)
        OF_ACCOUNT_THERE.failed(account + address)
        OF_ACCOUNT.failed(account)
        OF_ADDRESS.failed(address)
        return super().form_invalid(form)

    def form_valid(self, form: Any) -> HttpResponse:
        user: User = form.get_user()
        OF_ACCOUNT_THERE.forget(_account(self.request) + _address(self.request))
        enrolled = second_factor.is_enrolled(user)
        if not enrolled and not second_factor.is_required(user):
            audit.record_of_person(user, "signed_in")
            return super().form_valid(form)
        self.request.session.cycle_key()
        self.request.session[PENDING] = {
            "user": str(user.pk),
            "until": time.time() + PENDING_S,
            "next": self.get_success_url(),
        }
        return HttpResponseRedirect(reverse("second-factor" if enrolled else "second-factor-setup"))


@method_decorator([never_cache, sensitive_post_parameters("code")], name="dispatch")
class SecondFactorView(View):
    """The second step: a code of the app, or a recovery code."""

    template = "sites/second_factor.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        return render(request, self.template) if _pending(request) else _to_sign_in()

    def post(self, request: HttpRequest) -> HttpResponse:
        user = _pending(request)
        if user is None:
            return _to_sign_in()
        wait_s = OF_CODES.wait_s(str(user.pk))
        if wait_s:
            return _wait(request, self.template, wait_s)
        if not second_factor.check(user, request.POST.get("code", "")[:100]):
            OF_CODES.failed(str(user.pk))
            return render(request, self.template, {"fault": "That code is not right, or was used already."})
        OF_CODES.forget(str(user.pk))
        return HttpResponseRedirect(_finish(request, user))


@method_decorator([never_cache, sensitive_post_parameters("code")], name="dispatch")
class SetUpView(View):
    """Take an authenticator app into use; for who must have one, and for whoever is signed in and wants one."""

    template = "sites/second_factor_setup.html"

    def get(self, request: HttpRequest, fault: str = "") -> HttpResponse:
        user = _who(request)
        if user is None:
            return _to_sign_in()
        if second_factor.is_enrolled(user):
            return render(request, self.template, {"enrolled": True, "required": second_factor.is_required(user)})
        address = second_factor.begin(user)
        drawn = segno.make(address, error="m").svg_inline(scale=5, border=3, dark="#000", light="#fff")
        key = address.partition("secret=")[2].partition("&")[0]
        context = {"qr": mark_safe(drawn), "key": " ".join(key[i : i + 4] for i in range(0, len(key), 4))}
        return render(request, self.template, {**context, "fault": fault})

    def post(self, request: HttpRequest) -> HttpResponse:
        user = _who(request)
        if user is None:
            return _to_sign_in()
        wait_s = OF_CODES.wait_s(str(user.pk))
        if wait_s:
            return _wait(request, self.template, wait_s, {"enrolled": True})
        code = request.POST.get("code", "")[:100]
        if second_factor.is_enrolled(user):
            return self._change(request, user, code)
        try:
            codes = second_factor.confirm(user, code)
        except Invalid as fault:
            OF_CODES.failed(str(user.pk))
            return self.get(request, fault.message)
        leads_to = _finish(request, user) if request.session.get(PENDING) else "/api/"
        request.session[VERIFIED] = time.time()
        return render(request, self.template, {"codes": codes, "next": leads_to})

    def _change(self, request: HttpRequest, user: User, code: str) -> HttpResponse:
        """New recovery codes, or none of it any more: by a code, so that an open screen is not enough."""
        if not second_factor.check(user, code):
            OF_CODES.failed(str(user.pk))
            context = {
                "enrolled": True,
                "required": second_factor.is_required(user),
                "fault": "That code is not right.",
            }
            return render(request, self.template, context)
        if request.POST.get("wish") == "remove" and not second_factor.is_required(user):
            second_factor.remove(user)
            return HttpResponseRedirect(reverse("second-factor-setup"))
        return render(request, self.template, {"codes": second_factor.replace_codes(user), "next": "/api/"})


def admin_login(request: HttpRequest) -> HttpResponse:
    """The admin's own page of signing in would know no second step: there is one for all."""
    if request.user.is_authenticated and not getattr(request.user, "is_staff", False):
        raise PermissionDenied
    wanted = request.GET.get("next", "/admin/")
    return HttpResponseRedirect(f"{settings.LOGIN_URL}?{urlencode({'next': wanted})}")


def _finish(request: HttpRequest, user: User) -> str:
    """Sign them in; where they wanted to go."""
    leads_to = str(request.session.pop(PENDING, {}).get("next") or settings.LOGIN_REDIRECT_URL)
    login(request, user)
    audit.record_of_person(user, "signed_in", second_factor=True)
    request.session[VERIFIED] = time.time()
    known = url_has_allowed_host_and_scheme(leads_to, {request.get_host()}, require_https=request.is_secure())
    return leads_to if known else settings.LOGIN_REDIRECT_URL


def _who(request: HttpRequest) -> User | None:
    return request.user if isinstance(request.user, User) else _pending(request)


def _pending(request: HttpRequest) -> User | None:
    """Who has shown a password on this session, within the last ten minutes."""
    pending = request.session.get(PENDING)
    if not pending or pending["until"] < time.time():
        return None
    return User.objects.filter(pk=pending["user"], is_active=True).first()


def _to_sign_in() -> HttpResponse:
    return HttpResponseRedirect(settings.LOGIN_URL)


def _wait(request: HttpRequest, template: str | None, wait_s: int, context: Any = None) -> HttpResponse:
    minutes = -(-wait_s // 60)
    said = {**(context or {}), "fault": f"Too many tries. Come back in {minutes} minute{'s' * (minutes > 1)}."}
    page = render(request, str(template), said, status=429)
    page["Retry-After"] = str(wait_s)
    return page


def _account(request: HttpRequest) -> str:
    return request.POST.get("username", "").strip().lower()[:254]


def _address(request: HttpRequest) -> str:
    """Behind proxies the client's own only where TRUSTED_PROXIES says how many they are."""
    return str(BaseThrottle().get_ident(request))  # type: ignore[arg-type]
