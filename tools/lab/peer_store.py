# SPDX-License-Identifier: Apache-2.0
"""A process in the place of a userspace WireGuard, which notes when it was asked for what.

    peer_store.py INTERFACE PRIVATE_KEY_HEX PORT    keeps peers and sends nothing: no crypto
    peer_store.py INTERFACE forward SOCKET          hands everything on to the one on SOCKET

It speaks the text protocol on /run/wireguard/INTERFACE.sock, and knows one more question: "times=1"
is answered with a line of JSON, the operations since it was last asked. SINCE and UNTIL are of
CLOCK_MONOTONIC: what lies between is WireGuard's own time, not the relay's.
"""

import fcntl
import json
import os
import socket
import struct
import sys
from contextlib import suppress
from ctypes import Structure, addressof, c_ubyte, c_uint32, c_uint64
from dataclasses import asdict, dataclass
from time import monotonic
from typing import Any

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.realpath(__file__))))

from lab.syscalls import bpf  # noqa: E402 - the path comes first

# The relay takes whatever is not the kernel's WireGuard for wireguard-go, which has no room for more.
PEERS_MAX = 65536

_BPF_MAP_LOOKUP_ELEM, _BPF_OBJ_GET = 1, 7
_TUNSETIFF, _IFF_TUN, _IFF_NO_PI = 0x400454ca, 0x0001, 0x1000
_SCOPE_BITS = 32
_OWNER_BYTES = 8


@dataclass
class Operation:
    """One question, and when it was there and answered. added and removed are AllowedIPs of small
    ones; in_maps says of the last one that was added whether the relay's maps had it."""

    kind: str
    since: float
    until: float
    lines: int
    added: list[str]
    removed: list[str]
    in_maps: bool


class _Object(Structure):
    _fields_ = [("path", c_uint64), ("fd", c_uint32), ("flags", c_uint32)]


class _Element(Structure):
    _fields_ = [("map", c_uint32), ("zero", c_uint32), ("key", c_uint64), ("value", c_uint64),
                ("flags", c_uint64)]


class Maps:
    """The relay's tables of CIDRs: what is asked for is there or not, in a microsecond."""

    def __init__(self, interface: str) -> None:
        self._interface = interface
        self._pins = f"/sys/fs/bpf/nex-relay/{interface}"
        self._fds: dict[str, int] = {}

    def _fd(self, name: str) -> int:
        if name not in self._fds:
            path = f"{self._pins}/{name}".encode() + b"\0"
            text = (c_ubyte * len(path)).from_buffer_copy(path)
            self._fds[name] = bpf(_BPF_OBJ_GET, _Object(path=addressof(text)))
        return self._fds[name]

    def has(self, cidr: str) -> bool:
        """Is there an owner of this CIDR? No wider one must be there."""
        text, _, bits = cidr.partition("/")
        family = socket.AF_INET6 if ":" in text else socket.AF_INET
        key = struct.pack("II", _SCOPE_BITS + int(bits), socket.if_nametoindex(self._interface))
        key += socket.inet_pton(family, text)
        buffer = (c_ubyte * len(key)).from_buffer_copy(key)
        owner = (c_ubyte * _OWNER_BYTES)()
        try:
            bpf(_BPF_MAP_LOOKUP_ELEM,
                _Element(map=self._fd("nex_cidr6" if ":" in text else "nex_cidr4"),
                         key=addressof(buffer), value=addressof(owner)))
        except OSError:
            return False
        return True


class Peers:
    """What a WireGuard knows."""

    def __init__(self, private_key: str, port: str) -> None:
        self._own = {"private_key": private_key, "listen_port": port}
        self._keepalive: dict[str, str] = {}
        self._allowed: dict[str, dict[str, None]] = {}
        self._holder: dict[str, str] = {}
        self._shown: dict[str, str] = {}

    def get(self) -> bytes:
        """All of it."""
        own = "".join(f"{name}={value}\n" for name, value in self._own.items())
        for key in self._allowed.keys() - self._shown.keys():
            self._shown[key] = (
                f"public_key={key}\nprotocol_version=1\nlast_handshake_time_sec=0\n"
                f"last_handshake_time_nsec=0\ntx_bytes=0\nrx_bytes=0\n"
                f"persistent_keepalive_interval={self._keepalive.get(key, '0')}\n" +
                "".join(f"allowed_ip={cidr}\n" for cidr in self._allowed[key]))
        return (own + "".join(self._shown.values()) + "errno=0\n\n").encode()

    def _remove(self, key: str) -> None:
        for cidr in self._allowed.pop(key, ()):
            del self._holder[cidr]
        self._shown.pop(key, None)

    def set(self, lines: list[str]) -> None:
        """Edit it."""
        key, known = "", False
        for at, line in enumerate(lines):
            name, _, value = line.partition("=")
            if name in self._own:
                self._own[name] = value
            elif name == "replace_peers":
                for peer in list(self._allowed):
                    self._remove(peer)
            elif name == "public_key":
                key, known = value, value in self._allowed
                if not known and lines[at + 1:at + 2] != ["update_only=true"]:
                    self._allowed[key], known = {}, True
                self._shown.pop(key, None)
            elif name == "remove":
                self._remove(key)
            elif name == "persistent_keepalive_interval" and known:
                self._keepalive[key] = value
            elif name == "allowed_ip" and known:
                before = self._holder.get(value)
                if before:
                    del self._allowed[before][value]
                    self._shown.pop(before, None)
                self._allowed[key][value] = None
                self._holder[value] = key


class Server:
    """One question after the other, as they come."""

    def __init__(self, interface: str, peers: Peers | None, beyond: str) -> None:
        self._peers, self._beyond = peers, beyond
        self._maps = Maps(interface)
        self._operations: list[Operation] = []
        self._added: list[str] = []
        path = f"/run/wireguard/{interface}.sock"
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(path)
        self._listener.listen(64)

    def run(self) -> None:
        """For ever."""
        while True:
            peer, _ = self._listener.accept()
            with peer:
                self._serve(peer)

    def _serve(self, peer: socket.socket) -> None:
        question = b""
        while not question.endswith(b"\n\n"):
            piece = peer.recv(1 << 16)
            if not piece:
                return
            question += piece
        if question.startswith(b"times"):
            answer = json.dumps([asdict(operation) for operation in self._operations])
            self._operations.clear()
            peer.sendall(answer.encode() + b"\n")
            return
        since = monotonic()
        in_maps = bool(self._added) and self._maps.has(self._added[-1])
        answer = self._answer(question)
        self._note(question, since, in_maps)  # how soon the answer is read is not ours
        with suppress(OSError):  # who has asked is gone
            peer.sendall(answer)

    def _answer(self, question: bytes) -> bytes:
        if self._peers and question.startswith(b"get"):
            return self._peers.get()
        if self._peers:
            self._peers.set(question.decode().splitlines()[1:])
            return b"errno=0\n\n"
        pieces = []
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as beyond:
            beyond.connect(self._beyond)
            beyond.sendall(question)
            while not pieces or not b"".join(pieces[-2:]).endswith(b"\n\n"):
                pieces.append(beyond.recv(1 << 18))
                if not pieces[-1]:
                    break
        return b"".join(pieces)

    def _note(self, question: bytes, since: float, in_maps: bool) -> None:
        until = monotonic()
        text = question.decode()
        lines = text.count("\n")
        cidrs = [line.partition("=")[2] for line in text.splitlines()
                 if line.startswith("allowed_ip=")] if lines < 20 else []
        removes = "remove=true" in text
        if cidrs and not removes:
            self._added = cidrs
        self._operations.append(Operation(text[:3], since, until, lines,
                                          [] if removes else cidrs, cidrs if removes else [],
                                          in_maps))


def make_interface(name: str) -> int:
    """A TUN device as wireguard-go would make it; it is gone with the descriptor."""
    fd = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(fd, _TUNSETIFF, struct.pack("16sH22x", name.encode(), _IFF_TUN | _IFF_NO_PI))
    return fd


def main(argv: list[str]) -> None:
    """As above; "ready" is said when the socket is there."""
    interface, what, where = argv
    fd = -1
    peers = None if what == "forward" else Peers(what, where)
    if peers:
        fd = make_interface(interface)
    server = Server(interface, peers, where)
    print("ready", flush=True)
    try:
        server.run()
    finally:
        if fd >= 0:
            os.close(fd)


def ask_times(interface: str) -> list[dict[str, Any]]:
    """Operations since this was last asked."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.connect(f"/run/wireguard/{interface}.sock")
        sock.sendall(b"times=1\n\n")
        with sock.makefile("rb") as file:
            return json.loads(file.readline())


if __name__ == "__main__":
    main(sys.argv[1:])
