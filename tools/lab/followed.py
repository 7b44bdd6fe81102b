# SPDX-License-Identifier: Apache-2.0
"""How fast a relay follows its control plane, and what it takes: numbers, no judgement.

    with Followed(10000) as net:
        first = net.first_sync()
        latencies = net.changes(200)
        idle = net.idle(30)

The relay's wg0 is that of peer_store.py, which notes when it is asked for what; with wireguard_go a
real one is behind it. How the latency of a change is measured: a device gets another CIDR in place
of the one that it has advertised. The api-server notes when it hands the event to the network. The
relay gives the CIDR to WireGuard, then edits its maps, and takes the old CIDR away from WireGuard
as the very last step; at that moment the stand-in for WireGuard looks into the maps, and has the
time. So nothing has to be polled, and nothing of the relay is slowed down by being watched.
"""

import base64
import os
import random
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from lab import peer_store
from lab.controlled import Controlled
from lab.devices import Vpc
from lab.owner import INTERFACE
from lab.relay import Daemon
from lab.strace import returns
from lab.wait import LIMIT_S, wait_until
from lab.wireguard import WireGuard

WIREGUARD_PORT = 51820
MESSAGES = 10  # the last ones, when it goes wrong


class Stuck(Exception):
    """What was waited for will not come; the text says what, why, and what the relay says."""


@dataclass
class Usage:
    """What a process has used."""

    cpu_s: float
    queued_s: float  # ready to run, while something else had the processor
    rss_kib: int
    peak_kib: int
    switches: int  # voluntary ones: how often it has gone to sleep

    @classmethod
    def of(cls, pid: int) -> "Usage":
        """As /proc has it now."""
        with open(f"/proc/{pid}/status", encoding="utf-8", errors="replace") as file:
            status = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
        with open(f"/proc/{pid}/schedstat", encoding="ascii") as file:
            cpu_ns, queued_ns, _ = map(int, file.read().split())
        return cls(cpu_ns / 1e9, queued_ns / 1e9, int(status["VmRSS"].split()[0]),
                   int(status["VmHWM"].split()[0]), int(status["voluntary_ctxt_switches"]))


@dataclass
class Change:
    """One change: seconds from the event that was written to its last effect."""

    whole_s: float
    wireguard_s: float  # of these in WireGuard
    queued_s: float     # of these at most so long without a processor, which others had
    in_maps: bool       # the maps had it by then

    @property
    def own_s(self) -> float:
        """The relay's share, the way from the api-server included."""
        return self.whole_s - self.wireguard_s


def percentile(values: Sequence[float], percent: float) -> float:
    """The value that so many percent are not above."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


class Followed(Controlled):
    """A relay, not started yet, and an api-server with so many devices."""

    daemon: Daemon
    first: dict[str, Any]  # what first_sync() has measured

    def __init__(self, count: int, wireguard_go: bool = False, seed: int = 1) -> None:
        super().__init__(Vpc("100.64.0.0/10", "200::/64"))
        self.count, self.wireguard_go = count, wireguard_go
        self._random = random.Random(seed)
        self._advertised: dict[str, str] = {}
        self._made = 0

    def __enter__(self) -> "Followed":
        super().__enter__()
        self.prepare()
        self.api.set(write_deadline_s=None, route_timeout_s=None)
        for begin in range(0, self.count, 5000):
            self.api.add_many(min(5000, self.count - begin))
        self._start_wireguard()
        return self

    def _start_wireguard(self) -> None:
        if self.wireguard_go:
            tunnel = WireGuard(self.relay, INTERFACE, self.key, WIREGUARD_PORT)
            tunnel.create()
            self._undo.append(tunnel.remove)
            os.rename(f"/run/wireguard/{INTERFACE}.sock", "/run/wireguard/beyond.sock")
            words = ["forward", "/run/wireguard/beyond.sock"]
        else:
            words = [base64.b64decode(self.key.private).hex(), str(WIREGUARD_PORT)]
        self.store = self.relay.start(["/usr/bin/python3", peer_store.__file__, INTERFACE, *words],
                                      stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        self._undo.append(self._stop_wireguard)
        assert self.store.stdout
        if self.store.stdout.readline() != b"ready\n":
            raise AssertionError(f"no {peer_store.__file__}: {self.store.wait(LIMIT_S)}")

    def _stop_wireguard(self) -> None:
        self.store.kill()
        self.store.wait(LIMIT_S)
        os.unlink(f"/run/wireguard/{INTERFACE}.sock")  # whoever comes next makes one of its own
        assert self.store.stdout
        self.store.stdout.close()

    def first_sync(self, *options: str, seconds: float = 600) -> dict[str, Any]:
        """Start the relay, and wait until it has all devices. Registering is a part of it."""
        began = time.monotonic()
        self.daemon = self.begin(*self.credentials(), *options)
        self._wait(lambda: self.control().get("state") == "watching", "list from the server",
                   seconds)
        self._wait(lambda: self._devices() >= self.count, "all devices", seconds)
        whole_s = time.monotonic() - began
        operations = peer_store.ask_times(INTERFACE)
        node, source = self.usage()
        self.first = {
            "seconds": whole_s, "node_cpu_s": node.cpu_s, "source_cpu_s": source.cpu_s,
            "wireguard_s": sum(item["until"] - item["since"] for item in operations),
            "node_rss_kib": node.rss_kib, "source_rss_kib": source.rss_kib,
            "node_peak_kib": node.peak_kib, "source_peak_kib": source.peak_kib}
        return self.first

    def _wait(self, condition: Callable[[], bool], what: str, seconds: float = LIMIT_S,
              poll_s: float = 0.02) -> None:
        """Until it is so. TimeoutError and Stuck have the relay's messages."""
        def is_so() -> bool:
            if self.daemon.process.poll() is not None:
                raise Stuck(f"no {what}: the relay has ended.{self._said()}")
            return condition()
        wait_until(is_so, lambda: f"{what}.{self._said()}\n", seconds, poll_s)

    def _said(self) -> str:
        lines = self.daemon.messages()[-MESSAGES:] or ["nothing"]
        return "\n".join([" The relay says:", *(f"    {line}" for line in lines)])

    def _list(self) -> dict[str, Any]:
        """What status says of it; nothing while there is none."""
        with suppress(OSError, ValueError):
            return self.commands.written_status()["list"] or {}
        return {}

    def _devices(self) -> int:
        listed = self._list()
        if listed.get("error"):
            raise Stuck(f"the list is refused: {listed['error']}.{self._said()}")
        return int(listed.get("devices", -1))

    def usage(self) -> tuple[Usage, Usage]:
        """Of node and source."""
        return Usage.of(self.daemon.pid), Usage.of(self.source_pid())

    def source_pid(self) -> int:
        """PID of the source process, not that of a child that writes the list."""
        return next(pid for pid in self.daemon.children() if self._uid(pid))

    @staticmethod
    def _uid(pid: int) -> int:
        return os.stat(f"/proc/{pid}").st_uid

    def wait_saved(self) -> None:
        """Until the first list is on disk, and the child that writes it is gone."""
        self._wait(lambda: bool(self._list().get("saved_at")), "list on disk")

    def _new_cidr(self) -> str:
        self._made += 1
        at = self._made
        if at % 2:
            return f"10.{at >> 9 & 255}.{at >> 1 & 255}.0/24"
        return f"fd00:{at >> 17 & 0xffff:x}:{at >> 1 & 0xffff:x}::/64"

    def _advertise(self, device_id: str) -> str:
        cidr = self._new_cidr()
        self.api.update_device(device_id, advertise_cidrs=[cidr])
        self._advertised[device_id] = cidr
        return cidr

    def changes(self, count: int, pause_s: float = 0.05) -> list[Change]:
        """One change after the other, with a random pause of up to so long in between."""
        ids = [device["id"] for device in self.api.ask("devices")
               if device["hostname"].startswith("bulk-")]
        chosen = self._random.sample(ids, min(8, len(ids)))
        for device_id in chosen:
            self._await(self._advertise(device_id), "added")
        found = []
        for at in range(count):
            time.sleep(self._random.random() * pause_s)
            found.append(self._one_change(chosen[at % len(chosen)]))
        return found

    def _one_change(self, device_id: str) -> Change:
        before = self._advertised[device_id]
        usage = self.usage()
        began = time.monotonic()
        self._advertise(device_id)
        operations = self._await(before, "removed")
        written = self.api.ask("written", after=began)[0][0]
        queued_s = sum(new.queued_s - old.queued_s for old, new in zip(usage, self.usage()))
        last = operations[-1]
        return Change(last["until"] - written,
                      sum(max(0, item["until"] - max(item["since"], written))
                          for item in operations), queued_s, last["in_maps"])

    def _await(self, cidr: str, what: str) -> list[dict[str, Any]]:
        """Operations up to the one that has added or removed this CIDR."""
        seen: list[dict[str, Any]] = []

        def found() -> bool:
            seen.extend(peer_store.ask_times(INTERFACE))
            return any(cidr in item[what] for item in seen)
        self._wait(found, f"{cidr} {what}", poll_s=0.005)
        last = next(at for at, item in enumerate(seen) if cidr in item[what])
        return seen[:last + 1]

    def delete_half(self, seconds: float = 600) -> dict[str, float]:
        """Half of the devices go at once."""
        node, source = self.usage()
        began = time.monotonic()
        self.api.ask("bulk_delete", count=self.count // 2)
        self._wait(lambda: self._devices() <= self.count - self.count // 2, "fewer devices",
                   seconds)
        whole_s = time.monotonic() - began
        node_after, source_after = self.usage()
        return {"seconds": whole_s, "node_cpu_s": node_after.cpu_s - node.cpu_s,
                "source_cpu_s": source_after.cpu_s - source.cpu_s}

    def idle(self, seconds: float) -> dict[str, float]:
        """How often node and source wake up when nothing happens: occasions, as a wake-up may be
        about a few packets."""
        pids = [self.daemon.pid, self.source_pid()]
        node, source = self.usage()
        with returns(self.relay, pids, "epoll_wait") as times:
            time.sleep(seconds)
        node_after, source_after = self.usage()
        return {"seconds": seconds,
                "node_occasions": _occasions(times[pids[0]]),
                "source_occasions": _occasions(times[pids[1]]),
                "node_cpu_s": node_after.cpu_s - node.cpu_s,
                "source_cpu_s": source_after.cpu_s - source.cpu_s}


def _occasions(times: list[float]) -> int:
    """Wake-ups within a second are one."""
    count, last = 0, 0.0
    for at in sorted(times):
        count += at - last > 1
        last = at
    return count
