# SPDX-License-Identifier: Apache-2.0
"""Hosts that do not let the relay write where it would: read-only /proc/sys, /run without room, a
state folder without room or without permission. Said in one line, and nothing is left."""

import os
from collections.abc import Iterator
from subprocess import CompletedProcess

import pytest
from conftest import fails

from lab import footprint
from lab.owner import STATE, RelayOwned
from lab.relay import Daemon
from lab.topology import FORWARDING, Topology
from lab.wait import LIMIT_S, wait_until

READ_ONLY_SYSCTLS = "mount --bind /proc/sys /proc/sys && mount -o remount,bind,ro /proc/sys"


@pytest.fixture
def net() -> Iterator[Topology]:
    """A relay that is not started; afterwards nothing but its key is different."""
    with Topology(RelayOwned()) as network:
        network.add("spoke1", over=4)
        network.prepare()
        before = footprint.take(network.relay)
        yield network
        network.commands.clean()
        for name in FORWARDING:
            network.relay.set_sysctl(name, "0")
        assert footprint.difference(footprint.lasting(before), footprint.lasting(
            footprint.take(network.relay))) == []


def _argv(net: Topology, mounts: str) -> list[str]:
    """run, where these mounts are made before."""
    return ["unshare", "--mount", "sh", "-c", f'{mounts} && exec "$@"', "sh",
            *net.commands.run_argv("--peers", net.peers.path)]


def _run(net: Topology, mounts: str) -> "CompletedProcess[str]":
    return net.relay.call(*_argv(net, mounts), timeout=LIMIT_S)


def _check_runs(net: Topology) -> None:
    net.run()
    assert net.commands.down().returncode == 0


def test_read_only_sysctls_that_are_preset(net: Topology) -> None:
    for name in FORWARDING:
        net.relay.set_sysctl(name, "1")
    daemon = Daemon(_argv(net, READ_ONLY_SYSCTLS), net.relay.start)
    net.commands.daemons.append(daemon)
    wait_until(lambda: net.commands.is_loaded(daemon), "list")
    assert not any("warning" in line for line in daemon.messages()), daemon.messages()
    assert net.commands.down().returncode == 0
    assert all(net.relay.sysctl(name) == "1" for name in FORWARDING)


def test_read_only_sysctls(net: Topology, family: int) -> None:
    """The one that is not set is named."""
    wanted = FORWARDING[family == 6]
    for name in FORWARDING:
        net.relay.set_sysctl(name, "0" if name == wanted else "1")
    before = footprint.take(net.relay)
    done = _run(net, READ_ONLY_SYSCTLS)
    made, line = done.stderr.splitlines()
    assert done.returncode == 1 and "created" in made, done
    assert all(word in line for word in (f"net/{wanted}", "Read-only", "preset")), done
    assert footprint.difference(before, footprint.take(net.relay)) == []
    for name in FORWARDING:
        net.relay.set_sysctl(name, "0")
    _check_runs(net)


@pytest.mark.parametrize("pages", range(9))
def test_a_run_folder_without_room(net: Topology, pages: int) -> None:
    """So many pages and inodes for the relay, which is too few; or it runs."""
    size = (pages + 1) * 4096
    full = f"mkdir -p /run/nex-relay && mount -t tmpfs -o size={size},nr_inodes={pages + 2} " \
           "full /run/nex-relay"
    daemon = Daemon(_argv(net, full), net.relay.start)
    net.commands.daemons.append(daemon)
    try:
        wait_until(lambda: daemon.process.poll() is not None or any(
            " devices, " in line for line in daemon.messages()), "end or list")
        if daemon.process.poll() is None:
            # In its mount namespace, which goes with it.
            down = net.relay.call("nsenter", f"--mount=/proc/{daemon.pid}/ns/mnt",
                                  *net.commands.argv("down"))
            assert (down.returncode, down.stderr) == (0, ""), down
            return
        lines = daemon.messages()
        assert daemon.process.returncode == 1
        errors = [line for line in lines if "public key" not in line]
        assert len(errors) == 1 and "/run/nex-relay" in errors[0], lines
        assert "No space left" in errors[0], lines
    finally:
        os.rmdir("/run/nex-relay")
    assert not net.relay.has_interface("wg0")


@pytest.mark.parametrize("options, fill, word", [
    ("ro", "", "Read-only"), ("nr_inodes=1", "", "No space left"),
    ("size=4k", f" && dd if=/dev/zero of={STATE}/x bs=4k count=1 2>/dev/null", "No space left"),
], ids=["read-only", "no inode", "no room"])
def test_a_state_folder_that_takes_no_key(net: Topology, options: str, fill: str,
                                          word: str) -> None:
    os.unlink(f"{STATE}/private.key")
    before = footprint.take(net.relay)
    fails(_run(net, f"mount -t tmpfs -o mode=0700,{options} full {STATE}{fill}"), STATE, word)
    assert footprint.difference(before, footprint.take(net.relay)) == []
    assert os.listdir(STATE) == []
    net.owner.prepare(net.relay, net.device, net.key, net.mtu)
    _check_runs(net)
