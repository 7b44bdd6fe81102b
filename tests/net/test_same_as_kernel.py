# SPDX-License-Identifier: Apache-2.0
"""A packet that the programs forward leaves as the kernel's own forwarding would have sent it."""

from collections.abc import Iterator

import pytest

from lab.capture import Wire
from lab.owner import LabOwned
from lab.packets import Path, ipv4_packets, ipv6_packets, kernel_packets
from lab.topology import FORWARDING, Topology

pytestmark = pytest.mark.kernel

Packets = dict[str, bytes]


@pytest.fixture(scope="module")
def net() -> Iterator[Topology]:
    """Two spokes, a relay host that lets the kernel forward, and no relay yet."""
    with Topology(LabOwned()) as network:
        network.add("spoke1", over=4)
        network.add("spoke2", over=6)
        network.prepare()
        network.connect()
        network.firewall.set_policy("ACCEPT")
        yield network


def _forwarded(net: Topology, family: int) -> Packets:
    one, other = net["spoke1"].address(family), net["spoke2"].address(family)
    return (ipv4_packets if family == 4 else ipv6_packets)(Path(one, other), net.mtu)


def _left(net: Topology, family: int) -> Packets:
    return kernel_packets(Path(net["spoke1"].address(family), net["spoke2"].address(family)))


def _arrivals(net: Topology, packets: Packets) -> Packets:
    """Each packet as it comes out at spoke2."""
    one, other = net["spoke1"], net["spoke2"]
    with Wire(one.node, one.tunnel.interface, other.node, other.tunnel.interface) as wire:
        return {name: wire.carry(packet) for name, packet in packets.items()}


@pytest.fixture(scope="module")
def by_kernel(net: Topology) -> dict[int, Packets]:
    """What arrives when the kernel alone forwards, by family."""
    for name in FORWARDING:
        net.relay.set_sysctl(name, "1")
    seen = {family: _arrivals(net, _forwarded(net, family) | _left(net, family))
            for family in (4, 6)}
    for name in FORWARDING:
        net.relay.set_sysctl(name, "0")
    return seen


def test_packets_are_the_same(net: Topology, by_kernel: dict[int, Packets], hook: tuple[str, ...],
                              family: int) -> None:
    """Byte for byte. The counters tell that it was the program that forwarded."""
    assert [name for name, packet in by_kernel[family].items() if not packet] == []
    net.rerun(*hook)
    packets, left = _forwarded(net, family), _left(net, family)
    counted, kernel = net.commands.packets("forwarded", family), net.firewall.forwarded()
    seen = _arrivals(net, packets | left)
    changed = {name: (packet.hex(), by_kernel[family][name].hex())
               for name, packet in seen.items() if packet != by_kernel[family][name]}
    assert changed == {}
    # spoke2 answers some of them, to the same effect
    assert net.commands.packets("forwarded", family) >= counted + len(packets)
    after = net.firewall.forwarded()
    moved = after.ipv4 - kernel.ipv4 if family == 4 else after.ipv6 - kernel.ipv6
    assert moved == len(left)
