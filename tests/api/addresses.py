# SPDX-License-Identifier: Apache-2.0
"""Which tunnel addresses are free, and which prefixes behind devices are taken."""

import heapq
import ipaddress

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class NoAddress(Exception):
    """Nothing left, or taken: the api-server answers 500."""


class Pool:
    """Addresses of one range; the lowest that is free comes first."""

    def __init__(self, cidr: str) -> None:
        self.network: Network = ipaddress.ip_network(cidr, strict=False)
        self._base = int(self.network.network_address)
        self._make = type(self.network.network_address)
        self._next = 1
        self._last = self.network.num_addresses - 2
        self._freed: list[int] = []
        self._taken: set[int] = set()

    def take(self, wanted: str | None = None) -> str:
        """The wanted address if it is free, else another one, silently."""
        offset = self._offset(wanted) if wanted else None
        if offset is None or offset in self._taken:
            offset = self._lowest()
        self._taken.add(offset)
        return str(self._make(self._base + offset))

    def give(self, address: str) -> None:
        """It is free again."""
        offset = self._offset(address)
        if offset in self._taken:
            self._taken.discard(offset)
            heapq.heappush(self._freed, offset)

    def _offset(self, address: str) -> int | None:
        number = int(ipaddress.ip_address(address)) - self._base
        return number if 0 < number <= self._last else None

    def _lowest(self) -> int:
        while self._freed:
            offset = heapq.heappop(self._freed)
            if offset not in self._taken:
                return offset
        while self._next in self._taken:
            self._next += 1
        if self._next > self._last:
            raise NoAddress(f"{self.network} is used up")
        self._next += 1
        return self._next - 1


class Namespace:
    """Ranges and prefixes that must not overlap: those of one private VPC, or of all others."""

    def __init__(self) -> None:
        self._pools: dict[str, Pool] = {}
        self._prefixes: list[Network] = []

    def pool(self, cidr: str) -> Pool:
        """The pool of a range."""
        return self._pools.setdefault(cidr, Pool(cidr))

    def take_prefix(self, cidr: str) -> None:
        """Somebody advertises it; a default route may be advertised by all."""
        prefix = ipaddress.ip_network(cidr, strict=False)
        if prefix.prefixlen == 0:
            return
        used = [*self._prefixes, *(pool.network for pool in self._pools.values())]
        if any(other.version == prefix.version and other.overlaps(prefix) for other in used):
            raise NoAddress(f"{cidr} overlaps")
        self._prefixes.append(prefix)

    def give_prefix(self, cidr: str) -> None:
        """Nobody advertises it any more. What is no prefix was never taken."""
        try:
            prefix = ipaddress.ip_network(cidr, strict=False)
        except ValueError:
            return
        if prefix in self._prefixes:
            self._prefixes.remove(prefix)
