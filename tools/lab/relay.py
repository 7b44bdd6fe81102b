# SPDX-License-Identifier: Apache-2.0
"""The nex-relay binary: start the daemon, stop it, ask the show commands."""

import ipaddress
import json
import os
import signal
import subprocess
import tempfile
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from lab.node import Node
from lab.wait import LIMIT_S, wait_until

REPOSITORY = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
BINARY = os.environ.get("NEX_RELAY_BINARY", os.path.join(REPOSITORY, "build", "nex-relay"))
PINS = "/sys/fs/bpf/nex-relay"
MAPS = ("nex_addr4", "nex_addr6", "nex_cidr4", "nex_cidr6", "nex_scopes", "nex_slots",
        "nex_slot_stats", "nex_verdicts")


class Daemon:
    """One `nex-relay run`; what it says on stderr is kept."""

    def __init__(self, argv: list[str], popen: Callable[..., subprocess.Popen[bytes]]) -> None:
        self.argv = argv
        self._log = tempfile.NamedTemporaryFile(dir="/run/lab", prefix="stderr-")
        self.seen = 0  # lines that new_messages() has returned
        # Plain text, as on a terminal, even when the tests themselves run under systemd.
        environment = {name: value for name, value in os.environ.items()
                       if name != "JOURNAL_STREAM"}
        self.process = popen(argv, env=environment, stdin=subprocess.DEVNULL,
                             stdout=subprocess.DEVNULL, stderr=self._log)

    @property
    def pid(self) -> int:
        """PID of the node process."""
        return self.process.pid

    def messages(self) -> list[str]:
        """Every line on stderr since the start."""
        with open(self._log.name, encoding="utf-8", errors="replace") as file:
            return file.read().splitlines()

    def new_messages(self) -> list[str]:
        """Lines on stderr since this was last asked."""
        lines = self.messages()
        new, self.seen = lines[self.seen:], len(lines)
        return new

    def children(self) -> list[int]:
        """PIDs of the node's children that are alive: the source process; and, where there is an
        api-server, for a moment the one that writes the list to disk. Not the one that looks at
        the firewall after the start."""
        try:
            with open(f"/proc/{self.pid}/task/{self.pid}/children", encoding="ascii") as file:
                pids = [int(word) for word in file.read().split()]
        except OSError:
            return []
        return [pid for pid in pids if process_state(pid) not in (None, "Z")
                and process_name(pid) not in (None, "nex-relay-rules")]

    def source(self) -> int | None:
        """PID of the source process; None when there is none."""
        for pid in self.children():
            with suppress(OSError), open(f"/proc/{pid}/cmdline", "rb") as file:
                if file.read().split(b"\0")[1:2] == [b"source"]:
                    return pid
        return None

    def is_at_rest(self) -> bool:
        """Does the node wait in its loop, with no other child than the source? One that has ended,
        and that it has not asked about, is a child as well."""
        try:
            with open(f"/proc/{self.pid}/task/{self.pid}/children", encoding="ascii") as file:
                pids = [int(word) for word in file.read().split()]
            with open(f"/proc/{self.pid}/wchan", encoding="ascii") as file:
                return "ep" in file.read() and pids == [self.source()]
        except OSError:
            return False

    def signal(self, number: signal.Signals) -> None:
        """Send the node a signal."""
        self.process.send_signal(number)

    def stop(self) -> int:
        """SIGTERM, and wait: the exit status."""
        if self.process.poll() is None:
            self.process.terminate()
        return self.process.wait(LIMIT_S)

    def kill(self) -> None:
        """SIGKILL the node."""
        self.process.kill()
        self.process.wait(LIMIT_S)


def process_state(pid: int) -> str | None:
    """State letter of a process, None when there is none."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[0]
    except OSError:
        return None


def process_name(pid: int) -> str | None:
    """Name of a process, None when there is none."""
    try:
        with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return None


class RelayCommands:
    """The nex-relay commands for one interface of the relay host."""

    def __init__(self, host: Node, interface: str = "wg0", adopt: bool = True) -> None:
        """adopt: somebody else owns the interface, else the relay does."""
        self.host = host
        self.interface = interface
        self.adopt = adopt
        self.pins = f"{PINS}/{interface}"
        self.daemons: list[Daemon] = []

    def run_argv(self, *options: str) -> list[str]:
        """nex-relay run --interface wg0 [--adopt] OPTIONS"""
        return self.argv("run", *(("--adopt",) if self.adopt else ()), *options)

    def argv(self, command: str, *options: str) -> list[str]:
        """nex-relay COMMAND --interface wg0 OPTIONS"""
        return [BINARY, command, "--interface", self.interface, *options]

    def start(self, *options: str, loaded: bool = True) -> Daemon:
        """Start the daemon; with loaded, wait until it is attached and has applied a list."""
        daemon = Daemon(self.run_argv(*options), self.host.start)
        self.daemons.append(daemon)
        if loaded:
            wait_until(lambda: self.is_loaded(daemon) or daemon.process.poll() is not None,
                       f"loaded list; stderr: {daemon.messages()}")
            if daemon.process.poll() is not None:
                raise AssertionError(f"{daemon.argv} ended with {daemon.process.returncode}: "
                                     f"{daemon.messages()}")
        return daemon

    def is_loaded(self, daemon: Daemon) -> bool:
        """Is this daemon attached, with a list applied? What status says of the list may be left
        of the run before: that this one has taken over is what it says itself."""
        if not any(" devices, " in line for line in daemon.messages()):
            return False
        status = self.status()
        return bool(status and status["list"] and status["daemon"]["pid"] == daemon.pid
                    and status["list"]["loaded"] and status["program_id"])

    def call(self, *argv: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """nex-relay ARGV, whatever its exit status."""
        return self.host.call(BINARY, *argv, **options)

    def ask(self, command: str, *argv: str) -> Any:
        """The --json answer of a show command, which has to succeed."""
        return json.loads(self.host.run(BINARY, command, *argv, "--interface", self.interface,
                                        "--json"))

    def status(self) -> dict[str, Any] | None:
        """status --json; None when nothing is attached."""
        done = self.call("status", "--interface", self.interface, "--json")
        return json.loads(done.stdout) if done.returncode == 0 else None

    def written_status(self) -> dict[str, Any]:
        """What the daemon has written for `status`, read at once: a thousand times is no matter."""
        with open(f"/run/nex-relay/{self.interface}/status.json", encoding="utf-8") as file:
            return json.load(file)

    def peers(self) -> dict[str, dict[str, Any]]:
        """peers --json, by name."""
        return {peer["name"]: peer for peer in self.ask("peers")}

    def entries(self) -> dict[str, set[str]]:
        """What the maps hold: addresses and CIDRs of every device, all with their prefix lengths,
        by public key."""
        return {peer["public_key"]: {str(ipaddress.ip_network(text))
                                     for text in (*peer["addresses"], *peer["cidrs"])}
                for peer in self.ask("peers")}

    def verdicts(self) -> dict[str, dict[str, dict[str, int]]]:
        """stats --json: verdict name to counters of each family."""
        return self.ask("stats")["verdicts"]

    def packets(self, verdict: str, family: int) -> int:
        """Packets that ended in a verdict; family is 4 or 6."""
        return self.verdicts()[verdict][f"ipv{family}"]["packets"]

    def down(self) -> subprocess.CompletedProcess[str]:
        """nex-relay down"""
        return self.call("down", "--interface", self.interface)

    def clean(self) -> None:
        """End what a test left: the daemons that were started here, then `down`."""
        for daemon in self.daemons:
            if daemon.process.poll() is None:
                daemon.kill()
        self.daemons.clear()
        self.down()
