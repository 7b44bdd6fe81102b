# SPDX-License-Identifier: Apache-2.0
"""The host's forwarding: kept on while the relay runs, on its own interface too, and without the
loss of default routes that come from router advertisements."""

import socket
import struct
import time
from collections.abc import Iterator

import pytest
from own_interface import net

from lab import footprint
from lab.node import Node
from lab.owner import INTERFACE
from lab.topology import Topology
from lab.traffic import ping
from lab.wait import LIMIT_S, wait_until

SWITCHES = {4: "ipv4/ip_forward", 6: "ipv6/conf/all/forwarding"}
UPLINK = "up0"
ACCEPT_RA = f"ipv6/conf/{UPLINK}/accept_ra"

__all__ = ["net"]  # a fixture


def _advertise(router: Node) -> None:
    """A router advertisement to all nodes, for a default route of half an hour."""
    advertisement = struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, 1800, 0, 0)
    with router.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6) as out:
        out.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
        out.sendto(advertisement, ("ff02::1", 0, 0, router.ifindex("router")))


def _default_route(relay: Node) -> str:
    return relay.run("ip", "-6", "route", "show", "default", "dev", UPLINK, "proto", "ra")


class _Uplink:
    """An uplink of the relay host, and the router behind it, which says nothing by itself."""

    def __init__(self, relay: Node) -> None:
        self.relay = relay
        self.router = Node("isp")

    def make(self) -> None:
        self.router.set_sysctl("ipv6/conf/default/accept_dad", "0")
        self.relay.run("ip", "link", "add", UPLINK, "type", "veth", "peer", "name", "router",
                       "netns", "isp")
        self.router.run("ip", "link", "set", "router", "up")
        self.relay.run("ip", "link", "set", UPLINK, "up")

    def remove(self) -> None:
        self.relay.call("ip", "link", "delete", UPLINK)

    def get_a_default_route(self) -> None:
        """Advertise until it is there."""
        def is_there() -> str:
            _advertise(self.router)
            return _default_route(self.relay)
        wait_until(is_there, "default route", poll_s=0.05)


@pytest.fixture
def uplink(net: Topology) -> Iterator[_Uplink]:
    made = _Uplink(net.relay)
    try:
        yield made
    finally:
        made.remove()
        made.router.remove()


@pytest.mark.kernel
def test_an_advertisement_after_the_start_is_accepted(net: Topology, uplink: _Uplink) -> None:
    """As at boot. Interfaces with another value, the loopback and wg0 are left alone."""
    uplink.make()
    net.relay.run("ip", "link", "add", "quiet", "type", "veth", "peer", "name", "quiet-end")
    net.relay.set_sysctl("ipv6/conf/quiet/accept_ra", "0")
    try:
        before = footprint.take(net.relay)
        net.run()
        assert net.relay.sysctl(ACCEPT_RA) == "2"
        assert net.relay.sysctl("ipv6/conf/quiet/accept_ra") == "0"
        for name in ("default", "lo", INTERFACE):
            assert net.relay.sysctl(f"ipv6/conf/{name}/accept_ra") == "1", name
        uplink.get_a_default_route()
        net.relay.run("ip", "-6", "route", "flush", "default", "dev", UPLINK)
        assert net.commands.down().returncode == 0
        assert footprint.difference(before, footprint.take(net.relay)) == []
    finally:
        net.relay.run("ip", "link", "delete", "quiet")


@pytest.mark.kernel
@pytest.mark.parametrize("again", [False, True], ids=["new", "again"])
def test_an_uplink_that_appears_later_accepts_them(net: Topology, uplink: _Uplink,
                                                   again: bool) -> None:
    if again:
        uplink.make()
    net.run()
    if again:
        uplink.remove()
    uplink.make()
    wait_until(lambda: net.relay.sysctl(ACCEPT_RA) == "2", "accept_ra of 2")
    uplink.get_a_default_route()
    assert net.commands.down().returncode == 0
    assert net.relay.sysctl(ACCEPT_RA) == "1"


def test_one_that_appears_while_no_relay_runs_is_seen_by_the_next(net: Topology,
                                                                  uplink: _Uplink) -> None:
    net.run().kill()
    uplink.make()
    net.run()
    assert net.relay.sysctl(ACCEPT_RA) == "2"


def test_a_value_of_somebody_else_stays(net: Topology, uplink: _Uplink) -> None:
    uplink.make()
    net.run()
    net.relay.set_sysctl(ACCEPT_RA, "0")
    assert net.commands.down().returncode == 0
    assert net.relay.sysctl(ACCEPT_RA) == "0"


def test_a_host_that_forwards_already_is_left_as_it_is(net: Topology, uplink: _Uplink) -> None:
    """It ignores advertisements of its own will. So does an interface that alone is a router's."""
    uplink.make()
    net.relay.set_sysctl(f"ipv6/conf/{UPLINK}/forwarding", "1")
    net.run()
    assert net.relay.sysctl(ACCEPT_RA) == "1"
    net.relay.run("ip", "link", "add", "other", "type", "veth", "peer", "name", "other-end")
    wait_until(lambda: net.relay.sysctl("ipv6/conf/other/accept_ra") == "2", "the pass")
    assert net.relay.sysctl(ACCEPT_RA) == "1"
    assert net.commands.down().returncode == 0
    net.relay.set_sysctl(SWITCHES[6], "1")
    try:
        net.run()
        assert net.relay.sysctl("ipv6/conf/other/accept_ra") == "1"
        assert net.commands.down().returncode == 0
    finally:
        net.relay.run("ip", "link", "delete", "other")
        net.relay.set_sysctl(SWITCHES[6], "0")


def test_interfaces_that_are_gone_leave_the_record(net: Topology) -> None:
    net.run()
    record = "/run/nex-relay/sysctls"
    for name in ("veth-a", "veth-b", "veth-c"):
        net.relay.run("ip", "link", "add", name, "type", "veth", "peer", "name", f"{name}-end")
        wait_until(lambda name=name: f"/{name}/accept_ra 2 1" in _text(record), "a line for it")
        net.relay.run("ip", "link", "delete", name)
    text = _text(record)
    assert "veth-a" not in text and "veth-c" in text


def _text(path: str) -> str:
    with open(path, encoding="ascii") as file:
        return file.read()


@pytest.mark.kernel
def test_the_own_interface_forwards_where_new_ones_do_not(net: Topology, family: int) -> None:
    """Switched on by somebody who left net.ipv4.conf.default.forwarding at 0."""
    for version, name in SWITCHES.items():
        net.relay.set_sysctl(name, "1")
        net.relay.set_sysctl(f"ipv{version}/conf/default/forwarding", "0")
    try:
        net.run()
        for version in SWITCHES:
            assert net.relay.sysctl(f"ipv{version}/conf/{INTERFACE}/forwarding") == "1"
        net.connect()
        _check_time_exceeded(net, family)
        net.relay.set_sysctl(f"ipv{family}/conf/{INTERFACE}/forwarding", "0")
        wait_until(lambda: net.relay.sysctl(f"ipv{family}/conf/{INTERFACE}/forwarding") == "1",
                   "forwarding of wg0")
        assert net.relay.sysctl(f"ipv{family}/conf/default/forwarding") == "0"
        assert net.commands.down().returncode == 0
        assert net.relay.sysctl(SWITCHES[family]) == "1"
    finally:
        for name in SWITCHES.values():
            net.relay.set_sysctl(name, "0")


def _check_time_exceeded(net: Topology, family: int) -> None:
    answer = ping(net["spoke1"].node, net["spoke2"].address(family), "-t", "1", count=2)
    expected = {4: "Time to live exceeded", 6: "Time exceeded: Hop limit"}[family]
    assert expected in answer.output, answer.output


def test_a_switch_that_was_switched_off_is_on_again(net: Topology, uplink: _Uplink,
                                                    family: int) -> None:
    """And said once; the default route of an advertisement is still there."""
    uplink.make()
    before = footprint.take(net.relay)
    daemon = net.run()
    uplink.get_a_default_route()
    for _ in range(3):  # the first time the relay may look anyway
        net.relay.set_sysctl(SWITCHES[family], "0")
        wait_until(lambda: net.relay.sysctl(SWITCHES[family]) == "1", "forwarding")
    name = SWITCHES[family].replace("/", ".")
    wait_until(lambda: _said(daemon.messages(), f"net.{name}"), "a message")
    assert len(_said(daemon.messages(), "switched off")) == 1, daemon.messages()
    assert not _said(daemon.messages(), "somebody has changed"), daemon.messages()
    assert _default_route(net.relay)
    net.relay.run("ip", "-6", "route", "flush", "default", "dev", UPLINK)
    assert net.commands.down().returncode == 0
    assert footprint.difference(before, footprint.take(net.relay)) == []


def test_who_insists_is_opposed_less_and_less(net: Topology) -> None:
    """It is said that somebody insists, and the number of messages is bounded."""
    daemon = net.run()
    times, began = 0, time.monotonic()
    while times < 10 or time.monotonic() < began + 5:
        assert time.monotonic() < began + LIMIT_S, (times, daemon.messages())
        if net.relay.sysctl(SWITCHES[4]) == "1":
            net.relay.set_sysctl(SWITCHES[4], "0")
            times += 1
        time.sleep(0.01)
    assert times <= 15  # of the relay's own pauses: it is never sooner
    wait_until(lambda: _said(daemon.messages(), "less and less often"), "word of it")
    assert len(_said(daemon.messages(), "less and less often")) == 1, daemon.messages()
    assert len(_said(daemon.messages(), "switched off")) <= 5, daemon.messages()


def _said(messages: list[str], text: str) -> list[str]:
    return [line for line in messages if text in line]
