# SPDX-License-Identifier: Apache-2.0
"""Which pairs are forwarded: --forward relay-only, --strict, and addresses that two claim."""

from collections.abc import Iterator

import pytest

from lab.devices import Device
from lab.mesh import Mesh
from lab.relay import RelayCommands
from lab.traffic import ping
from lab.wait import wait_until
from lab.wireguard import make_key


@pytest.fixture
def open_forward(mesh: Mesh) -> Iterator[None]:
    """FORWARD policy ACCEPT: what reaches the kernel gets through."""
    mesh.firewall.set_policy("ACCEPT")
    yield
    mesh.firewall.set_policy("DROP")


def _forwarded(mesh: Mesh, family: int) -> int:
    counters = mesh.firewall.forwarded()
    return counters.ipv4 if family == 4 else counters.ipv6


@pytest.mark.usefixtures("open_forward")
def test_relay_only_leaves_ordinary_pairs_to_the_kernel(
        mesh: Mesh, relay: RelayCommands, hook: tuple[str, ...], with_peers: tuple[str, ...],
        family: int) -> None:
    relay.start(*hook, *with_peers, "--forward", "relay-only")
    status = relay.status()
    assert status and status["forward"] == "relay-only" and status["strict"] is False
    before = _forwarded(mesh, family)
    assert ping(mesh["spoke1"].node, mesh["laptop"].address(family)).complete
    assert ping(mesh["laptop"].node, mesh["spoke2"].address(family)).complete
    assert relay.packets("forwarded", family) == 20
    assert _forwarded(mesh, family) == before
    answer = ping(mesh["laptop"].node, mesh["edge"].address(family))
    assert answer.complete, answer.output
    assert relay.packets("not-allowed", family) == 10
    assert relay.packets("forwarded", family) == 20
    assert _forwarded(mesh, family) == before + 10


@pytest.mark.kernel
@pytest.mark.usefixtures("open_forward")
def test_strict_drops_ordinary_pairs(
        mesh: Mesh, relay: RelayCommands, hook: tuple[str, ...], with_peers: tuple[str, ...],
        family: int) -> None:
    relay.start(*hook, *with_peers, "--forward", "relay-only", "--strict")
    status = relay.status()
    assert status and status["strict"] is True
    before = _forwarded(mesh, family)
    assert ping(mesh["laptop"].node, mesh["edge"].address(family), wait_s=0.3).received == 0
    assert relay.packets("not-allowed", family) == 5
    assert _forwarded(mesh, family) == before
    assert ping(mesh["spoke1"].node, mesh["laptop"].address(family)).complete
    assert ping(mesh["laptop"].node, "100.64.0.1" if family == 4 else "200::1").complete


def test_an_address_of_two_devices_has_one_owner(
        mesh: Mesh, relay: RelayCommands, with_peers: tuple[str, ...], family: int) -> None:
    """One warning, and the same owner whatever the order of the list."""
    claimed = mesh["spoke2"].address(family)
    twin = Device("twin", make_key().public, "100.64.9.9", "200::9:9")
    twin_record = twin.record()
    twin_record["allowed_ips"].append(f"{claimed}/{32 if family == 4 else 128}")
    records = [device.record() for device in mesh.devices()]
    owners = []
    for content in ([*records, twin_record], [twin_record, *reversed(records)]):
        mesh.peers.replace(content)
        daemon = relay.start(*with_peers)
        peers = relay.peers()
        owners.append([name for name, peer in peers.items()
                       if claimed in [shown.split("/")[0] for shown in peer["addresses"]]])
        warnings = [line for line in daemon.messages() if claimed in line]
        assert len(warnings) == 1, daemon.messages()
        assert "twin" in warnings[0] and "spoke2" in warnings[0]
        relay.clean()
    assert owners[0] == owners[1] and len(owners[0]) == 1


def test_the_relay_keeps_its_own_address(
        mesh: Mesh, relay: RelayCommands, with_peers: tuple[str, ...], family: int) -> None:
    """A device that claims the relay's address does not get it."""
    own = "100.64.0.1" if family == 4 else "200::1"
    records = [device.record() for device in mesh.devices()]
    thief = next(record for record in records if record["hostname"] == "laptop")
    thief["allowed_ips"].append(f"{own}/{32 if family == 4 else 128}")
    mesh.peers.replace(records)
    daemon = relay.start(*with_peers)
    assert ping(mesh["spoke1"].node, own).complete
    assert relay.packets("local", family) == 5
    warnings = [line for line in daemon.messages() if own in line]
    assert len(warnings) == 1 and "laptop" in warnings[0], daemon.messages()


def test_a_device_that_repeats_a_key_is_left_out(
        mesh: Mesh, relay: RelayCommands, with_peers: tuple[str, ...], family: int) -> None:
    records = [device.record() for device in mesh.devices()]
    again = Device("again", mesh["spoke1"].device.public_key, "100.64.8.8", "200::8:8")
    mesh.peers.replace([*records, again.record()])
    daemon = relay.start(*with_peers)
    wait_until(lambda: len(relay.peers()) == 4, "four peers")
    assert "again" not in relay.peers()
    assert sum("key" in line and "warning" in line for line in daemon.messages()) == 1, \
        daemon.messages()
    assert ping(mesh["spoke1"].node, mesh["spoke2"].address(family)).complete
