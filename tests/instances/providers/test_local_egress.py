"""A machine's way out: what the policy lets through, and what the proxy makes of a hostile client."""

from __future__ import annotations

import asyncio
import os
import select
import signal
import socket
import socketserver
import tempfile
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from common.networks import Policy
from instances.providers.local import egress
from instances.providers.local.egress import EgressProxy
from tests.instances.providers.rig import Rig

OPEN = Policy(["127.0.0.0/8"])
PRIVATE = [
    *("127.0.0.1", "127.9.9.9", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "100.64.0.1", "169.254.169.254"),
    *("198.18.0.1", "192.0.0.8", "192.0.2.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "::", "::1", "fe80::1"),
    *("fc00::1", "fd00:ec2::254", "ff02::1", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1"),
    *("64:ff9b::7f00:1", "2002:7f00:1::1", "2001::1", "2001:db8::1", "fec0::1", "no address", ""),
]


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_that_is_not_public_is_refused(address: str) -> None:
    assert not Policy().admits(address)


@pytest.mark.parametrize("address", ["1.1.1.1", "8.8.8.8", "::ffff:8.8.8.8", "2606:4700:4700::1111"])
def test_a_public_address_is_admitted(address: str) -> None:
    assert Policy().admits(address)


def test_a_public_address_of_the_host_itself_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket.socket, "bind", lambda *_: None)  # what binding to one's own address does
    assert not Policy().admits("8.8.8.8")


def test_an_allowed_network_is_admitted_also_in_ipv6_disguise() -> None:
    policy = Policy(["10.0.0.0/8"])
    assert policy.admits("10.1.2.3")
    assert policy.admits("::ffff:10.1.2.3")
    assert not policy.admits("192.168.1.1")


@pytest.fixture
def talker() -> Iterator[int]:
    """A server that sends a letter each twentieth of a second, ten of them, as long as nobody hangs up; its port."""

    class Talk(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            for _ in range(10):
                if select.select([self.request], [], [], 0.05)[0]:
                    return
                self.request.sendall(b"x")

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), Talk) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


@pytest.fixture
def site() -> Iterator[int]:
    """A web server on the host's loopback that repeats the request it got; its port."""

    class Echo(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            lines = list(iter(self.rfile.readline, b"\r\n"))
            body = b"".join(lines)
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), Echo) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


class Door:
    """A proxy on a socket of its own, and requests to it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_unix_connection(self._path)

    async def ask(self, *requests: bytes) -> bytes:
        reader, writer = await self.open()
        writer.write(b"".join(requests))
        async with asyncio.timeout(20):
            answer = await reader.read()
        writer.close()
        return answer


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    async with _door(OPEN) as door:
        yield door


class _door:
    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._folder = tempfile.TemporaryDirectory()

    async def __aenter__(self) -> Door:
        path = Path(self._folder.name) / "egress.sock"
        proxy = EgressProxy(self._policy)
        self._server = await asyncio.start_unix_server(proxy.serve, path, limit=egress._HEAD_BYTES)
        return Door(path)

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        self._folder.cleanup()


async def test_a_tunnel_carries_bytes_both_ways(door: Door, site: int) -> None:
    connect = f"CONNECT 127.0.0.1:{site} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    answer = await door.ask(connect, b"GET /path HTTP/1.1\r\nHost: site\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200 Connection established\r\n\r\nHTTP/1.1 200 OK")
    assert answer.endswith(b"GET /path HTTP/1.1\r\nHost: site\r\n")


async def test_a_plain_request_is_sent_on_as_its_site_expects_it(door: Door, site: int) -> None:
    head = f"GET http://127.0.0.1:{site}/a?b=c HTTP/1.1\r\nHost: 127.0.0.1\r\nProxy-Authorization: x\r\n"
    answer = await door.ask(head.encode() + b"Connection: keep-alive\r\n\r\n")
    assert answer.endswith(b"GET /a?b=c HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n")


@pytest.mark.parametrize(
    "target", ["127.0.0.1:80", "localhost:80", "[::1]:80", "169.254.169.254:80", "[::ffff:127.0.0.1]:80", "0x7f.1:80"]
)
async def test_the_hosts_own_network_is_closed(target: str) -> None:
    async with _door(Policy()) as door:
        answer = await door.ask(f"CONNECT {target} HTTP/1.1\r\n\r\n".encode())
    assert answer.startswith((b"HTTP/1.1 403", b"HTTP/1.1 502"))


async def test_a_name_that_leads_to_loopback_is_refused_after_it_is_resolved(
    site: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def resolve(host: str, port: int) -> list[str]:
        return ["127.0.0.1", "::1", "169.254.169.254"]

    monkeypatch.setattr(egress, "_resolve", resolve)
    async with _door(Policy()) as door:
        answer = await door.ask(f"CONNECT innocent.example:{site} HTTP/1.1\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 403")
    assert b"innocent.example is not on the public internet" in answer


async def test_a_name_is_resolved_once_and_the_checked_address_is_connected_to(
    site: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So a name whose second answer is another address gains nothing."""
    answers = [["127.0.0.1"], ["169.254.169.254"]]

    async def resolve(host: str, port: int) -> list[str]:
        return answers.pop(0)

    monkeypatch.setattr(egress, "_resolve", resolve)
    async with _door(OPEN) as door:
        answer = await door.ask(f"CONNECT rebound.example:{site} HTTP/1.1\r\n\r\n".encode(), b"GET / HTTP/1.1\r\n\r\n")
    assert b"200 OK" in answer
    assert len(answers) == 1


async def test_mail_cannot_be_sent(door: Door) -> None:
    assert (await door.ask(b"CONNECT 127.0.0.1:25 HTTP/1.1\r\n\r\n")).startswith(b"HTTP/1.1 403")


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET ftp://127.0.0.1/ HTTP/1.1\r\n\r\n", 400),
        (b"CONNECT 127.0.0.1 HTTP/1.1\r\n\r\n", 400),
        (b"CONNECT 127.0.0.1:99999 HTTP/1.1\r\n\r\n", 400),
        (b"CONNECT [::1 HTTP/1.1\r\n\r\n", 400),
        (b"CONNECT \xff\xfe:80 HTTP/1.1\r\n\r\n", 502),
        (b"CONNECT " + b"a" * 300 + b":80 HTTP/1.1\r\n\r\n", 502),
        (b"CONNECT a..b:80 HTTP/1.1\r\n\r\n", 502),
        (b"GET http://127.0.0.1/ HTTP/1.1\r\nX: " + b"x" * 70_000 + b"\r\n\r\n", 431),
    ],
)
async def test_a_malformed_request_is_refused(door: Door, request_: bytes, status: int) -> None:
    assert (await door.ask(request_)).startswith(b"HTTP/1.1 %d" % status)


async def test_a_port_where_nobody_answers_is_a_bad_gateway(door: Door) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert (await door.ask(f"CONNECT 127.0.0.1:{port} HTTP/1.1\r\n\r\n".encode())).startswith(b"HTTP/1.1 502")


async def test_a_machine_holds_a_bounded_number_of_connections(
    door: Door, site: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(egress, "CONNECTIONS", 2)
    async with _door(OPEN) as narrow:
        held = [await narrow.open() for _ in range(2)]
        for reader, writer in held:
            writer.write(f"CONNECT 127.0.0.1:{site} HTTP/1.1\r\n\r\n".encode())
            await reader.readuntil(b"\r\n\r\n")
        assert (await narrow.ask(b"CONNECT 127.0.0.1:80 HTTP/1.1\r\n\r\n")).startswith(b"HTTP/1.1 503")
        for _, writer in held:
            writer.close()


async def test_a_client_that_says_nothing_is_shown_out(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(egress, "_HEAD_S", 0.05)
    assert await door.ask() == b""


async def test_a_long_download_is_not_cut_because_its_client_is_quiet(
    door: Door, talker: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(egress, "_IDLE_S", 0.2)
    reader, writer = await door.open()
    writer.write(f"CONNECT 127.0.0.1:{talker} HTTP/1.1\r\n\r\n".encode())
    assert (await reader.read()).endswith(b"\r\n\r\n" + b"x" * 10)
    writer.close()


async def test_a_tunnel_in_which_nobody_speaks_ends(door: Door, site: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(egress, "_IDLE_S", 0.05)
    reader, writer = await door.open()
    writer.write(f"CONNECT 127.0.0.1:{site} HTTP/1.1\r\n\r\n".encode())
    assert (await reader.read()).endswith(b"established\r\n\r\n")
    writer.close()


CURL = """python3 - <<'END'
import socket
door = socket.socket(socket.AF_UNIX)
door.connect("/run/keeper/egress.sock")
door.sendall(b"CONNECT {target} HTTP/1.1\\r\\n\\r\\nGET / HTTP/1.1\\r\\n\\r\\n")
door.shutdown(socket.SHUT_WR)
print(b"".join(iter(lambda: door.recv(65536), b"")).decode())
END"""


@pytest.mark.machine
def test_a_machine_gets_out_by_the_proxy_and_to_public_addresses_only(rig: Rig, site: int) -> None:
    machine = rig.up()
    assert "403" in machine.run(CURL.format(target=f"127.0.0.1:{site}"))
    assert "403" in machine.run(CURL.format(target=f"localhost:{site}"))
    assert "403" in machine.run(CURL.format(target="169.254.169.254:80"))
    allowed = rig.up("two-1", provider=rig.provider(egress_allow=("127.0.0.0/8",)))
    assert "200 OK" in allowed.run(CURL.format(target=f"127.0.0.1:{site}"))


@pytest.mark.machine
def test_a_machine_that_asks_for_nothing_has_no_proxy_running(rig: Rig, site: int) -> None:
    machine = rig.up(provider=rig.provider(egress_allow=("127.0.0.0/8",)))
    machine.run("true")
    assert machine.egress() == []
    assert "200 OK" in machine.run(CURL.format(target=f"127.0.0.1:{site}"))
    assert len(machine.egress()) == 1


@pytest.mark.machine
def test_a_proxy_that_died_is_started_anew(rig: Rig, site: int) -> None:
    machine = rig.up(provider=rig.provider(egress_allow=("127.0.0.0/8",)))
    assert "200 OK" in machine.run(CURL.format(target=f"127.0.0.1:{site}"))
    (proxy,) = machine.egress()
    os.kill(proxy, signal.SIGKILL)
    assert "200 OK" in machine.run(CURL.format(target=f"127.0.0.1:{site}"))
