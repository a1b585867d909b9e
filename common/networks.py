"""Which addresses others may have us connect to: public ones. Not the host, its network, or a cloud's metadata service.

One rule for a machine's way out and for a webhook's; it knows no Django, because drivers use it.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Sequence

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

REFUSED_PORTS = frozenset({25})  # no spam from here

_REFUSED = tuple(
    ipaddress.ip_network(network)
    for network in (
        "0.0.0.0/8",
        "100.64.0.0/10",
        "192.0.0.0/24",
        "192.88.99.0/24",
        "198.18.0.0/15",
        # An IPv4 address in disguise: compatible, translated (NAT64), Teredo, 6to4.
        "::/96",
        "64:ff9b::/96",
        "64:ff9b:1::/48",
        "2001::/23",
        "2002::/16",
        "3fff::/20",
        "5f00::/16",
        "fec0::/10",
    )
)


class Policy:
    """Public addresses, and what `allowed` adds, such as a company's own network."""

    def __init__(self, allowed: Sequence[str] = ()) -> None:
        self._allowed: tuple[Network, ...] = tuple(ipaddress.ip_network(network) for network in allowed)

    def admits(self, address: str) -> bool:
        """Whether one may connect to this numeric address. Ask it of the very address you connect to."""
        number = _number(address)
        if number is None:
            return False
        return self._is_listed(number) or (_is_public(number) and not _is_ours(number))

    def allows(self, address: str) -> bool:
        """Whether `allowed` names this numeric address, however public it may be besides."""
        number = _number(address)
        return number is not None and self._is_listed(number)

    def _is_listed(self, number: Address) -> bool:
        return any(number in network for network in self._allowed)


def _number(address: str) -> Address | None:
    try:
        number: Address = ipaddress.ip_address(address)
    except ValueError:
        return None
    if isinstance(number, ipaddress.IPv6Address) and number.ipv4_mapped is not None:
        return number.ipv4_mapped
    return number


def _is_public(number: Address) -> bool:
    if not number.is_global or number.is_multicast or number.is_reserved or number.is_unspecified:
        return False
    return not any(number in network for network in _REFUSED)


def _is_ours(number: Address) -> bool:
    """Whether the host itself has this address: then one can bind to it. Its services trust those who come from it."""
    family = socket.AF_INET if number.version == 4 else socket.AF_INET6
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((str(number), 0))
    except OSError:
        return False
    return True
