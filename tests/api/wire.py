# SPDX-License-Identifier: Apache-2.0
"""TLS and HTTP/1.1: requests come in, answers go out, whole or cut as a fault wants it."""

import fcntl
import http
import select
import socket
import ssl
import struct
import termios
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from api.faults import Fault

HEAD_MAX, BODY_MAX = 64 * 1024, 4 * 1024 * 1024
ENDINGS = ("final", "close", "fin", "rst", "hang")


class Ended(Exception):
    """The connection is over; nothing else can be said on it."""


class BadRequest(Exception):
    """It is not HTTP/1.1 as this server takes it."""


@dataclass
class Request:
    """One request. path is without the query, and decoded."""

    method: str
    target: str
    headers: dict[str, str]  # names in lower case
    sni: str
    body: bytes = b""
    connection: int = 0
    repeated: list[str] = field(default_factory=list)  # headers that came twice
    began: float = field(default_factory=time.monotonic)

    @property
    def path(self) -> str:
        return unquote(urlsplit(self.target).path)

    @property
    def query(self) -> dict[str, str]:
        """Last value of each parameter."""
        text = urlsplit(self.target).query
        return {name: values[-1] for name, values in parse_qs(text, True).items()}


class Inlet:
    """The requests of a connection."""

    def __init__(self, sock: ssl.SSLSocket, number: int, read_timeout_s: float) -> None:
        self._sock, self._number, self._timeout_s = sock, number, read_timeout_s
        self._buffer = b""

    def next(self) -> Request | None:
        """The next request, however long it does not come; None at the end."""
        self._sock.settimeout(None)
        if not self._buffer and not self._more():
            return None
        self._sock.settimeout(self._timeout_s)
        began = time.monotonic()
        head = self._until(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        words = lines[0].split(" ")
        if len(words) != 3 or words[2] != "HTTP/1.1" or not words[1].startswith("/"):
            raise BadRequest(f"request line {lines[0]!r}")
        headers: dict[str, str] = {}
        repeated = []
        for line in lines[1:]:
            name, colon, value = line.partition(":")
            if not colon or not name or name != name.strip():
                raise BadRequest(f"header {line!r}")
            if name.lower() in headers:
                repeated.append(name.lower())
            headers[name.lower()] = value.strip()
        sni = getattr(self._sock, "server_name", "")
        request = Request(words[0], words[1], headers, sni, b"", self._number, repeated, began)
        request.body = self._body(headers)
        self._sock.settimeout(None)
        return request

    def _body(self, headers: dict[str, str]) -> bytes:
        if headers.get("expect", "").lower() == "100-continue":
            self._sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        if headers.get("transfer-encoding", "").lower() == "chunked":
            body = b""
            while size := int(self._until(b"\r\n").split(b";")[0], 16):
                if len(body) + size > BODY_MAX:
                    raise BadRequest("body is too long")
                body += self._exactly(size + 2)[:-2]
            self._until(b"\r\n")
            return body
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > BODY_MAX:
            raise BadRequest(f"content-length {length!r}")
        return self._exactly(int(length))

    def _until(self, mark: bytes) -> bytes:
        while mark not in self._buffer:
            if len(self._buffer) > HEAD_MAX:
                raise BadRequest("head is too long")
            if not self._more():
                raise Ended
        text, _, self._buffer = self._buffer.partition(mark)
        return text

    def _exactly(self, size: int) -> bytes:
        while len(self._buffer) < size:
            if not self._more():
                raise Ended
        taken, self._buffer = self._buffer[:size], self._buffer[size:]
        return taken

    def _more(self) -> bool:
        try:
            data = self._sock.recv(65536)
        except TimeoutError as err:
            raise Ended from err
        self._buffer += data
        return bool(data)


class Outlet:
    """One answer, with what a fault does to its bytes."""

    def __init__(self, sock: ssl.SSLSocket, fault: Fault | None = None) -> None:
        self.sock, self._fault = sock, fault or Fault()
        self.sent = 0  # after the head, framing included
        self.ending = ""  # how it ended, once it has

    def head(self, status: int, headers: dict[str, str]) -> None:
        """Status line and headers, at once."""
        try:
            phrase = http.HTTPStatus(status).phrase
        except ValueError:
            phrase = "Unknown"
        lines = [f"HTTP/1.1 {status} {phrase}",
                 *(f"{name}: {value}" for name, value in headers.items())]
        data = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")
        if self._fault.stall_head_after is not None:
            self._write(data[:self._fault.stall_head_after])
            self.end("hang")
        self._write(data)

    def body(self, data: bytes) -> None:
        """Bytes of the body, with their framing."""
        limit = self._fault.cut_after
        if limit is not None and self.sent + len(data) >= limit:
            self._write(data[:limit - self.sent])
            self.sent = limit
            self.end(self._fault.how)
        self._write(data)
        self.sent += len(data)

    def chunk(self, data: bytes) -> None:
        """One chunk of a body that has no length."""
        self.body(framed(data))

    def _write(self, data: bytes) -> None:
        rate = self._fault.rate
        try:
            if not rate:
                self.sock.sendall(data)
                return
            piece = max(1, int(rate / 20))
            for at in range(0, len(data), piece):
                self.sock.sendall(data[at:at + piece])
                if is_gone(self.sock, piece / rate):
                    raise Ended
        except OSError as err:
            self.ending = "client"
            raise Ended from err

    def end(self, how: str) -> None:
        """End the connection: Ended is raised.

        final: the last chunk, then as close; close: TLS close_notify, FIN; fin: without
        close_notify; rst: everything that was sent arrives, then a reset; hang: not at all, until
        the client has had enough.
        """
        self.ending = how
        with suppress(OSError):
            if how == "hang":
                while not is_gone(self.sock, None):
                    pass
            if how == "final":
                self.sock.sendall(b"0\r\n\r\n")
            if how == "rst":
                _reset(self.sock)
            elif how != "fin":
                _notify_close(self.sock)
        self.sock.close()
        raise Ended


def framed(data: bytes) -> bytes:
    """data as one chunk."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def is_gone(sock: ssl.SSLSocket, seconds: float | None) -> bool:
    """Wait for so long: does the other side end the connection? What it sends is lost."""
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    if not sock.pending() and not poll.poll(None if seconds is None else seconds * 1000):
        return False
    sock.settimeout(0)
    try:
        return sock.recv(65536) == b""
    except ssl.SSLWantReadError:
        return False
    except OSError:
        return True
    finally:
        with suppress(OSError):
            sock.settimeout(None)


def _reset(sock: ssl.SSLSocket) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        raw = fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, bytes(4))
        if raw == bytes(4):
            break
        time.sleep(0.001)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def _notify_close(sock: ssl.SSLSocket) -> None:
    sock.settimeout(0)
    with suppress(OSError, ValueError):
        sock.unwrap()


def describe(value: Any) -> str:
    """One line for the log."""
    return " ".join(str(value).split())[:200]
