# SPDX-License-Identifier: Apache-2.0
"""Who owns the relay's wg0: the lab, and the relay adopts it; or the relay itself.

Both bring wg0 to the same state: the relay's key, its addresses, a peer with its AllowedIPs for
every other device, and a route for every AllowedIP.
"""

import os
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import suppress

from lab.devices import Device
from lab.node import Node
from lab.underlay import PORT
from lab.wireguard import Key, WireGuard

INTERFACE = "wg0"
STATE = "/var/lib/nex-relay"  # the default of --state-dir


class Owner(ABC):
    """What the lab has to do for wg0."""

    adopted: bool  # run --adopt

    @abstractmethod
    def options(self, mtu: int) -> tuple[str, ...]:
        """Options of `run`."""

    @abstractmethod
    def prepare(self, node: Node, device: Device, key: Key, mtu: int) -> None:
        """Before the relay starts: at first, after `down`, or with another key."""

    @abstractmethod
    def apply(self, others: Sequence[Device]) -> None:
        """The list has changed; others are its devices without the relay's own."""

    @abstractmethod
    def remove(self) -> None:
        """Take away what prepare() made, after `down`."""


class LabOwned(Owner):
    """The lab makes wg0 and keeps it equal to the list."""

    adopted = True

    def __init__(self) -> None:
        self.tunnel: WireGuard | None = None
        self._peers: dict[str, list[str]] = {}

    def options(self, mtu: int) -> tuple[str, ...]:
        return ()

    def prepare(self, node: Node, device: Device, key: Key, mtu: int) -> None:
        self.remove()
        bits = device.vpc.ipv6.partition("/")[2]
        self.tunnel = WireGuard(node, INTERFACE, key, PORT, mtu=mtu,
                                addresses=[f"{device.ipv4}/32", f"{device.ipv6}/{bits}"])
        self.tunnel.create()

    def apply(self, others: Sequence[Device]) -> None:
        assert self.tunnel
        wanted = {device.public_key: device.allowed_ips() for device in others}
        for key in self._peers.keys() - wanted.keys():
            self.tunnel.remove_peer(key)
        for key, allowed in wanted.items():
            if self._peers.get(key) != allowed:
                self.tunnel.set_peer(key, allowed, keepalive_s=20)
        before = {cidr for allowed in self._peers.values() for cidr in allowed}
        after = {cidr for allowed in wanted.values() for cidr in allowed}
        for verb, cidrs in (("add", after - before), ("delete", before - after)):
            for cidr in cidrs:
                self.tunnel.node.run("ip", "route", verb, cidr, "dev", INTERFACE)
        self._peers = wanted

    def remove(self) -> None:
        if self.tunnel:
            self.tunnel.remove()
        self.tunnel = None
        self._peers = {}


class RelayOwned(Owner):
    """The relay makes wg0; the lab only gives it a key that it knows."""

    adopted = False

    def options(self, mtu: int) -> tuple[str, ...]:
        return "--mtu", str(mtu)

    def prepare(self, node: Node, device: Device, key: Key, mtu: int) -> None:
        os.makedirs(STATE, mode=0o700, exist_ok=True)
        path = f"{STATE}/private.key"
        with open(os.open(path + ".new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w",
                  encoding="ascii") as file:
            file.write(key.private + "\n")
        os.rename(path + ".new", path)

    def apply(self, others: Sequence[Device]) -> None:
        pass

    def remove(self) -> None:
        for name in ("private.key", "registration.json", "devices.json"):
            with suppress(FileNotFoundError):
                os.unlink(f"{STATE}/{name}")
