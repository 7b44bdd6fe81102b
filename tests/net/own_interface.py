# SPDX-License-Identifier: Apache-2.0
"""A relay with a wg0 of its own: what the tests of it share."""

import json
from collections.abc import Iterator

import pytest

from lab import wgshow
from lab.owner import INTERFACE, RelayOwned
from lab.topology import Topology
from lab.wait import wait_until

LAN = {4: "10.188.100.0/24", 6: "fd00:188:100::/64"}


@pytest.fixture
def net() -> Iterator[Topology]:
    """A relay with a key that the lab knows, and two spokes; not started."""
    with Topology(RelayOwned()) as network:
        network.add("spoke1", relay_only=True, over=4)
        network.add("spoke2", advertises=list(LAN.values()), over=6)
        network.prepare()
        yield network


def link(net: Topology) -> dict:
    return json.loads(net.relay.run("ip", "-d", "-j", "link", "show", "dev", INTERFACE))[0]


def addresses(net: Topology) -> set[str]:
    shown = json.loads(net.relay.run("ip", "-j", "address", "show", "dev", INTERFACE))[0]
    return {f"{info['local']}/{info['prefixlen']}" for info in shown["addr_info"]
            if info["scope"] != "link"}


def wanted(net: Topology) -> dict[str, set[str]]:
    return {spoke.device.public_key: set(spoke.device.allowed_ips())
            for spoke in net.spokes.values()}


def tunnel_addresses(net: Topology) -> set[str]:
    """Of the spokes: what the relay's host itself has routes for."""
    devices = [spoke.device for spoke in net.spokes.values()]
    return {f"{device.ipv4}/32" for device in devices} | {f"{device.ipv6}/128" for device in devices}


def is_applied(net: Topology) -> bool:
    return wgshow.allowed_ips(net.relay, INTERFACE) == wanted(net)


def fields(net: Topology, field: str) -> set[str]:
    lines = net.relay.run("wg", "show", INTERFACE, field).splitlines()
    return {line.split("\t")[1] for line in lines}


def advertise(net: Topology, cidrs: list[str]) -> None:
    """Let spoke1 advertise these and no others, and wait until the relay has made it so."""
    net["spoke1"].device.advertises = cidrs
    net.publish()
    wait_until(lambda: is_applied(net), "AllowedIPs as the list has them")
    wait_until(lambda: wgshow.routes(net.relay, INTERFACE) == set().union(*wanted(net).values()),
               "routes of the list")
