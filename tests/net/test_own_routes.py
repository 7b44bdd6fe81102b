# SPDX-License-Identifier: Apache-2.0
"""Addresses and routes of others that come and go while a relay with an interface of its own runs:
they are noticed, said and counted at once, and so is their end."""

import ipaddress
import time
from collections.abc import Iterator
from typing import Any

import pytest
from own_interface import LAN, addresses, is_applied, net, wanted

from lab import wgshow
from lab.owner import INTERFACE
from lab.relay import Daemon
from lab.topology import Topology
from lab.traffic import ping
from lab.wait import wait_quiet, wait_until
from lab.wireguard import WireGuard

__all__ = ["net"]  # a fixture

HOST_ROUTES = ("--host-routes", ",".join(LAN.values()))
NEAR = {4: "192.0.2.1/24", 6: "2001:db8:2::1/64"}
IDLE_S = 3


@pytest.fixture
def other(net: Topology) -> Iterator[str]:
    """Another interface of the relay's host."""
    net.relay.run("ip", "link", "add", "other", "type", "veth", "peer", "name", "other-end")
    try:
        for name in ("other", "other-end"):
            net.relay.run("ip", "link", "set", name, "up")
        for address in NEAR.values():
            _address(net, "add", address, "other")
        yield "other"
    finally:
        net.relay.call("ip", "link", "delete", "other")


def _address(net: Topology, verb: str, address: str, interface: str) -> None:
    net.relay.run("ip", "address", verb, address, "dev", interface,
                  *(("nodad",) if verb == "add" and ":" in address else ()))


def _route(net: Topology, verb: str, cidr: str, *words: str) -> None:
    net.relay.run("ip", "-6" if ":" in cidr else "-4", "route", verb, cidr, *words)


def _tunnel(net: Topology) -> dict[str, Any]:
    status = net.commands.status()
    assert status
    return status["tunnel"]


def _routes(net: Topology) -> set[str]:
    return wgshow.host_routes(net.relay, INTERFACE)


def _all_routes(net: Topology) -> set[str]:
    return set().union(*wanted(net).values())


@pytest.mark.kernel
def test_an_address_that_comes_into_our_range(net: Topology, other: str, family: int) -> None:
    """It is an error that names both; routes and traffic stay, and all is well when it goes."""
    daemon = net.run(*HOST_ROUTES)
    net.connect()
    daemon.new_messages()
    address, ours = {4: ("100.64.0.77/10", "100.64.0.1"), 6: ("200::9/64", "200::1")}[family]
    _address(net, "add", address, other)
    line = wait_until(lambda: [line for line in daemon.messages() if "lies in" in line],
                      "message of the conflict")[0]
    assert ours in line and address in line and other in line and INTERFACE in line
    wait_until(lambda: ours in (_tunnel(net)["error"] or ""), "error in the status")
    assert _routes(net) == _all_routes(net) and _tunnel(net)["left_out"] == 0
    assert ping(net.relay, net["spoke1"].address(family)).complete
    # What somebody changes meanwhile is put back.
    _route(net, "del", net["spoke1"].address(family), "dev", INTERFACE)
    wait_until(lambda: _routes(net) == _all_routes(net), "all routes")
    _address(net, "del", address, other)
    wait_until(lambda: _tunnel(net)["error"] is None, "status without error")
    assert _routes(net) == _all_routes(net)
    assert sum("lies in" in line for line in daemon.messages()) == 1
    assert any("as it should be again" in line for line in daemon.messages())


def test_a_new_list_ends_the_conflict(net: Topology, other: str) -> None:
    """Whatever of the two has got another range."""
    daemon = net.run(*HOST_ROUTES)
    _address(net, "add", "100.64.0.77/10", other)
    wait_until(lambda: _tunnel(net)["error"], "error in the status")
    net.publish()
    wait_until(lambda: net.commands.status()["list"]["error"], "list that is refused")
    net.device.ipv4 = "100.128.0.1"
    for number, spoke in enumerate(net.spokes.values()):
        spoke.device.ipv4 = f"100.128.0.{number + 2}"
    net.publish()
    wait_until(lambda: is_applied(net), "the other list")
    wait_until(lambda: _tunnel(net)["error"] is None, "status without error")
    assert net.commands.status()["list"]["error"] is None
    assert sum("as it should be again" in line for line in daemon.messages()) == 1


def _wake_ups(daemon: Daemon) -> int:
    with open(f"/proc/{daemon.pid}/status", encoding="ascii") as file:
        return int(next(line.split()[1] for line in file
                        if line.startswith("voluntary_ctxt_switches")))


@pytest.mark.kernel
@pytest.mark.parametrize("how", ["delete", "link"])
def test_a_route_that_was_refused_comes_back(net: Topology, other: str, family: int,
                                             how: str) -> None:
    """At once when the one in its place is gone, whether by itself or with its interface, of which
    the kernel says nothing in IPv4. Nobody looks for it meanwhile."""
    daemon = net.run(*HOST_ROUTES)
    if family == 4:
        # Else IPv6 addresses go with the interface, and are heard.
        net.relay.set_sysctl(f"ipv6/conf/{other}/disable_ipv6", "1")
        _route(net, "add", LAN[4], "via", "192.0.2.9")
        _route(net, "del", LAN[4], "dev", INTERFACE)
    else:  # which has room for both, when the metrics differ
        _route(net, "replace", LAN[6], "dev", other, "metric", "1024")
    wait_until(lambda: _tunnel(net)["refused_routes"] == 1, "refused route")
    assert LAN[family] not in _routes(net)
    wait_quiet(lambda: _wake_ups(daemon), 1)
    before = _wake_ups(daemon)
    time.sleep(IDLE_S)
    assert _wake_ups(daemon) - before < IDLE_S
    if how == "delete":
        _route(net, "del", LAN[family], "dev", other)
    else:
        net.relay.run("ip", "link", "set", other, "down")
    wait_until(lambda: LAN[family] in _routes(net), "our route")
    wait_until(lambda: _tunnel(net)["refused_routes"] == 0, "good status")


@pytest.mark.kernel
def test_what_others_add_is_counted_at_once(net: Topology) -> None:
    """And no more when it is gone; it is said once, however many there are."""
    daemon = net.run(*HOST_ROUTES)
    added = ("100.64.77.1/32", "200::77/128"), ("10.55.0.0/16", "fd55::/64")

    def change(verb: str, n: int) -> None:
        for number in range(2):
            _address(net, verb, added[0][number], INTERFACE)
            _route(net, verb, added[1][number], "dev", INTERFACE)
        wait_until(lambda: (_tunnel(net)["foreign_addresses"], _tunnel(net)["foreign_routes"])
                   == (n, n), f"{n} addresses and routes of others")

    change("add", 2)
    for what in ("addresses", "routes"):
        assert sum(f"{what} that are not ours" in line for line in daemon.messages()) == 1
    change("del", 0)
    assert not any("putting that back" in line for line in daemon.messages())


def test_a_route_into_a_subnet_that_comes(net: Topology, other: str, family: int) -> None:
    """It is left out, which is said once and counted, and made again when the subnet goes."""
    address = {4: "10.188.100.1/23", 6: "fd00:188:100::1/63"}[family]
    assert ipaddress.ip_network(LAN[family]).subnet_of(ipaddress.ip_interface(address).network)
    daemon = net.run(*HOST_ROUTES)
    _address(net, "add", address, other)
    wait_until(lambda: LAN[family] not in _routes(net), "one route less")
    wait_until(lambda: _tunnel(net)["left_out"] == 1, "count of it")
    _address(net, "add", {4: "192.0.2.7/24", 6: "2001:db8:2::7/64"}[family], other)
    _address(net, "del", address, other)
    wait_until(lambda: _tunnel(net)["left_out"] == 0, "no count")
    assert _routes(net) == _all_routes(net)
    lines = [line for line in daemon.messages() if "subnet of another interface" in line]
    assert len(lines) == 1 and LAN[family].partition("/")[0] in lines[0], daemon.messages()


@pytest.mark.kernel
def test_lengths_that_are_corrected_are_nobody_elses(net: Topology) -> None:
    """An interface with our key and the addresses of another tool: what is left is counted."""
    wg = WireGuard(net.relay, INTERFACE, net.key, 51820,
                   addresses=["100.64.0.1/10", "200::1/7", "10.66.0.1/32", "fd66::1/128"])
    wg.create()
    daemon = net.run(*HOST_ROUTES)
    assert addresses(net) == {"100.64.0.1/32", "200::1/128", "10.66.0.1/32", "fd66::1/128"}
    assert any("addresses that are not ours" in line for line in daemon.messages()), \
        daemon.messages()
    assert _tunnel(net)["foreign_addresses"] == 2
