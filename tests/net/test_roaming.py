# SPDX-License-Identifier: Apache-2.0
"""A spoke whose address or port outside of the tunnel changes in the middle of its flows."""

import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from lab.owner import Owner
from lab.steady import more
from lab.topology import Spoke, Topology
from lab.traffic import Flow, ping
from lab.wait import PATIENCE, wait_until
from lab.wireguard import widen_receive_buffers

pytestmark = pytest.mark.kernel

STABLE_ROUNDS = 5  # of ping, 20 ms and more apart
# What changes, and the family of the underlay before.
MOVES = [("address", 4), ("address", 6), ("port", 4), ("address and port", 6), ("family", 4),
         ("family", 6)]


@pytest.fixture(scope="module")
def net(owner: type[Owner]) -> Iterator[Topology]:
    """Two spokes; spoke1, which has one family at a time outside, moves."""
    with Topology(owner()) as network:
        network.add("spoke1", relay_only=True, over=4).underlay.drop_address(6)
        network.add("spoke2", relay_only=True, over=6)
        network.start()
        yield network


def _settle(net: Topology, spoke: Spoke) -> None:
    """Wait until the relay hears the spoke from where it is now, and goes on to.

    A packet that was on its way to the old address makes a peer go back to it, and wireguard-go
    then sends from an address that is no more, where the kernel's WireGuard would look for another
    one: the endpoint is named again whenever the spoke is not heard, until no such packet can be
    left.
    """
    host, port = spoke.underlay.address(spoke.over), spoke.tunnel.listen_port
    wanted = f"{host}:{port}" if spoke.over == 4 else f"[{host}]:{port}"
    rounds = 0

    def heard() -> bool:
        nonlocal rounds
        answered = ping(spoke.node, net.device.ipv4, count=1, wait_s=PATIENCE).received
        rounds = rounds + 1 if answered and net.endpoint(spoke.node.name) == wanted else 0
        if not rounds:
            spoke.tunnel.configure("peer", net.device.public_key, "endpoint",
                                   spoke.underlay.relay_endpoint(spoke.over))
        return rounds >= STABLE_ROUNDS

    wait_until(heard, f"new endpoint {wanted} at the relay")
    widen_receive_buffers()  # wireguard-go has new sockets when its port was changed


def _change_family(spoke: Spoke) -> None:
    """Leave a network of one family, join one of the other."""
    spoke.underlay.drop_address(spoke.over)
    spoke.over = 10 - spoke.over
    spoke.underlay.new_address(spoke.over)


def _move(spoke: Spoke, move: str) -> None:
    if "address" in move:
        spoke.underlay.drop_address(spoke.over)
        spoke.underlay.new_address(spoke.over)
    if "port" in move:
        spoke.tunnel.listen_port += 1000
        spoke.tunnel.configure("listen-port", str(spoke.tunnel.listen_port))
    if "family" in move:
        _change_family(spoke)


@pytest.mark.parametrize(("move", "over"), MOVES, ids=[f"{move} over IPv{n}" for move, n in MOVES])
def test_flows_go_on_after_a_move(net: Topology, move: str, over: int) -> None:
    """In both directions and both families: packets that meet the move may be lost, none that are
    sent once the relay hears the spoke from its new place and every flow has come through."""
    one, other = net["spoke1"], net["spoke2"]
    if one.over != over:
        _change_family(one)
    _settle(net, one)
    with ExitStack() as stack:
        flows = [stack.enter_context(Flow(a.node, b.node, b.address(family)))
                 for a, b in ((one, other), (other, one)) for family in (4, 6)]
        more(*flows)
        before = net.endpoint("spoke1")
        _move(one, move)
        _settle(net, one)
        more(*flows)
        end = time.monotonic()
        more(*flows)
        assert net.endpoint("spoke1") != before
        for flow in flows:
            flow.stop()
    lost = {flow.address: flow.result.lost_after(end) for flow in flows}
    assert not any(lost.values()), (lost, [flow.result.describe() for flow in flows])
