# SPDX-License-Identifier: Apache-2.0
"""More of the kernel's messages than a socket holds: what was among those that are lost is noticed
all the same."""

import json
import signal
from collections.abc import Iterator

import pytest

from lab import footprint, wgshow
from lab.owner import INTERFACE, RelayOwned
from lab.relay import process_state
from lab.topology import Topology
from lab.wait import wait_until

MESSAGES = 20000  # of routes; and of links one to so many, as wireguard-go ends when it misses any
TO_ONE_LINK = 50
LAN = ("10.188.100.0/24", "fd00:188:100::/64")
TABLE = wgshow.own_table(INTERFACE)


@pytest.fixture
def net() -> Iterator[Topology]:
    """A relay that runs, and another interface with much traffic of routes."""
    with Topology(RelayOwned()) as network:
        network.add("spoke1", advertises=LAN, over=4)
        network.prepare()
        network.relay.run("ip", "link", "add", "busy", "type", "veth", "peer", "name", "busy-end")
        network.relay.run("ip", "link", "set", "busy", "up")
        network.run()
        yield network
        network.relay.run("ip", "link", "delete", "busy")


def _flood(net: Topology) -> None:
    lines = []
    for i in range(MESSAGES // 2):
        lines += [f"route {verb} 10.{200 + i % 50}.{i % 250}.0/24 dev busy" for verb in
                  ("add", "del")]
        if i % (TO_ONE_LINK // 2) == 0:
            lines += [f"link set busy mtu {1300 + i % 100}"]
    with open("/run/lab/batch", "w", encoding="ascii") as file:
        file.write("\n".join(lines) + "\n")
    net.relay.run("ip", "-batch", "/run/lab/batch")


def _drops(net: Topology) -> int:
    """Messages that the relay host's netlink sockets have lost; nobody but the relay listens."""
    def read() -> int:
        with open("/proc/thread-self/net/netlink", encoding="ascii") as file:
            return sum(int(line.split()[8]) for line in file.readlines()[1:])
    return net.relay.inside(read)


@pytest.mark.parametrize("harm", [
    [f"ip route del {LAN[0]} table {TABLE}", f"ip -6 route del {LAN[1]} table {TABLE}"],
    [f"ip rule del iif {INTERFACE}", f"ip -6 rule del oif {INTERFACE}"],
    [f"ip address del 100.64.0.1/32 dev {INTERFACE}", f"ip address del 200::1/128 dev {INTERFACE}"],
    [f"ip link set {INTERFACE} down"],
], ids=["routes", "rules", "addresses", "down"])
def test_what_happens_in_a_flood_is_put_back(net: Topology, harm: list[str]) -> None:
    daemon = net.commands.daemons[-1]
    before = footprint.lasting(footprint.take(net.relay))
    dropped = _drops(net)
    daemon.signal(signal.SIGSTOP)
    wait_until(lambda: process_state(daemon.pid) == "T", "stop")
    _flood(net)
    for command in harm:
        net.relay.run(*command.split())
    _flood(net)
    assert _drops(net) > dropped
    net.relay.run("ip", "link", "set", "busy", "mtu", "1500")
    daemon.signal(signal.SIGCONT)

    def back() -> bool:
        link = json.loads(net.relay.run("ip", "-j", "link", "show", "dev", INTERFACE))[0]
        return "UP" in link["flags"] and footprint.difference(
            before, footprint.lasting(footprint.take(net.relay))) == []
    try:
        wait_until(back, "what it was")  # a look itself takes a part of that
    except TimeoutError as err:
        raise AssertionError(daemon.messages(), footprint.difference(before, footprint.lasting(
            footprint.take(net.relay)))) from err
    assert daemon.process.poll() is None
