# SPDX-License-Identifier: Apache-2.0
"""What happens again and again does not fill the journal: what is wrong is said once until it is
something else, and of what is too much it is said how much that was. (By the stream of an
api-server: test_control_rates.py.)"""

import base64
import re
from collections.abc import Iterator

import pytest

from lab import devices
from lab.devices import Device
from lab.mesh import Mesh
from lab.relay import Daemon, RelayCommands
from lab.wait import wait_until
from lab.wireguard import make_key

EXITS = 22
SHOWN = 20  # of the 2 * 21 that do not get the default routes
MANY = 300  # renames are more than are written one by one
SUPPRESSED = "further messages of this kind suppressed"


class Vpc:
    """With exit nodes that all want the default routes, and somebody who does not."""

    def __init__(self, mesh: Mesh, relay: RelayCommands) -> None:
        self.mesh, self.relay = mesh, relay
        self.exits = [Device(f"exit{number}", make_key().public, f"100.64.7.{number}",
                             f"200::7:{number}", advertises=["0.0.0.0/0", "::/0"])
                      for number in range(1, EXITS + 1)]
        self.exits.sort(key=lambda device: base64.b64decode(device.public_key))
        self.other = Device("other", make_key().public, "100.64.8.8", "200::8:8")
        self.publish()

    def publish(self) -> None:
        self.mesh.peers.replace(devices.records([*self.mesh.devices(), self.other, *self.exits]))

    def rename(self, device: Device, name: str) -> None:
        device.name = name
        self.publish()
        wait_until(lambda: name in self.relay.peers(), name)


@pytest.fixture
def vpc(mesh: Mesh, relay: RelayCommands) -> Iterator[Vpc]:
    yield Vpc(mesh, relay)
    relay.clean()
    mesh.peers.replace(devices.records(mesh.devices()))


def _claimed(lines: list[str]) -> list[str]:
    return [line for line in lines if "is claimed by two devices" in line]


def _new(running: Daemon) -> list[str]:
    return running.messages()[running.seen:]


def test_device_that_is_renamed_in_a_loop(vpc: Vpc, relay: RelayCommands,
                                          with_peers: tuple[str, ...]) -> None:
    """It has nothing to do with the conflicts of others, which nobody is told of again."""
    running = relay.start(*with_peers)
    lines = running.new_messages()
    assert len(_claimed(lines)) == len(set(_claimed(lines))) == SHOWN, lines
    assert sum(f"{2 * (EXITS - 1) - SHOWN} more addresses are claimed twice" in line
               for line in lines) == 1
    for number in range(MANY):
        if any(SUPPRESSED in line for line in _new(running)):
            break
        vpc.rename(vpc.other, f"loop-{number}")
    lines = running.new_messages()
    assert not _claimed(lines) and not any("claimed twice" in line for line in lines)
    assert SUPPRESSED in lines[-1] and all(" devices, " in line for line in lines[:-1]), lines
    # The list changes no more: then it is said how often it did.
    for more in range(5):
        vpc.rename(vpc.other, f"more-{more}")
    wait_until(lambda: re.search(rf"\d+ {SUPPRESSED}, the last: .* devices, ",
                                 "\n".join(_new(running))), "number of what was left out", 30)


def test_changed_conflict_is_said_again(vpc: Vpc, relay: RelayCommands,
                                        with_peers: tuple[str, ...]) -> None:
    running = relay.start(*with_peers)
    running.new_messages()
    vpc.exits.pop(0)
    vpc.rename(vpc.other, "after")
    lines = _claimed(running.new_messages())
    assert len(lines) == SHOWN and all(f"'{vpc.exits[0].name}' has it" in line for line in lines)
    texts = {trouble["text"] for trouble in relay.status()["troubles"]}
    assert all(any(text in line for text in texts) for line in lines)
    shown = relay.call("status", "--interface", relay.interface).stdout
    assert sum(f"of '{vpc.exits[0].name}' is claimed by" in line
               for line in shown.splitlines()) >= SHOWN, shown
    vpc.exits[:] = []
    vpc.rename(vpc.other, "last")
    assert not relay.status()["troubles"] and not _claimed(running.new_messages())


def test_conflict_that_changes_in_a_loop(vpc: Vpc, relay: RelayCommands,
                                         with_peers: tuple[str, ...]) -> None:
    """One line for each change, as long as there are not too many; and a number at the end."""
    running = relay.start(*with_peers)
    running.new_messages()
    for number in range(10):
        vpc.rename(vpc.exits[0], f"loop-{number}")
    lines = running.new_messages()
    written = len(_claimed(lines))
    assert written < 10 * SHOWN and sum(SUPPRESSED in line for line in lines) >= 1, lines
    assert relay.status()["troubles"][0]["text"].count("'loop-9' has it") == 1
    running.stop()
    rest = running.new_messages()
    left_out = sum(int(number) for number in
                   re.findall(rf"(\d+) {SUPPRESSED}, the last: .*loop-9", "\n".join(rest)))
    assert left_out + written >= 10 * SHOWN, rest
    assert SUPPRESSED in rest[-1]
