"""Registers Django's admin with our site in place of its own."""

from django.contrib.admin.apps import AdminConfig


class PlatformAdminConfig(AdminConfig):
    default_site = "sites.admin_site.PlatformAdminSite"
