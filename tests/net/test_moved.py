# SPDX-License-Identifier: Apache-2.0
"""Somebody gives a wg0 of the relay's own another name, or moves it to another network namespace:
`down` removes it all the same, or says that it is still there."""

import glob
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from conftest import fails
from own_interface import is_applied, net

from lab import footprint
from lab.owner import INTERFACE
from lab.relay import Daemon
from lab.topology import Topology
from lab.wait import LIMIT_S, wait_until

__all__ = ["net"]  # a fixture
ELSEWHERE = "elsewhere"
SOCKET = f"/var/run/wireguard/{INTERFACE}.sock"
STATES = ["killed", "running"]


def _links(net: Topology) -> set[str]:
    return {os.path.basename(path) for path in net.relay.inside(
        lambda: glob.glob("/proc/sys/net/ipv4/conf/*"))}


def _take(net: Topology) -> footprint.Footprint:
    """The kernel's WireGuard sets a sysctl of the namespace, once."""
    net.run()
    assert net.commands.down().returncode == 0
    return footprint.take(net.relay)


@contextmanager
def _hidden(daemon: Daemon, state: str) -> Iterator[None]:
    """The relay sees only what comes of it."""
    daemon.signal(signal.SIGSTOP)
    yield
    daemon.signal(signal.SIGCONT if state == "running" else signal.SIGKILL)
    if state == "killed":
        daemon.process.wait(LIMIT_S)


def _ip(net: Topology, *lines: str) -> None:
    net.relay.run("ip", "-batch", "-", stdin=None, input="".join(f"{line}\n" for line in lines))


@pytest.fixture
def elsewhere() -> Iterator[str]:
    subprocess.run(["ip", "netns", "add", ELSEWHERE], check=True)
    yield ELSEWHERE
    subprocess.run(["ip", "netns", "delete", ELSEWHERE], check=True)


@pytest.mark.kernel
@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("other", [False, True], ids=["", "another wg0"])
def test_another_name(net: Topology, state: str, other: bool) -> None:
    """It is removed; what has its name by now is not."""
    before = _take(net)
    daemon = net.run()
    with _hidden(daemon, state):
        _ip(net, f"link set {INTERFACE} down", f"link set {INTERFACE} name wgx",
            *([f"link add {INTERFACE} type veth peer name other-end"] if other else []))
    if state == "running" and other:
        wait_until(lambda: any("name back" in line for line in daemon.messages()), "trouble")
    done = net.commands.down()
    assert (done.returncode, done.stderr) == (0, ""), done
    assert "wgx" not in _links(net) and not os.path.exists(SOCKET)
    assert (INTERFACE in _links(net)) == other
    if other:
        net.relay.run("ip", "link", "delete", INTERFACE)
    assert footprint.difference(before, footprint.take(net.relay)) == []
    net.run()
    assert is_applied(net)


@pytest.mark.kernel
@pytest.mark.parametrize("state", STATES)
def test_another_namespace(net: Topology, elsewhere: str, state: str) -> None:
    """It is said, and how to remove it; then nothing is left. The kernel's WireGuard gives its port
    free there, and a relay that runs makes another."""
    before = _take(net)
    daemon = net.run()
    makes_another = state == "running" and \
        net.commands.status()["tunnel"]["wireguard"] == "kernel"
    with _hidden(daemon, state):
        net.relay.run("ip", "link", "set", INTERFACE, "netns", elsewhere)
    if state == "running":
        said = "is back" if makes_another else "trying again"
        wait_until(lambda: any(INTERFACE in line and said in line for line in daemon.messages()),
                   said)
    [attached] = [line for line in net.commands.call("status").stdout.splitlines()
                  if line.startswith("attached")]
    assert "renamed" not in attached
    if state == "killed":  # a clsact filter cannot be looked for there
        assert "attached    no" in attached or "gone: removed, or moved" in attached
    done = net.commands.down()
    if makes_another:
        assert (done.returncode, done.stderr) == (0, ""), done
    else:
        fails(done, INTERFACE, "not in this network namespace", "link delete")
    assert INTERFACE not in _links(net)
    subprocess.run(["ip", "-n", elsewhere, "link", "delete", INTERFACE], check=True)
    wait_until(lambda: not os.path.exists(SOCKET), "end of wireguard-go")
    done = net.commands.down()
    assert (done.returncode, done.stderr) == (0, ""), done
    assert footprint.difference(before, footprint.take(net.relay)) == []
    net.run()
    assert is_applied(net)


@pytest.mark.kernel
def test_removed_by_hand(net: Topology) -> None:
    """That is no trouble, also where another namespace has a WireGuard interface."""
    before = _take(net)
    net.run().kill()
    alike = (net.commands.status()["tunnel"]["wireguard"] == "kernel"
             and any(spoke.node.ifindex(spoke.tunnel.interface) == net.relay.ifindex(INTERFACE)
                     for spoke in net.spokes.values()))
    net.relay.run("ip", "link", "delete", INTERFACE)
    done = net.commands.down()
    if alike:  # only the same number cannot be told from ours
        fails(done, INTERFACE, "may be it")
    else:
        assert (done.returncode, done.stderr) == (0, ""), done
    assert footprint.difference(before, footprint.take(net.relay)) == []
