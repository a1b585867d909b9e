"""The host's network by the proxy."""

from prelude import by_proxy, facts

PORT = facts["ports"][0]
DECIMAL = ("127.0.0.1", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "0", "0.0.0.0", "127.0.0.1.")
SIX = ("[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[64:ff9b::7f00:1]")

for host in (*DECIMAL, *SIX, "localhost", "127.0.0.1%00.example.org", *facts["addresses"]):
    by_proxy(f"{host}:{PORT}")
    by_proxy(f"{host}:{PORT}", host="example.org")
