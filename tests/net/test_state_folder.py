# SPDX-License-Identifier: Apache-2.0
"""The folder of a relay's identity is one relay's: a second one is refused, whatever its interface
and network namespace, and nothing that outlives the first one keeps it."""

import fcntl
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from own_interface import net

from lab.owner import INTERFACE, STATE
from lab.relay import Daemon, RelayCommands
from lab.topology import Topology
from lab.wait import LIMIT_S, wait_until

__all__ = ["net"]  # a fixture
OTHER = "wg9"


@contextmanager
def _locked(wait: bool = True) -> Iterator[None]:
    """Somebody has the folder's lock."""
    found = os.open(STATE, os.O_RDONLY)
    try:
        fcntl.flock(found, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        yield
    finally:
        os.close(found)


def _other(net: Topology, where: str) -> RelayCommands:
    return RelayCommands(net.relay if where == "relay" else net["spoke1"].node, OTHER, adopt=False)


def _start(net: Topology, other: RelayCommands, *options: str) -> Daemon:
    return other.start("--peers", net.peers.path, "--listen-port", "51999", *options, loaded=False)


@pytest.mark.parametrize("where", ["relay", "another namespace"])
def test_second_relay(net: Topology, where: str) -> None:
    """Refused with the folder's name and what to do; the first one does not notice."""
    first = net.run()
    before = sorted(os.listdir(STATE))
    other = _other(net, where)
    second = _start(net, other)
    assert second.process.wait(LIMIT_S) == 1
    [line] = [line for line in second.messages() if "IPv6" not in line]
    assert STATE in line and "--state-dir" in line and "another relay" in line
    assert sorted(os.listdir(STATE)) == before and first.process.poll() is None
    assert not os.path.exists(f"/sys/class/net/{OTHER}")
    assert [name for name in os.listdir("/run/nex-relay") if OTHER in name] == []
    assert first.process.poll() is None and net.commands.status()["daemon"]["pid"] == first.pid
    for command in ("status", "peers", "stats"):
        assert net.commands.call(command).returncode == 0
    # With a folder of its own it starts.
    third = _start(net, other, "--state-dir", "/run/lab/third")
    wait_until(lambda: any("made a private key" in line for line in third.messages()), "start")
    third.stop()
    other.down()
    shutil.rmtree("/run/lab/third")
    assert net.commands.down().returncode == 0
    assert first.process.wait(LIMIT_S) == 0


@pytest.mark.parametrize("parent", ["/usr/share", "/usr/lib"])
def test_folder_that_the_helper_sees(net: Topology, parent: str) -> None:
    """It reads libraries and their data there, as root where it cannot change its user: the key of
    WireGuard would be in its view. Nothing is made."""
    with tempfile.TemporaryDirectory(prefix="nex-relay-", dir=parent) as folder:
        daemon = net.commands.start("--peers", net.peers.path, "--state-dir", folder, loaded=False)
        assert daemon.process.wait(LIMIT_S) == 1
        [line] = [line for line in daemon.messages() if "IPv6" not in line]
        assert folder in line and "--state-dir" in line and "helper" in line
        assert os.listdir(folder) == [] and not net.relay.has_interface(INTERFACE)


@pytest.mark.parametrize("end", ["KILL", "TERM"])
def test_next_start(net: Topology, end: str) -> None:
    """At once, though wireguard-go goes on: of the same relay, and of another with its folder."""
    net.run()
    for _ in range(3):
        daemon = net.commands.daemons[-1]
        daemon.signal(signal.SIGKILL if end == "KILL" else signal.SIGTERM)
        daemon.process.wait(LIMIT_S)
        with _locked(wait=False):  # nobody has it
            pass
        net.run()
    net.commands.daemons[-1].kill()
    other = _other(net, "relay")
    daemon = _start(net, other)
    wait_until(lambda: any(OTHER in line for line in daemon.messages()), "start")
    assert daemon.process.poll() is None or not any(STATE in line for line in daemon.messages())
    daemon.stop()
    other.down()


def _holders() -> set[int]:
    """PIDs of the processes that have the folder open."""
    holders = set()
    for pid in (int(name) for name in os.listdir("/proc") if name.isdigit()):
        try:
            holders |= {pid for name in os.listdir(f"/proc/{pid}/fd")
                        if os.path.realpath(f"/proc/{pid}/fd/{name}") == STATE}
        except OSError:
            continue
    return holders


def test_no_child_has_the_lock(net: Topology) -> None:
    """Of all processes only the node has the folder open."""
    daemon = net.run()
    wait_until(lambda: daemon.source(), "source process")
    assert _holders() == {daemon.pid}


def test_waits_a_moment(net: Topology) -> None:
    """For who is about to end: a second, from when it comes to the lock."""
    with _locked():
        daemon = net.commands.start("--peers", net.peers.path, loaded=False)
        wait_until(lambda: daemon.pid in _holders(), "relay at the lock")
    wait_until(lambda: net.commands.is_loaded(daemon), "start")


@pytest.mark.parametrize("how", ["full", "read-only"])
def test_folder_that_takes_nothing(net: Topology, how: str) -> None:
    """A relay that has its key needs to write nothing."""
    with open(f"{STATE}/private.key", "rb") as file:
        key = file.read()
    folder = "/run/lab/small"
    os.makedirs(folder, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4k,nr_inodes=2,mode=700", "tmpfs", folder],
                   check=True)
    try:
        with open(os.open(f"{folder}/private.key", os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
            file.write(key)
        if how == "read-only":
            subprocess.run(["mount", "-o", "remount,ro", folder], check=True)
        net.run("--state-dir", folder)
        status = net.commands.status()
        assert status["state"] == {"dir": folder, "error": None}
        net.commands.daemons[-1].stop()
        net.commands.down()
    finally:
        subprocess.run(["umount", folder], check=True)


def test_nothing_of_it_where_the_interface_is_adopted(net: Topology) -> None:
    """There is no folder then."""
    net.run()
    net.commands.daemons[-1].stop()
    adopted = RelayCommands(net.relay, INTERFACE)
    with _locked():
        adopted.start("--peers", net.peers.path)
        assert adopted.status()["state"] is None
        for daemon in adopted.daemons:
            daemon.stop()
