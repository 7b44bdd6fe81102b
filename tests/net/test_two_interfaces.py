# SPDX-License-Identifier: Apache-2.0
"""Two relays in one network namespace: each has an interface, the forwarding sysctls are both's."""

import subprocess
from collections.abc import Iterator

import pytest

from lab import bpf, footprint
from lab.mesh import FORWARDING, Mesh
from lab.relay import RelayCommands
from lab.steady import no_loss
from lab.traffic import ping
from lab.wait import LIMIT_S, wait_until
from lab.wireguard import WireGuard, make_key

ROUNDS = 5


@pytest.fixture(scope="module")
def wg1(mesh: Mesh) -> Iterator[WireGuard]:
    """A second WireGuard interface of the relay host."""
    tunnel = WireGuard(mesh.relay, "wg1", make_key(), 51821,
                       addresses=["10.65.0.1/24", "fd00:65::1/64"])
    tunnel.create()
    yield tunnel
    tunnel.remove()


@pytest.fixture
def second(mesh: Mesh, relay: RelayCommands, wg1: WireGuard) -> Iterator[RelayCommands]:
    """The nex-relay commands for it."""
    commands = RelayCommands(mesh.relay, wg1.interface)
    yield commands
    commands.clean()
    for name, value in FORWARDING.items():  # that a test that fails does not fail the next
        mesh.relay.set_sysctl(name, value)


def _sysctls(mesh: Mesh) -> set[str]:
    return {mesh.relay.sysctl(name) for name in FORWARDING}


def _start_both(relay: RelayCommands, second: RelayCommands, with_peers: tuple[str, ...]) -> None:
    started = [(relay, relay.start(*with_peers, loaded=False)),
               (second, second.start(loaded=False))]
    for commands, daemon in started:
        wait_until(lambda: commands.is_loaded(daemon) or daemon.process.poll() is not None,
                   "loaded list")
        assert daemon.process.poll() is None, daemon.messages()


def test_started_and_downed_at_once(mesh: Mesh, relay: RelayCommands, second: RelayCommands,
                                    with_peers: tuple[str, ...]) -> None:
    """Whoever of the two comes last takes back what either has changed."""
    before = footprint.take(mesh.relay)
    for _ in range(ROUNDS):
        _start_both(relay, second, with_peers)
        assert _sysctls(mesh) == {"1"}
        downs = [mesh.relay.start(commands.argv("down"), stdout=subprocess.DEVNULL,
                                  stderr=subprocess.PIPE) for commands in (relay, second)]
        for down in downs:
            _, said = down.communicate(timeout=LIMIT_S)
            assert down.returncode == 0, said
        assert _sysctls(mesh) == {"0"}
        assert bpf.attached(mesh.relay, "wg0") == bpf.attached(mesh.relay, "wg1") == []
    assert footprint.difference(before, footprint.take(mesh.relay)) == []


@pytest.mark.kernel
@pytest.mark.parametrize("dead", [False, True], ids=["running", "killed"])
def test_down_of_one_leaves_the_other(mesh: Mesh, relay: RelayCommands, second: RelayCommands,
                                      with_peers: tuple[str, ...], dead: bool) -> None:
    before = footprint.take(mesh.relay)
    _start_both(relay, second, with_peers)
    if dead:
        relay.daemons[0].kill()
    with no_loss(mesh, relay):
        assert second.down().returncode == 0
        assert bpf.attached(mesh.relay, "wg1") == []
        assert _sysctls(mesh) == {"1"}
    for family in (4, 6):
        assert ping(mesh["spoke1"].node, mesh["spoke2"].address(family)).complete
    assert relay.down().returncode == 0
    assert _sysctls(mesh) == {"0"}
    assert footprint.difference(before, footprint.take(mesh.relay)) == []
