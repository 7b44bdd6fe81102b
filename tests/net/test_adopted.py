# SPDX-License-Identifier: Apache-2.0
"""An interface of somebody else: its routes and rules stay as they are, and what leaves in clear by
them is said, with what ends it."""

import json
from collections.abc import Iterator

import pytest

from lab.node import Node
from lab.owner import INTERFACE, LabOwned
from lab.topology import Topology
from lab.traffic import ping
from lab.underlay import settle

GATEWAY = {4: "198.51.100.2", 6: "2001:db8:ffff::2"}
NOBODY = {4: "100.64.0.99", 6: "200::99"}


@pytest.fixture
def net() -> Iterator[Topology]:
    """Two spokes, and an uplink with a default route."""
    with Topology(LabOwned()) as network:
        network.firewall.set_policy("ACCEPT")
        network.add("spoke1", relay_only=True, over=4)
        network.add("spoke2", relay_only=True, over=6)
        network.prepare()
        # As nexd has it: no connected route.
        network.relay.run("ip", "address", "del", _prefixed(network), "dev", INTERFACE)
        network.relay.run("ip", "address", "add", f"{network.device.ipv6}/128", "dev", INTERFACE,
                          "nodad")
        yield network


def _prefixed(net: Topology) -> str:
    return f"{net.device.ipv6}/{net.vpc.ipv6.partition('/')[2]}"


@pytest.fixture
def uplink(net: Topology) -> Iterator[Node]:
    """The host at the other end of it."""
    node = Node("gateway")
    settle(node)
    net.relay.run("ip", "link", "add", "up0", "type", "veth", "peer", "name", "eth0", "netns",
                  f"/run/netns/{node.name}")
    try:
        for host, link, last in ((net.relay, "up0", "1"), (node, "eth0", "2")):
            host.run("ip", "address", "add", f"198.51.100.{last}/24", "dev", link)
            host.run("ip", "address", "add", f"2001:db8:ffff::{last}/64", "dev", link, "nodad")
            host.run("ip", "link", "set", link, "up")
        for family, gateway in GATEWAY.items():
            net.relay.run("ip", f"-{family}", "route", "add", "default", "via", gateway)
        yield node
    finally:
        net.relay.call("ip", "link", "delete", "up0")
        node.remove()


def _routing(net: Topology) -> set[str]:
    """Rules and routes, but for the addresses that every router has."""
    return {line for family in ("-4", "-6")
            for what, table in (("rule", ()), ("route", ("table", "all")))
            for line in net.relay.run("ip", "-d", family, what, "show", *table).splitlines()
            if not line.startswith("anycast ")}


def _leaks(net: Topology) -> list[dict[str, str]]:
    status = net.commands.status()
    assert status
    return status["leaks"]


def _check(net: Topology, name: str) -> list[dict[str, str]]:
    found = json.loads(net.commands.call("check", "--interface", INTERFACE, "--json").stdout)
    return [line for line in found if line["check"] == name]


def _arrived(node: Node, net: Topology, family: int) -> bool:
    """Does what a spoke sends to nobody's address get out?"""
    address = NOBODY[family]
    table = {4: "ip", 6: "ip6"}[family]
    node.run("nft", f"add table {table} seen; flush table {table} seen; "
             f"add chain {table} seen first {{ type filter hook prerouting priority -300; }}; "
             f"add rule {table} seen first {table} daddr {address} counter")
    assert not ping(net["spoke1"].node, address, count=2, wait_s=0.5).received
    return "packets 0" not in node.run("nft", "list", "chain", table, "seen", "first")


@pytest.mark.kernel
def test_no_route_and_no_rule_is_touched(net: Topology, uplink: Node) -> None:
    before = _routing(net)
    net.run()
    net.connect()
    assert ping(net["spoke1"].node, net["spoke2"].address(4)).received
    assert ping(net["spoke1"].node, net["spoke2"].address(6)).received
    assert _routing(net) == before
    assert net.commands.down().returncode == 0
    assert _routing(net) == before


@pytest.mark.kernel
def test_what_leaves_in_clear_is_said_with_what_ends_it(net: Topology, uplink: Node) -> None:
    net.run()
    net.connect()
    assert [_arrived(uplink, net, family) for family in (4, 6)] == [True, True]
    leaks, told = _leaks(net), _check(net, "leak")
    assert len(leaks) == 2 and {leak["interface"] for leak in leaks} == {"up0"}, leaks
    assert [line["status"] for line in told] == ["WARN", "WARN"], told
    assert all("up0 in clear" in line["finding"] for line in told)
    assert {line["remedy"] for line in told} == {leak["remedy"] for leak in leaks}
    assert "in clear" in net.commands.call("status", "--interface", INTERFACE).stdout
    for line in told:  # the commands, without what stands in brackets
        net.relay.run("sh", "-c", line["remedy"].partition(" (")[0])
    try:
        assert [_arrived(uplink, net, family) for family in (4, 6)] == [False, False]
        for family in (4, 6):
            assert ping(net["spoke1"].node, net["spoke2"].address(family)).received
        assert _leaks(net) == []
        assert [line["status"] for line in _check(net, "leak")] == ["OK"]
    finally:
        for family in ("-4", "-6"):
            for pref in ("1000", "1001"):
                net.relay.call("ip", family, "rule", "del", "pref", pref)


@pytest.mark.kernel
def test_a_route_into_the_tunnel_leaks_nothing(net: Topology, uplink: Node) -> None:
    """As wg-quick has it: an address with the VPC's length, so its range is routed to wg0."""
    for range_ in (net.vpc.ipv4, net.vpc.ipv6):
        net.relay.run("ip", "route", "add", range_, "dev", INTERFACE)
    net.run()
    assert _leaks(net) == [] and [line["status"] for line in _check(net, "leak")] == ["OK"]
    assert uplink.name not in _check(net, "leak")[0]["finding"]
