"""What the pages are looked at with: Django's own client for what they say, a real Chromium for how they work."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from django.test import Client
from playwright.sync_api import Browser, Page, sync_playwright

from sites.models import Site, User
from tests import make
from tests.instances.conftest import World, later, world
from tests.stack import Stack
from tests.walks.conftest import ask, http

CHROMIUM = "/usr/bin/chromium"


@pytest.fixture
def operator(db: None) -> Client:
    """The browser of somebody who runs the platform and belongs to no site."""
    return signed_in(make.user(is_staff=True, is_superuser=True))


@pytest.fixture
def staff(world: World) -> Callable[[str], Client]:
    """`staff(role)`: the browser of a member of staff who has that role in the world's site, and no other right."""

    def member(role: str) -> Client:
        site = Site.objects.using("crew").get(pk=world.principal.site_id)
        return signed_in(make.member(site, role, who=make.user(is_staff=True)).user)

    return member


def signed_in(user: User) -> Client:
    browser = Client()
    browser.force_login(user)
    return browser


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Ended with its module: while Playwright lives, its event loop runs in this thread and no other may."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Browser, stack: Stack) -> Iterator[Page]:
    """A fresh browser, signed in as the demo's owner, at `/api/`; it fails on what a page asks of anybody else."""
    context = chromium.new_context(viewport={"width": 1280, "height": 900}, base_url=stack.url)
    strangers: list[str] = []
    context.on("request", lambda asked: None if asked.url.startswith(_ours(stack)) else strangers.append(asked.url))
    page = context.new_page()
    page.goto("/api/login")
    page.fill("input[name=username]", stack.credentials.admin_email)
    page.fill("input[name=password]", stack.credentials.admin_password)
    page.click("button[type=submit]")
    yield page
    context.close()
    assert not strangers, strangers


def _ours(stack: Stack) -> tuple[str, ...]:
    return (stack.url, "blob:", "data:")


__all__ = ["World", "ask", "http", "later", "world"]
