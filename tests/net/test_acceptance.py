# SPDX-License-Identifier: Apache-2.0
"""What the control plane's own end-to-end tests ask of a relay."""

import itertools

import pytest

from lab import wgshow
from lab.devices import Vpc
from lab.owner import INTERFACE, Owner
from lab.topology import Spoke, Topology
from lab.traffic import ping
from lab.wait import wait_until

pytestmark = pytest.mark.kernel

PRIVATE = Vpc("100.100.0.0/16", "200::/32")
LAN = {4: "10.188.100.0/24", 6: "fd00:188:100::/64"}
LAN_HOST = {4: "10.188.100.1", 6: "fd00:188:100::1"}


def _check_all_pairs(net: Topology) -> None:
    """Every node reaches every other, the relay among them, over both families."""
    nodes = {"relay": net.relay} | {name: spoke.node for name, spoke in net.spokes.items()}
    devices = [net.device, *(spoke.device for spoke in net.spokes.values())]
    for name, other in itertools.product(nodes, devices):
        if name != other.name:
            for address in (other.ipv4, other.ipv6):
                answer = ping(nodes[name], address, count=2)
                assert answer.complete, (name, other.name, answer.output)


def _give_lan(spoke: Spoke) -> None:
    """A LAN with nobody in it but the spoke itself."""
    for address in (f"{LAN_HOST[4]}/24", f"{LAN_HOST[6]}/64"):
        spoke.node.run("ip", "address", "add", address, "dev", "lo")


def _traces(net: Topology, spoke: Spoke) -> list[str]:
    """Where the relay still has something of a device."""
    key, allowed = spoke.device.public_key, set(spoke.device.allowed_ips())
    peers = wgshow.allowed_ips(net.relay, INTERFACE)
    entries = net.commands.entries()
    found = ["peer"] * (key in peers) + ["slot"] * (key in entries)
    found += [f"AllowedIP {cidr}" for cidr in allowed & set().union(*peers.values())]
    found += [f"route {cidr}" for cidr in allowed & wgshow.routes(net.relay, INTERFACE)]
    return found + [f"map entry {cidr}" for cidr in allowed & set().union(*entries.values())]


@pytest.mark.parametrize("over", [4, 6], ids=["over IPv4", "over IPv6"])
def test_relay_with_an_ordinary_and_a_relay_only_node(owner: type[Owner], over: int) -> None:
    """And again with the other families outside."""
    with Topology(owner()) as net:
        net.add("ordinary", over=over)
        net.add("relay-only", relay_only=True, over=10 - over)
        net.start()
        _check_all_pairs(net)


def test_a_private_range_and_a_cidr_behind_a_spoke(owner: type[Owner]) -> None:
    with Topology(owner(), PRIVATE) as net:
        net.add("spoke1", relay_only=True)
        net.add("spoke2", relay_only=True, over=6)
        net.start()
        _check_all_pairs(net)
        _give_lan(net["spoke2"])
        net["spoke1"].reach(net.device.public_key, list(LAN.values()))
        for address in LAN_HOST.values():
            assert not ping(net["spoke1"].node, address, count=1, wait_s=0.2).received
        net["spoke2"].device.advertises = list(LAN.values())
        net.publish()
        wait_until(lambda: net.commands.status()["list"]["cidrs"] == 2, "list with the CIDRs")
        for address in LAN_HOST.values():
            answer = ping(net["spoke1"].node, address)
            assert answer.complete, answer.output
        _check_all_pairs(net)


def test_a_deleted_device_is_gone_within_a_second(owner: type[Owner]) -> None:
    with Topology(owner(), PRIVATE) as net:
        net.add("spoke1", relay_only=True)
        net.add("spoke2", relay_only=True, over=6)
        net.add("spoke3", relay_only=True, advertises=list(LAN.values()))
        net.start()
        _check_all_pairs(net)
        gone = net["spoke3"]
        assert len(_traces(net, gone)) == 2 + 3 * len(gone.device.allowed_ips())
        net.forget("spoke3")
        net.publish()
        wait_until(lambda: not _traces(net, gone), "end of the device on the relay")
        for family in (4, 6):
            assert not ping(net["spoke1"].node, gone.address(family), count=1, wait_s=0.2).received
            assert not ping(gone.node, net["spoke1"].address(family), count=1, wait_s=0.2).received
        _check_all_pairs(net)
