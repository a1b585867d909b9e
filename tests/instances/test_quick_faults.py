"""What goes wrong on the quick way: it is told of, written down, and nobody else's business."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack
from typing import Any

import msgspec
import pytest
from django.db import ProgrammingError

from common.ids import new_id
from common.lines import postgres
from guest.protocol.actions import FILE_BYTES, ReadFile
from guest.protocol.results import File, Image, Result, Shell
from instances.api.answers import as_json
from instances.guestlink import Answer, GuestBusy, GuestInterrupted, GuestRefused, GuestTimedOut, replies
from instances.models import Log
from instances.perform import Done
from sites import quotas
from sites.models import Site
from tests import make
from tests.instances.conftest import World
from tests.instances.quick import Asker, asking

pytestmark = pytest.mark.django_db
CLICK = {"type": "click", "x": 1, "y": 2}


@pytest.fixture
def secret(world: World) -> str:
    return make.key(Site.objects.using("crew").get(pk=world.principal.site_id))[1]


@pytest.fixture
def quick(secret: str) -> Iterator[Asker]:
    with asking(secret) as asker:
        yield asker


@pytest.fixture
def path(world: World) -> str:
    return f"/api/instances/{world.running().pk}/actions"


def test_a_fault_that_nobody_foresaw_is_logged_with_its_trace(
    quick: Asker, path: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(*_: object, **__: object) -> None:
        raise ProgrammingError("no such column")

    monkeypatch.setattr(postgres.Lines, "write_in_site", fail)
    answer = quick.post(path, CLICK)
    assert answer is not None and (answer.status_code, answer.json()["code"]) == (500, "INTERNAL")
    assert "no such column" in caplog.text and "no such column" not in answer.text


@pytest.mark.parametrize(
    ("fault", "lines"),
    [(GuestTimedOut("late"), ["an action was answered with 504 GUEST_TIMEOUT"]), (GuestBusy("full"), [])],
    ids=["ours", "the caller's"],
)
def test_a_fault_of_ours_is_logged_and_one_of_the_callers_is_not(
    world: World, quick: Asker, path: str, caplog: pytest.LogCaptureFixture, fault: Exception, lines: list[str]
) -> None:
    world.guests.fail_next.append(fault)
    answer = quick.post(path, CLICK)
    assert answer is not None and answer.status_code == (504 if lines else 429)
    assert [record.getMessage() for record in caplog.records if record.name == "instances.quick.door"] == lines


def test_a_pooler_that_swaps_two_lines_costs_no_row(world: World, quick: Asker) -> None:
    """What one line prepared is not taken for what another one did."""
    site_id, number = world.principal.site_id, b"SELECT $1::int"
    wanted = b"UPDATE instances_instance SET name = $1 WHERE id = $2"
    instance = world.running()

    async def swapped() -> None:
        lines = postgres.of_this_loop()
        async with AsyncExitStack() as ended:
            first, second = await lines._made(), await lines._made()
            ended.callback(first.close)
            ended.callback(second.close)
            await first.run([(postgres._ENTER, [str(site_id).encode()]), (number, [b"1"])], plans_once=True)
            await second.run(
                [(postgres._ENTER, [str(site_id).encode()]), (wanted, [b"mine", str(instance.pk).encode()])],
                plans_once=True,
            )
            first._names, second._names = second._names, first._names
            lines._idle.append(first)
            told = [b"through a pooler", str(instance.pk).encode()]
            await lines.write_in_site(site_id, wanted, told, waits_for_disk=True)

    quick.run(swapped())
    assert world.read(instance).name == "through a pooler"


def test_an_action_that_the_end_of_the_process_cuts_short_leaves_its_row(
    world: World, quick: Asker, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = asyncio.Event()

    async def work_long(*_: object, **__: object) -> None:
        begun.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(world.guests, "act_soon", work_long)
    quick.post_cut_short(path, CLICK, begun=begun)
    row = Log.everywhere.get(tool_name="click")
    assert (row.is_error, row.message) == (True, "The platform was restarted meanwhile.")


def test_an_action_that_waits_in_a_thread_when_the_process_ends_leaves_its_row(
    world: World, path: str, secret: str
) -> None:
    world.guests.fail_next.append(GuestInterrupted("this process ends"))
    answer = _post("ordinary", secret, path, CLICK)
    assert (answer.status_code, answer.json()["code"]) == (503, "UNAVAILABLE")
    row = Log.everywhere.get(tool_name="click")
    assert (row.is_error, row.message) == (True, "The platform was restarted meanwhile.")


@pytest.mark.parametrize("kind", ["quick", "ordinary"])
def test_a_machine_cannot_keep_an_action_out_of_the_log_by_a_nul(
    world: World, path: str, secret: str, kind: str
) -> None:
    world.guests.fail_next.append(GuestRefused("failed", "no\0way"))
    assert _post(kind, secret, path, CLICK).status_code == 502
    assert Log.everywhere.get(tool_name="click").message == "no\N{REPLACEMENT CHARACTER}way"


@pytest.mark.parametrize("kind", ["quick", "ordinary"])
def test_the_names_that_a_machine_tells_are_kept_without_nuls_and_not_without_end(
    world: World, path: str, secret: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = {f"{number:04}\0": "" for number in range(10_000)}
    monkeypatch.setattr("tests.doubles._result", lambda action: Result(environment=told))
    assert _post(kind, secret, path, {"type": "get_environment"}).status_code == 200
    names = Log.everywhere.get(tool_name="get_environment").tool_result["names"]
    assert (len(names), names[1]) == (100, "0001\N{REPLACEMENT CHARACTER}")


def _post(kind: str, secret: str, path: str, action: Any) -> Any:
    if kind == "ordinary":
        return make.client_with(secret).post(path, action)
    with asking(secret) as asker:
        return asker.post(path, action)


def test_a_machine_that_tells_of_a_file_and_a_picture_is_believed_the_file() -> None:
    """The text of a file is read from its bytes; a picture's need not be any."""
    image, file = Image(format="png", width=1, height=1), File(path="/a", size=1)
    result, blob = replies.result_in(_answer(Result(image=image, file=file), b"text"))
    said = as_json(ReadFile(path="/a"), Done(Answer(result, blob, took_ms=1.0), new_id()))
    assert said["file"]["text"] == "text"


LONG = "x" * (replies.LONG_HEADER_BYTES + 1)


@pytest.mark.parametrize("long", [{"shell": Shell(stdout=LONG, stderr="", exit_code=0)}, {"text": LONG}])
def test_a_long_answer_is_read_whole_where_it_may_be_long(long: dict[str, Any]) -> None:
    result, _ = replies.result_in(_answer(Result(**long, environment={"a": "b"})))
    assert result == Result(**long)


@pytest.mark.parametrize(
    ("result", "blob"),
    [
        (Result(environment={str(number): "" for number in range(100_000)}), b""),
        (Result(file=File(path="/a", size=1)), bytes(FILE_BYTES + 1)),
        (Result(image=Image(format="png", width=1, height=1)), bytes(replies.PICTURE_BYTES + 1)),
        (Result(), bytes(replies.PICTURE_BYTES + 1)),
    ],
)
def test_an_answer_that_is_longer_than_any_may_be_is_refused(result: Result, blob: bytes) -> None:
    with pytest.raises(GuestRefused, match="longer than any"):
        replies.result_in(_answer(result, blob))


def _answer(result: Result, blob: bytes = b"") -> memoryview:
    head = msgspec.json.encode({"ok": True, "result": result})
    return memoryview(len(head).to_bytes(4, "big") + head + blob)


def test_limits_that_are_forgotten_meanwhile_are_not_asked_for_on_the_event_loop(
    quick: Asker, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quotas, "REMEMBERED_S", 0.0)
    answer = quick.post(path, CLICK)
    assert answer is not None and answer.status_code == 200


def test_a_key_of_a_site_that_has_just_gone_is_left_to_the_ordinary_way(
    quick: Asker, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quotas, "_remembered", {})
    monkeypatch.setattr(quotas, "execute_in_site", lambda *asked: [])  # the key is remembered a moment longer
    assert quick.post(path, CLICK) is None
