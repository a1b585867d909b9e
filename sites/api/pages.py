"""The pages that letters lead to. A token stands behind the `#` of their address, which no server is told."""

from __future__ import annotations

from django.views.generic import TemplateView

_TEMPLATE = "sites/form.html"

join = TemplateView.as_view(
    template_name=_TEMPLATE,
    extra_context={
        "title": "Join",
        "action": "/api/invitations/accept",
        "fields": ["name", "password"],
        "hint": "Have an account with us already? Leave both empty.",
        "done": "You are in. Sign in to begin.",
    },
)
forgot = TemplateView.as_view(
    template_name=_TEMPLATE,
    extra_context={
        "title": "Forgot your password?",
        "action": "/api/password-resets",
        "fields": ["email"],
        "done": "If there is an account with this email, a letter is on its way.",
    },
)
reset = TemplateView.as_view(
    template_name=_TEMPLATE,
    extra_context={
        "title": "A new password",
        "action": "/api/password-resets/confirm",
        "fields": ["password"],
        "done": "Your password is set. Sign in with it.",
    },
)
