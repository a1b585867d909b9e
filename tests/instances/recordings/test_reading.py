"""Recordings are read: as a zip, as a video, and by the page of a signed link."""

from __future__ import annotations

import io
import json
import subprocess
import zipfile
from typing import Any

import pytest
from PIL import Image

from common import clock
from common.errors import Unavailable
from common.objects import StoreAway
from instances.api import recorded
from instances.models import Instance, Recording
from instances.recordings import archive, leases, recorder, video
from sites.models import ApiKey, AuditEntry, Site
from tests import make
from tests.instances.conftest import World
from tests.instances.recordings.conftest import Studio

RED, BLUE = (220, 30, 30), (30, 30, 220)


def _jpeg(colour: tuple[int, int, int], size: tuple[int, int] = (321, 200)) -> bytes:
    held = io.BytesIO()
    Image.new("RGB", size, colour).save(held, "JPEG")
    return held.getvalue()


def _recorded(studio: Studio, instance: Instance, *parts: list[tuple[int, bytes]], took_ms: int = 4000) -> Recording:
    """One that has ended, with these frames in these parts, and an action in each."""
    row = studio.ask(instance)
    (held,) = leases.claim(1)
    for number, frames in enumerate(parts):
        reel = recorder.Reel()
        for at_ms, picture in frames:
            reel.add_frame(at_ms, picture)
        reel.add_action({"at_ms": 100 + number, "message": f"action {number}", "type": "click", "arguments": {}})
        leases.store(held, reel.cut(), cursor=held.cursor)
    leases.conclude(held, leases.interrupted("Enough."))
    started = clock.now() - clock.timedelta(milliseconds=took_ms)
    Recording.everywhere.filter(pk=row.pk).update(started_at=started, ended_at=clock.now())
    return studio.read(row)


@pytest.fixture
def client(world: World) -> Any:
    return make.client(Site(pk=world.principal.site_id))


def _bytes(answer: Any) -> bytes:
    try:
        return b"".join(answer.streaming_content)
    finally:
        answer.close()


def test_the_zip_has_every_frame_with_its_moment_and_every_action(studio: Studio, world: World, client: Any) -> None:
    row = _recorded(studio, world.running(), [(0, b"one"), (1500, b"two")], [(3000, b"three")])
    answer = client.get(f"/api/recordings/{row.pk}/zip")
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/zip")
    with zipfile.ZipFile(io.BytesIO(_bytes(answer))) as found:
        assert found.testzip() is None
        manifest = json.loads(found.read("manifest.json"))
        frames = {frame["at_ms"]: found.read(frame["file"]) for frame in manifest["frames"]}
        actions = [json.loads(line) for line in found.read("actions.jsonl").splitlines()]
    assert frames == {0: b"one", 1500: b"two", 3000: b"three"}
    assert [action["message"] for action in actions] == ["action 0", "action 1"]
    assert (manifest["recording"]["id"], manifest["recording"]["status"]) == (str(row.pk), "interrupted")
    assert AuditEntry.everywhere.filter(action="recording.downloaded", target_id=str(row.pk)).count() == 1


def test_a_zip_is_written_in_pieces_however_long_it_is(studio: Studio, world: World) -> None:
    parts = [[(part * 1000 + n, bytes([part, n]) * 20_000) for n in range(20)] for part in range(6)]
    row = _recorded(studio, world.running(), *parts)
    sizes = [len(piece) for piece in archive.zipped(row, {})]
    assert sum(sizes) > 6 * 20 * 40_000 and max(sizes) < 400_000


def test_whoever_leaves_gives_their_place_to_others(studio: Studio, world: World, client: Any) -> None:
    row = _recorded(studio, world.running(), [(0, b"one")])
    for _ in range(recorded.ZIPS_AT_ONCE + 1):
        client.get(f"/api/recordings/{row.pk}/zip").close()
    held = [client.get(f"/api/recordings/{row.pk}/zip") for _ in range(recorded.ZIPS_AT_ONCE)]
    one_too_many = client.get(f"/api/recordings/{row.pk}/zip")
    for answer in held:
        answer.close()
    assert {answer.status_code for answer in held} == {200}
    assert (one_too_many.status_code, one_too_many["Retry-After"]) == (429, "10")


def test_the_video_shows_each_frame_at_its_moment(studio: Studio, world: World, client: Any, tmp_path: Any) -> None:
    row = _recorded(studio, world.running(), [(0, _jpeg(RED))], [(2000, _jpeg(BLUE, (200, 300)))], took_ms=5000)
    answer = client.get(f"/api/recordings/{row.pk}/video")
    assert (answer.status_code, answer["Content-Type"]) == (200, "video/mp4")
    film = tmp_path / "film.mp4"
    film.write_bytes(_bytes(answer))
    size, red = _still(film, at_s=1.0)
    assert size == (322, 200) and max(abs(seen - meant) for seen, meant in zip(red, RED, strict=True)) < 40
    size, blue = _still(film, at_s=4.0)
    assert size == (322, 200) and max(abs(seen - meant) for seen, meant in zip(blue, BLUE, strict=True)) < 40
    assert _seconds(film) == pytest.approx(5.0, abs=0.6)


def test_without_ffmpeg_a_video_is_a_501_that_says_so(
    studio: Studio, world: World, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = _recorded(studio, world.running(), [(0, _jpeg(RED))])
    monkeypatch.setattr("django.conf.settings.FFMPEG", "no-such-program")
    answer = client.get(f"/api/recordings/{row.pk}/video")
    assert (answer.status_code, answer.json()["code"]) == (501, "NO_FFMPEG")


@pytest.mark.parametrize(("picture", "code"), [(None, "EMPTY_RECORDING"), (b"\xff\xd8nonsense", "BAD_PICTURES")])
def test_what_cannot_be_shown_is_refused_at_once(
    studio: Studio, world: World, client: Any, picture: bytes | None, code: str
) -> None:
    row = _recorded(studio, world.running(), [(0, picture)] if picture else [])
    answer = client.get(f"/api/recordings/{row.pk}/video")
    assert (answer.status_code, answer.json()["code"]) == (409, code)


def test_a_video_whose_rest_cannot_be_read_does_not_end_as_if_it_were_whole(
    studio: Studio, world: World, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = _recorded(studio, world.running(), [(0, _jpeg(RED))], [(2000, _jpeg(BLUE))])
    lost = studio.store.read

    def read(key: str, **place: Any) -> bytes:
        if "/000002-" in key:
            raise StoreAway("away")
        return lost(key, **place)

    monkeypatch.setattr(studio.store, "read", read)
    answer = client.get(f"/api/recordings/{row.pk}/video")
    with pytest.raises(Unavailable):
        _bytes(answer)


def test_a_video_whose_maker_is_killed_at_its_end_does_not_end_as_if_it_were_whole(
    studio: Studio, world: World, client: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    row = _recorded(studio, world.running(), [(0, _jpeg(RED))])
    maker = tmp_path / "ffmpeg"
    maker.write_text("#!/bin/sh\ncat >/dev/null\necho most of it\nkill -KILL $$\n")
    maker.chmod(0o755)
    monkeypatch.setattr("django.conf.settings.FFMPEG", str(maker))
    with pytest.raises(Unavailable):
        _bytes(client.get(f"/api/recordings/{row.pk}/video"))


def test_a_video_that_nobody_reads_ends_with_its_reader(studio: Studio, world: World, client: Any) -> None:
    row = _recorded(studio, world.running(), [(0, _jpeg(RED))], took_ms=600_000)
    for _ in range(video.AT_ONCE + 1):
        answer = client.get(f"/api/recordings/{row.pk}/video")
        assert answer.status_code == 200
        answer.close()


def test_each_frame_is_shown_for_as_long_as_it_was(studio: Studio, world: World) -> None:
    row = _recorded(studio, world.running(), [(0, b"a"), (1400, b"b")], [(1500, b"c")], took_ms=3000)
    assert row.max_fps == 2
    assert list(video.paced(row)) == [b"a", b"a", b"a", b"c", b"c", b"c"]


def test_a_link_opens_the_replay_of_its_recording_alone(studio: Studio, world: World, client: Any) -> None:
    instance = world.running()
    row = _recorded(studio, instance, [(0, b"one"), (900, b"two")], [(1500, b"three")])
    token = client.get(f"/api/recordings/{row.pk}/replay").json()["url"].rpartition("#")[2]
    opened = _ask("session", token=token).json()
    assert (opened["name"], opened["recording"]["id"]) == (instance.name, str(row.pk))
    parts = _ask("timeline", token=opened["token"], after=0).json()["parts"]
    assert [part["frames"] for part in parts] == [[[0, 0, 3], [900, 3, 3]], [[1500, 0, 5]]]
    assert [part["actions"][0]["message"] for part in parts] == ["action 0", "action 1"]
    assert _ask("timeline", token=token, after=2).json() == {"parts": []}
    assert _ask("frames", token=token, number=1).content == b"onetwo"
    assert _ask("frames", token=token, number=3).status_code == 404
    assert client.get("/replay").status_code == 200


def test_a_link_is_good_for_whom_it_was_given_to_and_no_longer(studio: Studio, world: World, later: Any) -> None:
    row = _recorded(studio, world.running(), [(0, b"one")])
    key, secret = make.key(Site(pk=row.site_id))
    links = f"/api/recordings/{row.pk}/replay", f"/api/instances/{row.instance_id}/view"
    first, view = (make.client_with(secret).get(link).json()["url"].rpartition("#")[2] for link in links)
    assert _ask("session", token=view).status_code == 401, "a token for something else"
    renewed = _ask("session", token=first).json()["token"]
    later(15 * 60)
    assert [_ask("session", token=token).status_code for token in (first, renewed)] == [401, 200]
    ApiKey.everywhere.filter(pk=key.pk).update(revoked_at=clock.now())
    assert _ask("frames", token=renewed, number=1).status_code == 401


def test_a_page_is_answered_in_our_shape_whatever_it_says(world: World) -> None:
    for path, said in (("session", {}), ("timeline", {"token": "a.b", "after": -1}), ("frames", {"token": "a.b"})):
        answer = _ask(path, **said)
        assert (answer.status_code, answer.json()["code"]) == (400, "INVALID")
    assert _ask("session", token="a.b").json()["code"] == "NOT_AUTHENTICATED"


def _ask(path: str, **said: Any) -> Any:
    return make.client_with("").post(f"/replay/{path}", said)


def _still(film: Any, *, at_s: float) -> tuple[tuple[int, int], tuple[int, ...]]:
    command = ["ffmpeg", "-nostdin", "-loglevel", "error", "-i", str(film), "-ss", str(at_s), "-frames:v", "1"]
    shown = subprocess.run([*command, "-f", "image2pipe", "-c:v", "png", "-"], capture_output=True, check=True)
    picture = Image.open(io.BytesIO(shown.stdout)).convert("RGB")
    return picture.size, picture.getpixel((picture.width // 2, picture.height // 2))


def _seconds(film: Any) -> float:
    asked = ["ffprobe", "-v", "error", "-show_entries", "format=duration", "-of", "csv=p=0", str(film)]
    return float(subprocess.run(asked, capture_output=True, check=True).stdout)
