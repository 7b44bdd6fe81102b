# SPDX-License-Identifier: Apache-2.0
"""The instruments themselves: a world is private and goes with its process, and what the other
tests look for is seen when it is there."""

import os
import pty
import re
import signal
import subprocess
import sys
import time

import pytest
from conftest import ROOT

from lab import bpf, footprint, world
from lab.mesh import Mesh
from lab.node import Node
from lab.traffic import Flow, transfer
from lab.wait import LIMIT_S, wait_until

WORLD = os.path.join(ROOT, "tools", "lab", "world")
DEMO = os.path.join(ROOT, "tools", "demo")


def _processes(mark: str) -> list[int]:
    """PIDs of processes with mark in their command line, as this world numbers them."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/cmdline", "rb") as file:
                words = file.read().split(b"\0")
        except OSError:
            continue
        if words[:2] == [b"sleep", mark.encode()]:
            found.append(int(name))
    return found


def test_this_is_a_world() -> None:
    assert world.inside()
    assert os.readlink("/proc/self/ns/net") == os.readlink("/proc/1/ns/net")


def test_worlds_are_apart() -> None:
    """Two at once: each sees its own interfaces, state, files in /run, pins and process numbers."""
    script = ("ip link add here type veth peer name there && "
              "mkdir /run/mine /var/lib/mine /sys/fs/bpf/mine && "
              "echo 1 > /proc/sys/net/ipv4/ip_forward && read -r _ && "
              "ls /sys/class/net /run /var/lib /sys/fs/bpf && cat /proc/1/comm")
    before = footprint.take(Node("relay", first=True))
    pair = [subprocess.Popen([WORLD, "sh", "-c", script], stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE, text=True) for _ in range(2)]
    for one in pair:
        shown, _ = one.communicate("go\n", timeout=LIMIT_S)
        assert one.returncode == 0
        assert shown.split().count("here") == 1 and shown.split().count("mine") == 3
    assert footprint.difference(before, footprint.take(Node("relay", first=True))) == []


@pytest.mark.parametrize(("number", "status"), [
    (signal.SIGKILL, -signal.SIGKILL), (signal.SIGTERM, 128 + signal.SIGTERM)])
def test_a_world_goes_with_its_process(number: signal.Signals, status: int) -> None:
    mark = f"{7000 + number}"
    process = subprocess.Popen([WORLD, "sleep", mark])
    wait_until(lambda: _processes(mark), "command in the world")
    process.send_signal(number)
    assert process.wait(LIMIT_S) == status
    wait_until(lambda: not _processes(mark), "end of the command")


def test_ctrl_c_reaches_the_command() -> None:
    script = "import signal, sys\ntry:\n print('up', flush=True)\n signal.pause()\n" \
             "except KeyboardInterrupt:\n sys.exit(9)\n"
    process = subprocess.Popen([WORLD, sys.executable, "-c", script], stdout=subprocess.PIPE)
    assert process.stdout and process.stdout.readline() == b"up\n"
    process.send_signal(signal.SIGINT)
    assert process.wait(LIMIT_S) == 9
    process.stdout.close()


def _fork_in_terminal() -> tuple[int, int]:
    """As pty.fork(); to the child Ctrl-C is what it is to a program, and never to pytest."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        pid, terminal = pty.fork()
        if pid == 0:
            signal.signal(signal.SIGINT, signal.SIG_DFL)
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    return pid, terminal


def test_ctrl_c_before_there_is_a_world() -> None:
    """Nobody but the process that makes it gets it; the command ends all the same."""
    pid, terminal = _fork_in_terminal()
    if pid == 0:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        os.write(1, b"ready")
        while signal.SIGINT not in signal.sigpending():
            time.sleep(0.01)
        os.execv(WORLD, [WORLD, "sleep", "60"])
    os.read(terminal, 5)
    os.write(terminal, b"\x03")
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 128 + signal.SIGINT
    os.close(terminal)


def _takes_ctrl_c(pid: int) -> bool:
    """Is the process the demo by now, and does it block or catch it?"""
    with open(f"/proc/{pid}/cmdline", encoding="utf-8", errors="replace") as file:
        if DEMO not in file.read().split("\0"):
            return False
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
        sets = dict(line.split(":\t") for line in file if line.startswith(("SigBlk", "SigCgt")))
    return any(int(mask, 16) & 1 << signal.SIGINT - 1 for mask in sets.values())


@pytest.mark.parametrize("options", [(), ("--keep",)], ids=["plain", "keep"])
@pytest.mark.parametrize("after_s", [0.05, 0.15, 0.25, 0.4])
def test_ctrl_c_ends_the_demo(options: tuple[str, ...], after_s: float) -> None:
    """From a terminal and at any moment: no traceback, no lab. Before it can know of it, in the
    first milliseconds, it just ends, and has not begun with anything."""
    pid, terminal = _fork_in_terminal()
    if pid == 0:
        os.execv(DEMO, [DEMO, *options])
    time.sleep(after_s)
    knows = _takes_ctrl_c(pid)
    os.write(terminal, b"\x03")
    said = b""
    try:
        while piece := os.read(terminal, 4096):
            said += piece
    except OSError:
        pass  # nobody has the terminal open any more
    finally:
        os.close(terminal)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if status == -signal.SIGINT and not knows:
        assert said in (b"", b"^C"), said
        return
    assert status == 130 and b"interrupted" in said, (status, said)
    assert b"Traceback" not in said, said


def test_the_demo_leaves_its_lab_up() -> None:
    """And what it says of how to enter, use and end it is so."""
    shown = subprocess.run([DEMO, "--keep"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                           text=True, check=False, timeout=LIMIT_S)  # the pipe ends with the demo
    said = shown.stdout
    assert shown.returncode == 0, said
    ctl = re.search(r"tests/api/ctl \S+ device-delete device=laptop", said)
    enter = re.search(r"nsenter -t \d+ -m -n -p -w (?=bash)", said)
    down = re.search(r"tools/demo --down \d+", said)
    assert ctl and enter and down, said
    try:
        peers = [*enter[0].split(), "build/nex-relay", "peers", "laptop"]
        assert subprocess.run(peers, cwd=ROOT, check=False).returncode == 0
        subprocess.run([*enter[0].split(), *ctl[0].split()], cwd=ROOT, check=True)
        wait_until(lambda: subprocess.run(peers, cwd=ROOT, check=False).returncode, "end of it")
    finally:
        assert subprocess.run(down[0].split(), cwd=ROOT, check=False).returncode == 0


def test_a_flow_counts_what_is_lost(mesh: Mesh, family: int) -> None:
    """Spoke to spoke without a relay: every packet. Spoke to relay host: none."""
    spoke = mesh["spoke1"]
    other = mesh["spoke2"]
    with Flow(spoke.node, other.node, other.address(family)) as lost:
        wait_until(lambda: lost.sent() > 20, "packets sent")
    assert len(lost.result.lost) == len(lost.result.sent) > 20
    own = mesh.device.ipv4 if family == 4 else mesh.device.ipv6
    with Flow(spoke.node, mesh.relay, own) as kept:
        wait_until(lambda: kept.arrived() > 20, "packets arrived")
    assert not kept.result.lost


def test_a_flow_keeps_its_pace(mesh: Mesh) -> None:
    """It is never faster, however late its thread has been."""
    start = time.monotonic()
    with Flow(mesh["spoke1"].node, mesh.relay, mesh.device.ipv4, packets_per_s=200) as flow:
        wait_until(lambda: flow.arrived() >= 200, "200 packets")
    assert time.monotonic() - start > 0.9


def test_a_transfer_that_cannot_be_made_is_an_error(mesh: Mesh) -> None:
    with pytest.raises(OSError):
        transfer(mesh["spoke1"].node, mesh["spoke2"].node, mesh["spoke2"].device.ipv4,
                 deadline_s=0.5)


def test_the_forward_counters_count(mesh: Mesh, family: int) -> None:
    """With both sysctls on, the kernel's own forwarding is seen, and dropped."""
    for name in ("ipv4/ip_forward", "ipv6/conf/all/forwarding"):
        mesh.relay.set_sysctl(name, "1")
    try:
        before = mesh.firewall.forwarded()
        other = mesh["spoke2"]
        with Flow(mesh["spoke1"].node, other.node, other.address(family)) as flow:
            wait_until(lambda: flow.sent() > 20, "packets sent")
        after = mesh.firewall.forwarded()
        seen = after.ipv4 - before.ipv4 if family == 4 else after.ipv6 - before.ipv6
        assert seen == len(flow.result.sent) == len(flow.result.lost)
    finally:
        for name in ("ipv4/ip_forward", "ipv6/conf/all/forwarding"):
            mesh.relay.set_sysctl(name, "0")


def test_the_footprint_sees_what_is_left(mesh: Mesh) -> None:
    before = footprint.take(mesh.relay)
    assert footprint.difference(before, footprint.take(mesh.relay)) == []
    os.mkdir("/sys/fs/bpf/left")
    mesh.relay.run("tc", "qdisc", "add", "dev", "wg0", "clsact")
    mesh.relay.set_sysctl("ipv6/conf/under1/accept_ra", "2")
    try:
        left = "\n".join(footprint.difference(before, footprint.take(mesh.relay)))
        for word in ("/sys/fs/bpf/left", "qdiscs on wg0", "under1/accept_ra"):
            assert word in left
    finally:
        os.rmdir("/sys/fs/bpf/left")
        mesh.relay.run("tc", "qdisc", "del", "dev", "wg0", "clsact")
        mesh.relay.set_sysctl("ipv6/conf/under1/accept_ra", "1")
    assert footprint.difference(before, footprint.take(mesh.relay)) == []


def test_objects_are_found_by_number() -> None:
    assert not bpf.program_exists(2**31 - 1)
    assert not bpf.map_exists(2**31 - 1)
