# SPDX-License-Identifier: Apache-2.0
"""Spokes behind masquerading routers, which nobody can reach but through the relay."""

import pytest

from lab.owner import Owner
from lab.topology import Topology
from lab.traffic import ping, transfer

pytestmark = pytest.mark.kernel

HOMES = [(4, 4), (6, 6), (4, 6)]


@pytest.mark.parametrize("families", HOMES, ids=[f"IPv{one} and IPv{two}" for one, two in HOMES])
def test_spokes_behind_nat_reach_each_other(owner: type[Owner], families: tuple[int, int]) -> None:
    """Both have the same private address; the relay knows their routers' with other ports."""
    with Topology(owner()) as net:
        for name, over in zip(("spoke1", "spoke2"), families):
            net.add(name, relay_only=True, over=over, behind_nat=True)
        net.start()
        one, other = net.spokes.values()
        for spoke in (one, other):
            host, _, port = net.endpoint(spoke.node.name).rpartition(":")
            assert host.strip("[]") == spoke.underlay.address(spoke.over)
            assert int(port) != spoke.tunnel.listen_port
        kernel = net.firewall.forwarded()
        for sender, receiver in ((one, other), (other, one)):
            for family in (4, 6):
                answer = ping(sender.node, receiver.address(family))
                assert answer.complete, answer.output
                done = transfer(sender.node, receiver.node, receiver.address(family), megabytes=1)
                assert done.intact, done
        assert net.firewall.forwarded() == kernel
