# SPDX-License-Identifier: Apache-2.0
"""Changes of the peers file: in effect within 100 ms, and nobody else loses a packet.

Counted flows tell both: the moment at which the first or last packet that arrived was sent, and
the packets that never arrived.
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

LIMIT_S = 0.1
FAST = 500  # packets per second of a flow that measures a moment

Records = list[dict[str, Any]]


@pytest.fixture(scope="module")
def spoke3(mesh: Mesh) -> Spoke:
    """A WireGuard peer of the relay that is in the peers file only when a test puts it there."""
    return mesh.add("spoke3")


def _by_rename(mesh: Mesh, _: Daemon, content: Records) -> float:
    mesh.peers.replace(content)
    return time.monotonic()


def _in_place(mesh: Mesh, _: Daemon, content: Records) -> float:
    mesh.peers.overwrite(content)
    return time.monotonic()


def _by_sighup(mesh: Mesh, daemon: Daemon, content: Records) -> float:
    """The path is a link into another folder, and the signal comes before or after the watch."""
    real = os.path.realpath(mesh.peers.path)
    assert os.path.dirname(real) != os.path.dirname(mesh.peers.path)
    devices.PeersFile(real).replace(content)
    daemon.signal(signal.SIGHUP)
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
                 change: Callable[[Records], float]) -> None:
    sender = mesh["laptop"].node
    with no_loss(mesh, relay), \
            Flow(sender, spoke3.node, spoke3.device.ipv4, FAST) as four, \
            Flow(sender, spoke3.node, spoke3.device.ipv6, FAST) as six:
        wait_until(lambda: four.sent() > 20 and six.sent() > 20, "packets sent")
        assert not four.arrived() and not six.arrived()
        changed = change(_records(mesh, *ALL, "spoke3"))
        wait_until(_both(four, six), "packets at the new device")
    for flow in (four, six):
        # The file was there before the call that made it so returned.
        assert min(flow.result.received.values()) - changed < LIMIT_S
        known = [number for number, at in flow.result.sent.items() if at > changed + LIMIT_S]
        assert not set(known) & set(flow.result.lost), flow.result.describe()


def test_a_device_is_added(mesh: Mesh, relay: RelayCommands, spoke3: Spoke, hook: tuple[str, ...],
                           with_peers: tuple[str, ...]) -> None:
    mesh.peers.replace(_records(mesh, *ALL))
    daemon = relay.start(*hook, *with_peers)
    _check_added(mesh, relay, spoke3, lambda content: _by_rename(mesh, daemon, content))


def test_a_file_rewritten_in_place_is_read(mesh: Mesh, relay: RelayCommands, spoke3: Spoke,
                                           with_peers: tuple[str, ...]) -> None:
    mesh.peers.replace(_records(mesh, *ALL))
    daemon = relay.start(*with_peers)
    _check_added(mesh, relay, spoke3, lambda content: _in_place(mesh, daemon, content))


@pytest.mark.usefixtures("linked_peers")
def test_sighup_reads_the_file_again(mesh: Mesh, relay: RelayCommands, spoke3: Spoke,
                                     with_peers: tuple[str, ...]) -> None:
    devices.PeersFile(os.path.realpath(mesh.peers.path)).replace(_records(mesh, *ALL))
    daemon = relay.start(*with_peers)
    _check_added(mesh, relay, spoke3, lambda content: _by_sighup(mesh, daemon, content))


def test_a_device_is_removed(mesh: Mesh, relay: RelayCommands, spoke3: Spoke,
                             hook: tuple[str, ...], with_peers: tuple[str, ...]) -> None:
    mesh.peers.replace(_records(mesh, *ALL, "spoke3"))
    relay.start(*hook, *with_peers)
    sender = mesh["laptop"].node
    with no_loss(mesh, relay), \
            Flow(sender, spoke3.node, spoke3.device.ipv4, FAST) as four, \
            Flow(sender, spoke3.node, spoke3.device.ipv6, FAST) as six:
        wait_until(_both(four, six), "packets at the device")
        mesh.peers.replace(_records(mesh, *ALL))
        changed = time.monotonic()
        wait_until(_silent(four, six), "end of the flows to the removed device")
    for flow in (four, six):
        assert flow.result.last_arrived(changed) < LIMIT_S
    assert "spoke3" not in relay.peers()


def test_a_cidr_moves_to_another_device(mesh: Mesh, relay: RelayCommands, hook: tuple[str, ...],
                                        with_peers: tuple[str, ...]) -> None:
    """From edge to laptop. Laptop's own packets to it are then its own affair (same-peer)."""
    relay.start(*hook, *with_peers)
    laptop, lan = mesh["laptop"].node, mesh.lan
    moved = _records(mesh, *ALL)
    for record in moved:
        if record["hostname"] in ("edge", "laptop"):
            record["advertise_cidrs"] = [LAN4, LAN6] if record["hostname"] == "laptop" else None
    with no_loss(mesh, relay), \
            Flow(laptop, lan, LAN_HOST4, FAST) as four, Flow(laptop, lan, LAN_HOST6, FAST) as six:
        wait_until(_both(four, six), "packets at the host behind edge")
        mesh.peers.replace(moved)
        changed = time.monotonic()
        wait_until(_silent(four, six), "end of the flows to the moved CIDR")
    for flow in (four, six):
        assert flow.result.last_arrived(changed) < LIMIT_S
    peers = relay.peers()
    assert peers["edge"]["cidrs"] == []
    assert sorted(peers["laptop"]["cidrs"]) == sorted([LAN4, LAN6])
    for family in (4, 6):
        assert relay.packets("same-peer", family) > 0


def test_relay_only_is_flipped(mesh: Mesh, relay: RelayCommands, hook: tuple[str, ...],
                               with_peers: tuple[str, ...]) -> None:
    """On, and off again, under --forward relay-only."""
    relay.start(*hook, *with_peers, "--forward", "relay-only")
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
        allowed = time.monotonic()
        wait_until(_both(four, six), "packets of a pair that is relay-only now")
        mesh.peers.replace(_records(mesh, *ALL))
        refused = time.monotonic()
        wait_until(_silent(four, six), "end of the flows of an ordinary pair")
    for flow in (four, six):
        assert min(flow.result.received.values()) - allowed < LIMIT_S
        assert flow.result.last_arrived(refused) < LIMIT_S


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
