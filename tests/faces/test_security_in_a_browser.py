"""Every kind of page in a real Chromium: nothing that it needs is held back, and a second factor can be used."""

from __future__ import annotations

import re
import time

import pyotp
import pytest
from playwright.sync_api import Page, expect

pytestmark = [pytest.mark.stack]
PAGES = (
    "/api/",
    "/api/instances",
    "/api/webhooks",
    "/api/docs",
    "/api/join",
    "/api/forgot",
    "/api/second-factor/setup",
    "/admin/",
    "/admin/instances/instance/",
    "/admin/instances/webhook/",
    "/admin/sites/user/",
    "/admin/sites/agent/add/",
    "/admin/sites/membership/add/",
)


def test_no_page_breaks_its_own_rules(page: Page) -> None:
    broken: list[str] = []
    page.on("console", lambda said: broken.append(f"{page.url}: {said.text}") if said.type == "error" else None)
    page.on("pageerror", lambda error: broken.append(f"{page.url}: {error}"))
    for path in PAGES:
        page.goto(path, wait_until="networkidle")
        expect(page.locator("body")).to_be_visible()
    assert not broken, broken


def test_a_person_takes_a_second_factor_into_use_and_does_without_it_again(page: Page) -> None:
    page.goto("/api/second-factor/setup")
    expect(page.locator(".qr svg")).to_be_visible()
    app = pyotp.TOTP(page.locator("#key").inner_text().replace(" ", ""))
    page.fill("[name=code]", app.at(time.time() - 30))
    page.get_by_role("button", name="Take it into use").click()
    expect(page.locator(".codes li")).to_have_count(10)
    recovery = page.locator(".codes li").first.inner_text()
    page.get_by_role("link", name="Go on").click()
    page.goto("/api/second-factor/setup")
    page.fill("[name=code]", recovery)
    page.get_by_role("button", name="Do without").click()
    expect(page.locator(".qr svg")).to_be_visible()
    expect(page).to_have_url(re.compile("/api/second-factor/setup"))
