"""Many clients at once against one address: wrk where it is installed, else a plain one of our own."""

from __future__ import annotations

import asyncio
import multiprocessing
import re
import shutil
import subprocess
import time
from urllib.parse import urlsplit

CLIENTS = 32
HOW = "wrk" if shutil.which("wrk") else "our own client, which takes more of the machine (apt-get install wrk)"


class Faulty(Exception):
    """Some of the answers were not what they should be."""


def requests_per_s(url: str, headers: dict[str, str], *, for_s: float) -> float:
    """How many good answers a second `CLIENTS` connections got together.

    Raises:
        Faulty: an answer was no 200.
    """
    return _wrk(url, headers, for_s) if shutil.which("wrk") else _own(url, headers, for_s)


def _wrk(url: str, headers: dict[str, str], for_s: float) -> float:
    sent = [part for name, value in headers.items() for part in ("-H", f"{name}: {value}")]
    command = ["wrk", "-t", "1", "-c", str(CLIENTS), "-d", f"{max(1, round(for_s))}s", "--timeout", "30s", *sent, url]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if fault := re.search(r"(Non-2xx.*|Socket errors.*)", said):
        raise Faulty(f"{url}: {fault[1]}")
    rate = re.search(r"Requests/sec:\s+([\d.]+)", said)
    assert rate is not None, said
    return float(rate[1])


def _own(url: str, headers: dict[str, str], for_s: float) -> float:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_crowd, (url, headers, for_s))


def _crowd(url: str, headers: dict[str, str], for_s: float) -> float:
    return asyncio.run(_all(url, headers, for_s))


async def _all(url: str, headers: dict[str, str], for_s: float) -> float:
    begun = time.perf_counter()
    done = await asyncio.gather(*(_one(url, headers, begun + for_s) for _ in range(CLIENTS)))
    return sum(done) / (time.perf_counter() - begun)


async def _one(url: str, headers: dict[str, str], until: float) -> int:
    where = urlsplit(url)
    reader, writer = await asyncio.open_connection(where.hostname, where.port)
    lines = [f"GET {where.path}?{where.query} HTTP/1.1", f"Host: {where.netloc}"]
    request = "\r\n".join([*lines, *(f"{name}: {value}" for name, value in headers.items()), "", ""]).encode()
    done = 0
    while time.perf_counter() < until:
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        if not head.startswith(b"http/1.1 200"):
            raise Faulty(f"{url}: {head[:40].decode()}")
        length = re.search(rb"content-length: (\d+)", head)
        assert length is not None
        await reader.readexactly(int(length[1]))
        done += 1
    writer.close()
    return done
