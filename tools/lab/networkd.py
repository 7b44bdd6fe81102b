# SPDX-License-Identifier: Apache-2.0
"""The real systemd-networkd, on the relay host of a private world.

It runs without systemd and without udev, and with a message bus of its own (class Bus) or none. Of
udev it only wants to know whether a link has been seen there, which is a file for every link: with
them it works as on any host. Where /sys is read-only it takes itself to be in a container, and
takes links as they come.
"""

import os
import shutil
import socket
import subprocess
from collections.abc import Callable
from contextlib import suppress

from lab.node import Node
from lab.relay import Daemon
from lab.wait import LIMIT_S, wait_until

BINARY = "/lib/systemd/systemd-networkd"
BUS_BINARY = "/usr/bin/dbus-daemon"
_CONFIG = "/etc/systemd/network"
_DROP_INS = "/etc/systemd/networkd.conf.d"
_UDEV = "/run/udev"
_LINKS = 256  # more than a test makes
_READ_ONLY = "mount -o remount,bind,ro /sys && "
_SOCKET = "/run/dbus/system_bus_socket"
_BUS = f"""<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path={_SOCKET}</listen>
  <policy context="default">
    <allow user="*"/>
    <allow own="*"/>
    <allow send_destination="*"/>
    <allow send_type="signal"/>
    <allow send_requested_reply="true" send_type="method_return"/>
    <allow send_requested_reply="true" send_type="error"/>
    <allow receive_sender="*"/>
  </policy>
</busconfig>
"""


class Bus:
    """The world's system bus, on which everything is allowed, while the with block lasts."""

    def __enter__(self) -> "Bus":
        path = "/run/lab/bus.conf"
        with open(path, "w", encoding="ascii") as file:
            file.write(_BUS)
        os.makedirs(os.path.dirname(_SOCKET), exist_ok=True)
        self._process = subprocess.Popen(
            [BUS_BINARY, f"--config-file={path}", "--nofork", "--nopidfile", "--nosyslog"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(lambda: os.path.exists(_SOCKET), "system bus")
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(LIMIT_S)
        with suppress(FileNotFoundError):
            os.unlink(_SOCKET)


class Networkd:
    """networkd with the files that write() has given it. Leaving the with block takes all away."""

    def __init__(self, host: Node, with_udev: bool) -> None:
        self.host, self.with_udev = host, with_udev
        self._daemons: list[Daemon] = []
        self._undo: list[Callable[[], None]] = []
        self._probes = 0

    def __enter__(self) -> "Networkd":
        for folder in (_CONFIG, _DROP_INS, "/run/systemd", f"{_UDEV}/data"):
            os.makedirs(folder, exist_ok=True)
        self._undo.append(lambda: shutil.rmtree(_UDEV))
        for index in range(1, self._newest_link() + _LINKS) if self.with_udev else ():
            with open(f"{_UDEV}/data/n{index}", "w", encoding="ascii") as file:
                file.write("I:1\n")  # when udev was ready with it
        return self

    def __exit__(self, *_: object) -> None:
        if self._daemons:
            self.stop()
        while self._undo:
            self._undo.pop()()

    def _newest_link(self) -> int:
        """Number of the link that was made last, by whatever test."""
        self.host.run("ip", "link", "add", "newest", "type", "veth", "peer", "name", "newest-end")
        try:
            return max(number for number, _ in self.host.inside(socket.if_nameindex))
        finally:
            self.host.run("ip", "link", "delete", "newest")

    def write(self, path: str, text: str) -> None:
        """A file of its configuration."""
        assert os.path.dirname(path) in (_CONFIG, _DROP_INS), path
        with open(path, "w", encoding="ascii") as file:
            file.write(text)
        self._undo.append(lambda: os.unlink(path))

    def start(self) -> None:
        """Start it, and wait until it is done with every link."""
        self._daemons.append(Daemon(
            ["env", "SYSTEMD_LOG_LEVEL=debug", "SYSTEMD_LOG_TARGET=console", "unshare", "--mount",
             "sh", "-c", f"{'' if self.with_udev else _READ_ONLY}exec {BINARY}"], self.host.start))
        for _, name in self.host.inside(socket.if_nameindex):
            self._wait_for(name, "configured", "unmanaged")
        self.settle()

    def reload(self) -> None:
        """`networkctl reload`, which needs a Bus."""
        wait_until(lambda: self.host.call("networkctl", "reload").returncode == 0, "networkctl")
        self.settle()

    def stop(self) -> None:
        """What is configured stays."""
        assert self._daemons[-1].stop() == 0, self.log()

    def log(self, word: str = "") -> list[str]:
        """What the one that was started last has said, in lines with this word."""
        return [line for line in self._daemons[-1].messages() if word in line]

    def settle(self) -> None:
        """Wait until it has dealt with all that has happened until now: it takes one message of the
        kernel's after the other, so it is enough to see it get ready with a new link. That has to
        be one of those that it manages."""
        self._probes += 1
        name = f"probe{self._probes}"
        self.host.run("ip", "link", "add", name, "type", "veth", "peer", "name", f"{name}-end")
        try:
            for end in (name, f"{name}-end"):
                self._wait_for(end, "configured")
        finally:
            self.host.run("ip", "link", "delete", name)

    def states(self, link: str) -> list[str]:
        """Those that a link has had."""
        return [line.split()[-1] for line in self.log(f"{link}: State changed: ")]

    def _wait_for(self, link: str, *states: str) -> None:
        def is_there() -> bool:
            assert self._daemons[-1].process.poll() is None, self.log()
            return any(state in states for state in self.states(link))
        wait_until(is_there, f"{link} that is {' or '.join(states)} for networkd")
