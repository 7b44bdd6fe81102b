# SPDX-License-Identifier: Apache-2.0
"""Peers are looked at when somebody has changed them, and not all the time."""

import json
import os
import socket
import subprocess
import time
from base64 import b64decode
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from lab import wgshow
from lab.owner import INTERFACE, RelayOwned
from lab.relay import Daemon
from lab.topology import Topology
from lab.wait import LIMIT_S, wait_quiet, wait_until
from lab.wireguard import make_key

PROGRAMS = {"nex_peer_watch", "nex_peer_fentry", "nex_peer_trace"}
KPROBES, BTF = "/sys/bus/event_source/devices/kprobe", "/sys/kernel/btf/vmlinux"
IDLE_S, EVERY_S, MARGIN = 12, 5, 2
LOOKS = 50


@pytest.fixture(scope="module")
def network() -> Iterator[Topology]:
    with Topology(RelayOwned()) as net:
        net.add("spoke1", relay_only=True, over=4)
        net.add("spoke2", over=6)
        yield net


@pytest.fixture(params=["kernel", "userspace"])
def net(network: Topology, request: pytest.FixtureRequest) -> Iterator[Topology]:
    """A relay at work on one of the two WireGuards."""
    if request.param == "kernel":
        if network.relay.call("ip", "link", "add", "probe", "type", "wireguard").returncode:
            pytest.skip("this kernel has no WireGuard")
        network.relay.run("ip", "link", "delete", "probe")
    network.prepare()
    try:
        network.run("--wireguard", request.param)
        yield network
    finally:
        network.commands.clean()
        for spoke in network.spokes.values():  # nor go their sessions on with another relay
            if spoke.node.has_interface(spoke.tunnel.interface):
                spoke.tunnel.remove_peer(network.device.public_key)


def _programs(daemon: Daemon) -> list[int]:
    """The probes that it holds: other relays of this kernel, in other namespaces, have theirs."""
    ids = set()
    for name in os.listdir(f"/proc/{daemon.pid}/fdinfo"):
        with suppress(FileNotFoundError), \
                open(f"/proc/{daemon.pid}/fdinfo/{name}", encoding="ascii") as file:
            ids |= {int(line.split()[1]) for line in file if line.startswith("prog_id:")}
    return [program["id"] for program in _shown() if program["id"] in ids]


def _shown() -> list[dict[str, Any]]:
    done = subprocess.run(["bpftool", "-j", "prog", "show"], stdout=subprocess.PIPE, check=True)
    return [program for program in json.loads(done.stdout) if program.get("name") in PROGRAMS]


def _wake_ups(daemon: Daemon) -> int:
    """How often the node and the source have gone to sleep so far."""
    total = 0
    for pid in (daemon.pid, *daemon.children()):
        with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
            total += next(int(line.split()[1]) for line in file
                          if line.startswith("voluntary_ctxt_switches"))
    return total


def _peers(net: Topology) -> dict[str, set[str]]:
    return wgshow.allowed_ips(net.relay, INTERFACE)


def _is_put_back(net: Topology) -> None:
    """A peer that goes, one that comes, and an AllowedIP that goes."""
    before, key = _peers(net), net["spoke1"].device.public_key
    for words in ((key, "remove"), (make_key().public, "allowed-ips", "10.1.0.0/16,fd01::/16"),
                  (key, "allowed-ips", net["spoke1"].device.ipv4)):
        net.relay.run("wg", "set", INTERFACE, "peer", *words)
        changed = time.monotonic()
        wait_until(lambda: _peers(net) == before, "peers as before")
        print(f"after {time.monotonic() - changed:.2f} s")


def _await_another(net: Topology, index: int) -> None:
    """The relay says when another wg0 is complete; `wg` would delete its socket before."""
    wait_until(lambda: any("is back" in line for line in net.commands.daemons[-1].messages()),
               "another wg0")
    assert net.relay.ifindex(INTERFACE) != index


@pytest.mark.kernel
def test_idle(net: Topology) -> None:
    """Nothing happens, and hardly anybody wakes up; then something happens."""
    daemon = net.commands.daemons[-1]
    net.connect()
    assert len(_programs(daemon)) == 1
    wait_quiet(lambda: _wake_ups(daemon), 1)  # what the start and the handshakes have left
    before = _wake_ups(daemon)
    time.sleep(IDLE_S)
    woken = _wake_ups(daemon) - before
    print(f"woken {woken} times in {IDLE_S} s")
    assert woken <= IDLE_S // EVERY_S + MARGIN
    _is_put_back(net)


@pytest.mark.kernel
@pytest.mark.parametrize("net", ["userspace"], indirect=True)
def test_one_connection_for_all(net: Topology) -> None:
    """A client of userspace WireGuard need not connect anew for every change."""
    daemon = net.commands.daemons[-1]
    before, key = _peers(net), bytes(b64decode(net["spoke1"].device.public_key)).hex()
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(LIMIT_S)
        client.connect(f"/var/run/wireguard/{INTERFACE}.sock")
        for _ in range(3):
            client.sendall(f"set=1\npublic_key={key}\nremove=true\n\n".encode())
            assert client.recv(100) == b"errno=0\n\n"
            wait_until(lambda: _peers(net) == before, "peers as before")
            wait_quiet(lambda: _wake_ups(daemon), 1)


@pytest.mark.kernel
@pytest.mark.parametrize("net", ["userspace"], indirect=True)
def test_another_of_the_same_name(net: Topology) -> None:
    """In other namespaces: who talks to it wakes nobody here."""
    daemon = net.commands.daemons[-1]
    script = (f"mount -t tmpfs none /run/wireguard; wireguard-go {INTERFACE} >/dev/null 2>&1; "
              f"for i in $(seq {LOOKS}); do wg show {INTERFACE} >/dev/null || exit 1; done; "
              f"ip link delete {INTERFACE}")
    wait_quiet(lambda: _wake_ups(daemon), 1)
    before = _wake_ups(daemon)
    done = net["spoke1"].node.call("unshare", "--mount", "sh", "-c", script)
    assert done.returncode == 0, done
    woken = _wake_ups(daemon) - before
    print(f"woken {woken} times")
    assert woken < LOOKS / 2


@pytest.mark.kernel
def test_interface_is_made_anew(net: Topology) -> None:
    """The probe is not the interface's."""
    index, before = net.relay.ifindex(INTERFACE), _peers(net)
    net.relay.run("ip", "link", "delete", INTERFACE)
    _await_another(net, index)
    wait_until(lambda: _peers(net) == before, "peers as before")
    assert len(_programs(net.commands.daemons[-1])) == 1
    _is_put_back(net)


@pytest.mark.kernel
def test_without_probes(net: Topology, request: pytest.FixtureRequest) -> None:
    """The peers are polled, and nothing is said of it."""
    wireguard = request.node.callspec.params["net"]
    net.commands.daemons[-1].stop()
    hide = {"kernel": ("-t", "tmpfs", "none", KPROBES),
            "userspace": ("--bind", "/dev/null", BTF)}[wireguard]
    net.relay.run("mount", *hide)
    try:
        daemon = net.run("--wireguard", wireguard)
        assert not _programs(daemon)
    finally:
        net.relay.run("umount", hide[-1])
    _is_put_back(net)
    assert not any("watch" in line for line in daemon.messages())


@pytest.mark.kernel
def test_gone_with_the_process(net: Topology) -> None:
    daemon = net.commands.daemons[-1]
    number, = _programs(daemon)
    daemon.kill()
    wait_until(lambda: number not in [program["id"] for program in _shown()], "its end")


@pytest.mark.kernel
@pytest.mark.parametrize("net", ["kernel"], indirect=True)
def test_module_is_loaded_anew(net: Topology) -> None:
    """The probe went with the module: the peers are polled from then on."""
    for spoke in net.spokes.values():
        spoke.tunnel.remove()
    index, before = net.relay.ifindex(INTERFACE), _peers(net)
    if net.relay.call("modprobe", "-r", "wireguard").returncode:
        pytest.skip("the wireguard module cannot be unloaded here")
    _await_another(net, index)
    wait_until(lambda: _peers(net) == before, "peers as before")
    assert not _programs(net.commands.daemons[-1])
    _is_put_back(net)
