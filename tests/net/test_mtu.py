# SPDX-License-Identifier: Apache-2.0
"""Packets as large as the relay's wg0 takes, and larger: spokes whose own MTU is larger still."""

from collections.abc import Iterator

import pytest

from lab.owner import Owner
from lab.topology import Topology
from lab.traffic import Ping, ping, transfer

pytestmark = pytest.mark.kernel

# MTU of the relay's wg0, and of the underlay: IPv6's least, WireGuard's own, and a whole Ethernet
# frame's.
MTUS = [(1280, 1500), (1420, 1500), (1500, 1600)]
LARGER = 20  # the spokes' MTU
HEADERS = {4: 20 + 8, 6: 40 + 8}  # IP and ICMP
ANSWER = {4: "Frag needed and DF set (mtu = {})", 6: "Packet too big: mtu={}"}


@pytest.fixture(scope="module", params=MTUS, ids=[str(mtu) for mtu, _ in MTUS])
def net(request: pytest.FixtureRequest, owner: type[Owner]) -> Iterator[Topology]:
    """Two spokes with different underlays."""
    mtu, underlay_mtu = request.param
    with Topology(owner(), mtu=mtu, underlay_mtu=underlay_mtu) as network:
        for name, over in (("spoke1", 4), ("spoke2", 6)):
            network.add(name, relay_only=True, over=over, mtu=mtu + LARGER)
        network.start()
        yield network


@pytest.fixture(autouse=True)
def no_path_mtu(net: Topology) -> Iterator[None]:
    """No spoke knows a path MTU yet."""
    yield
    for spoke in net.spokes.values():
        for family in ("-4", "-6"):
            spoke.node.run("ip", family, "route", "flush", "cache")


def _ping(net: Topology, family: int, size: int, count: int = 1) -> Ping:
    """Packets of this size that may not be fragmented."""
    return ping(net["spoke1"].node, net["spoke2"].address(family), "-M", "do", "-s",
                str(size - HEADERS[family]), count=count)


def test_what_fits_passes_and_one_byte_more_is_answered(
        net: Topology, hook: tuple[str, ...], family: int) -> None:
    """By the relay's tunnel address, with the relay's MTU; a FORWARD chain has no say in it."""
    net.rerun(*hook)
    too_big = net.commands.packets("too-big", family)
    fits = _ping(net, family, net.mtu, count=5)
    assert fits.complete, fits.output
    assert net.commands.packets("too-big", family) == too_big
    answer = _ping(net, family, net.mtu + 1)
    own = net.device.ipv4 if family == 4 else net.device.ipv6
    assert answer.received == 0
    assert f"From {own} " in answer.output, answer.output
    assert ANSWER[family].format(net.mtu) in answer.output
    assert net.commands.packets("too-big", family) == too_big + 1


def test_tcp_finds_the_mtu(net: Topology, hook: tuple[str, ...], family: int) -> None:
    """Both ends begin with segments that are too large for the relay."""
    net.rerun(*hook)
    too_big = net.commands.packets("too-big", family)
    receiver = net["spoke2"]
    done = transfer(net["spoke1"].node, receiver.node, receiver.address(family), megabytes=1)
    assert done.intact, done
    assert net.commands.packets("too-big", family) > too_big
