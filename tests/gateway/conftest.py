"""The fixtures of the gateway's tests."""

from tests.gateway.fixtures import connect, connect_to_own, gateway, own_gateway, own_redis, redis_server

__all__ = ["connect", "connect_to_own", "gateway", "own_gateway", "own_redis", "redis_server"]
