# SPDX-License-Identifier: Apache-2.0
"""Users, VPCs, groups, devices, metadata, keys: each with the JSON that shows it."""

import base64
import datetime
import os
import uuid
from dataclasses import dataclass
from typing import Any

from api.addresses import Namespace
from api.sealed import seal
from api.settings import Settings
from api.tables import Row

IPV4_RANGE, IPV6_RANGE = "100.64.0.0/10", "200::/64"


def new_id() -> str:
    """A random id."""
    return str(uuid.uuid4())


def new_secret(prefix: str) -> str:
    """An opaque bearer: "RK" or "DT", and 32 random bytes."""
    return f"{prefix}:{base64.b64encode(os.urandom(32)).decode()}"


def rfc3339(when: float) -> str:
    """A time as Go writes it, in UTC."""
    moment = datetime.datetime.fromtimestamp(when, datetime.timezone.utc)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f").rstrip("0").rstrip(".") + "Z"


@dataclass
class User:
    """Somebody who can log in. The organization, VPC and group with the same id are the user's."""

    id: str
    username: str
    password: str

    def shown(self) -> dict[str, Any]:
        return {"id": self.id, "full_name": "", "picture": "", "username": self.username}


class Vpc(Row):
    """A network of an organization."""

    kind = "vpc"

    def __init__(self, row_id: str, organization_id: str, members: set[str]) -> None:
        super().__init__(row_id)
        self.organization_id, self.members = organization_id, members
        self.description = "default vpc"
        self.ipv4_cidr, self.ipv6_cidr, self.private_cidr = IPV4_RANGE, IPV6_RANGE, False
        self.addresses = Namespace()

    def shown(self) -> dict[str, Any]:
        return {"id": self.id, "organization_id": self.organization_id,
                "description": self.description, "private_cidr": self.private_cidr,
                "ipv4_cidr": self.ipv4_cidr, "ipv6_cidr": self.ipv6_cidr,
                "revision": self.revision}


class Group(Row):
    """A security group."""

    kind = "security-group"

    def __init__(self, row_id: str, vpc: Vpc, description: str) -> None:
        super().__init__(row_id)
        self.vpc, self.description = vpc, description
        self.inbound: list[Any] = []
        self.outbound: list[Any] = []

    def shown(self) -> dict[str, Any]:
        record: dict[str, Any] = {"id": self.id, "description": self.description,
                                  "vpc_id": self.vpc.id}
        if self.inbound:
            record["inbound_rules"] = self.inbound
        if self.outbound:
            record["outbound_rules"] = self.outbound
        return record | {"revision": self.revision}


class Device(Row):
    """A device. token is in clear here, and null once the device is deleted."""

    kind = "device"

    def __init__(self, row_id: str, owner_id: str, vpc: Vpc, public_key: str) -> None:
        super().__init__(row_id)
        self.owner_id, self.vpc, self.public_key = owner_id, vpc, public_key
        self.ipv4 = self.ipv6 = ""
        self.ranges = vpc.ipv4_cidr, vpc.ipv6_cidr
        self.allowed_ips: list[str] = []
        self.advertise_cidrs: list[str] | None = None
        self.relay = self.symmetric_nat = False
        self.hostname = self.os = ""
        self.endpoints: list[dict[str, str]] | None = None
        self.security_group_id = vpc.id
        self.online = False
        self.online_at: str | None = None
        self.token: str | None = None
        self.reg_key_id: str | None = None
        self.token_in_events: Settings | None = None
        self._sealed: tuple[str, str] | None = None

    def set_allowed(self, relay: bool) -> None:
        """A relay's addresses have no prefix length."""
        self.allowed_ips = ([self.ipv4, self.ipv6] if relay
                            else [f"{self.ipv4}/32", f"{self.ipv6}/128"])

    def shown(self) -> dict[str, Any]:
        """As in a stream."""
        settings = self.token_in_events
        return self.shown_to(bool(settings and settings.tokens_in_events),
                             settings.seal if settings else "aes")

    def shown_to(self, with_token: bool, aead: str = "aes") -> dict[str, Any]:
        """As in an answer, with the sealed token or without."""
        record = {
            "id": self.id, "owner_id": self.owner_id, "vpc_id": self.vpc.id,
            "public_key": self.public_key, "allowed_ips": self.allowed_ips,
            "ipv4_tunnel_ips": [{"address": self.ipv4, "cidr": self.ranges[0]}],
            "ipv6_tunnel_ips": [{"address": self.ipv6, "cidr": self.ranges[1]}],
            "advertise_cidrs": self.advertise_cidrs, "relay": self.relay,
            "symmetric_nat": self.symmetric_nat, "hostname": self.hostname, "os": self.os,
            "endpoints": self.endpoints, "revision": self.revision,
            "security_group_id": self.security_group_id, "online": self.online,
            "online_at": self.online_at,
        }
        if with_token and self.token and self.public_key and aead != "none":
            record["bearer_token"] = self._seal(aead)
        return record

    def _seal(self, aead: str) -> str:
        assert self.token
        wanted = f"{aead} {self.token} {self.public_key}"
        if not self._sealed or self._sealed[0] != wanted:
            key = self.public_key
            if aead == "other":  # somebody else's
                key = base64.b64encode(os.urandom(32)).decode()
            self._sealed = wanted, seal(key, self.token, "chacha" if aead == "chacha" else "aes")
        return self._sealed[1]


class Metadata(Row):
    """A value under a key of a device."""

    kind = "device-metadata"

    def __init__(self, device: Device, key: str, value: Any) -> None:
        super().__init__(f"{device.id}/{key}")
        self.device, self.key, self.value = device, key, value

    def shown(self) -> dict[str, Any]:
        return {"device_id": self.device.id, "key": self.key, "value": self.value,
                "revision": self.revision}


@dataclass
class RegKey:
    """A registration key; one with a device_id is for that single device."""

    id: str
    owner: User
    vpc: Vpc
    token: str
    description: str = ""
    device_id: str | None = None
    expires_at: float | None = None
    security_group_id: str | None = None
    settings: dict[str, Any] | None = None

    def shown(self) -> dict[str, Any]:
        record: dict[str, Any] = {"id": self.id, "owner_id": self.owner.id, "vpc_id": self.vpc.id,
                                  "bearer_token": self.token}
        if self.description:
            record["description"] = self.description
        if self.device_id:
            record["device_id"] = self.device_id
        if self.expires_at is not None:
            record["expires_at"] = rfc3339(self.expires_at)
        return record | {"security_group_id": self.security_group_id, "settings": self.settings}
