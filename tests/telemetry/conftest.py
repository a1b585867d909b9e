"""The core's surroundings in memory, as the tests of instances have them."""

from tests.instances.conftest import world

__all__ = ["world"]
