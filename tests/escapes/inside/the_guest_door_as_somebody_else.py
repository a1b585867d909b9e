"""The guest door as somebody else."""

import json
from pathlib import Path

from prelude import asked, escaped, facts

told = json.loads(Path("/run/guest.json").read_text())
ours, theirs = told["incarnation"], facts["neighbour"]
UPGRADE = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
KEY = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

for name in (theirs, f"{theirs}/../{ours}", f"{ours}%2f..%2f{theirs}", f"{theirs}/stream/1"):
    head = f"GET /guest/{name} HTTP/1.1\r\nHost: g\r\n{UPGRADE}{KEY}Authorization: Bearer {told['token']}\r\n\r\n"
    if b" 101 " in asked("/run/gateway/guest.sock", head.encode()).split(b"\r\n", 1)[0]:
        escaped(name)
