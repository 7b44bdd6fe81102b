# SPDX-License-Identifier: Apache-2.0
"""Changes of the peers file: in effect when the relay says so, and nobody else loses a packet.

Counted flows tell both: when the packets that arrived were sent, and which ones never arrived.
"""

import os
import signal
import time
from collections.abc import Callable
from typing import Any

import pytest

from lab import devices
from lab.lan import LAN4, LAN6, LAN_HOST4, LAN_HOST6
from lab.mesh import Mesh, Spoke
from lab.relay import Daemon, RelayCommands
from lab.steady import no_loss
from lab.traffic import Flow
from lab.wait import wait_until

FAST = 500  # packets per second of a flow that measures a moment

Records = list[dict[str, Any]]


@pytest.fixture(scope="module")
def spoke3(mesh: Mesh) -> Spoke:
    """A WireGuard peer of the relay that is in the peers file only when a test puts it there."""
    return mesh.add("spoke3")


def _by_rename(mesh: Mesh, _: Daemon, content: Records) -> None:
    mesh.peers.replace(content)


def _in_place(mesh: Mesh, _: Daemon, content: Records) -> None:
    mesh.peers.overwrite(content)


def _by_sighup(mesh: Mesh, daemon: Daemon, content: Records) -> None:
    """The path is a link into another folder, and the signal comes before or after the watch."""
    real = os.path.realpath(mesh.peers.path)
    assert os.path.dirname(real) != os.path.dirname(mesh.peers.path)
    devices.PeersFile(real).replace(content)
    daemon.signal(signal.SIGHUP)


def _applied(daemon: Daemon, change: Callable[[], None]) -> float:
    """Change the list: a moment at which the relay has said that it has the new one."""
    def count() -> int:
        return sum(" devices, " in line for line in daemon.messages())
    before = count()
    change()
    wait_until(lambda: count() > before, "new list")
    return time.monotonic()


def _both(one: Flow, other: Flow) -> Callable[[], bool]:
    return lambda: one.arrived() > 20 and other.arrived() > 20


def _silent(*flows: Flow) -> Callable[[], bool]:
    """True once none of the flows has had a packet for 50 of those it sent."""
    marks = {id(flow): (flow.arrived(), flow.sent()) for flow in flows}

    def silent() -> bool:
        quiet = True
        for flow in flows:
            arrived, sent = marks[id(flow)]
            if flow.arrived() != arrived:
                marks[id(flow)] = (flow.arrived(), flow.sent())
                quiet = False
            elif flow.sent() < sent + 50:
                quiet = False
        return quiet
    return silent


def _records(mesh: Mesh, *names: str) -> Records:
    return devices.records([mesh.device, *(mesh[name].device for name in names)])


ALL = ("spoke1", "spoke2", "laptop", "edge")


def _check_added(mesh: Mesh, relay: RelayCommands, spoke3: Spoke,
                 change: Callable[[Mesh, Daemon, Records], None]) -> None:
    daemon = relay.daemons[-1]
    sender = mesh["laptop"].node
    with no_loss(mesh, relay), \
            Flow(sender, spoke3.node, spoke3.device.ipv4, FAST) as four, \
            Flow(sender, spoke3.node, spoke3.device.ipv6, FAST) as six:
        wait_until(lambda: four.sent() > 20 and six.sent() > 20, "packets sent")
        assert not four.arrived() and not six.arrived()
        there = _applied(daemon, lambda: change(mesh, daemon, _records(mesh, *ALL, "spoke3")))
        wait_until(_both(four, six), "packets at the new device")
    for flow in (four, six):
        assert not flow.result.lost_after(there), flow.result.describe()


def test_a_device_is_added(mesh: Mesh, relay: RelayCommands, spoke3: Spoke, hook: tuple[str, ...],
                           with_peers: tuple[str, ...]) -> None:
    mesh.peers.replace(_records(mesh, *ALL))
    relay.start(*hook, *with_peers)
    _check_added(mesh, relay, spoke3, _by_rename)


def test_a_file_rewritten_in_place_is_read(mesh: Mesh, relay: RelayCommands, spoke3: Spoke,
                                           with_peers: tuple[str, ...]) -> None:
    mesh.peers.replace(_records(mesh, *ALL))
    relay.start(*with_peers)
    _check_added(mesh, relay, spoke3, _in_place)


@pytest.mark.usefixtures("linked_peers")
def test_sighup_reads_the_file_again(mesh: Mesh, relay: RelayCommands, spoke3: Spoke,
                                     with_peers: tuple[str, ...]) -> None:
    devices.PeersFile(os.path.realpath(mesh.peers.path)).replace(_records(mesh, *ALL))
    relay.start(*with_peers)
    _check_added(mesh, relay, spoke3, _by_sighup)


def test_a_device_is_removed(mesh: Mesh, relay: RelayCommands, spoke3: Spoke,
                             hook: tuple[str, ...], with_peers: tuple[str, ...]) -> None:
    mesh.peers.replace(_records(mesh, *ALL, "spoke3"))
    daemon = relay.start(*hook, *with_peers)
    sender = mesh["laptop"].node
    with no_loss(mesh, relay), \
            Flow(sender, spoke3.node, spoke3.device.ipv4, FAST) as four, \
            Flow(sender, spoke3.node, spoke3.device.ipv6, FAST) as six:
        wait_until(_both(four, six), "packets at the device")
        gone = _applied(daemon, lambda: mesh.peers.replace(_records(mesh, *ALL)))
        wait_until(_silent(four, six), "end of the flows to the removed device")
    for flow in (four, six):
        assert flow.result.last_arrived(gone) < 0
    assert "spoke3" not in relay.peers()


def test_a_cidr_moves_to_another_device(mesh: Mesh, relay: RelayCommands, hook: tuple[str, ...],
                                        with_peers: tuple[str, ...]) -> None:
    """From edge to laptop. Laptop's own packets to it are then its own affair (same-peer)."""
    daemon = relay.start(*hook, *with_peers)
    laptop, lan = mesh["laptop"].node, mesh.lan
    moved = _records(mesh, *ALL)
    for record in moved:
        if record["hostname"] in ("edge", "laptop"):
            record["advertise_cidrs"] = [LAN4, LAN6] if record["hostname"] == "laptop" else None
    with no_loss(mesh, relay), \
            Flow(laptop, lan, LAN_HOST4, FAST) as four, Flow(laptop, lan, LAN_HOST6, FAST) as six:
        wait_until(_both(four, six), "packets at the host behind edge")
        gone = _applied(daemon, lambda: mesh.peers.replace(moved))
        wait_until(_silent(four, six), "end of the flows to the moved CIDR")
    for flow in (four, six):
        assert flow.result.last_arrived(gone) < 0
    peers = relay.peers()
    assert peers["edge"]["cidrs"] == []
    assert sorted(peers["laptop"]["cidrs"]) == sorted([LAN4, LAN6])
    for family in (4, 6):
        assert relay.packets("same-peer", family) > 0


def test_relay_only_is_flipped(mesh: Mesh, relay: RelayCommands, hook: tuple[str, ...],
                               with_peers: tuple[str, ...]) -> None:
    """On, and off again, under --forward relay-only."""
    daemon = relay.start(*hook, *with_peers, "--forward", "relay-only")
    laptop, edge = mesh["laptop"], mesh["edge"]
    flipped = _records(mesh, *ALL)
    for record in flipped:
        record["symmetric_nat"] |= record["hostname"] == "laptop"
    with no_loss(mesh, relay), \
            Flow(laptop.node, edge.node, edge.device.ipv4, FAST) as four, \
            Flow(laptop.node, edge.node, edge.device.ipv6, FAST) as six:
        wait_until(lambda: four.sent() > 20 and six.sent() > 20, "packets sent")
        assert not four.arrived() and not six.arrived()
        mesh.peers.replace(flipped)
        wait_until(_both(four, six), "packets of a pair that is relay-only now")
        refused = _applied(daemon, lambda: mesh.peers.replace(_records(mesh, *ALL)))
        wait_until(_silent(four, six), "end of the flows of an ordinary pair")
    for flow in (four, six):
        assert flow.result.last_arrived(refused) < 0


def test_an_unchanged_list_changes_nothing(mesh: Mesh, relay: RelayCommands,
                                           with_peers: tuple[str, ...]) -> None:
    """Written anew, and in another order: no packet is lost, every peer keeps its counters."""
    relay.start(*with_peers)
    with no_loss(mesh, relay):
        counted = relay.peers()["spoke1"]["from_peer"]["packets"]
        applied = relay.status()["list"]["applied_at"]
        for _ in range(3):
            mesh.peers.replace(list(reversed(_records(mesh, *ALL))))
            mesh.peers.replace(_records(mesh, *ALL))
        assert relay.peers()["spoke1"]["from_peer"]["packets"] >= counted
    assert applied


def test_counters_stay_with_their_device(mesh: Mesh, relay: RelayCommands, spoke3: Spoke,
                                         with_peers: tuple[str, ...]) -> None:
    """A device that comes back starts at nothing, and the others keep what they had."""
    mesh.peers.replace(_records(mesh, *ALL, "spoke3"))
    relay.start(*with_peers)
    with Flow(mesh["spoke1"].node, spoke3.node, spoke3.device.ipv4) as flow:
        wait_until(lambda: flow.arrived() > 20, "packets at spoke3")
    sent = relay.peers()["spoke1"]["from_peer"]
    assert relay.peers()["spoke3"]["to_peer"]["packets"] > 20
    mesh.peers.replace(_records(mesh, *ALL))
    wait_until(lambda: "spoke3" not in relay.peers(), "end of spoke3")
    mesh.peers.replace(_records(mesh, *ALL, "spoke3"))
    wait_until(lambda: "spoke3" in relay.peers(), "spoke3 again")
    assert relay.peers()["spoke3"]["to_peer"] == {"packets": 0, "bytes": 0}
    assert relay.peers()["spoke1"]["from_peer"] == sent
