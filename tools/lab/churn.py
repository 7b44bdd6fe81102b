# SPDX-License-Identifier: Apache-2.0
"""A device list that changes all the time, as that of a busy VPC: at random, but repeatably."""

import base64
import random
from collections.abc import Sequence

from lab.devices import Device

_OTHERS_MAX = 30
_FIRST_NUMBER = 1000  # of the others' addresses in the VPC
_CIDRS = tuple(f"10.200.{n}.0/24" for n in range(1, 41)) + tuple(f"fd00:200:{n:x}::/64"
                                                              for n in range(1, 41))


class Churn:
    """The list: devices that stay, whose CIDRs may change, and others that come and go.

    Every change makes the list one device longer or shorter, so that its number of devices tells
    whether it was taken: where the change itself does not do that, a device named "pulse" does.
    """

    def __init__(self, staying: Sequence[Device], seed: int) -> None:
        self.staying = list(staying)
        self.others: list[Device] = []
        self._random = random.Random(seed)
        self._vpc = staying[0].vpc
        self._made = 0
        self._pulse = self._make("pulse")
        self._has_pulse = False

    def devices(self) -> list[Device]:
        """The list now."""
        return [*self.staying, *self.others, *([self._pulse] if self._has_pulse else [])]

    def cidrs(self) -> int:
        """How many CIDRs are advertised now."""
        return sum(len(device.advertises) for device in self.devices())

    def change(self) -> None:
        """One change, of a random kind; most change what the devices advertise."""
        count = len(self.others)
        kinds = [self._come, self._go, self._advertise, self._withdraw, self._move, self._readdress,
                 self._rename]
        self._random.choices(kinds, weights=(2, 2, 3, 2, 4, 1, 1))[0]()
        if len(self.others) == count:
            self._has_pulse = not self._has_pulse

    def _make(self, name: str) -> Device:
        self._made += 1
        number = _FIRST_NUMBER + self._made
        key = base64.b64encode(self._random.randbytes(32)).decode()
        return Device(name, key, self._vpc.address(4, number), self._vpc.address(6, number),
                      relay_only=self._random.random() < 0.5, vpc=self._vpc)

    def _anyone(self) -> Device:
        return self._random.choice([*self.staying, *self.others])

    def _come(self) -> None:
        if len(self.others) < _OTHERS_MAX:
            device = self._make(f"other-{self._made}")
            self.others.append(device)
            self._advertise(device)

    def _go(self) -> None:
        if self.others:
            self.others.remove(self._random.choice(self.others))

    def _advertise(self, device: Device | None = None) -> None:
        taken = {cidr for one in self.devices() for cidr in one.advertises}
        free = [cidr for cidr in _CIDRS if cidr not in taken]
        if free:
            (device or self._anyone()).advertises.append(self._random.choice(free))

    def _take(self) -> str:
        """A CIDR, taken from the device that advertises it; empty when there is none."""
        having = [device for device in self.devices() if device.advertises]
        if not having:
            return ""
        advertises = self._random.choice(having).advertises
        return advertises.pop(self._random.randrange(len(advertises)))

    def _withdraw(self) -> None:
        self._take()

    def _move(self) -> None:
        if cidr := self._take():
            self._anyone().advertises.append(cidr)

    def _readdress(self) -> None:
        """One device has another's addresses, and that one new ones."""
        if len(self.others) >= 2:
            one, other = self._random.sample(self.others, 2)
            one.ipv4, one.ipv6 = other.ipv4, other.ipv6
            fresh = self._make(other.name)
            other.ipv4, other.ipv6 = fresh.ipv4, fresh.ipv6

    def _rename(self) -> None:
        if self.others:
            device = self._random.choice(self.others)
            device.name = f"{device.name.partition('.')[0]}.{self._random.randrange(1000)}"
            device.relay_only = not device.relay_only
