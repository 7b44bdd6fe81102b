# SPDX-License-Identifier: Apache-2.0
"""Somebody empties /run under a relay with an interface of its own (test_run_folder.py)."""

import os
import shutil

from own_interface import net

from lab.owner import INTERFACE
from lab.relay import Daemon, RelayCommands
from lab.topology import Topology
from lab.wait import LIMIT_S, wait_until

__all__ = ["net"]  # a fixture
ROOT = "/run/nex-relay"


def _is_there(relay: RelayCommands, daemon: Daemon) -> bool:
    status = relay.status()
    return bool(status and status["daemon"]["pid"] == daemon.pid and status["list"])


def test_own(net: Topology) -> None:
    """The next list notices before the next look; wg0 is still known to be ours."""
    daemon = net.run()
    shutil.rmtree(ROOT)
    net.publish()
    wait_until(lambda: _is_there(net.commands, daemon), "lock and status")
    assert net.commands.down().returncode == 0
    assert daemon.process.wait(LIMIT_S) == 0 and not os.path.exists(ROOT)
    assert not os.path.exists(f"/sys/class/net/{INTERFACE}")


def test_down_at_once(net: Topology) -> None:
    """It waits for the relay to show itself, and ends it."""
    daemon = net.run()
    shutil.rmtree(ROOT)
    assert net.commands.down().returncode == 0
    assert daemon.process.wait(LIMIT_S) == 0 and not os.path.exists(ROOT)
    assert not os.path.exists(f"/sys/class/net/{INTERFACE}")
