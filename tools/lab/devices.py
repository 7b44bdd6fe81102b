# SPDX-License-Identifier: Apache-2.0
"""The device list of a VPC in the shape of the api-server's answer, and the file that holds it."""

import ipaddress
import json
import os
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

IPV4_RANGE = "100.64.0.0/10"
IPV6_RANGE = "200::/64"

_NAMESPACE = uuid.UUID("3a35fd0e-2715-41cc-a259-a506b6f50ab1")


@dataclass(frozen=True)
class Vpc:
    """The ranges from which devices have their addresses."""

    ipv4: str = IPV4_RANGE
    ipv6: str = IPV6_RANGE

    def address(self, family: int, number: int) -> str:
        """Address of device NUMBER; family is 4 or 6."""
        return str(ipaddress.ip_network(self.ipv4 if family == 4 else self.ipv6)[number])


@dataclass
class Device:
    """One device of the VPC."""

    name: str
    public_key: str
    ipv4: str
    ipv6: str
    relay: bool = False
    relay_only: bool = False
    advertises: list[str] = field(default_factory=list)
    vpc: Vpc = Vpc()

    def allowed_ips(self) -> list[str]:
        """What WireGuard may accept from this device: its addresses and what it advertises."""
        return [f"{self.ipv4}/32", f"{self.ipv6}/128", *self.advertises]

    def record(self) -> dict[str, Any]:
        """The device as the api-server shows it; a relay's allowed_ips carry no prefix length."""
        bare = self.relay
        return {
            "id": str(uuid.uuid5(_NAMESPACE, self.name)),
            "owner_id": str(uuid.uuid5(_NAMESPACE, "owner")),
            "vpc_id": str(_NAMESPACE),
            "public_key": self.public_key,
            "allowed_ips": [self.ipv4 if bare else f"{self.ipv4}/32",
                            self.ipv6 if bare else f"{self.ipv6}/128"],
            "ipv4_tunnel_ips": [{"address": self.ipv4, "cidr": self.vpc.ipv4}],
            "ipv6_tunnel_ips": [{"address": self.ipv6, "cidr": self.vpc.ipv6}],
            "advertise_cidrs": self.advertises or None,
            "relay": self.relay,
            "symmetric_nat": self.relay_only,
            "hostname": self.name,
            "os": "linux",
            "endpoints": [{"source": "local", "address": "192.0.2.1:51820"},
                          {"source": "stun:", "address": "invalid AddrPort"}],
            "revision": 1,
            "security_group_id": str(_NAMESPACE),
            "online": True,
            "online_at": "2024-07-22T09:14:31.482915Z",
        }


def records(devices: Iterable[Device]) -> list[dict[str, Any]]:
    """The list, ordered by hostname as the api-server orders it."""
    return [device.record() for device in sorted(devices, key=lambda device: device.name)]


class PeersFile:
    """The file that `nex-relay run --peers` reads."""

    def __init__(self, path: str) -> None:
        self.path = path

    def replace(self, content: list[dict[str, Any]] | bytes) -> None:
        """Write a new file beside it and rename it into place: a reader sees old or new."""
        beside = self.path + ".new"
        with open(beside, "wb") as file:
            file.write(_encode(content))
        os.rename(beside, self.path)

    def overwrite(self, content: list[dict[str, Any]] | bytes) -> None:
        """Empty the file and write into it, as an editor or `>` does."""
        with open(self.path, "wb") as file:
            file.write(_encode(content))

    def remove(self) -> None:
        """Delete the file."""
        os.unlink(self.path)


def _encode(content: list[dict[str, Any]] | bytes) -> bytes:
    return content if isinstance(content, bytes) else json.dumps(content, indent=1).encode()
