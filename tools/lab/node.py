# SPDX-License-Identifier: Apache-2.0
"""One network namespace of the world: run a command there, make a socket there."""

import shlex
import socket
import subprocess
import threading
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from lab.syscalls import CLONE_NEWNET, setns
from lab.wait import LIMIT_S

T = TypeVar("T")


class CommandFailed(Exception):
    """A command of the lab itself failed; the text holds the command and what it said."""


class Node:
    """A host of the lab. The relay host is the world's first namespace, the others have a name.

    The others are entered with nsenter and not with `ip netns exec`, which would mount another
    /sys over the one with the world's BPF filesystem.
    """

    def __init__(self, name: str, first: bool = False) -> None:
        self.name = name
        self.first = first
        self._path = "/proc/1/ns/net" if first else f"/run/netns/{name}"
        if not first:
            subprocess.run(["ip", "netns", "add", name], check=True)
            self.run("ip", "link", "set", "lo", "up")

    def remove(self) -> None:
        """Give the namespace up; it goes when the last process and socket in it is gone."""
        if not self.first:
            subprocess.run(["ip", "netns", "del", self.name], check=False, capture_output=True)

    def command(self, *argv: str) -> list[str]:
        """argv as it has to be started from the relay host to run in this node."""
        return list(argv) if self.first else ["nsenter", f"--net={self._path}", *argv]

    def call(self, *argv: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run a command here, whatever its status; output is captured as text."""
        options.setdefault("timeout", LIMIT_S)
        return subprocess.run(self.command(*argv), capture_output=True, text=True, check=False,
                              stdin=options.pop("stdin", subprocess.DEVNULL), **options)

    def run(self, *argv: str, **options: Any) -> str:
        """Run a command here that has to succeed, and return its stdout."""
        done = self.call(*argv, **options)
        if done.returncode != 0:
            raise CommandFailed(f"{self.name}: {shlex.join(argv)}: status {done.returncode}: "
                                f"{done.stderr.strip()}")
        return done.stdout

    def start(self, argv: Sequence[str], **options: Any) -> subprocess.Popen[bytes]:
        """Start a command here in the background."""
        return subprocess.Popen(self.command(*argv), **options)

    def inside(self, function: Callable[[], T]) -> T:
        """Call function in a thread that has entered the namespace: files below /proc/sys/net are
        this node's, and a socket that it makes stays here wherever it is used."""
        answer: list[T] = []
        error: list[BaseException] = []

        def enter() -> None:
            try:
                with open(self._path, "rb") as namespace:
                    setns(namespace.fileno(), CLONE_NEWNET)
                answer.append(function())
            except BaseException as err:  # handed to the caller, whatever it is
                error.append(err)

        thread = threading.Thread(target=enter)
        thread.start()
        thread.join()
        if error:
            raise error[0]
        return answer[0]

    def socket(self, family: int, kind: int, protocol: int = 0) -> socket.socket:
        """A socket of this node."""
        return self.inside(lambda: socket.socket(family, kind, protocol))

    def sysctl(self, name: str) -> str:
        """Value of a sysctl; name is its path below /proc/sys/net."""
        def read() -> str:
            with open(f"/proc/sys/net/{name}", encoding="ascii") as file:
                return file.read().strip()
        return self.inside(read)

    def set_sysctl(self, name: str, value: str) -> None:
        """Set a sysctl; name is its path below /proc/sys/net."""
        def write() -> None:
            with open(f"/proc/sys/net/{name}", "w", encoding="ascii") as file:
                file.write(value)
        self.inside(write)

    def has_interface(self, interface: str) -> bool:
        """Is there an interface of that name here?"""
        return self.inside(lambda: interface in (name for _, name in socket.if_nameindex()))

    def ifindex(self, interface: str) -> int:
        """Its number; OSError when there is none."""
        return self.inside(lambda: socket.if_nametoindex(interface))
