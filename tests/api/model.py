# SPDX-License-Identifier: Apache-2.0
"""What the service knows, and what can happen to it."""

import random
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from api import answers
from api.addresses import Namespace, NoAddress
from api.rows import Device, Group, Metadata, RegKey, User, Vpc, new_id, new_secret, rfc3339
from api.settings import Settings
from api.tables import Table


@dataclass
class Store:
    """Everything. Whoever reads or writes holds the lock."""

    settings: Settings
    lock: Any = field(default_factory=threading.RLock)
    users: dict[str, User] = field(default_factory=dict)
    reg_keys: dict[str, RegKey] = field(default_factory=dict)  # by token
    by_token: dict[str, Device] = field(default_factory=dict)
    by_key: dict[str, Device] = field(default_factory=dict)  # by public key; not the deleted ones
    watchers: set[Callable[[], None]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.vpcs, self.groups = Table("vpc"), Table("security-group")
        self.devices, self.metadata = Table("device"), Table("device-metadata")
        self.tables = {table.kind: table for table in (self.vpcs, self.groups, self.devices,
                                                       self.metadata)}
        self._shared = Namespace()
        self._committed, self._n_commits = threading.Condition(self.lock), 0

    def begin(self, seconds: float | None = None) -> int:
        """A transaction about one device: it draws its revision, and commits after so many seconds,
        or when the settings say, or at commit(); meanwhile others hold the lock. The caller reads
        everything after this, and puts the row with the revision; 0: it is drawn then."""
        if seconds is None:
            seconds = random.uniform(0, self.settings.commit_s)
        if not seconds:
            return 0
        revision, commits = self.devices.draw(), self._n_commits
        self._committed.wait_for(lambda: self._n_commits != commits, seconds)
        return revision

    def commit(self) -> None:
        """What is under way is committed now."""
        self._n_commits += 1
        self._committed.notify_all()

    def wake(self) -> None:
        """Tell every stream that something has changed."""
        for watcher in list(self.watchers):
            watcher()

    # Users, VPCs, groups, keys

    def add_user(self, username: str, password: str, user_id: str = "", **vpc: Any) -> User:
        """A user with the organization, VPC and group that every user has."""
        user = User(user_id or new_id(), username, password)
        self.users[user.id] = user
        self.add_vpc(user, user.id, user.id, **vpc)
        return user

    def add_vpc(self, owner: User, vpc_id: str = "", organization_id: str = "",
                **values: Any) -> Vpc:
        """A VPC with its default group, which has the same id."""
        vpc = Vpc(vpc_id or new_id(), organization_id or owner.id, {owner.id})
        for name, value in values.items():
            if name not in ("description", "ipv4_cidr", "ipv6_cidr", "private_cidr"):
                raise ValueError(f"no member {name!r}")
            setattr(vpc, name, value)
        if not vpc.private_cidr:
            vpc.addresses = self._shared
        self.vpcs.put(vpc)
        self.groups.put(Group(vpc.id, vpc, "default vpc security group"))
        self.wake()
        return vpc

    def delete_vpc(self, vpc: Vpc) -> None:
        """The VPC with all that is in it."""
        self.delete_devices([device for device in self.devices.live() if device.vpc is vpc])
        for row in [*(group for group in self.groups.live() if group.vpc is vpc), vpc]:
            row.deleted = True
            self.tables[row.kind].put(row)
        self.wake()

    def put_group(self, group: Group) -> None:
        """Insert or update; watchers are told only if it is of the organization's default VPC."""
        self.groups.put(group)
        if group.vpc.id == group.vpc.organization_id:
            self.wake()

    def add_reg_key(self, owner: User, vpc: Vpc, single_use: bool = False, **values: Any) -> RegKey:
        """A registration key."""
        key = RegKey(values.pop("id", "") or new_id(), owner, vpc,
                     values.pop("token", "") or new_secret("RK"), **values)
        if single_use and not key.device_id:
            key.device_id = new_id()
        self.reg_keys[key.token] = key
        return key

    # Devices

    def add_device(self, device: Device, wanted: Iterable[str] = (),
                   advertise: list[str] | None = None, token: str | None = "",
                   revision: int = 0) -> Device:
        """Insert a device whose plain members are set; wanted are addresses asked for."""
        self.assign(device, wanted)
        try:
            self.advertise(device, advertise)
        except Exception:
            self.release(device)
            raise
        device.token = new_secret("DT") if token == "" else token
        device.token_in_events = self.settings
        self.by_key[device.public_key] = device
        if device.token:
            self.by_token[device.token] = device
        self.devices.put(device, revision)
        return device

    def assign(self, device: Device, wanted: Iterable[str] = ()) -> None:
        """Addresses of the device's VPC, and allowed_ips of them."""
        vpc = device.vpc
        asked = {6 if ":" in address else 4: address for address in wanted}
        device.ranges = vpc.ipv4_cidr, vpc.ipv6_cidr
        device.ipv4 = vpc.addresses.pool(vpc.ipv4_cidr).take(asked.get(4))
        try:
            device.ipv6 = vpc.addresses.pool(vpc.ipv6_cidr).take(asked.get(6))
        except NoAddress:
            vpc.addresses.pool(vpc.ipv4_cidr).give(device.ipv4)
            raise
        device.set_allowed(device.relay)

    def release(self, device: Device) -> None:
        """Give its addresses and prefixes back."""
        space = device.vpc.addresses
        space.pool(device.ranges[0]).give(device.ipv4)
        space.pool(device.ranges[1]).give(device.ipv6)
        for cidr in device.advertise_cidrs or ():
            space.give_prefix(cidr)

    def advertise(self, device: Device, cidrs: list[str] | None) -> None:
        """Let it advertise these prefixes and no others; NoAddress changes nothing."""
        space, before = device.vpc.addresses, device.advertise_cidrs or []
        taken: list[str] = []
        for cidr in before:
            space.give_prefix(cidr)
        try:
            for cidr in cidrs or ():
                space.take_prefix(cidr)
                taken.append(cidr)
        except Exception:
            for cidr in taken:
                space.give_prefix(cidr)
            for cidr in before:
                space.take_prefix(cidr)
            raise
        device.advertise_cidrs = cidrs

    def delete_device(self, device: Device, revision: int = 0) -> None:
        """Soft: the row stays with neither key nor token, so that watchers hear of it."""
        self.delete_devices([device], revision)

    def delete_devices(self, devices: list[Device], revision: int = 0) -> None:
        """Several, with one wake-up."""
        gone = {device.id for device in devices}
        for device in devices:
            self.by_key.pop(device.public_key, None)
            if device.token:
                self.by_token.pop(device.token, None)
            self.release(device)
            device.public_key, device.token, device.deleted = "", None, True
            self.devices.put(device, revision)
        for item in self.metadata.live():
            if item.device.id in gone:
                item.deleted = True
                self.metadata.put(item)
        self.wake()

    def set_token(self, device: Device, token: str | None) -> None:
        """Another device token; None: it has none, and what it had is unknown."""
        if device.token:
            self.by_token.pop(device.token, None)
        device.token = token
        if token:
            self.by_token[token] = device
        device.changed()

    def set_online(self, device: Device, online: bool) -> None:
        """A new revision, of which nobody is told."""
        if device.deleted or device.online == online:
            return
        device.online, device.online_at = online, rfc3339(self.settings.now())
        self.devices.put(device)

    def put_metadata(self, device: Device, key: str, value: Any) -> Metadata:
        """Set one value."""
        item = self.metadata.rows.get(f"{device.id}/{key}") or Metadata(device, key, value)
        item.value, item.deleted = value, False
        self.metadata.put(item)
        self.wake()
        return item

    def purge(self) -> int:
        """The daily job: forget what is deleted, whenever that was."""
        gone = 0
        for table in self.tables.values():
            gone += table.purge()
        return gone

    def vpc_of(self, user: User, vpc_id: str) -> Vpc:
        """A VPC that the user may see; 404 else."""
        vpc = self.vpcs.rows.get(vpc_id)
        if vpc is None or vpc.deleted or user.id not in vpc.members:
            raise answers.not_found("vpc")
        return vpc
