"""The local driver: sandboxed desktops on this host, without a daemon. `provider` is its door."""
