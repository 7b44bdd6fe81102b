# SPDX-License-Identifier: Apache-2.0
"""What stops a relay from starting: one line that says what and what to do, and nothing left."""

import os

import pytest
from conftest import fails, foreign_program

from lab import footprint
from lab.mesh import Mesh
from lab.relay import RelayCommands
from lab.syscalls import forbid_bpf
from lab.wait import LIMIT_S, wait_until


@pytest.mark.usefixtures("untouched")
def test_no_such_interface(relay: RelayCommands) -> None:
    fails(relay.call("run", "--interface", "wg7", "--adopt"), "wg7", "no such interface")


@pytest.mark.kernel
@pytest.mark.usefixtures("untouched")
def test_an_ethernet_interface(relay: RelayCommands, with_peers: tuple[str, ...]) -> None:
    fails(relay.call("run", "--interface", "under1", "--adopt", *with_peers), "under1",
           "WireGuard")


@pytest.mark.usefixtures("untouched")
def test_the_loopback_interface(relay: RelayCommands) -> None:
    fails(relay.call("run", "--interface", "lo", "--adopt"), "lo", "WireGuard")


@pytest.mark.kernel
@pytest.mark.usefixtures("untouched")
def test_a_tun_device_without_wireguard(mesh: Mesh, relay: RelayCommands) -> None:
    mesh.relay.run("ip", "tuntap", "add", "dev", "tun7", "mode", "tun")
    try:
        fails(relay.call("run", "--interface", "tun7", "--adopt"), "tun7", "WireGuard")
    finally:
        mesh.relay.run("ip", "tuntap", "del", "dev", "tun7", "mode", "tun")


@pytest.mark.usefixtures("untouched")
def test_not_root(mesh: Mesh, relay: RelayCommands, with_peers: tuple[str, ...]) -> None:
    done = mesh.relay.call("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups",
                           "--", *relay.run_argv(*with_peers))
    fails(done, "root")


@pytest.mark.usefixtures("untouched")
def test_root_without_capabilities(mesh: Mesh, relay: RelayCommands,
                                   with_peers: tuple[str, ...]) -> None:
    """As in a container: uid 0 alone is not enough."""
    done = mesh.relay.call("setpriv", "--bounding-set", "-all", "--inh-caps", "-all", "--",
                           *relay.run_argv(*with_peers))
    fails(done, "CAP_NET_ADMIN")


@pytest.mark.usefixtures("untouched")
def test_no_bpffs(mesh: Mesh, relay: RelayCommands, with_peers: tuple[str, ...]) -> None:
    """In a mount namespace of its own, without /sys/fs/bpf."""
    done = mesh.relay.call("unshare", "--mount", "sh", "-c", 'umount /sys/fs/bpf && exec "$@"',
                           "sh", *relay.run_argv(*with_peers))
    fails(done, "/sys/fs/bpf", "mount")


@pytest.mark.usefixtures("untouched")
def test_a_full_run_folder(mesh: Mesh, relay: RelayCommands, with_peers: tuple[str, ...]) -> None:
    """/run/nex-relay is a file system without a byte left."""
    full = 'mkdir -p /run/nex-relay && mount -t tmpfs -o size=4k,nr_inodes=2 full ' \
           '/run/nex-relay && dd if=/dev/zero of=/run/nex-relay/full bs=4k 2>&- ; exec "$@"'
    done = mesh.relay.call("unshare", "--mount", "sh", "-c", full, "sh",
                           *relay.run_argv(*with_peers))
    os.rmdir("/run/nex-relay")
    fails(done, "/run/nex-relay", "No space left")


@pytest.mark.usefixtures("untouched")
def test_an_interface_without_a_key(mesh: Mesh, relay: RelayCommands) -> None:
    mesh.tunnel.configure("private-key", "/dev/null")
    try:
        fails(relay.call("run", "--adopt"), "wg0", "private key")
    finally:
        mesh.tunnel.configure("private-key", "/run/lab/wg0.key")


@pytest.mark.usefixtures("untouched")
def test_a_kernel_without_bpf(mesh: Mesh, relay: RelayCommands,
                              with_peers: tuple[str, ...]) -> None:
    """bpf(2) is no system call."""
    done = mesh.relay.call(*relay.run_argv(*with_peers), preexec_fn=forbid_bpf, timeout=LIMIT_S)
    fails(done, "BPF", "Function not implemented")


def test_a_second_relay_names_the_first(mesh: Mesh, relay: RelayCommands,
                                        with_peers: tuple[str, ...]) -> None:
    daemon = relay.start(*with_peers)
    before = footprint.take(mesh.relay)
    fails(relay.call("run", "--adopt", *with_peers), str(daemon.pid), "wg0")
    assert footprint.difference(before, footprint.take(mesh.relay)) == []
    assert daemon.process.poll() is None
    assert relay.status()["daemon"] == {"running": True, "pid": daemon.pid}


@pytest.mark.kernel
def test_another_xdp_program_is_left_alone(mesh: Mesh, relay: RelayCommands,
                                           with_peers: tuple[str, ...]) -> None:
    """--hook xdp finds the hook taken: it says so and leaves nothing."""
    mesh.relay.run("ip", "link", "set", "wg0", "xdpgeneric", "obj", foreign_program(), "sec",
                   "xdp")
    before = footprint.take(mesh.relay)
    try:
        done = relay.call("run", "--adopt", "--hook", "xdp", *with_peers)
        fails(done, "XDP")
        assert footprint.difference(before, footprint.take(mesh.relay)) == []
    finally:
        mesh.relay.run("ip", "link", "set", "wg0", "xdpgeneric", "off")


@pytest.mark.parametrize("argv", [
    ("run", "--interface"), ("run", "--no-such-option"), ("run", "--hook", "nfqueue"),
    ("run", "--attach", "xdp"), ("run", "--forward", "some"), ("run", "extra"),
    ("no-such-command",), ("status", "extra"), ("run", "--interface", "a/b", "--adopt"),
    ("run", "--interface", "a-name-of-more-than-fifteen", "--adopt"),
], ids=" ".join)
@pytest.mark.usefixtures("untouched")
def test_misuse_is_status_2_and_one_line(relay: RelayCommands, argv: tuple[str, ...]) -> None:
    done = relay.call(*argv)
    assert done.returncode == 2, done
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1, done.stderr


@pytest.mark.parametrize("command", ["", "run", "down", "status", "peers", "stats", "check",
                                     "version"])
def test_help_is_everywhere(relay: RelayCommands, command: str) -> None:
    done = relay.call(*([command] if command else []), "--help")
    assert done.returncode == 0 and done.stderr == ""
    assert command in done.stdout and "nex-relay" in done.stdout


def test_what_cannot_be_written_is_said(mesh: Mesh, relay: RelayCommands,
                                        with_peers: tuple[str, ...]) -> None:
    """stdout is a full disk."""
    relay.start(*with_peers)
    words = ["--help", "help run", "check", "check --json"]
    for command in ("version", "status", "peers", "stats"):
        words += [command, f"{command} --json", f"{command} --help"]
    for argv in words:
        done = mesh.relay.call("sh", "-c", 'exec "$@" >/dev/full', "sh", *relay.run_argv()[:1],
                               *argv.split())
        fails(done, "write to stdout")


def test_show_commands_without_a_relay(relay: RelayCommands) -> None:
    """Nothing attached: status 1, a sentence on stderr, and no claim that anything goes on."""
    for command in ("status", "peers", "stats"):
        for options in ((), ("--json",)):
            done = relay.call(command, *options)
            assert done.returncode == 1, (command, options, done)
            assert len(done.stderr.splitlines()) == 1, done
            assert "goes on" not in done.stdout, done


def test_check_changes_nothing_and_answers(mesh: Mesh, relay: RelayCommands) -> None:
    before = footprint.take(mesh.relay)
    for options in ((), ("--json",)):
        done = relay.call("check", *options)
        assert done.returncode in (0, 1), done
        assert done.stdout
    assert footprint.difference(before, footprint.take(mesh.relay)) == []


@pytest.mark.parametrize("text", [None, "", "[{"], ids=["missing", "empty", "cut off"])
def test_no_good_list_at_the_start(mesh: Mesh, relay: RelayCommands, text: str | None,
                                   with_peers: tuple[str, ...]) -> None:
    """It waits, says so, forwards nothing, and goes to work when the list comes."""
    with open(mesh.peers.path, encoding="utf-8") as file:
        good = file.read()
    if text is None:
        os.unlink(mesh.peers.path)
    else:
        with open(mesh.peers.path, "w", encoding="utf-8") as file:
            file.write(text)
    daemon = relay.start(*with_peers, loaded=False)
    wait_until(lambda: [line for line in daemon.messages() if "waiting for a good list" in line],
               "a message that says so")
    assert relay.status()["list"]["loaded"] is False
    with open(mesh.peers.path, "w", encoding="utf-8") as file:
        file.write(good)
    wait_until(lambda: relay.status()["list"]["devices"] == len(mesh.spokes), "the list")
    assert relay.status()["list"]["error"] is None
