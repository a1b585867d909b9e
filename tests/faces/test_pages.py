"""The API's pages for people: names, links, forms made from the OpenAPI document, and what is offered to whom."""

from __future__ import annotations

import re

import pytest
from django.conf import settings
from django.test import Client

from orchestrator.browsable.links import shown
from sites.models import Site
from tests import make
from tests.faces.conftest import signed_in
from tests.instances.conftest import World
from tests.walls.document import DOCUMENT

pytestmark = pytest.mark.django_db
HTML = {"HTTP_ACCEPT": "text/html,application/xhtml+xml,*/*;q=0.8"}


def _page(browser: Client, path: str, *, status: int = 200) -> str:
    answer = browser.get(path, **HTML)
    assert answer.status_code == status, answer.content[:2000]
    return answer.content.decode()


def _member(site: Site, role: str = "owner") -> Client:
    return signed_in(make.member(site, role).user)


def _field(page: str, name: str) -> str:
    """The input of a form; a filter of the same name stands before it."""
    return re.findall(rf'<(?:label|fieldset) class="field[^>]*data-name="{name}".*?</(?:label|fieldset)>', page, re.S)[
        -1
    ]


def test_the_root_lists_the_nouns_to_programs_and_to_people() -> None:
    body = Client().get("/api/").json()
    reading = (path for path, operations in DOCUMENT["paths"].items() if "get" in operations)
    assert set(body["nouns"]) == {path[5:] for path in reading if re.fullmatch("/api/[a-z-]+", path)} - {"me"}
    for address in body["nouns"].values():
        assert Client().get(address).status_code == 401
    assert Client().get("/api").json() == body
    page = _page(Client(), "/api/")
    assert "Orchestrator API" in page and 'href="/api/instances"' in page and "Sign in" in page
    assert "demo" not in page and "Sign out" in _page(_member(make.site()), "/api/")


def test_the_bare_address_leads_to_the_root() -> None:
    answer = Client().get("/")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/api/")


@pytest.mark.parametrize(("path", "status"), [("/admin/login/", 403), ("/nothing", 404)])
def test_a_browser_is_refused_by_a_page_and_a_program_by_json(path: str, status: int) -> None:
    browser = _member(make.site())
    assert "<h1>" in _page(browser, path, status=status)
    answer = browser.get(path)
    assert (answer.status_code, {*answer.json()}) == (status, {"error", "code", "details", "request_id"})


def test_the_page_of_a_row_that_there_is_not_offers_nothing_to_be_done_with_it() -> None:
    page = _page(_member(make.site()), "/api/instances/00000000-0000-7000-8000-000000000000", status=404)
    assert "Not found." in page and 'data-method="' not in page


@pytest.mark.parametrize(
    ("path", "name"),
    [("instances", "Instances"), ("users", "Users"), ("keys", "Keys"), ("memberships", "Memberships"), ("me", "Me")],
)
def test_a_page_is_named_by_its_noun(path: str, name: str) -> None:
    page = _page(_member(make.site()), f"/api/{path}")
    assert f"<h1>{name}</h1>" in page
    assert re.search(rf'<a href="/api/">API</a></li><li>{name}</li>', page)


def test_ids_lead_to_their_rows_and_a_row_to_what_lies_below_it(world: World) -> None:
    instance = world.running(name="my <desk>")
    browser = _member(Site.objects.using("crew").get(pk=world.principal.site_id), "operator")
    listed = _page(browser, "/api/instances")
    assert (
        f'<a href="/api/instances/{instance.pk}">' in listed and f'<a href="/api/sites/{instance.site_id}">' in listed
    )
    assert listed.count(f'<a href="/api/users/{instance.user_id}">') == 2  # the user, and who made it
    assert "my &lt;desk&gt;" in listed and "my <desk>" not in listed
    page = _page(browser, f"/api/instances/{instance.pk}")
    assert "<h1>Instance: my &lt;desk&gt;</h1>" in page
    for word in ("events", "logs", "plans", "actions", "screenshot"):
        assert f'<a href="/api/instances/{instance.pk}/{word}">' in page
    for word in ("start", "stop", "restart", "retry"):
        assert f'data-method="POST" data-url="/api/instances/{instance.pk}/{word}"' in page
    events = _page(browser, f"/api/instances/{instance.pk}/events")
    assert "<h1>Instance events</h1>" in events and f'<a href="/api/instances/{instance.pk}">' in events


def test_an_entry_of_the_log_leads_to_the_browser_state_that_it_tells_of() -> None:
    """A noun of two words: a field has an underscore where an address has a hyphen."""
    row_id = "01a208fa-25d2-7261-937b-1acbd57f377c"
    text = shown(f'"browser_state_id": "{row_id}"', path="/api/logs", is_list=True, keep={})
    assert f'<a href="/api/browser-states/{row_id}">' in text


def test_a_new_instance_is_asked_for_by_fields_that_hold_no_nulls() -> None:
    page = _page(_member(make.site()), "/api/instances")
    assert "required" in _field(page, "name")
    kinds = _field(page, "instance_type").split("</select>")[0]
    assert re.findall(r"<option>(\w+)</option>", kinds) == ["ubuntu", "browser", "windows"]
    assert "<option selected>" not in kinds  # the template's, or the default one
    assert 'type="checkbox"' in _field(page, "tools_enabled") and "{…}" in _field(page, "environment_variables")
    assert "`" not in page
    assert "null" not in "".join(_field(page, name) for name in ("name", "agent_id", "configuration", "user_id"))


def test_a_change_begins_with_what_the_row_has(world: World) -> None:
    instance = world.ask(name="as it was", configuration={"width": 800}, environment_variables={"A": "secret"})
    browser = _member(Site.objects.using("crew").get(pk=world.principal.site_id))
    page = _page(browser, f"/api/instances/{instance.pk}")
    assert 'value="as it was"' in _field(page, "name")
    assert "{&quot;width&quot;: 800}" in _field(page, "configuration")
    assert "secret" not in page and ">[" not in _field(page, "environment_variables")


def test_the_action_page_offers_each_kind_and_begins_with_one_that_works(world: World) -> None:
    instance = world.running()
    browser = _member(Site.objects.using("crew").get(pk=world.principal.site_id))
    page = _page(browser, f"/api/instances/{instance.pk}/actions", status=405)
    assert "it takes POST" in page and "<option selected>screenshot</option>" in page
    for kind in ("click", "type", "bash", "drag"):
        assert f'data-variant="{kind}" hidden disabled' in page
    assert "uname -a" in page


def test_filters_hold_what_was_asked() -> None:
    page = _page(_member(make.site()), "/api/instances?status=running&name=desk")
    filters = page[page.index("filters") : page.index("answer")]
    assert 'value="running" checked' in filters and 'value="error" checked' not in filters
    assert 'value="desk"' in filters and 'name="limit"' not in filters


def test_a_viewer_is_offered_no_form_and_a_stranger_the_way_in() -> None:
    page = _page(_member(make.site(), "viewer"), "/api/instances")
    assert 'class="send"' not in page
    refused = _page(Client(), "/api/instances?name=a", status=401)
    assert "/api/login?next=/api/instances%3Fname%3Da" in refused and 'role="alert"' in refused


def test_a_member_of_several_sites_chooses_one_and_stays_in_it() -> None:
    first, second = make.site("First"), make.site("Second")
    user = make.member(first).user
    make.member(second, who=user)
    browser = signed_in(user)
    choice = _page(browser, "/api/agents", status=400)
    assert f'<a class="button" href="/api/agents?site_id={second.pk}">Second</a>' in choice
    page = _page(browser, f"/api/agents?site_id={second.pk}")
    assert f'href="/api/instances?site_id={second.pk}"' in page
    assert f'data-url="/api/agents?site_id={second.pk}"' in page


def test_an_answer_is_escaped_wherever_it_stands() -> None:
    text = '{\n  "<b>": "<script>",\n  "id": "x\\" onclick=",\n  "link": "https://example.com/\'><img>"\n}'
    page = shown(text, path="/api/instances", is_list=False, keep={})
    assert "<b>" not in page and "<script>" not in page and "<img>" not in page and 'onclick=",' not in page


@pytest.mark.parametrize("rest", ["javascript:alert(1)", "//elsewhere.example/", "@elsewhere.example/", "/\\\\there"])
def test_a_text_that_begins_with_our_address_leads_nowhere_but_where_it_says(rest: str) -> None:
    text = f'  "url": "{settings.PUBLIC_URL}{rest}"'
    page = shown(text, path="/api/webhooks", is_list=True, keep={"site_id": "here"})
    assert f'href="{settings.PUBLIC_URL}{rest}"' in page
    ours = shown(f'  "next": "{settings.PUBLIC_URL}/api/me"', path="/api/me", is_list=False, keep={"site_id": "here"})
    assert 'href="/api/me?site_id=here"' in ours
