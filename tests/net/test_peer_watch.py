# SPDX-License-Identifier: Apache-2.0
"""Peers of kernel WireGuard are looked at when somebody has changed them, and not all the time."""

import json
import time
from collections.abc import Iterator

import pytest

from lab import wgshow
from lab.owner import INTERFACE, RelayOwned
from lab.relay import Daemon
from lab.topology import Topology
from lab.wait import wait_until
from lab.wireguard import make_key

PROGRAM = "nex_peer_watch"
KPROBES = "/sys/bus/event_source/devices/kprobe"
IDLE_S, EVERY_S, MARGIN = 20, 5, 2
POLLED_S = 1.5  # half a second, and the time that looking takes


@pytest.fixture(scope="module")
def network() -> Iterator[Topology]:
    with Topology(RelayOwned()) as net:
        net.add("spoke1", relay_only=True, over=4)
        net.add("spoke2", over=6)
        yield net


@pytest.fixture
def net(network: Topology) -> Iterator[Topology]:
    """A relay at work on kernel WireGuard."""
    network.prepare()
    try:
        network.run()
        link = json.loads(network.relay.run("ip", "-d", "-j", "link", "show", "dev", INTERFACE))
        if link[0]["linkinfo"]["info_kind"] != "wireguard":
            pytest.skip("userspace WireGuard has to be polled")
        yield network
    finally:
        network.commands.clean()


def _programs(net: Topology) -> list[str]:
    return net.relay.call("bpftool", "prog", "show", "name", PROGRAM).stdout.splitlines()


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


def _is_put_back(net: Topology, within_s: float) -> None:
    """A peer that goes, one that comes, and an AllowedIP that goes."""
    before, key = _peers(net), net["spoke1"].device.public_key
    for words in ((key, "remove"), (make_key().public, "allowed-ips", "10.1.0.0/16,fd01::/16"),
                  (key, "allowed-ips", net["spoke1"].device.ipv4)):
        net.relay.run("wg", "set", INTERFACE, "peer", *words)
        changed = time.monotonic()
        wait_until(lambda: _peers(net) == before, "peers as before", within_s)
        print(f"after {time.monotonic() - changed:.2f} s")


@pytest.mark.kernel
def test_idle(net: Topology) -> None:
    """Nothing happens, and hardly anybody wakes up; then something happens."""
    daemon = net.commands.daemons[-1]
    net.connect()
    assert len([line for line in _programs(net) if PROGRAM in line]) == 1
    time.sleep(1)  # what the start and the handshakes have left
    before = _wake_ups(daemon)
    time.sleep(IDLE_S)
    woken = _wake_ups(daemon) - before
    print(f"woken {woken} times in {IDLE_S} s")
    assert woken <= IDLE_S // EVERY_S + MARGIN
    _is_put_back(net, 1)


@pytest.mark.kernel
def test_interface_is_made_anew(net: Topology) -> None:
    """The probe is not the interface's."""
    index, before = net.relay.ifindex(INTERFACE), _peers(net)
    net.relay.run("ip", "link", "delete", INTERFACE)
    wait_until(lambda: net.relay.has_interface(INTERFACE) and
               net.relay.ifindex(INTERFACE) != index, "another wg0")
    wait_until(lambda: _peers(net) == before, "peers as before", 5)
    assert _programs(net)
    _is_put_back(net, 1)


@pytest.mark.kernel
def test_without_kprobes(net: Topology) -> None:
    """The peers are polled, and nothing is said of it."""
    net.commands.daemons[-1].stop()
    net.relay.run("mount", "-t", "tmpfs", "none", KPROBES)
    try:
        daemon = net.run()
        assert not _programs(net)
    finally:
        net.relay.run("umount", KPROBES)
    _is_put_back(net, POLLED_S)
    assert not any("watch" in line for line in daemon.messages())


@pytest.mark.kernel
def test_gone_with_the_process(net: Topology) -> None:
    net.commands.daemons[-1].kill()
    wait_until(lambda: not _programs(net), "end of the program", 5)


@pytest.mark.kernel
def test_module_is_loaded_anew(net: Topology) -> None:
    """The probe went with the module: the peers are polled from then on."""
    for spoke in net.spokes.values():
        spoke.tunnel.remove()
    index, before = net.relay.ifindex(INTERFACE), _peers(net)
    if net.relay.call("modprobe", "-r", "wireguard").returncode:
        pytest.skip("the wireguard module cannot be unloaded here")
    wait_until(lambda: net.relay.has_interface(INTERFACE) and
               net.relay.ifindex(INTERFACE) != index, "another wg0", 20)
    wait_until(lambda: _peers(net) == before, "peers as before", 5)
    assert not _programs(net)
    _is_put_back(net, POLLED_S)
