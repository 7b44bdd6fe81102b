# SPDX-License-Identifier: Apache-2.0
"""How a relay with an interface of its own starts: key, port, WireGuard, and who is there already."""

import base64
import json
import os
import shutil
import socket
import stat
import time
from collections.abc import Iterator

import pytest
from conftest import fails
from own_interface import is_applied, link, net

from lab import footprint, wgshow
from lab.owner import INTERFACE, STATE
from lab.topology import Topology
from lab.wait import wait_until
from lab.wireguard import WireGuard, make_key

__all__ = ["net"]  # a fixture


@pytest.mark.parametrize("options", [("--listen-port", "40404"), ("--mtu", "1380")],
                         ids=["port", "mtu"])
def test_port_and_mtu(net: Topology, options: tuple[str, ...]) -> None:
    net.run(*options)
    port = net.relay.run("wg", "show", INTERFACE, "listen-port").strip()
    assert (port, link(net)["mtu"]) == {"--listen-port": ("40404", 1420),
                                         "--mtu": ("51820", 1380)}[options[0]]
    # And again for an interface that is there already.
    net.rerun()
    port = net.relay.run("wg", "show", INTERFACE, "listen-port").strip()
    assert (port, link(net)["mtu"]) == ("51820", 1420)


def test_a_key_is_made_at_the_first_start(net: Topology) -> None:
    """It is kept: the next start has the same."""
    os.unlink(f"{STATE}/private.key")
    os.rmdir(STATE)
    daemon = net.commands.start("--peers", net.peers.path, loaded=False)
    wait_until(lambda: net.commands.status(), "relay that is attached")
    assert stat.S_IMODE(os.stat(STATE).st_mode) == 0o700
    assert stat.S_IMODE(os.stat(f"{STATE}/private.key").st_mode) == 0o600
    public = wgshow.public_key(net.relay, INTERFACE)
    with open(f"{STATE}/private.key", encoding="ascii") as file:
        assert net.relay.run("wg", "pubkey", stdin=file).strip() == public
    assert any("made a private key" in line for line in daemon.messages())
    assert any(public in line for line in daemon.messages())
    wait_until(lambda: any("our own device" in line for line in daemon.messages()),
               "refusal of a list without us")
    assert net.commands.down().returncode == 0
    net.device.public_key = public
    net.publish()
    net.run()
    assert wgshow.public_key(net.relay, INTERFACE) == public


def test_nexds_key_is_taken_over(net: Topology) -> None:
    os.unlink(f"{STATE}/private.key")
    os.makedirs("/var/lib/nexd", mode=0o700, exist_ok=True)
    path = "/var/lib/nexd/state.json"
    with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="ascii") as file:
        json.dump({"private-key": net.key.private, "public-key": net.key.public, "port": 0}, file)
    try:
        daemon = net.run()
    finally:
        os.unlink(path)
    assert wgshow.public_key(net.relay, INTERFACE) == net.key.public
    assert any(path in line for line in daemon.messages())
    net.rerun()
    assert wgshow.public_key(net.relay, INTERFACE) == net.key.public


@pytest.mark.parametrize("content, mode, words", [
    ("", 0o600, ("private.key", "44")),
    ("not a key\n", 0o600, ("private.key",)),
    (None, 0o644, ("private.key", "0644", "chmod")),
], ids=["empty", "no key", "readable by all"])
def test_a_bad_key_file(net: Topology, content: str | None, mode: int,
                        words: tuple[str, ...]) -> None:
    path = f"{STATE}/private.key"
    if content is not None:
        with open(path, "w", encoding="ascii") as file:
            file.write(content)
    os.chmod(path, mode)
    before = footprint.take(net.relay)
    done = net.relay.call(*net.commands.run_argv("--peers", net.peers.path))
    fails(done, *words)
    assert net.key.private not in done.stderr
    assert footprint.difference(before, footprint.take(net.relay)) == []


@pytest.mark.parametrize("host", [4, 6], ids=["ipv4", "ipv6"])
def test_the_port_is_in_use(net: Topology, host: int) -> None:
    family = socket.AF_INET if host == 4 else socket.AF_INET6
    before = footprint.take(net.relay)
    with net.relay.socket(family, socket.SOCK_DGRAM) as other:
        if host == 6:
            other.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        other.bind(("", 51820))
        fails(net.relay.call(*net.commands.run_argv("--peers", net.peers.path)),
              "51820", "in use", "--listen-port")
    assert footprint.difference(before, footprint.take(net.relay)) == []
    net.run()


def test_an_interface_of_that_name_with_another_key(net: Topology) -> None:
    """Neither taken nor removed."""
    other = WireGuard(net.relay, INTERFACE, make_key(), 50999)
    other.create()
    try:
        before = footprint.take(net.relay)
        fails(net.relay.call(*net.commands.run_argv("--peers", net.peers.path)),
              INTERFACE, "another key", "--adopt")
        assert net.commands.down().returncode == 0
        assert footprint.difference(before, footprint.take(net.relay)) == []
    finally:
        other.remove()


def test_an_interface_of_that_name_that_is_no_wireguard(net: Topology) -> None:
    net.relay.run("ip", "link", "add", INTERFACE, "type", "veth", "peer", "name", "other-end")
    try:
        before = footprint.take(net.relay)
        fails(net.relay.call(*net.commands.run_argv("--peers", net.peers.path)),
              INTERFACE, "no WireGuard interface", "--interface")
        assert net.commands.down().returncode == 0
        assert footprint.difference(before, footprint.take(net.relay)) == []
    finally:
        net.relay.run("ip", "link", "delete", INTERFACE)


@pytest.mark.kernel
def test_an_interface_with_our_key_is_taken_over(net: Topology) -> None:
    """As nexd leaves one behind: its peers become those of the list, `down` removes it."""
    stranger = make_key().public
    left = WireGuard(net.relay, INTERFACE, net.key, 51820, addresses=["100.64.0.1/32"])
    left.create()
    left.set_peer(stranger, ["100.64.99.99/32"])
    left.set_peer(net["spoke1"].device.public_key, ["100.64.0.2/32", "10.99.0.0/16"])
    daemon = net.run()
    assert any("taken over" in line for line in daemon.messages())
    assert is_applied(net)
    assert net.commands.down().returncode == 0
    assert not net.relay.has_interface(INTERFACE)
    left.remove()


def _memory(pid: int) -> Iterator[bytes]:
    """Everything that a process can write to."""
    with open(f"/proc/{pid}/maps", encoding="ascii") as maps, open(f"/proc/{pid}/mem", "rb") as mem:
        for line in maps:
            span, rights, *_ = line.split()
            start, end = (int(number, 16) for number in span.split("-"))
            if "w" in rights:
                mem.seek(start)
                yield mem.read(end - start)


@pytest.mark.kernel
def test_the_private_key_is_nowhere(net: Topology) -> None:
    """Neither in the memory of the two processes, nor in what they say, nor in files but its own;
    also not after WireGuard was read a few times, which for wireguard-go comes with the key."""
    key = base64.b64decode(net.key.private)
    daemon = net.run()
    net["spoke1"].device.advertises = ["10.77.0.0/16"]
    net.publish()
    wait_until(lambda: is_applied(net), "another list")
    net.relay.run("wg", "set", INTERFACE, "listen-port", "40404")  # seen by reading
    wait_until(lambda: any("key or port" in line for line in daemon.messages()), "another reading")
    needles = (key, net.key.private.encode()[:-1], key.hex().encode())
    for _ in range(12):  # whatever it is doing just now: it reads every half second
        for pid in (daemon.pid, *daemon.children()):
            for region in _memory(pid):
                assert not any(needle in region for needle in needles), pid
        time.sleep(0.1)
    said = "\n".join(daemon.messages()) + net.commands.call("status").stdout
    said += net.commands.call("status", "--json").stdout
    for folder, _, names in os.walk("/run/nex-relay"):
        for name in names:
            with open(os.path.join(folder, name), encoding="utf-8") as file:
                said += file.read()
    assert not any(needle.decode("latin-1") in said for needle in needles)
    for pid in daemon.children():
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            assert not any(needle in file.read() for needle in needles)


def _has_kernel_wireguard(net: Topology) -> bool:
    probe = ("ip", "link", "add", "wg-probe", "type", "wireguard")
    if net.relay.call(*probe).returncode:
        return False
    net.relay.run("ip", "link", "delete", "wg-probe")
    return True


@pytest.mark.kernel
def test_the_kernels_wireguard_alone(net: Topology) -> None:
    if _has_kernel_wireguard(net):
        net.run("--wireguard", "kernel")
        assert net.commands.status()["tunnel"]["wireguard"] == "kernel"
        assert link(net)["linkinfo"]["info_kind"] == "wireguard"
        return
    before = footprint.take(net.relay)
    fails(net.relay.call(*net.commands.run_argv("--peers", net.peers.path, "--wireguard",
                                                "kernel")),
          "no WireGuard", "--wireguard userspace")
    assert footprint.difference(before, footprint.take(net.relay)) == []


def test_userspace_wireguard_alone(net: Topology) -> None:
    """Also where the kernel has its own."""
    if not shutil.which("wireguard-go"):
        pytest.skip("no wireguard-go")
    net.run("--wireguard", "userspace")
    assert net.commands.status()["tunnel"]["wireguard"] == "userspace"
    assert link(net)["linkinfo"]["info_kind"] == "tun"
    assert is_applied(net)
    net.connect()


def test_no_wireguard_at_all(net: Topology) -> None:
    if _has_kernel_wireguard(net):
        pytest.skip("this kernel has WireGuard")
    before = footprint.take(net.relay)
    hide = 'mount --bind /dev/null "$(command -v wireguard-go)" && exec "$@"'
    done = net.relay.call("unshare", "-m", "sh", "-c", hide, "sh",
                          *net.commands.run_argv("--peers", net.peers.path))
    fails(done, "kernel has no WireGuard", "no wireguard-go")
    assert footprint.difference(before, footprint.take(net.relay)) == []


@pytest.mark.parametrize("option", [("--listen-port", "1"), ("--mtu", "1400"),
                                    ("--state-dir", "/x"), ("--wireguard", "auto"),
                                    ("--threaded-napi", "on")], ids=lambda option: option[0])
def test_an_adopted_interface_has_no_settings(net: Topology, option: tuple[str, ...]) -> None:
    done = net.relay.call(*net.commands.argv("run", "--adopt", "--peers", net.peers.path, *option))
    assert done.returncode == 2
    assert option[0] in done.stderr and "--adopt" in done.stderr


def test_a_list_has_to_come_from_somewhere(net: Topology) -> None:
    done = net.relay.call(*net.commands.argv("run"))
    assert done.returncode == 2
    assert "--peers" in done.stderr and "--adopt" in done.stderr


def test_a_state_folder_that_others_can_enter(net: Topology) -> None:
    os.chmod(STATE, 0o755)
    try:
        fails(net.relay.call(*net.commands.run_argv("--peers", net.peers.path)), STATE, "0755",
              "chmod 0700")
    finally:
        os.chmod(STATE, 0o700)


def test_down_and_run_follow_each_other(net: Topology) -> None:
    """A wireguard-go that is just about to end is nobody else's."""
    for _ in range(8):
        net.run()
        assert net.commands.down().returncode == 0
        assert not os.path.exists(f"/var/run/wireguard/{INTERFACE}.sock")
