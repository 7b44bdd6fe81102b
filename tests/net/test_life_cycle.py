# SPDX-License-Identifier: Apache-2.0
"""Killed, restarted, replaced: forwarding goes on until `down`, and then nothing is left."""

import os
import signal
import subprocess

import pytest
from conftest import HOOKS, foreign_program

from lab import bpf, footprint, strace
from lab.mesh import Mesh
from lab.relay import MAPS, Daemon, RelayCommands, process_state
from lab.steady import no_loss
from lab.traffic import ping
from lab.wait import LIMIT_S, wait_until


def _source(daemon: Daemon) -> int:
    return wait_until(lambda: daemon.children(), "source process")[0]


def _start_in_a_group(mesh: Mesh, relay: RelayCommands, *options: str) -> Daemon:
    """A daemon whose process group is its own, as a shell's job has it."""
    daemon = Daemon(relay.run_argv(*options),
                    lambda argv, **more: mesh.relay.start(argv, start_new_session=True, **more))
    relay.daemons.append(daemon)
    wait_until(lambda: relay.is_loaded(daemon), lambda: f"loaded list: {daemon.messages()}")
    return daemon


def _status_of(pid: int) -> dict[str, str]:
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        return {name: value.strip() for name, _, value in
                (line.partition(":") for line in file)}


def _objects(relay: RelayCommands) -> tuple[int, list[int]]:
    status = relay.status()
    assert status
    return status["program_id"], [bpf.map_id(f"{relay.pins}/{name}") for name in MAPS]


@pytest.mark.kernel
def test_exactly_one_program_is_attached(mesh: Mesh, relay: RelayCommands, hook: tuple[str, ...],
                                         with_peers: tuple[str, ...]) -> None:
    assert bpf.attached(mesh.relay, "wg0") == []
    relay.start(*hook, *with_peers)
    programs = bpf.attached(mesh.relay, "wg0")
    assert [number for _, number in programs] == [relay.status()["program_id"]]


@pytest.mark.kernel
def test_all_maps_are_pinned_and_readable(relay: RelayCommands,
                                          with_peers: tuple[str, ...]) -> None:
    relay.start(*with_peers)
    assert set(MAPS) <= set(os.listdir(relay.pins))
    names = {entry["value"]["name"] for entry in bpf.dump(f"{relay.pins}/nex_slots")}
    assert {"edge", "laptop", "spoke1", "spoke2"} <= {str(name).rstrip("\0") for name in names}


def test_nothing_is_lost_when_the_daemon_ends(mesh: Mesh, relay: RelayCommands,
                                              hook: tuple[str, ...],
                                              with_peers: tuple[str, ...]) -> None:
    """SIGTERM, and a new start."""
    daemon = relay.start(*hook, *with_peers)
    with no_loss(mesh, relay):
        daemon.process.terminate()
        assert daemon.process.wait(LIMIT_S) == 0
        relay.start(*hook, *with_peers)


@pytest.mark.kernel
def test_nothing_is_lost_when_the_daemon_is_killed(mesh: Mesh, relay: RelayCommands,
                                                   hook: tuple[str, ...],
                                                   with_peers: tuple[str, ...]) -> None:
    """kill -9, and a new start: one program, the same tables, counters that go on."""
    daemon = relay.start(*hook, *with_peers)
    source = _source(daemon)
    _, maps = _objects(relay)
    with no_loss(mesh, relay):
        daemon.kill()
        wait_until(lambda: process_state(source) in (None, "Z"), "end of the source process")
        counted = relay.packets("forwarded", 4), relay.packets("forwarded", 6)
        sent = relay.peers()["spoke1"]["from_peer"]["packets"]
        relay.start(*hook, *with_peers)
        assert relay.packets("forwarded", 4) >= counted[0] > 0
        assert relay.packets("forwarded", 6) >= counted[1] > 0
        assert relay.peers()["spoke1"]["from_peer"]["packets"] >= sent > 0
    assert len(bpf.attached(mesh.relay, "wg0")) == 1
    assert _objects(relay)[1] == maps


@pytest.mark.kernel
def test_counts_are_exact_over_a_restart(mesh: Mesh, relay: RelayCommands, hook: tuple[str, ...],
                                         with_peers: tuple[str, ...], family: int) -> None:
    relay.start(*hook, *with_peers).kill()
    assert ping(mesh["spoke1"].node, mesh["spoke2"].address(family)).complete
    relay.start(*hook, *with_peers).kill()
    assert ping(mesh["spoke1"].node, mesh["spoke2"].address(family)).complete
    assert relay.packets("forwarded", family) == 20
    peers = relay.peers()
    for name in ("spoke1", "spoke2"):
        assert peers[name]["from_peer"]["packets"] == 10
        assert peers[name]["to_peer"]["packets"] == 10


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_to_all_processes(mesh: Mesh, relay: RelayCommands, with_peers: tuple[str, ...],
                                   number: signal.Signals) -> None:
    """Ctrl-C in a terminal and systemd's stop reach the source process too: it leaves it to the
    node, whichever of the two is told first, and nobody speaks of trouble."""
    daemon = _start_in_a_group(mesh, relay, *with_peers)
    source = _source(daemon)
    daemon.signal(signal.SIGSTOP)
    wait_until(lambda: process_state(daemon.pid) == "T", "stop of the node")
    os.killpg(daemon.pid, number)
    wait_until(lambda: process_state(source) in (None, "Z")
               or int(_status_of(source)["ShdPnd"], 16) == 0, "signal at the source")
    daemon.signal(signal.SIGCONT)
    if number == signal.SIGHUP:
        wait_until(lambda: any("SIGHUP" in line for line in daemon.messages()), "another reading")
        assert daemon.children() == [source]
        daemon.stop()
    assert daemon.process.wait(LIMIT_S) == 0
    assert not [line for line in daemon.messages() if "source" in line or "warning" in line]


# Between them, calls that `run` makes from its first instruction to its last one.
CALLS = ("openat", "close", "munmap", "fcntl", "bpf", "sendto", "recvmsg", "epoll_ctl",
         "epoll_wait", "kill", "wait4", "rename")
BLOCKED = "rt_sigprocmask(SIG_BLOCK, [HUP INT TERM]"


def _traced(mesh: Mesh, relay: RelayCommands, *options: str, inject: str = "",
            calls: tuple[str, ...] = (), log: str = "/dev/null") -> Daemon:
    argv = strace.argv(relay.run_argv(*options), inject, calls, log)
    daemon = Daemon(argv, mesh.relay.start)
    relay.daemons.append(daemon)
    return daemon


@pytest.mark.kernel
def test_told_to_end_again_and_again(mesh: Mesh, relay: RelayCommands,
                                                with_peers: tuple[str, ...]) -> None:
    """However often SIGTERM comes, from the first instruction to the last one, `run` ends once, in
    order. What the loader does before, the program cannot know."""
    if reason := strace.problem():
        pytest.skip(reason)
    log = "/run/lab/signals.trace"
    daemon = _traced(mesh, relay, *with_peers, calls=(*CALLS, "rt_sigprocmask"), log=log)
    wait_until(lambda: relay.is_loaded(daemon), lambda: f"loaded list: {daemon.messages()}")
    assert daemon.stop() == 0
    before = strace.counts_before(log, BLOCKED)
    assert before is not None, "never blocked"
    assert strace.counts_before(log, '"/dev/null"')["openat"] == before["openat"], "not at first"
    for call in CALLS:
        number = before.get(call, 0) + 1
        daemon = _traced(mesh, relay, *with_peers, inject=f"signal=TERM:when={number}+",
                         calls=(call,))
        wait_until(lambda: relay.is_loaded(daemon) or daemon.process.poll() is not None, "a list")
        assert daemon.stop() == 0, (call, daemon.messages())
        assert len([line for line in daemon.messages() if "signal 15" in line]) == 1, call


def test_what_is_said_at_the_end(relay: RelayCommands, with_peers: tuple[str, ...]) -> None:
    """The same is true after a signal and with `down`."""
    for down in (False, True):
        daemon = relay.start(*with_peers)
        daemon.new_messages()
        assert (relay.down().returncode if down else daemon.stop()) == 0
        assert daemon.process.wait(LIMIT_S) == 0
        [line] = daemon.new_messages()
        assert "signal 15" in line and "only `nex-relay down` ends the forwarding" in line, line


def test_show_commands_need_no_daemon(relay: RelayCommands,
                                      with_peers: tuple[str, ...]) -> None:
    daemon = relay.start(*with_peers)
    alive = relay.status()
    peers, verdicts = relay.peers(), relay.verdicts()
    daemon.kill()
    dead = relay.status()
    assert dead and dead["daemon"]["running"] is False
    for part in ("hook", "attach", "program_id", "ifindex", "forward", "strict", "ipv4", "ipv6",
                 "pins"):
        assert dead[part] == alive[part], part
    assert dead["list"]["devices"] == 4
    assert relay.peers() == peers and relay.verdicts() == verdicts
    for command in ("status", "peers", "stats"):
        done = relay.call(command)
        assert done.returncode == 0 and done.stdout and not done.stderr, done
    assert relay.call("down").returncode == 0


@pytest.mark.kernel
@pytest.mark.parametrize("first", ["tc-tcx", "tc-clsact", "xdp"])
def test_the_hook_can_be_changed_by_a_restart(mesh: Mesh, relay: RelayCommands, first: str,
                                              hook: tuple[str, ...],
                                              with_peers: tuple[str, ...]) -> None:
    """From each way to each other: no packet is lost, one program is left.

    The clsact qdisc is there already: adding one makes the kernel take the interface's transmit
    queue out of service for a moment (qdisc_graft() calls dev_deactivate() for ingress as well),
    and what is sent then is dropped with reason QDISC_DROP, whoever sends it.
    """
    if first == "tc-tcx" and not bpf.has_tcx():
        pytest.skip("this kernel has no tcx (it came with 6.6)")
    mesh.relay.run("tc", "qdisc", "add", "dev", "wg0", "clsact")
    try:
        relay.start(*HOOKS[first][0], *with_peers).stop()
        with no_loss(mesh, relay):
            relay.start(*hook, *with_peers)
        assert len(bpf.attached(mesh.relay, "wg0")) == 1
    finally:
        relay.clean()
        mesh.relay.run("tc", "qdisc", "delete", "dev", "wg0", "clsact")


def test_the_source_process_is_powerless(relay: RelayCommands,
                                         with_peers: tuple[str, ...]) -> None:
    status = _status_of(_source(relay.start(*with_peers)))
    for kind in ("CapEff", "CapPrm", "CapInh", "CapAmb"):
        assert int(status[kind], 16) == 0, kind
    assert status["NoNewPrivs"] == "1"
    assert status["Seccomp"] == "2"
    assert status["Uid"].split()[0] != "0"


def test_the_source_process_may_die(mesh: Mesh, relay: RelayCommands, hook: tuple[str, ...],
                                    with_peers: tuple[str, ...]) -> None:
    """Nothing is lost, another one takes its place, and it reads the file."""
    daemon = relay.start(*hook, *with_peers)
    source = _source(daemon)
    with no_loss(mesh, relay):
        os.kill(source, signal.SIGKILL)
        wait_until(lambda: [pid for pid in daemon.children() if pid != source],
                   "new source process")
    records = [device.record() for device in mesh.devices() if device.name != "edge"]
    mesh.peers.replace(records)
    wait_until(lambda: "edge" not in relay.peers(), "list read by the new source process")


def test_how_the_helper_died(mesh: Mesh, relay: RelayCommands,
                             with_peers: tuple[str, ...]) -> None:
    """Is in the log and in `status`, until the next one has read the file."""
    daemon = relay.start(*with_peers)
    os.kill(_source(daemon), signal.SIGABRT)
    line = wait_until(lambda: [line for line in daemon.new_messages() if "helper" in line], "line")
    assert "was killed by SIGABRT; starting another in 0.1 s" in line[0]
    helper = relay.written_status()["helper"]
    assert helper["error"] == "was killed by SIGABRT" and helper["retry_at"] > helper["since"]
    assert "was killed by SIGABRT" in relay.call("status").stdout
    mesh.peers.replace([device.record() for device in mesh.devices() if device.name != "edge"])
    wait_until(lambda: relay.written_status()["helper"] is None, "that all is well")


@pytest.mark.kernel
def test_the_interface_may_go_and_come_back(mesh: Mesh, relay: RelayCommands,
                                            hook: tuple[str, ...],
                                            with_peers: tuple[str, ...]) -> None:
    daemon = relay.start(*hook, *with_peers)
    daemon.new_messages()
    mesh.tunnel.remove()
    wait_until(lambda: any("wg0" in line for line in daemon.messages()[daemon.seen:]),
               "message about the interface")
    daemon.new_messages()
    assert daemon.process.poll() is None
    mesh.make_tunnel()
    wait_until(lambda: len(bpf.attached(mesh.relay, "wg0")) == 1, "program on the new interface")
    mesh.wait_connected()
    for family in (4, 6):
        wait_until(lambda: ping(mesh["spoke1"].node, mesh["spoke2"].address(family), count=1,
                                wait_s=1).received, "answer through the new interface")
        assert ping(mesh["spoke1"].node, mesh["spoke2"].address(family)).complete
    status = relay.status()
    assert status and status["ifindex"] == mesh.relay.ifindex("wg0")
    assert status["list"]["devices"] == 4
    assert any("wg0" in line for line in daemon.new_messages())


@pytest.mark.kernel
def test_the_interface_may_come_back_without_the_daemon(mesh: Mesh, relay: RelayCommands,
                                                        hook: tuple[str, ...],
                                                        with_peers: tuple[str, ...]) -> None:
    """A start finds pins of an interface that is no more: no stale entry, one program."""
    relay.start(*hook, *with_peers).kill()
    mesh.tunnel.remove()
    mesh.make_tunnel()
    mesh.wait_connected()
    relay.start(*hook, *with_peers)
    for family in (4, 6):
        assert ping(mesh["spoke1"].node, mesh["spoke2"].address(family)).complete
    assert len(bpf.attached(mesh.relay, "wg0")) == 1
    scopes = {entry["key"]["scope"] for entry in bpf.dump(f"{relay.pins}/nex_addr4")}
    assert scopes == {mesh.relay.ifindex("wg0")}


@pytest.mark.kernel
@pytest.mark.parametrize("dead", [False, True], ids=["running", "killed"])
def test_down_leaves_nothing(mesh: Mesh, relay: RelayCommands, hook: tuple[str, ...],
                             with_peers: tuple[str, ...], dead: bool) -> None:
    before = footprint.take(mesh.relay)
    daemon = relay.start(*hook, *with_peers)
    source = _source(daemon)
    program, maps = _objects(relay)
    assert footprint.difference(before, footprint.take(mesh.relay)), "the footprint sees nothing"
    if dead:
        daemon.kill()
    done = relay.down()
    assert done.returncode == 0, done
    wait_until(lambda: daemon.process.poll() is not None, "end of the daemon")
    wait_until(lambda: process_state(source) in (None, "Z"), "end of the source process")
    assert footprint.difference(before, footprint.take(mesh.relay)) == []
    wait_until(lambda: not bpf.program_exists(program), "end of the program")
    wait_until(lambda: not any(map(bpf.map_exists, maps)), "end of the maps")
    assert ping(mesh["spoke1"].node, mesh["spoke2"].device.ipv4, wait_s=0.3).received == 0
    assert ping(mesh["spoke1"].node, mesh["spoke2"].device.ipv6, wait_s=0.3).received == 0


def test_down_twice_is_fine(mesh: Mesh, relay: RelayCommands,
                            with_peers: tuple[str, ...]) -> None:
    before = footprint.take(mesh.relay)
    relay.start(*with_peers)
    assert relay.down().returncode == 0
    assert relay.down().returncode == 0
    assert footprint.difference(before, footprint.take(mesh.relay)) == []


def test_down_at_once(mesh: Mesh, relay: RelayCommands, with_peers: tuple[str, ...]) -> None:
    """Several of them do what one does, and none is ended by another."""
    before = footprint.take(mesh.relay)
    for _ in range(3):
        daemon = relay.start(*with_peers)
        downs = [mesh.relay.start(relay.argv("down"), stderr=subprocess.PIPE) for _ in range(4)]
        said = [down.communicate(timeout=LIMIT_S)[1] for down in downs]
        assert [down.returncode for down in downs] == [0] * len(downs), said
        assert daemon.process.wait(LIMIT_S) == 0
        assert footprint.difference(before, footprint.take(mesh.relay)) == []


@pytest.mark.kernel
def test_down_leaves_others_filters(mesh: Mesh, relay: RelayCommands,
                                     with_peers: tuple[str, ...]) -> None:
    """A clsact qdisc and a filter that somebody else made stay as they are."""
    mesh.relay.run("tc", "qdisc", "add", "dev", "wg0", "clsact")
    mesh.relay.run("tc", "filter", "add", "dev", "wg0", "ingress", "prio", "7", "bpf", "da", "obj",
                   foreign_program(), "sec", "tc")
    try:
        before = mesh.relay.run("tc", "filter", "show", "dev", "wg0", "ingress")
        relay.start("--hook", "tc", "--attach", "clsact", *with_peers)
        assert ping(mesh["spoke1"].node, mesh["spoke2"].device.ipv4).complete
        assert ping(mesh["spoke1"].node, mesh["spoke2"].device.ipv6).complete
        assert relay.down().returncode == 0
        assert mesh.relay.run("tc", "filter", "show", "dev", "wg0", "ingress") == before
    finally:
        mesh.relay.run("tc", "qdisc", "del", "dev", "wg0", "clsact")


def test_a_sysctl_that_somebody_else_changed_stays(mesh: Mesh, relay: RelayCommands,
                                                   with_peers: tuple[str, ...]) -> None:
    """Already 1 before the start: `down` leaves it at 1."""
    mesh.relay.set_sysctl("ipv4/ip_forward", "1")
    mesh.relay.set_sysctl("ipv6/conf/all/forwarding", "1")
    try:
        relay.start(*with_peers)
        assert relay.down().returncode == 0
        assert mesh.relay.sysctl("ipv4/ip_forward") == "1"
        assert mesh.relay.sysctl("ipv6/conf/all/forwarding") == "1"
    finally:
        mesh.relay.set_sysctl("ipv4/ip_forward", "0")
        mesh.relay.set_sysctl("ipv6/conf/all/forwarding", "0")


def test_path_that_is_no_text(mesh: Mesh, relay: RelayCommands) -> None:
    """A file may have any name; what `status` says is UTF-8, and nothing that a terminal acts on."""
    path = os.path.join(os.path.dirname(mesh.peers.path), os.fsdecode(b"\xe9t\xe9\x1b[2J"))
    with open(path, "wb") as file, open(mesh.peers.path, "rb") as good:
        file.write(good.read())
    try:
        relay.start("--peers", path)
        for status in (relay.status() or {}, relay.written_status()):
            assert status["list"]["source"].endswith("/?t??[2J")
        assert "/?t??[2J\n" in relay.call("status", "--interface", relay.interface).stdout
    finally:
        os.unlink(path)
