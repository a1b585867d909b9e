"""A port of the host."""

import socket

from prelude import facts, talks

for port in facts["ports"]:
    for host in ("127.0.0.1", "127.0.0.2", "0.0.0.0", *facts["addresses"]):
        talks(socket.AF_INET, (host, port))
    talks(socket.AF_INET6, ("::1", port))
