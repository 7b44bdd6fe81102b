# SPDX-License-Identifier: Apache-2.0
"""Somebody empties /run under a relay that runs: `status` says so, the relay makes its folder again,
and `down` ends it and takes back what can be known."""

import os
import shutil

import pytest

from lab import bpf
from lab.mesh import Mesh
from lab.owner import INTERFACE
from lab.relay import Daemon, RelayCommands
from lab.wait import LIMIT_S, wait_until

ROOT = "/run/nex-relay"
FOLDER = f"{ROOT}/{INTERFACE}"
SAYS = f"{FOLDER} was removed"


def _is_there(relay: RelayCommands, daemon: Daemon) -> bool:
    status = relay.status()
    return bool(status and status["daemon"]["pid"] == daemon.pid and status["list"])


@pytest.mark.parametrize("what", [ROOT, FOLDER, f"{FOLDER}/lock"])
def test_adopted(mesh: Mesh, relay: RelayCommands, with_peers: tuple[str, ...], what: str) -> None:
    daemon = relay.start(*with_peers)
    os.unlink(what) if what.endswith("lock") else shutil.rmtree(what)
    status = relay.status()
    assert status and status["daemon"] == {"running": None, "pid": None}
    shown = relay.call("status").stdout
    assert f"{FOLDER}/lock is gone" in shown and "10 s" in shown
    wait_until(lambda: _is_there(relay, daemon), "lock and status")
    assert sum(SAYS in line for line in daemon.messages()) == 1
    assert relay.start(*with_peers, loaded=False).process.wait(LIMIT_S) == 1
    assert relay.down().returncode == 0
    assert daemon.process.wait(LIMIT_S) == 0 and not os.path.exists(ROOT)
    assert bpf.attached(mesh.relay, INTERFACE) == []


def test_down_after_its_end(mesh: Mesh, relay: RelayCommands, with_peers: tuple[str, ...]) -> None:
    """There is nobody to wait for, but that cannot be known."""
    relay.start(*with_peers).kill()
    shutil.rmtree(ROOT)
    assert relay.down().returncode == 0
    assert bpf.attached(mesh.relay, INTERFACE) == [] and not os.path.exists(ROOT)


def test_another_one_has_taken_over(mesh: Mesh, relay: RelayCommands,
                                    with_peers: tuple[str, ...]) -> None:
    """Meanwhile: the first one ends, and forwarding goes on."""
    first = relay.start(*with_peers)
    shutil.rmtree(ROOT)
    second = relay.start(*with_peers)
    assert first.process.wait(LIMIT_S) == 1
    assert any(f"process {second.pid}" in line for line in first.messages())
    assert _is_there(relay, second)
    assert len(bpf.attached(mesh.relay, INTERFACE)) == 1
