"""A cloud's metadata by the proxy."""

from prelude import by_proxy

METADATA = ("169.254.169.254", "169.254.169.254.", "2852039166", "0xa9fea9fe", "[fd00:ec2::254]", "100.100.100.200")
OTHERS = ("[::ffff:169.254.169.254]", "metadata.google.internal", "10.0.0.1", "192.168.0.1")

for host in (*METADATA, *OTHERS):
    by_proxy(f"{host}:80")
