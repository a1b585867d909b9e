"""What recordings need: a gateway that shows what a test tells it, and a store in a folder of the test's."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve

from common import objects, tokens
from common.objects.folder import FolderStore
from infra.embedded.processes import wait_until
from instances.models import Instance, Recording, RecordingPart
from instances.recordings import leases, parts, recorder, services
from tests.instances.conftest import World


@dataclass
class Gateway:
    """Frames over a real WebSocket, to whoever shows a token for the machine; each is sent once."""

    port: int = 0
    watched: list[str] = field(default_factory=list)
    _pictures: queue.Queue[bytes | None] = field(default_factory=queue.Queue)

    def show(self, *pictures: bytes) -> None:
        for picture in pictures:
            self._pictures.put(b"\xff\xd8" + picture)

    def hang_up(self) -> None:
        """End the connection of now; the next one is served."""
        self._pictures.put(None)

    def serve(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        token = connection.request.path.partition("?")[0].removeprefix("/frames/")
        claims = tokens.opened(token, settings.GATEWAY_SECRET, purpose="frames", now_s=time.time())
        self.watched.append(claims.subject)
        while True:
            try:
                picture = self._pictures.get(timeout=0.05)
                if picture is None:
                    return
                connection.send(picture)
            except queue.Empty:
                if connection.state.name != "OPEN":
                    return
            except ConnectionClosed:
                return


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gateway]:
    one = Gateway()
    with serve(one.serve, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        monkeypatch.setattr("django.conf.settings.GATEWAY_UPSTREAM", f"127.0.0.1:{server.socket.getsockname()[1]}")
        yield one
        server.shutdown()
        thread.join(5)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FolderStore:
    one = FolderStore(tmp_path / "objects")
    monkeypatch.setattr(objects, "opened", lambda: one)
    return one


@dataclass
class Studio:
    """A site with running instances, and recordings made by threads of the test."""

    world: World
    store: FolderStore
    threads: list[threading.Thread] = field(default_factory=list)
    resting: threading.Event = field(default_factory=threading.Event)

    def ask(self, instance: Instance, **wanted: int) -> Recording:
        return services.request_recording(self.world.principal, instance.pk, **wanted)

    def begin(self) -> list[leases.Held]:
        """Take what is due and make it, each in a thread."""
        claimed = leases.claim(10)
        for held in claimed:
            thread = threading.Thread(target=recorder.record, args=(held, self.resting), daemon=True)
            self.threads.append(thread)
            thread.start()
        return claimed

    def rest(self) -> None:
        self.resting.set()
        for thread in self.threads:
            thread.join(10)

    def read(self, row: Recording) -> Recording:
        return Recording.everywhere.get(pk=row.pk)

    def until(self, row: Recording, is_so: Callable[[Recording], object], what: str = "it") -> Recording:
        wait_until(lambda: bool(is_so(self.read(row))), timeout_s=15, what=what, every_s=0.02)
        return self.read(row)

    def holding(self, row: Recording, frames: int) -> Recording:
        """Once so many frames are stored."""
        return self.until(row, lambda read: read.frames == frames, f"{frames} frames")

    def end(self, row: Recording) -> Recording:
        services.request_end(self.world.principal, row.pk)
        return self.until(row, lambda read: read.ended_at, "the recording's end")

    def pictures(self, row: Recording) -> list[bytes]:
        """Without the two bytes that make them JPEGs."""
        found = []
        for part in RecordingPart.everywhere.filter(recording=row).order_by("number"):
            found += [self.store.read(part.key, start=at + 2, length=length - 2) for _, at, length in part.index]
        return found

    def actions(self, row: Recording) -> list[dict[str, Any]]:
        found = []
        for part in RecordingPart.everywhere.filter(recording=row).order_by("number"):
            found += parts.actions_in(self.store.read(part.key, start=part.actions_at))
        return found


@pytest.fixture
def studio(world: World, store: FolderStore, monkeypatch: pytest.MonkeyPatch) -> Iterator[Studio]:
    monkeypatch.setattr(recorder, "LOOK_S", 0.05)
    monkeypatch.setattr(recorder, "TRY_AGAIN_S", 0.05)
    monkeypatch.setattr(recorder, "PART_S", 0.05)
    monkeypatch.setattr(services, "_nudge", lambda: None)
    studio = Studio(world, store)
    yield studio
    studio.rest()
