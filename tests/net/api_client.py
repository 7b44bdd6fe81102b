# SPDX-License-Identifier: Apache-2.0
"""A client for the stand-in api-server, of Python's own: one connection for each request."""

import http.client
import json
import select
import socket
import ssl
from collections.abc import Iterable
from typing import Any

from lab.api_server import DOMAIN, ApiServer
from lab.wait import LIMIT_S

HEADERS = {"Accept": "application/json", "User-Agent": "test/1 (linux; amd64)"}


class Connection(http.client.HTTPSConnection):
    """HTTPS to the stand-in, whatever the names resolve to."""

    def __init__(self, server: ApiServer, host: str, address: str = "") -> None:
        self._context_of_server = ssl.create_default_context(cafile=server.ca_path)
        self._context_of_server.options &= ~ssl.OP_IGNORE_UNEXPECTED_EOF
        super().__init__(host, server.port, timeout=LIMIT_S, context=self._context_of_server)
        self._address = address or server.addresses[0]

    def connect(self) -> None:
        raw = socket.create_connection((self._address, self.port), 10)
        self.sock = self._context_of_server.wrap_socket(raw, server_hostname=self.host,
                                                       suppress_ragged_eofs=False)


class Reply:
    """An answer that is whole."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status, self.headers = response.status, response.headers
        self.body = response.read()

    def json(self) -> Any:
        return json.loads(self.body)


class Client:
    """Requests with one bearer."""

    def __init__(self, server: ApiServer, token: str = "") -> None:
        self.server, self.token = server, token

    def open(self, method: str, path: str, body: Any = None, host: str = "api",
             address: str = "", **headers: str) -> tuple[Connection, http.client.HTTPResponse]:
        """Send a request; the answer's body is not read."""
        connection = Connection(self.server, f"{host}.{DOMAIN}", address)
        sent = HEADERS | headers
        if self.token:
            sent["Authorization"] = f"Bearer {self.token}"
        if body is not None:
            sent.setdefault("Content-Type", "application/json")
            body = body if isinstance(body, (bytes, str)) else json.dumps(body)
        connection.request(method, path, body, sent)
        return connection, connection.getresponse()

    def __call__(self, method: str, path: str, body: Any = None, **options: str) -> Reply:
        connection, response = self.open(method, path, body, **options)
        reply = Reply(response)
        connection.close()
        return reply

    def watch(self, *watches: dict[str, Any], path: str = "/api/events") -> "Events":
        """Open a stream."""
        return Events(*self.open("POST", path, list(watches)))


class Events:
    """A stream. ended says how: "clean"; without the last chunk "cut" (close_notify), "torn" (FIN
    without it) or "reset"."""

    def __init__(self, connection: Connection, response: http.client.HTTPResponse) -> None:
        self.response = response
        self._connection = connection
        self._body = bytearray()
        self._taken = 0
        self.ended = ""

    @property
    def body(self) -> bytes:
        """All of it so far."""
        return bytes(self._body)

    def next(self, seconds: float = LIMIT_S) -> dict[str, Any] | None:
        """The next event; None at the end."""
        while (end := self._body.find(b"\n\n", self._taken)) < 0:
            if self.ended or not self.pump(seconds):
                return None
        record, self._taken = bytes(self._body[self._taken:end]), end + 2
        return json.loads(record)

    def until(self, kind: str, kind_type: str) -> list[dict[str, Any]]:
        """Events up to one of that kind and type."""
        events = []
        while event := self.next():
            events.append(event)
            if (event.get("kind"), event["type"]) == (kind, kind_type):
                return events
        raise AssertionError(f"no {kind} {kind_type}: {events}, {self.ended}")

    def tails(self, kinds: Iterable[str]) -> list[dict[str, Any]]:
        """Events up to the tail of every kind."""
        left, events = set(kinds), []
        while left:
            event = self.next()
            assert event is not None, (left, events, self.ended)
            events.append(event)
            if event["type"] == "tail":
                left.remove(event["kind"])
        return events

    def silent(self, seconds: float = 0.1) -> bool:
        """Does nothing come for so long?"""
        return not self._connection.sock.pending() and not select.select(
            [self._connection.sock], [], [], seconds)[0]

    def end(self) -> str:
        """Read to the end: how was it?"""
        while not self.ended:
            self.pump()
        return self.ended

    def close(self) -> None:
        """Go away."""
        self.response.close()
        self._connection.close()

    def pump(self, seconds: float = LIMIT_S) -> bool:
        """Read what there is; False at the end."""
        sock = self._connection.sock
        sock.settimeout(seconds)
        data = b""
        try:
            data = self.response.read1(65536)
            self.ended = "" if data else "clean"
        except http.client.IncompleteRead as err:
            data, self.ended = err.partial, "cut"
        except (ConnectionError, ssl.SSLError) as err:  # a reset is an SSLError in Python 3.11
            is_torn = getattr(err, "reason", "") == "UNEXPECTED_EOF_WHILE_READING"
            self.ended = "torn" if is_torn else "reset"
        self._body += data
        return bool(data)
