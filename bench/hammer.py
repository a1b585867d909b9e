"""One tenant's flood, as a process of its own: `python -m bench.hammer URL KEY CONNECTIONS SECONDS`.

Says `go` once all connections stand, and at the end how many good answers and how many refusals they got.
"""

from __future__ import annotations

import asyncio
import sys
import time
from urllib.parse import urlsplit

PATH = "/api/instances"


class Line:
    """One kept connection that asks for the list."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> None:
        self._reader, self._writer, self._request = reader, writer, request

    @classmethod
    async def to(cls, url: str, key: str) -> Line:
        where = urlsplit(url)
        reader, writer = await asyncio.open_connection(where.hostname, where.port)
        request = f"GET {PATH} HTTP/1.1\r\nHost: {where.netloc}\r\nAuthorization: Bearer {key}\r\n\r\n"
        return cls(reader, writer, request.encode())

    async def ask(self) -> bool:
        """Whether the answer is a 200; it is read to its end either way."""
        self._writer.write(self._request)
        head = (await self._reader.readuntil(b"\r\n\r\n")).lower()
        await self._reader.readexactly(int(head.split(b"content-length: ")[1].split(b"\r\n")[0]))
        return head.startswith(b"http/1.1 200")

    def close(self) -> None:
        self._writer.close()


async def hammer(line: Line, ends_at: float) -> tuple[int, int]:
    good = refused = 0
    while time.perf_counter() < ends_at:
        if await line.ask():
            good += 1
        else:
            refused += 1
    line.close()
    return good, refused


async def main(url: str, key: str, connections: int, seconds: float) -> None:
    lines = [await Line.to(url, key) for _ in range(connections)]
    print("go", flush=True)
    ends_at = time.perf_counter() + seconds
    done = await asyncio.gather(*(hammer(line, ends_at) for line in lines))
    print(sum(good for good, _ in done), sum(refused for _, refused in done), flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])))
