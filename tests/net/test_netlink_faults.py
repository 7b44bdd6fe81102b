# SPDX-License-Identifier: Apache-2.0
"""System calls that fail in the middle of a change: the relay says so once, goes on with what it
has, and comes to the list by itself as soon as the fault is over.

NEX_CRASH=all has every call fail in turn, otherwise it is a spread of them.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from lab import bpf, devices, footprint, strace
from lab.devices import Device
from lab.owner import INTERFACE, RelayOwned
from lab.relay import Daemon
from lab.steady import no_loss
from lab.topology import Topology
from lab.wait import wait_until
from lab.wireguard import make_key

EVERY = os.environ.get("NEX_CRASH") == "all"
OFTEN = 400  # more than the calls of any kind in a change or a start
LASTING_S = 2
LATE = ("Connection timed out", "as it should be again")

# Netlink and wireguard-go's socket; what BPF maps are edited with; files below /run.
SEND, RECEIVE, BPF = ("sendto", "sendmsg"), ("recvmsg", "recvfrom"), ("bpf",)
FILES = ("openat", "write", "rename", "unlink")
FAULTS = [(SEND, "EBUSY"), (SEND, "EPERM"), (SEND, "ENOMEM"), (SEND, "EINTR"), (SEND, "ENOBUFS"),
          (RECEIVE, "ENOBUFS"), (RECEIVE, "EAGAIN"), (RECEIVE, "EINTR"), (RECEIVE, "ENOMEM"),
          (BPF, "ENOMEM"), (BPF, "EPERM"), (FILES, "ENOSPC"), (("socket",), "EMFILE")]
NAMES = [f"{calls[0]}-{error}" for calls, error in FAULTS]


# Of a start: what may fail for good there.
FAULTS_AT_START = [(SEND, "ENOBUFS"), (SEND, "EPERM"), (RECEIVE, "ENOMEM"), (BPF, "ENOMEM"),
                   (BPF, "EPERM"), (("openat",), "ENOSPC"), (("rename", "mkdir"), "ENOSPC"),
                   (("socket",), "EMFILE"), (("fork", "clone", "clone3"), "EAGAIN")]


class Lists:
    """Two lists that differ in a peer, in CIDRs of both families that move, and in an address of
    the relay's own; both spokes are in both."""

    def __init__(self, net: Topology) -> None:
        self.net = net
        self.extra = [Device(f"extra{i}", make_key().public, f"100.64.7.{i}", f"200::7:{i}",
                             advertises=[f"10.7.{i}.0/24", f"fd07:{i}::/64"]) for i in (1, 2)]
        self.right: dict[bool, tuple] = {}
        self.more = False

    def publish(self, more: bool) -> None:
        """The list with more in it, or the other one."""
        spokes = [spoke.device for spoke in self.net.spokes.values()]
        for spoke in spokes:
            spoke.advertises = []
        spokes[0 if more else 1].advertises = ["10.188.100.0/24", "fd00:188:100::/64"]
        if more:
            spokes += self.extra
        own = devices.records([self.net.device])[0]
        if more:
            own["allowed_ips"] = [*own["allowed_ips"], "100.64.9.9", "200::9:9"]
        self.more = more
        self.net.peers.replace([own, *devices.records(spokes)])

    def state(self) -> tuple:
        """What there is: on the host and in the maps."""
        status = self.net.commands.status()
        good = (status and status["list"]["error"] is None and status["tunnel"]["error"] is None)
        return (good, footprint.lasting(footprint.take(self.net.relay)),
                self.net.commands.entries())

    def is_right(self) -> bool:
        """Is it as it is without a fault?"""
        return self.state() == self.right[self.more]

    def settle(self, more: bool) -> None:
        """Remember what it is without a fault."""
        said = self.net.commands.daemons[-1]
        before = len(said.messages())
        self.publish(more)
        wait_until(lambda: any(" devices, " in line for line in said.messages()[before:]), "list")
        self.right[more] = self.state()


@pytest.fixture(scope="module")
def net() -> Iterator[Topology]:
    """A relay that is not started, and two spokes."""
    if reason := strace.problem():
        pytest.skip(reason)
    with Topology(RelayOwned()) as network:
        network.add("spoke1", relay_only=True, over=4)
        network.add("spoke2", over=6)
        network.prepare()
        yield network


@pytest.fixture(scope="module")
def lists(net: Topology) -> Lists:
    """Of a relay that runs."""
    made = Lists(net)
    net.start()
    made.settle(False)
    made.settle(True)
    made.settle(False)
    return made


def _places(offset: int) -> Iterator[int]:
    if EVERY:
        return iter(range(1, OFTEN))
    return iter((1 + offset % 4, 9 + offset % 13))


@contextmanager
def _checked(lists: Lists, what: str) -> Iterator[Daemon]:
    """Whatever happens in the block to a change of the list: the relay stays, and comes to the
    list. What it says, it says once."""
    net, daemon = lists.net, lists.net.commands.daemons[-1]
    daemon.new_messages()
    yield daemon
    assert daemon.process.poll() is None, (what, daemon.new_messages())
    try:
        wait_until(lists.is_right, f"right state, {what}")
    except TimeoutError as err:
        right, there = lists.right[lists.more], lists.state()
        raise AssertionError(what, daemon.new_messages(), there[0], there[2],
                             footprint.difference(right[1], there[1])) from err
    assert len(bpf.attached(net.relay, INTERFACE)) == 1, what
    wait_until(lambda: len(daemon.children()) == 1, f"one source, {what}")
    # Every source process that is lost is told: how often depends on when the fault is over.
    lines = daemon.new_messages()
    assert not any("somebody" in line for line in lines), (what, lines)
    # So is a wireguard-go that a busy machine keeps from answering in time: that is no fault of ours.
    said = [line for line in lines if not any(
        words in line for words in (" devices, ", "the helper process", *LATE))]
    assert len(said) == len(set(said)), (what, said)


def _change(lists: Lists, calls: tuple[str, ...], inject: str, lasts: bool) -> list[str]:
    """Change to the other list while calls fail, for a while or until the list is there in spite of
    it; and what these were."""
    what = f"{calls[0]} {inject}, more: {not lists.more}"
    with _checked(lists, what) as daemon, \
            strace.injected(lists.net.relay, daemon.pid, inject, calls) as met:
        lists.publish(not lists.more)
        if lasts:
            time.sleep(LASTING_S)
        else:
            wait_until(lists.is_right, f"right state, {what}: {daemon.messages()[daemon.seen:]}")
    return met


@pytest.mark.parametrize("calls, error", FAULTS, ids=NAMES)
def test_one_call_fails(lists: Lists, calls: tuple[str, ...], error: str) -> None:
    with no_loss(lists.net, lists.net.commands):
        for place in _places(FAULTS.index((calls, error))):
            met = [_change(lists, calls, f"error={error}:when={place}", False) for _ in range(2)]
            if not any(met):
                return


@pytest.mark.parametrize("calls, error", FAULTS if EVERY else FAULTS[1::3],
                         ids=NAMES if EVERY else NAMES[1::3])
def test_calls_fail_for_a_while(lists: Lists, calls: tuple[str, ...], error: str) -> None:
    """All of them, from one in the middle of the change on."""
    with no_loss(lists.net, lists.net.commands):
        for place in (4, 12, 25, 40) if EVERY else (4 + FAULTS.index((calls, error)),):
            for _ in range(2):
                _change(lists, calls, f"error={error}:when={place}+", True)


def _places_of_a_start(net: Topology, calls: tuple[str, ...], offset: int) -> list[strace.Place]:
    """Calls of a start that nothing disturbs: all of them, or a few."""
    log = "/run/lab/run.trace"
    daemon = Daemon(strace.argv(net.commands.run_argv("--peers", net.peers.path), "", calls, log),
                    net.relay.start)
    wait_until(lambda: net.commands.is_loaded(daemon), "list")
    daemon.stop()
    assert net.commands.down().returncode == 0
    wait_until(lambda: not strace.processes("wireguard-go", INTERFACE), "end of wireguard-go")
    every = strace.places(log)
    return every if EVERY else every[offset::max(1, len(every) // 3)]


@pytest.mark.parametrize("calls, error", FAULTS_AT_START,
                         ids=[f"{calls[0]}-{error}" for calls, error in FAULTS_AT_START])
def test_a_call_of_a_start_fails(net: Topology, calls: tuple[str, ...], error: str) -> None:
    """One line that says what, and nothing is left; or it makes no difference."""
    net.commands.clean()
    before = footprint.lasting(footprint.take(net.relay))
    argv = net.commands.run_argv("--peers", net.peers.path)
    for place in _places_of_a_start(net, calls, FAULTS_AT_START.index((calls, error))):
        daemon = Daemon(strace.argv(argv, f"error={error}:when={place[1]}", (place[0],)),
                        net.relay.start)
        wait_until(lambda: daemon.process.poll() is not None or net.commands.is_loaded(daemon),
                   f"end or list, {place}, {daemon.messages()}")
        said = daemon.messages()
        if daemon.process.poll() is not None:
            # What libbpf says of a program that the kernel does not take is worth its lines.
            said = [line for line in said if calls != BPF and " public key " not in line and
                    ": attached (" not in line]
            assert daemon.process.returncode in (1, 127), (place, daemon.process.returncode)
            assert len(said) <= 1 and ": " in (daemon.messages() or [""])[-1], (place, said)
            _await_nothing(net, before, f"{place} {said}")
        else:
            daemon.stop()
        assert net.commands.down().returncode == 0
        _await_nothing(net, before, f"{place} {said}")


def _await_nothing(net: Topology, before: footprint.Footprint, what: str) -> None:
    """Nothing is left, as soon as wireguard-go and its interface are gone."""
    def strays() -> list[str]:
        return footprint.difference(before, footprint.lasting(footprint.take(net.relay)))
    wait_until(lambda: not net.relay.has_interface(INTERFACE) and not strace.processes(
        "wireguard-go", INTERFACE), f"end of wireguard-go, {what}")
    assert strays() == [], what
