# SPDX-License-Identifier: Apache-2.0
"""Many peers, and many AllowedIPs at one: the first list, one change, and `down`.

NEX_SCALE says how many; the times and the memory are printed (pytest -s). On the kernel's
WireGuard: TESTS=scale NEX_SCALE=100000 tests/vm/run
"""

import base64
import json
import os
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from lab import strace, wgshow
from lab.devices import Device
from lab.owner import INTERFACE, RelayOwned
from lab.topology import Topology
from lab.wait import wait_until

MANY = int(os.environ.get("NEX_SCALE", "1000"))
MANY_CIDRS = 10000
# As tunnel.h has them.
KEEPALIVE_PEERS, USERSPACE_PEERS = 1000, 65536


@pytest.fixture
def net() -> Iterator[Topology]:
    """A relay that is not started."""
    with Topology(RelayOwned()) as network:
        network.prepare()
        yield network


def _peers(count: int) -> list[dict[str, Any]]:
    """Devices of one IPv4 and one IPv6 address each."""
    return [Device(f"d{i}", base64.b64encode(i.to_bytes(4, "big") * 8).decode(),
                          f"100.{70 + (i >> 16)}.{i >> 8 & 255}.{i & 255}",
                          f"200::{i >> 16:x}:{i & 65535:x}:1").record()
            for i in range(1, count + 1)]


def _one_peer(count: int) -> list[dict[str, Any]]:
    """One device that advertises all of them."""
    device = _peers(1)[0]
    device["advertise_cidrs"] = [f"10.{i >> 8 & 255}.{i & 255}.0/24" if i % 2 else
                                 f"fd00:{i:x}::/64" for i in range(1, count)]
    return [device]


def _memory_kib(pid: int) -> int:
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))


def _timed(what: str, act: Callable[[], Any]) -> float:
    started = time.monotonic()
    act()
    seconds = time.monotonic() - started
    print(f"{what}: {seconds:.2f} s", flush=True)
    return seconds


def _keepalives(net: Topology) -> dict[str, str]:
    """Of the peers that have one."""
    shown = net.relay.run("wg", "show", INTERFACE, "persistent-keepalive").split()
    return {key: seconds for key, seconds in zip(shown[::2], shown[1::2]) if seconds != "off"}


@pytest.mark.parametrize("others", [_peers(MANY), _one_peer(MANY_CIDRS)], ids=["peers", "cidrs"])
def test_many(net: Topology, others: list[dict[str, Any]]) -> None:
    own = net.device.record()
    net.peers.replace([own, *others])

    def count() -> int:
        return sum(map(len, wgshow.allowed_ips(net.relay, INTERFACE).values()))

    def change(what: str, records: list[dict[str, Any]], wanted: int) -> None:
        seen = len(daemon.messages())
        net.peers.replace(records)
        _timed(what, lambda: wait_until(
            lambda: any(" devices, " in line for line in daemon.messages()[seen:]), "list"))
        assert count() == wanted

    daemon = net.commands.start("--peers", net.peers.path, loaded=False)
    _timed(f"first list of {len(others)}", lambda: wait_until(
        lambda: net.commands.is_loaded(daemon), "list"))
    whole = count()
    assert whole == len(wgshow.routes(net.relay, INTERFACE))
    less = json.loads(json.dumps(others))
    if len(less) == 1:
        less[0]["advertise_cidrs"].pop()
        change("one CIDR less", [own, *less], whole - 1)
    else:
        change("one peer less", [own, *less[:-1]], whole - 2)
    change("all of them again", [own, *others], whole)
    print("memory of node, source and wireguard-go, KiB:", _memory_kib(daemon.pid),
          [_memory_kib(pid) for pid in daemon.children()],
          [_memory_kib(pid) for pid in strace.processes("wireguard-go", INTERFACE)])
    print(*daemon.messages(), sep="\n")
    assert not any("warning" in line for line in daemon.messages())
    _timed("down", net.commands.down)
    assert not net.relay.has_interface(INTERFACE)


@pytest.mark.kernel
def test_keepalive_of_many_peers(net: Topology) -> None:
    """A keepalive without an endpoint is a handshake every 5 s that goes nowhere: of thousands,
    those peers have one that have an endpoint."""
    own, others = net.device.record(), _peers(KEEPALIVE_PEERS + 1)
    net.peers.replace([own, *others])
    net.commands.start("--peers", net.peers.path)
    assert _keepalives(net) == {}
    keys = [other["public_key"] for other in others]
    for key, host in (keys[7], "127.0.0.1"), (keys[8], "[::1]"):
        net.relay.run("wg", "set", INTERFACE, "peer", key, "endpoint", f"{host}:9")
    wait_until(lambda: _keepalives(net) == {keys[7]: "20", keys[8]: "20"}, "keepalive")
    net.peers.replace([own, *others[1:]])
    wait_until(lambda: _keepalives(net) == {key: "20" for key in keys[1:]}, "keepalive of all")
    net.peers.replace([own, *others])
    wait_until(lambda: len(wgshow.allowed_ips(net.relay, INTERFACE)) == len(others), "all peers")
    assert _keepalives(net) == {key: "20" for key in keys[1:]}


def test_more_peers_than_wireguard_go_takes(net: Topology) -> None:
    """The list before stays, and is not half replaced."""
    own, others = net.device.record(), _peers(USERSPACE_PEERS + 1)
    net.peers.replace([own, *others[:2]])
    daemon = net.commands.start("--peers", net.peers.path)
    if not strace.processes("wireguard-go", INTERFACE):
        pytest.skip("the kernel's WireGuard takes more")
    before = wgshow.allowed_ips(net.relay, INTERFACE)
    net.peers.replace([own, *others])
    wait_until(lambda: any("wireguard-go takes" in line for line in daemon.messages()), "message")
    assert wgshow.allowed_ips(net.relay, INTERFACE) == before
    assert "65537 devices" in net.commands.status()["list"]["error"]
    assert net.commands.status()["list"]["devices"] == 2
