# SPDX-License-Identifier: Apache-2.0
"""A list that changes a thousand times under flows that it has nothing to do with."""

from collections.abc import Iterator

import pytest

from lab import wgshow
from lab.churn import Churn
from lab.devices import records
from lab.owner import INTERFACE, Owner
from lab.steady import no_loss
from lab.topology import Topology
from lab.wait import PATIENCE, wait_until

pytestmark = pytest.mark.kernel

CHANGES = int(1000 / PATIENCE)
# Of each flow: enough to meet a gap of microseconds, as WGPEER_F_REPLACE_ALLOWEDIPS makes one.
PACKETS_PER_S = int(600 / PATIENCE)
SEED = 20240722
# A WireGuard peer that has sent but heard nothing for so long, as on a busy machine, handshakes anew.
UNANSWERED_S = 15

Allowed = dict[str, set[str]]


@pytest.fixture
def net(owner: type[Owner]) -> Iterator[Topology]:
    """Two spokes with different underlays."""
    with Topology(owner()) as network:
        network.add("spoke1", relay_only=True, over=4)
        network.add("spoke2", relay_only=True, over=6)
        network.start()
        yield network


def _apply(net: Topology, churn: Churn) -> None:
    """Write the list as it is now, and wait until it was taken. Of an adopted wg0 nobody changes
    the peers."""
    devices = churn.devices()
    net.peers.replace(records([net.device, *devices]))
    wanted = len(devices), churn.cidrs()

    def taken() -> bool:
        listed = net.commands.written_status()["list"]
        return (listed["devices"], listed["cidrs"]) == wanted

    wait_until(taken, f"list of {wanted} devices and CIDRs", poll_s=0.001)


def _check_sessions(net: Topology, before: dict[str, int], endpoints: dict[str, str],
                    received: dict[str, int]) -> None:
    """The spokes' sessions went on: no handshake before its time, no peer made anew."""
    after, count = (wgshow.handshakes(net.relay, INTERFACE), wgshow.received(net.relay, INTERFACE))
    now = wgshow.endpoints(net.relay, INTERFACE)
    for spoke in net.spokes.values():
        key = spoke.device.public_key
        age = after[key] - before[key]
        assert age == 0 or age >= UNANSWERED_S - 1, age
        assert now[key] == endpoints[key]
        assert count[key] > received[key]


def _check_equals_list(net: Topology, wanted: Allowed) -> None:
    """The relay has what the last list says, and nothing else."""
    wait_until(lambda: net.commands.entries() == wanted, "maps equal to the last list")
    if not net.owner.adopted:
        wait_until(lambda: wgshow.allowed_ips(net.relay, INTERFACE) == wanted,
                   "WireGuard peers equal to the last list")
        wait_until(lambda: wgshow.routes(net.relay, INTERFACE) == set().union(*wanted.values()),
                   "routes equal to the last list")


def test_a_thousand_changes_lose_no_packet(net: Topology) -> None:
    """Devices come and go, CIDRs come, go and move, also from and to the flows' own devices."""
    churn = Churn([spoke.device for spoke in net.spokes.values()], SEED)
    sessions = (wgshow.handshakes(net.relay, INTERFACE), wgshow.endpoints(net.relay, INTERFACE),
                wgshow.received(net.relay, INTERFACE))
    allowed = wgshow.allowed_ips(net.relay, INTERFACE)
    with no_loss(net, net.commands, packets_per_s=PACKETS_PER_S):
        for _ in range(CHANGES):
            churn.change()
            _apply(net, churn)
    _check_sessions(net, *sessions)
    _check_equals_list(net, {device.public_key: set(device.allowed_ips())
                             for device in churn.devices()})
    if net.owner.adopted:
        assert wgshow.allowed_ips(net.relay, INTERFACE) == allowed
