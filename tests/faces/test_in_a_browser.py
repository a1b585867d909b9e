"""A person's way through the pages, in a real browser, on the whole running platform."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

pytestmark = [pytest.mark.stack, pytest.mark.machine]
SOON_MS = 60_000
"""A start takes seconds; on a loaded machine, more."""


def test_an_operator_watches_stops_and_starts_an_instance(page: Page, ask) -> None:
    desk = ask("ubuntu", name="faces desk")
    desk.wait("running")
    page.goto("/admin/")
    expect(page.locator("#cards")).to_contain_text("Running")
    expect(page.locator("canvas.chart")).to_have_count(4)
    assert page.locator("canvas.chart").first.evaluate("it => Boolean(Chart.getChart(it))"), "Chart.js drew nothing"

    page.locator("#nav-sidebar-inner a[href='/admin/instances/instance/']").click()
    page.locator(f"a[href*='{desk.id}/change']").first.click()
    picture = page.locator("#screen img")
    expect(picture).to_be_visible(timeout=SOON_MS)
    page.wait_for_function("document.querySelector('#screen img').naturalWidth === 1280", timeout=SOON_MS)
    first = picture.get_attribute("src")
    expect(picture).not_to_have_attribute("src", first, timeout=SOON_MS)
    assert desk.http.get(f"/api/instances/{desk.id}/logs").json()["count"] == 0, "looking left a trace"
    expect(page.locator("[name=_save]")).to_have_count(0)

    page.locator("#orders").get_by_role("button", name="Stop").click()
    desk.wait("stopped")
    expect(page.locator("#screen")).to_have_attribute("data-status", "stopped", timeout=SOON_MS)
    page.locator("#orders").get_by_role("button", name="Start").click()
    desk.wait("running")
    expect(page.locator("#screen img")).to_be_visible(timeout=SOON_MS)
    page.locator("#orders").get_by_role("button", name="Delete").click()
    expect(page.get_by_text("There is no way back")).to_be_visible()
    assert desk.read()["desired_state"] == "running"


def test_a_person_makes_changes_and_deletes_an_instance_by_the_forms(page: Page, http) -> None:
    expect(page.get_by_role("heading", name="Orchestrator API")).to_be_visible()
    page.get_by_role("link", name="instances", exact=True).click()
    page.get_by_text("New instance").click()
    form = page.locator("form.send").filter(has=page.locator("[data-name=name]"))
    form.locator("[name=name]").fill("by hand")
    form.locator("[name=instance_type]").select_option("ubuntu")
    form.locator("[name=configuration]").fill('{"width": 1}')
    form.get_by_role("button", name="POST").click()
    expect(form.locator("[data-name=configuration] .fault")).to_contain_text("320")
    form.locator("[name=configuration]").fill('{"width": 800, "height": 600}')
    form.get_by_role("button", name="POST").click()
    page.locator("#result a.open").click()
    expect(page.get_by_role("heading", name="Instance: by hand")).to_be_visible()
    path = re.sub(r"^https?://[^/]+", "", page.url)
    assert http.get(path).json()["configuration"] == {"width": 800, "height": 600}

    page.get_by_text("Change PATCH").click()
    page.locator("form[data-method=PATCH] [name=name]").fill("by another hand")
    page.locator("form[data-method=PATCH]").get_by_role("button", name="PATCH").click()
    expect(page.locator("#result")).to_contain_text("by another hand")
    assert http.get(f"{path}/wait?status=running&timeout_s=60").status_code == 200

    page.goto(f"{path}/actions")
    page.get_by_role("button", name="POST").click()
    expect(page.locator("#result img")).to_be_visible()
    page.locator("select.tag").select_option("bash")
    page.locator("fieldset[data-variant=bash] [name=command]").fill("echo $((6 * 7))")
    page.get_by_role("button", name="Edit as JSON").click()
    expect(page.locator(".raw textarea")).to_have_value(re.compile(r'"type": "bash"'))
    page.get_by_role("button", name="POST").click()
    expect(page.locator("#result pre")).to_contain_text('"stdout": "42')

    page.goto(path)
    page.on("dialog", lambda dialog: dialog.accept())
    page.locator("form[data-method=DELETE] button").click()
    expect(page.locator("#result")).to_contain_text("202")
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(re.compile("/api/login"))
    page.goto(path)
    expect(page.get_by_role("alert")).to_contain_text("401")


def test_the_docs_page_draws_every_noun(page: Page) -> None:
    page.goto("/api/docs")
    for noun in ("instances", "plans", "agents", "keys"):
        expect(page.locator(f"#operations-tag-{noun}")).to_be_visible(timeout=SOON_MS)
