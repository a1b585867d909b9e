"""A name that points at the host, by the proxy."""

from prelude import by_proxy, facts

for name in ("localhost.localdomain", "ip6-localhost", "LOCALHOST", facts["hostname"]):
    by_proxy(f"{name}:{facts['ports'][0]}")
