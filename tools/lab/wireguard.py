# SPDX-License-Identifier: Apache-2.0
"""A WireGuard interface in a node: the kernel's where it has one, else wireguard-go's.

wireguard-go listens on /var/run/wireguard/<interface>.sock whatever namespace it runs in, so every
node needs an interface name of its own.
"""

import os
import socket
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from lab.node import Node
from lab.syscalls import SO_RCVBUFFORCE, pidfd_getfd
from lab.wait import LIMIT_S, wait_until

RUNTIME = "/run/lab"
_RECEIVE_BUFFER = 1 << 23
_QUEUE_PACKETS = 20000


@dataclass(frozen=True)
class Key:
    """A WireGuard key pair in its text form; empty: none."""

    private: str
    public: str


def make_key() -> Key:
    """A new key pair."""
    private = subprocess.run(["wg", "genkey"], check=True, capture_output=True, text=True).stdout
    public = subprocess.run(["wg", "pubkey"], check=True, capture_output=True, text=True,
                            input=private).stdout
    return Key(private.strip(), public.strip())


def widen_receive_buffers() -> None:
    """Let no wireguard-go of this world lose a packet while it is not scheduled: its sockets and
    its interface have room for what comes in many seconds, not in one or less. The kernel's
    WireGuard has no such buffers."""
    for pid in (int(name) for name in os.listdir("/proc") if name.isdigit()):
        with suppress(OSError):  # a process or descriptor that is gone meanwhile
            with open(f"/proc/{pid}/comm", encoding="utf-8") as file:
                if file.read().strip() == "wireguard-go":
                    _widen(pid)


def _widen(pid: int) -> None:
    pidfd = os.pidfd_open(pid)
    try:
        for name in os.listdir(f"/proc/{pid}/fd"):
            if not os.readlink(f"/proc/{pid}/fd/{name}").startswith("socket:"):
                continue
            with socket.socket(fileno=pidfd_getfd(pidfd, int(name))) as copy:
                if copy.type == socket.SOCK_DGRAM:
                    copy.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, _RECEIVE_BUFFER)
    finally:
        os.close(pidfd)
    with open(f"/proc/{pid}/cmdline", encoding="utf-8") as file:
        interface = file.read().split("\0")[-2]
    subprocess.run(["nsenter", f"--net=/proc/{pid}/ns/net", "ip", "link", "set", interface,
                    "txqueuelen", str(_QUEUE_PACKETS)], check=False, stderr=subprocess.DEVNULL)


@dataclass
class WireGuard:
    """One WireGuard interface; create() makes it, remove() takes it away."""

    node: Node
    interface: str
    key: Key
    listen_port: int = 51820
    addresses: Sequence[str] = ()
    routes: Sequence[str] = ()
    mtu: int = 1420
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def create(self) -> None:
        """Make the interface, with key, addresses and routes, and set it up."""
        if self.node.call("ip", "link", "add", self.interface, "type", "wireguard").returncode:
            self._start_userspace()
        self.configure("listen-port", str(self.listen_port))
        if self.key.private:
            self.set_key()
        self._configure_ip("add")

    def set_key(self) -> None:
        """Give the interface its private key."""
        key_file = f"{RUNTIME}/{self.interface}.key"
        with open(key_file, "w", encoding="ascii") as file:
            file.write(self.key.private + "\n")
        self.configure("private-key", key_file)

    def rename(self, name: str) -> bool:
        """Give the interface another name. Where the kernel refuses that while it is up (before
        6.2) it is down for a moment, and loses its IPv6 addresses, its routes and the kernel's
        WireGuard its sessions: False then."""
        rename = ("ip", "link", "set", self.interface, "name", name)
        live = self.node.call(*rename).returncode == 0
        if not live:
            self.node.run("ip", "link", "set", self.interface, "down")
            self.node.run(*rename)
        self.interface = name
        if not live:
            self._configure_ip("replace")
        return live

    def _configure_ip(self, verb: str) -> None:
        """Add, or replace, the addresses and routes."""
        for address in self.addresses:
            self.node.run("ip", "address", verb, address, "dev", self.interface,
                          *(("nodad",) if ":" in address else ()))
        self.node.run("ip", "link", "set", self.interface, "mtu", str(self.mtu), "up")
        for route in self.routes:
            self.node.run("ip", "route", verb, route, "dev", self.interface)

    def _start_userspace(self) -> None:
        log = f"{RUNTIME}/{self.interface}.log"
        with open(log, "wb") as output:
            self.process = self.node.start(["wireguard-go", "--foreground", self.interface],
                                           stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        try:
            wait_until(self._is_served, f"answer from wireguard-go for {self.interface}")
        except TimeoutError as err:
            with open(log, encoding="utf-8", errors="replace") as said:
                raise TimeoutError(f"{err}; it ended with {self.process.poll()} and said: "
                                   f"{said.read()}") from None

    def _is_served(self) -> bool:
        """Asked without `wg`, which deletes a socket that nobody listens on: also one that
        wireguard-go is about to."""
        with socket.socket(socket.AF_UNIX) as client:
            return not client.connect_ex(f"/var/run/wireguard/{self.interface}.sock")

    def remove(self) -> None:
        """Take the interface away; wireguard-go ends with it."""
        self.node.call("ip", "link", "delete", self.interface)
        if self.process:
            self.process.terminate()
            self.process.wait(LIMIT_S)
            self.process = None

    def configure(self, *words: str) -> None:
        """wg set <interface> WORDS"""
        self.node.run("wg", "set", self.interface, *words)

    def set_peer(self, public_key: str, allowed_ips: Sequence[str], endpoint: str = "",
                 keepalive_s: int = 0) -> None:
        """Add a peer, or give a known one this list of AllowedIPs."""
        words = ["peer", public_key, "allowed-ips", ",".join(allowed_ips)]
        if endpoint:
            words += ["endpoint", endpoint]
        if keepalive_s:
            words += ["persistent-keepalive", str(keepalive_s)]
        self.configure(*words)

    def remove_peer(self, public_key: str) -> None:
        """Take a peer away."""
        self.configure("peer", public_key, "remove")

    def connected_peers(self) -> set[str]:
        """Public keys of the peers with which a handshake was completed."""
        shown = self.node.run("wg", "show", self.interface, "latest-handshakes")
        return {key for key, at in (line.split() for line in shown.splitlines()) if at != "0"}
