# SPDX-License-Identifier: Apache-2.0
"""Accepts connections, or does what a fault of the network asks for."""

import contextlib
import itertools
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from typing import Any

from api.certificates import Certificates
from api.routes import Service
from api.wire import BadRequest, Ended, Inlet, Request, describe

MODES = ("ok", "refuse", "stall_tls", "reset", "plain")
_PLAIN = (b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: 11\r\n"
          b"Connection: close\r\n\r\nBad Request")


class Network:
    """The listening sockets of a server, and what becomes of connections."""

    def __init__(self, service: Service, certificates: Certificates) -> None:
        self.service, self.certificates = service, certificates
        self.mode, self.count = "ok", 0
        self.log: list[str] = []  # handshakes and requests that failed
        self.addresses: list[tuple[str, int]] = []
        self.connections: dict[int, socket.socket] = {}
        self.accepted = 0
        self._listening: list[socket.socket] = []
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    def listen(self, host: str, port: int) -> None:
        """Listen on one more address."""
        sock = _listening_socket(host, port)
        self.addresses.append((host, sock.getsockname()[1]))
        self._start(sock)

    def change(self, mode: str, count: int | None = None, drop: bool = False) -> None:
        """What becomes of new connections: of the next ones, or of all from now on.

        refuse: nobody listens (a count makes no sense); stall_tls: the handshake gets no answer;
        reset: at once; plain: an answer without TLS. drop: end those that there are.
        """
        if mode not in MODES or (mode == "refuse" and count is not None):
            raise ValueError(f"no mode {mode!r} with count {count}: {' '.join(MODES)}")
        with self._lock:
            was, self.mode = self.mode, mode
            self.count = -1 if count is None else count
        if mode == "refuse":
            while self._listening:
                sock = self._listening.pop()
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)
                sock.close()
        elif was == "refuse":
            for host, port in self.addresses:
                self._start(_listening_socket(host, port))
        if drop:
            self.drop()

    def drop(self) -> int:
        """End every connection, as a server that is stopped; how many they were."""
        with self._lock:
            open_ones = list(self.connections.values())
        for sock in open_ones:
            with contextlib.suppress(OSError):
                socket.socket.shutdown(sock, socket.SHUT_RDWR)  # not that of SSLSocket
        return len(open_ones)

    def _start(self, sock: socket.socket) -> None:
        self._listening.append(sock)
        start_thread(self._accept, sock)

    def _accept(self, listening: socket.socket) -> None:
        while True:
            try:
                raw, _ = listening.accept()
            except OSError:
                return
            start_thread(self._connection, raw)

    def _connection(self, raw: socket.socket) -> None:
        with self._lock:
            number = next(self._numbers)
            self.accepted += 1
            mode = self.mode
            if self.count > 0:
                self.count -= 1
                if self.count == 0:
                    self.mode = "ok"
            self.connections[number] = raw
        try:
            with raw:
                raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                if mode == "ok":
                    self._talk(raw, number)
                else:
                    _misbehave(raw, mode)
        except OSError:
            pass
        finally:
            with self._lock:
                self.connections.pop(number, None)

    def _talk(self, raw: socket.socket, number: int) -> None:
        raw.settimeout(60)
        try:
            sock = self.certificates.context().wrap_socket(raw, server_side=True)
        except OSError as err:
            self.log.append(f"handshake: {describe(err)}")
            return
        with self._lock:
            self.connections[number] = sock
        with sock:
            inlet = Inlet(sock, number, self.service.settings.read_timeout_s)
            try:
                while request := inlet.next():
                    self._serve(request, sock)
            except BadRequest as err:
                self.log.append(f"request: {describe(err)}")
                sock.sendall(_PLAIN)
            except (Ended, OSError, ValueError):
                pass

    def _serve(self, request: Request, sock: ssl.SSLSocket) -> None:
        self.service.serve(request, sock)
        if request.headers.get("connection", "").lower() == "close":
            raise Ended


def _listening_socket(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    sock.bind((host, port))
    sock.listen(128)
    return sock


def _misbehave(raw: socket.socket, mode: str) -> None:
    if mode == "stall_tls":
        while raw.recv(65536):
            pass
    elif mode == "plain":
        raw.recv(65536)
        raw.sendall(_PLAIN)
    else:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def start_thread(function: Callable[..., None], *args: Any) -> None:
    """Run it for as long as the process is there."""
    threading.Thread(target=function, args=args, daemon=True).start()
