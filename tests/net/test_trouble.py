# SPDX-License-Identifier: Apache-2.0
"""Things that happen to a relay that runs: the interface goes, comes back as another one or gets
another name; bpffs is emptied; others sit where it wants to sit. It says so once, keeps what it
can, and finds back by itself."""

import json
import os
import shutil
import signal
import subprocess
import sys
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from conftest import HOOKS, fails, foreign_program

from lab import bpf, devices, footprint
from lab.mesh import Mesh
from lab.relay import Daemon, RelayCommands, process_state
from lab.traffic import ping
from lab.wait import LIMIT_S, wait_until
from lab.wireguard import Key, make_key

FILTER = ("pref", "51820", "handle", "1")  # where nex-relay puts its own clsact filter
NO_KEY = Key("", "")
SPOKES = 4

Records = list[dict[str, Any]]
Damage = Callable[[Records], bytes]
Change = Callable[[devices.PeersFile, Records], None]


@pytest.fixture(autouse=True)
def repaired(mesh: Mesh, relay: RelayCommands) -> Iterator[None]:
    """A test that fails half-way does not make the next one fail."""
    yield
    relay.clean()
    if mesh.tunnel.interface != "wg0":
        mesh.rename("wg0")
    if bpf.attached(mesh.relay, "wg0"):
        mesh.tunnel.remove()
    if not mesh.relay.has_interface("wg0"):
        mesh.make_tunnel()
        mesh.wait_connected()


def _check_forwards(mesh: Mesh) -> None:
    for family in (4, 6):
        assert ping(mesh["spoke1"].node, mesh["spoke2"].address(family)).complete, family


def _check_silent(mesh: Mesh) -> None:
    for family in (4, 6):
        seen = ping(mesh["spoke1"].node, mesh["spoke2"].address(family), wait_s=0.3)
        assert seen.sent and not seen.received, family


def _said(daemon: Daemon, *words: str) -> list[str]:
    """What was said since new_messages() and has all the words."""
    return [line for line in daemon.messages()[daemon.seen:]
            if all(word in line for word in words)]


def _goes(mesh: Mesh, daemon: Daemon) -> None:
    """Take wg0 away, and wait until the daemon has said so."""
    daemon.new_messages()
    mesh.tunnel.remove()
    wait_until(lambda: _said(daemon, "wg0"), "message about the interface")
    daemon.new_messages()


def _check_attached_again(mesh: Mesh, relay: RelayCommands) -> None:
    """One program on wg0, which is another interface than before, and packets go through it."""
    wait_until(lambda: len(bpf.attached(mesh.relay, "wg0")) == 1, "program on the new interface")
    mesh.wait_connected()
    for family in (4, 6):
        wait_until(lambda: ping(mesh["spoke1"].node, mesh["spoke2"].address(family), count=1,
                                wait_s=1).received, "answer through the new interface")
    _check_forwards(mesh)
    status = relay.status()
    assert status and status["ifindex"] == mesh.relay.ifindex("wg0")
    assert [number for _, number in bpf.attached(mesh.relay, "wg0")] == [status["program_id"]]


def _keep_busy(mesh: Mesh) -> None:
    """For 1.5 s, give the daemon reasons to look at the interface again: links come and go."""
    clock = mesh.relay.start(["ping", "-n", "-q", "-c", "16", "-i", "0.1", "127.0.0.1"],
                             stdout=subprocess.DEVNULL)
    while clock.poll() is None:
        mesh.relay.run("ip", "link", "add", "passing", "type", "veth", "peer", "passed")
        mesh.relay.run("ip", "link", "delete", "passing")


@contextmanager
def _foreign_xdp(mesh: Mesh) -> Iterator[None]:
    mesh.relay.run("ip", "link", "set", "wg0", "xdpgeneric", "obj", foreign_program(), "sec", "xdp")
    try:
        yield
    finally:
        mesh.relay.run("ip", "link", "set", "wg0", "xdpgeneric", "off")


def _without_us(records: Records) -> bytes:
    return json.dumps([record for record in records if not record["relay"]]).encode()


def _cut_off(records: Records) -> bytes:
    text = json.dumps(records).encode()
    return text[:len(text) // 2]


@pytest.mark.parametrize("bad", [_without_us, _cut_off])
def test_a_bad_list_while_the_interface_is_away(mesh: Mesh, relay: RelayCommands, bad: Damage,
                                                with_peers: tuple[str, ...]) -> None:
    """It is refused all the same: the interface comes back to the last good one."""
    daemon = relay.start(*with_peers)
    _goes(mesh, daemon)
    mesh.peers.replace(bad(devices.records(mesh.devices())))
    wait_until(lambda: _said(daemon, mesh.peers.path), "message about the list")
    mesh.make_tunnel()
    _check_attached_again(mesh, relay)
    status = relay.status()
    assert status["list"]["devices"] == SPOKES and status["list"]["error"]
    assert set(relay.peers()) >= set(mesh.spokes)


def test_a_good_list_while_the_interface_is_away(mesh: Mesh, relay: RelayCommands,
                                                 with_peers: tuple[str, ...]) -> None:
    """The interface comes back to it."""
    daemon = relay.start(*with_peers)
    _goes(mesh, daemon)
    mesh.peers.replace(devices.records(device for device in mesh.devices()
                                       if device.name != "edge"))
    wait_until(lambda: _said(daemon, mesh.peers.path), "message about the list")
    mesh.make_tunnel()
    _check_attached_again(mesh, relay)
    status = relay.status()
    assert status["list"]["devices"] == SPOKES - 1 and not status["list"]["error"]
    assert "edge" not in relay.peers()


@pytest.mark.parametrize("other", [True, False], ids=["another key", "no key"])
def test_the_interface_comes_back_as_somebody_else(mesh: Mesh, relay: RelayCommands, other: bool,
                                                   with_peers: tuple[str, ...]) -> None:
    """Said once. It is served again as soon as it has our key."""
    own = mesh.tunnel.key
    daemon = relay.start(*with_peers)
    _goes(mesh, daemon)
    mesh.tunnel.key = make_key() if other else NO_KEY
    try:
        mesh.tunnel.create()
        wait_until(lambda: _said(daemon, "wg0", "key"), "message about the key")
        _keep_busy(mesh)
        assert len(_said(daemon)) <= 2, daemon.messages()
        assert bpf.attached(mesh.relay, "wg0") == []
        assert daemon.process.poll() is None
    finally:
        mesh.tunnel.key = own
        mesh.tunnel.set_key()
        mesh.connect_all()
    _check_attached_again(mesh, relay)
    status = relay.status()
    assert status["list"]["devices"] == SPOKES and not status["list"]["error"]


@pytest.mark.kernel
@pytest.mark.parametrize("dead", [False, True], ids=["running", "killed"])
def test_the_interface_gets_another_name(mesh: Mesh, relay: RelayCommands, hook: tuple[str, ...],
                                         with_peers: tuple[str, ...], dead: bool) -> None:
    """Forwarding goes on, `status` finds it, and `down` takes everything off."""
    before = footprint.take(mesh.relay)
    daemon = relay.start(*hook, *with_peers)
    ifindex = mesh.relay.ifindex("wg0")
    program = relay.status()["program_id"]
    daemon.new_messages()
    mesh.rename("wg9")
    try:
        if dead:
            daemon.kill()
        else:
            said = wait_until(lambda: _said(daemon, "wg0", "wg9"), "message about the name")
            assert "renamed" in said[0] and "forward" in said[0], said
            assert not _said(daemon, "removed"), daemon.messages()
        _check_forwards(mesh)
        status = relay.status()
        assert status and status["ifindex"] is None
        assert (status["attached_ifindex"], status["program_id"]) == (ifindex, program)
        assert "renamed" in relay.call("status").stdout
        assert [number for _, number in bpf.attached(mesh.relay, "wg9")] == [program]
        done = relay.down()
        assert done.returncode == 0, done
        assert bpf.attached(mesh.relay, "wg9") == []
        _check_silent(mesh)
        wait_until(lambda: not bpf.program_exists(program), "end of the program")
    finally:
        mesh.rename("wg0")
    assert footprint.difference(before, footprint.take(mesh.relay)) == []


@pytest.fixture
def foreign_filter(mesh: Mesh) -> Iterator[str]:
    """Somebody else's TC program in nex-relay's place; how tc shows it."""
    mesh.relay.run("tc", "qdisc", "add", "dev", "wg0", "clsact")
    mesh.relay.run("tc", "filter", "add", "dev", "wg0", "ingress", *FILTER, "bpf", "da", "obj",
                   foreign_program(), "sec", "tc")
    yield mesh.relay.run("tc", "filter", "show", "dev", "wg0", "ingress")
    mesh.relay.run("tc", "qdisc", "delete", "dev", "wg0", "clsact")


def _check_filter(mesh: Mesh, shown: str) -> None:
    assert mesh.relay.run("tc", "filter", "show", "dev", "wg0", "ingress") == shown


@pytest.mark.kernel
def test_down_leaves_a_foreign_filter_in_our_place(mesh: Mesh, relay: RelayCommands,
                                                   foreign_filter: str) -> None:
    before = footprint.take(mesh.relay)
    assert relay.status() is None
    assert relay.down().returncode == 0
    _check_filter(mesh, foreign_filter)
    assert footprint.difference(before, footprint.take(mesh.relay)) == []


@pytest.mark.kernel
def test_tcx_leaves_a_foreign_filter_in_our_place(mesh: Mesh, relay: RelayCommands,
                                                  foreign_filter: str,
                                                  with_peers: tuple[str, ...]) -> None:
    if not bpf.has_tcx():
        pytest.skip("this kernel has no tcx (it came with 6.6)")
    before = footprint.take(mesh.relay)
    relay.start(*HOOKS["tc-tcx"][0], *with_peers)
    _check_forwards(mesh)
    _check_filter(mesh, foreign_filter)
    assert relay.status()["attach"] == "tcx"
    assert relay.down().returncode == 0
    _check_filter(mesh, foreign_filter)
    assert footprint.difference(before, footprint.take(mesh.relay)) == []


@pytest.mark.kernel
def test_clsact_yields_to_a_foreign_filter_in_our_place(mesh: Mesh, relay: RelayCommands,
                                                        foreign_filter: str,
                                                        with_peers: tuple[str, ...]) -> None:
    before = footprint.take(mesh.relay)
    fails(relay.call("run", "--adopt", *HOOKS["tc-clsact"][0], *with_peers, timeout=LIMIT_S),
          "51820", "tc filter")
    _check_filter(mesh, foreign_filter)
    assert footprint.difference(before, footprint.take(mesh.relay)) == []


def _check_pinned_again(mesh: Mesh, relay: RelayCommands, daemon: Daemon) -> None:
    """At the latest after SIGHUP: said, attached, one program, and what is pinned is what runs."""
    daemon.signal(signal.SIGHUP)
    wait_until(lambda: _said(daemon, "pin"), "message about the pins")
    wait_until(lambda: _said(daemon, mesh.peers.path), "message about the list")
    wait_until(lambda: relay.is_loaded(daemon), "status of the relay")
    _check_forwards(mesh)
    status = relay.status()
    assert [number for _, number in bpf.attached(mesh.relay, "wg0")] == [status["program_id"]]
    assert status["list"]["devices"] == SPOKES and not status["list"]["error"]
    for family in (4, 6):
        assert relay.packets("forwarded", family) >= 10
    daemon.kill()
    relay.start(*daemon.argv[5:])
    _check_forwards(mesh)
    assert relay.down().returncode == 0
    assert bpf.attached(mesh.relay, "wg0") == []
    _check_silent(mesh)


def test_the_pins_are_deleted(mesh: Mesh, relay: RelayCommands, hook: tuple[str, ...],
                              with_peers: tuple[str, ...]) -> None:
    daemon = relay.start(*hook, *with_peers)
    daemon.new_messages()
    shutil.rmtree(relay.pins)
    _check_pinned_again(mesh, relay, daemon)


def test_bpffs_is_mounted_anew(mesh: Mesh, relay: RelayCommands, hook: tuple[str, ...],
                               with_peers: tuple[str, ...]) -> None:
    daemon = relay.start(*hook, *with_peers)
    daemon.new_messages()
    mesh.relay.run("umount", "/sys/fs/bpf")
    mesh.relay.run("mount", "-t", "bpf", "-o", "mode=0700", "bpf", "/sys/fs/bpf")
    _check_pinned_again(mesh, relay, daemon)


def _crowd(mesh: Mesh, name: str, network: int) -> bytes:
    """1000 devices with 140 IPv4 addresses each, and us."""
    crowd = []
    for number in range(1000):
        hosts = [f"{network}.{number >> 8}.{number & 255}.{host + 1}/32" for host in range(140)]
        key = bytes([network, number >> 8, number & 255]) * 10 + b"\0\0"
        crowd.append({"public_key": b64encode(key).decode(), "hostname": f"{name}-{number}",
                      "allowed_ips": hosts})
    return json.dumps([mesh.device.record(), *crowd]).encode()


def test_a_crowd_is_replaced_by_another(mesh: Mesh, relay: RelayCommands,
                                        with_peers: tuple[str, ...]) -> None:
    """More than half of what the tables take, all of it other addresses than before; then a small
    list again."""
    mesh.peers.replace(_crowd(mesh, "old", 10))
    daemon = relay.start(*with_peers)
    assert relay.status()["list"]["addresses"] == 140000
    for content, name, count in ((_crowd(mesh, "new", 11), "new-999", 1000),
                                 (devices.records(mesh.devices()), "edge", SPOKES)):
        daemon.new_messages()
        mesh.peers.replace(content)
        wait_until(lambda: _said(daemon, mesh.peers.path), "message about the list")
        status = relay.status()
        assert status["list"]["devices"] == count and not status["list"]["error"], \
            daemon.messages()
        peers = relay.peers()
        assert len(peers) == count and name in peers
    assert relay.status()["list"]["addresses"] == 2 * SPOKES
    _check_forwards(mesh)


def test_a_failed_start_leaves_the_status(mesh: Mesh, relay: RelayCommands,
                                          with_peers: tuple[str, ...]) -> None:
    """The one that was there before goes on, and is what `status` shows."""
    relay.start(*HOOKS["tc-clsact"][0], *with_peers).stop()
    good = relay.status()
    with _foreign_xdp(mesh):
        before = footprint.take(mesh.relay)
        fails(relay.call("run", "--adopt", "--hook", "xdp", *with_peers, timeout=LIMIT_S), "XDP")
        assert footprint.difference(before, footprint.take(mesh.relay)) == []
    assert relay.status() == good
    _check_forwards(mesh)


@pytest.mark.kernel
def test_the_interface_comes_back_with_a_foreign_xdp_program(mesh: Mesh, relay: RelayCommands,
                                                             with_peers: tuple[str, ...]) -> None:
    """Said once, and served again when the other one is gone."""
    daemon = relay.start("--hook", "xdp", *with_peers)
    _goes(mesh, daemon)
    daemon.signal(signal.SIGSTOP)  # that the foreign program is there first
    try:
        mesh.make_tunnel()
        with _foreign_xdp(mesh):
            foreign = bpf.attached(mesh.relay, "wg0")
            daemon.signal(signal.SIGCONT)
            wait_until(lambda: _said(daemon, "XDP"), "message about the other program")
            _keep_busy(mesh)
            assert len(_said(daemon, "XDP")) == 1 and len(_said(daemon)) <= 2, daemon.messages()
            assert bpf.attached(mesh.relay, "wg0") == foreign
    finally:
        daemon.signal(signal.SIGCONT)
    wait_until(lambda: len(bpf.attached(mesh.relay, "wg0")) == 1, "program on the interface")
    _check_attached_again(mesh, relay)


_LOCK = """
import fcntl, struct, sys
for command in (fcntl.F_SETLK, fcntl.F_OFD_SETLK):
    try:
        file = open(sys.argv[1])
        fcntl.fcntl(file, command, struct.pack("hhqqi4x", fcntl.F_RDLCK, 0, 0, 0, 0))
    except OSError as err:
        print(err.strerror, flush=True)
    else:
        print("locked", flush=True)
sys.stdin.read()
"""


def test_nobody_else_can_hold_the_lock(mesh: Mesh, relay: RelayCommands,
                                       with_peers: tuple[str, ...]) -> None:
    relay.start(*with_peers).stop()
    lock = "/run/nex-relay/wg0/lock"
    assert os.stat(lock).st_mode & 0o7777 == 0o600
    nobody = mesh.relay.start(["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups",
                               "--", sys.executable, "-c", _LOCK, lock], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE)
    try:
        said = [nobody.stdout.readline().decode().strip() for _ in range(2)]
        assert said == ["Permission denied"] * 2
        daemon = relay.start(*with_peers)
        assert relay.down().returncode == 0
        assert daemon.process.wait(LIMIT_S) == 0
        assert nobody.poll() is None
    finally:
        nobody.communicate(timeout=LIMIT_S)


@pytest.fixture
def hung_wireguard(mesh: Mesh, relay: RelayCommands) -> Iterator[Daemon]:
    """A relay whose list is the interface, which does not answer: wireguard-go is stopped, and the
    relay waits for it."""
    if not mesh.tunnel.process:
        pytest.skip("the kernel's own WireGuard does not hang")
    daemon = relay.start()
    mesh.tunnel.process.send_signal(signal.SIGSTOP)
    wait_until(lambda: process_state(mesh.tunnel.process.pid) == "T", "stop of wireguard-go")
    try:
        daemon.signal(signal.SIGHUP)
        wait_until(lambda: _said(daemon, "SIGHUP"), "message about the signal")
        yield daemon
    finally:
        mesh.tunnel.process.send_signal(signal.SIGCONT)


def test_a_hung_wireguard_does_not_keep_the_node(hung_wireguard: Daemon) -> None:
    assert hung_wireguard.stop() == 0


def test_a_hung_wireguard_does_not_stop_down(mesh: Mesh, relay: RelayCommands,
                                             hung_wireguard: Daemon) -> None:
    assert relay.call("down", timeout=LIMIT_S).returncode == 0
    assert hung_wireguard.process.poll() == 0
    assert bpf.attached(mesh.relay, "wg0") == []


@pytest.mark.parametrize("change", [devices.PeersFile.overwrite, devices.PeersFile.replace],
                         ids=["rewritten", "renamed"])
def test_a_link_to_another_folder_is_followed(mesh: Mesh, relay: RelayCommands,
                                              linked_peers: devices.PeersFile, change: Change,
                                              with_peers: tuple[str, ...]) -> None:
    """Twice: after the first change as well."""
    relay.start(*with_peers)
    for name in ("edge", "laptop"):
        change(linked_peers, devices.records(device for device in mesh.devices()
                                             if device.name != name))
        wait_until(lambda: name not in relay.peers(), f"list without {name}")
    assert "edge" in relay.peers()
