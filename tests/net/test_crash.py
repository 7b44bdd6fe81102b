# SPDX-License-Identifier: Apache-2.0
"""A relay that is ended by SIGKILL or SIGTERM at any system call that changes something: the next
run comes to the same state as ever, `down` leaves nothing, and a relay that was there forwards on.

NEX_CRASH=all goes through every call, otherwise it is a spread of them.
"""

import json
import os
import shlex
import signal
from collections.abc import Iterator
from contextlib import suppress

import pytest

from lab import bpf, footprint, strace
from lab.owner import INTERFACE, STATE, RelayOwned
from lab.relay import Daemon, process_state
from lab.steady import no_loss
from lab.topology import Topology
from lab.traffic import ping
from lab.wait import wait_until

NEXD = "/var/lib/nexd/state.json"
PLACES = 5  # of a spread
PINGS_EVERY = 5
TRIES = 5


@pytest.fixture(scope="module")
def net() -> Iterator[Topology]:
    """A relay that is not started, and two spokes that know it."""
    if reason := strace.problem():
        pytest.skip(reason)
    with Topology(RelayOwned()) as network:
        network.add("spoke1", relay_only=True, over=4)
        network.add("spoke2", advertises=["10.188.100.0/24", "fd00:188:100::/64"], over=6)
        network.prepare()
        yield network


@pytest.fixture
def first(net: Topology) -> Iterator[footprint.Footprint]:
    """A host that has never had a relay: its key comes from nexd's. What is there before."""
    _forget_key()
    os.makedirs(os.path.dirname(NEXD), mode=0o700, exist_ok=True)
    with open(os.open(NEXD, os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="ascii") as file:
        json.dump({"private-key": net.key.private, "public-key": net.key.public, "port": 0}, file)
    wait_until(lambda: not _traces_of_userspace(), "end of wireguard-go")
    yield footprint.lasting(footprint.take(net.relay))
    net.commands.clean()
    os.unlink(NEXD)


@pytest.fixture
def right(net: Topology, first: footprint.Footprint) -> footprint.Footprint:
    """What a start that nothing disturbs comes to; it is taken down again."""
    net.run()
    there = _settled(net)
    _down(net, first)
    return there


def _forget_key() -> None:
    for name in os.listdir(STATE) if os.path.exists(STATE) else ():
        os.unlink(f"{STATE}/{name}")
    if os.path.exists(STATE):
        os.rmdir(STATE)


def _chosen(log: str, offset: int) -> list[tuple[int, strace.Place]]:
    """Numbered places of a log; a spread of them begins at offset."""
    every = list(enumerate(strace.places(log)))
    assert len(every) > 10 * PLACES or "down" in log
    return every if os.environ.get("NEX_CRASH") == "all" else \
        every[offset::max(1, len(every) // PLACES)]


def _places_of_a_run(net: Topology, offset: int) -> list[tuple[int, strace.Place]]:
    """Those of a start, as things are, which is left running."""
    log = "/run/lab/run.trace"
    _strike(net, "", ("", 0), log)
    return _chosen(log, offset)


def _settled(net: Topology) -> footprint.Footprint:
    """What is there, of a relay that has loaded its list."""
    status = net.commands.status()
    assert status and status["list"]["loaded"] and not status["list"]["error"], status
    assert not status["tunnel"]["error"], status
    assert [number for _, number in bpf.attached(net.relay, INTERFACE)] == [status["program_id"]]
    daemon = net.commands.daemons[-1]
    assert len(daemon.children()) == 1
    assert len(strace.processes("nex-relay", "source")) == 1
    return footprint.lasting(footprint.take(net.relay))


def _await_right(net: Topology, right: footprint.Footprint, place: strace.Place) -> None:
    """The kernel makes some routes of its own a moment later."""
    with suppress(TimeoutError):
        wait_until(lambda: _settled(net) == right, "right state")
    assert footprint.difference(right, _settled(net)) == [], place


def _check_right(net: Topology, right: footprint.Footprint, number: int,
                 place: strace.Place) -> None:
    """A run comes to what it always comes to, and forwards."""
    net.run()
    _await_right(net, right, place)
    if number % PINGS_EVERY:
        return
    _connect(net)
    for family in (4, 6):
        answer = ping(net["spoke1"].node, net["spoke2"].address(family))
        assert answer.complete, (place, answer.output)


def _connect(net: Topology) -> None:
    """New sessions at once: by itself a spoke notices after 15 s that its session has no other
    end any more."""
    for spoke in net.spokes.values():
        spoke.tunnel.remove_peer(net.device.public_key)
    net.connect()


def _traces_of_userspace() -> list[str]:
    """What wireguard-go leaves for a moment after its interface is gone, or for ever."""
    found = [f"process {pid}" for pid in strace.processes("wireguard-go", INTERFACE)
             if process_state(pid) not in (None, "Z")]
    socket = f"/run/wireguard/{INTERFACE}.sock"
    return found + ([socket] if os.path.exists(socket) else [])


def _down(net: Topology, first: footprint.Footprint, place: strace.Place = ("", 0)) -> None:
    """`down` leaves nothing but the key."""
    done = net.commands.down()
    assert (done.returncode, done.stderr) == (0, ""), (place, done)
    wait_until(lambda: not _traces_of_userspace(), f"end of wireguard-go, {place}")
    assert footprint.difference(first, footprint.lasting(footprint.take(net.relay))) == [], place
    # A key that was not whole is removed by the next start.
    kept = set(os.listdir(STATE)) if os.path.exists(STATE) else set()
    assert kept <= {"private.key", "private.key.new"}, (place, kept)
    assert not strace.processes("nex-relay", "source"), place
    net.commands.daemons.clear()


def _strike(net: Topology, name: str, place: strace.Place, log: str = "/dev/null") -> None:
    """Start, have that signal sent at that call, and wait for the end; or, as one start has a few
    calls more than another, for the list."""
    run = net.commands.run_argv("--peers", net.peers.path, *net.owner.options(net.mtu))
    inject = f"signal={name}:when={place[1]}" if name else ""
    calls = (place[0],) if name else strace.CHANGING
    daemon = Daemon(strace.argv(run, inject, calls, log), net.relay.start)
    net.commands.daemons.append(daemon)
    wait_until(lambda: daemon.process.poll() is not None or net.commands.is_loaded(daemon),
               f"end or list, {place}: {daemon.messages()}")
    if not name or daemon.process.poll() is None:
        wait_until(lambda: daemon.process.poll() is not None or _is_idle(daemon), "end or rest")
        return
    early = not daemon.messages()  # before it can take signals, it has done nothing either
    wanted = {"KILL": [-signal.SIGKILL], "TERM": [0, -signal.SIGTERM] if early else [0]}[name]
    assert daemon.process.returncode in wanted, (place, daemon.messages())
    wait_until(lambda: not strace.processes("nex-relay", "source"), f"end of the source, {place}")


def _is_idle(daemon: Daemon) -> bool:
    """A signal that was sent would have been taken: it sleeps in its loop."""
    with open(f"/proc/{daemon.pid}/wchan", encoding="ascii") as file:
        return "ep" in file.read()


def _calm(net: Topology) -> None:
    """End those that were not struck."""
    for daemon in net.commands.daemons:
        daemon.stop()


@pytest.mark.parametrize("name", ["KILL", "TERM"])
def test_the_next_run_repairs(net: Topology, first: footprint.Footprint, right: footprint.Footprint,
                              name: str) -> None:
    _forget_key()
    places = _places_of_a_run(net, 0)
    _down(net, first)
    for number, place in places:
        _forget_key()
        _strike(net, name, place)
        _calm(net)
        _check_right(net, right, number, place)
        _down(net, first, place)


def test_down_after_a_start_that_was_killed(net: Topology, first: footprint.Footprint) -> None:
    _forget_key()
    places = _places_of_a_run(net, 7)
    _down(net, first)
    for _, place in places:
        _forget_key()
        _strike(net, "KILL", place)
        _down(net, first, place)


@pytest.mark.parametrize("name", ["KILL", "TERM"])
def test_a_restart_over_a_running_relay(net: Topology, first: footprint.Footprint,
                                        name: str) -> None:
    """And not one packet is lost."""
    net.run()
    _connect(net)
    right = _settled(net)
    _calm(net)
    for _, place in _places_of_a_run(net, 14):
        print(name, "at", place)  # shown when it fails
        with no_loss(net, net.commands):
            _calm(net)
            _strike(net, name, place)
            _calm(net)
            net.run()
        _await_right(net, right, place)
    _down(net, first)


def test_down_after_a_restart_that_was_killed(net: Topology, first: footprint.Footprint) -> None:
    net.run().stop()
    places = _places_of_a_run(net, 21)
    _down(net, first)
    for _, place in places:
        net.run().stop()
        _strike(net, "KILL", place)
        _down(net, first, place)


def test_a_down_that_was_killed(net: Topology, first: footprint.Footprint,
                                right: footprint.Footprint) -> None:
    """The next one does the rest, and so does a run."""
    log = "/run/lab/down.trace"
    net.run().kill()
    assert net.relay.call(*strace.argv(net.commands.argv("down"), "", strace.CHANGING, log)) \
        .returncode == 0
    for number, place in _chosen(log, 5):
        for repair in (False, True):
            net.run().kill()
            done = net.relay.call(*strace.argv(net.commands.argv("down"),
                                               f"signal=KILL:when={place[1]}", (place[0],)))
            assert done.returncode in (0, -signal.SIGKILL), (place, done)
            if repair:
                _check_right(net, right, number, place)
            _down(net, first, place)


def test_down_while_wireguard_still_starts(net: Topology, first: footprint.Footprint) -> None:
    """A userspace WireGuard that nobody waits for any more must not come up afterwards."""
    if os.path.exists("/sys/module/wireguard"):
        pytest.skip("the kernel's own WireGuard is there at once")
    for _ in range(TRIES):
        run = strace.argv(net.commands.run_argv("--peers", net.peers.path), "signal=KILL:when=1",
                          ("pidfd_open",))
        done = net.relay.call("sh", "-c", f'{shlex.join(run)}; exec "$@"', "sh",
                              *net.commands.argv("down"))
        assert done.returncode == 0, done
        wait_until(lambda: not _traces_of_userspace(), "end of wireguard-go")
        _down(net, first)
