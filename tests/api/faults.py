# SPDX-License-Identifier: Apache-2.0
"""What goes wrong, for which requests and how often. Everything in a Fault can be combined."""

import base64
import json
import random
import re
import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from typing import Any

_ID = "f81bfc30-1f66-4b07-afed-47eb6b8a89c4"
Record = bytes | Iterator[bytes]  # the latter may be larger than memory
PIECE = 64 * 1024
GENERATED = ("html", "garbage", "truncated_utf8", "long_line", "long_document", "deep",
             "duplicate_keys", "wrong_types", "unknown_kind", "unknown_type",
             "error_event", "delete_unknown", "empty", "null", "number", "nul_bytes")


@dataclass
class Fault:
    """The fields before the first blank line say when, the others what.

    A status without body, body_b64 and generate has an empty body. In an answer that is no stream
    the generated text takes the place of the body; in a stream it is injected.
    """

    path: str = ".*"  # regular expression for the whole path
    method: str = ""  # or any
    token: str = ""  # kind of bearer: none, user, RK, DT; or any
    skip: int = 0  # so many requests that match pass before
    count: int | None = None  # so many are hit; None: until it is cleared

    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    body: str | None = None
    body_b64: str | None = None
    content_type: str | None = None
    retry_after: int | str | None = None
    location: str | None = None  # of a redirect; "": the same URL, for ever
    execute: bool = False  # do what was asked for, though the answer is an error
    generate: str | None = None  # one of GENERATED
    size: int = 1000  # of "long_..." and "garbage" in bytes, of "deep" in brackets
    delay_s: float = 0  # before the answer
    hang: bool = False  # no answer at all
    stall_head_after: int | None = None  # bytes of the head, then silence
    rate: float | None = None  # bytes a second
    cut_after: int | None = None  # bytes after the head
    how: str = "rst"  # of cut_after and end_after: rst, fin, close, final, hang
    hide: list[str] = field(default_factory=list)  # ids, in lists and streams; "*": all devices

    silent: bool = False  # a stream of nothing
    no_tail: bool = False
    repeat: bool = False  # every event twice
    shuffle: bool = False  # the events of each kind before its tail, in another order
    inject_at: int | str | None = None  # "start", event number, or "tail": when all is sent
    inject: list[Any] = field(default_factory=list)  # objects, or texts to be sent as they are
    end_after: int | None = None  # events, then how

    hits: int = 0
    number: int = 0

    def __post_init__(self) -> None:
        if self.generate is not None and self.generate not in GENERATED:
            raise ValueError(f"cannot generate {self.generate!r}: {' '.join(GENERATED)}")
        if self.how not in ("rst", "fin", "close", "final", "hang"):
            raise ValueError(f"how is {self.how!r}")
        re.compile(self.path)

    def matches(self, method: str, path: str, token: str) -> bool:
        """Is it about this request?"""
        return (self.method in ("", method) and self.token in ("", token)
                and re.fullmatch(self.path, path) is not None)

    def content(self) -> bytes:
        """The body that takes the place of the right one."""
        if self.generate:
            return generate(self.generate, self.size)
        if self.body_b64 is not None:
            return base64.b64decode(self.body_b64)
        return (self.body or "").encode()

    def replaces(self, is_stream: bool) -> bool:
        """Is there another answer than the right one?"""
        return (self.status is not None or self.body is not None or self.body_b64 is not None
                or self.location is not None or (self.generate is not None and not is_stream))

    def injected(self) -> list[Record]:
        """Records for a stream."""
        records: list[Record] = [
            item.encode() if isinstance(item, str)
            else json.dumps(item, separators=(",", ":")).encode() + b"\n\n"
            for item in self.inject]
        return records + ([pieces(self.generate, self.size)] if self.generate else [])

    def shown(self) -> dict[str, Any]:
        """What was set, and how often it has hit."""
        default = Fault()
        return {"number": self.number, "hits": self.hits,
                **{item.name: getattr(self, item.name) for item in fields(self)
                   if getattr(self, item.name) != getattr(default, item.name)}}


class Faults:
    """The faults that are set. The first that matches a request is its fault."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []
        self._last = 0

    def add(self, fault: Fault) -> int:
        """Set one; its number."""
        with self._lock:
            self._last += 1
            fault.number = self._last
            self._faults.append(fault)
            return self._last

    def clear(self, number: int | None = None) -> None:
        """Forget one, or all."""
        with self._lock:
            self._faults = [fault for fault in self._faults
                            if number is not None and fault.number != number]

    def shown(self) -> list[dict[str, Any]]:
        """All."""
        with self._lock:
            return [fault.shown() for fault in self._faults]

    def take(self, method: str, path: str, token: str) -> Fault | None:
        """The fault of a request, if it has one."""
        with self._lock:
            for fault in self._faults:
                if not fault.matches(method, path, token) or fault.count == 0:
                    continue
                if fault.skip > 0:
                    fault.skip -= 1
                    continue
                fault.hits += 1
                if fault.count is not None:
                    fault.count -= 1
                return fault
        return None


def _record(**change: Any) -> bytes:
    value: dict[str, Any] = {
        "id": _ID, "owner_id": _ID, "vpc_id": _ID, "public_key": "", "allowed_ips": [],
        "ipv4_tunnel_ips": None, "ipv6_tunnel_ips": None, "advertise_cidrs": None, "relay": False,
        "symmetric_nat": False, "hostname": "generated", "os": "", "endpoints": None,
        "revision": 1, "security_group_id": str(uuid.UUID(int=0)), "online": False,
        "online_at": None}
    event = {"kind": "device", "type": "change", "value": value} | change
    return json.dumps(event, separators=(",", ":")).encode() + b"\n\n"


def pieces(what: str, size: int) -> Iterator[bytes]:
    """A hostile text, piece by piece."""
    if what == "long_line":
        head, tail = _record().split(b'"generated"')
        yield head + b'"'
        for at in range(0, size, PIECE):
            yield b"a" * min(PIECE, size - at)
        yield b'"' + tail
    elif what == "long_document":
        record = _record(kind="quantum-tunnel")
        some = PIECE // len(record) + 1
        for at in range(0, size // len(record) + 1, some):
            yield record * min(some, size // len(record) + 1 - at)
    else:
        yield generate(what, size)


def generate(what: str, size: int) -> bytes:
    """A hostile text."""
    if what == "html":
        return (b"<!DOCTYPE html>\n<html><head><title>503 Service Unavailable</title></head>"
                b"<body><h1>Service Unavailable</h1></body></html>\n")
    if what == "garbage":
        return random.Random(1).randbytes(size)
    if what in ("long_line", "long_document"):
        return b"".join(pieces(what, size))
    if what == "deep":
        return b'{"kind":"device","type":"change","value":' + b"[" * size + b"]" * size + b"}\n\n"
    if what == "duplicate_keys":
        return _record().replace(b'"revision":1', b'"revision":1,"revision":2,"id":"x"')
    wrong = {"id": 7, "public_key": ["a"], "allowed_ips": {"a": 1}, "relay": "yes",
             "hostname": None, "revision": "many", "ipv4_tunnel_ips": [3], "endpoints": "none",
             "advertise_cidrs": [{}], "vpc_id": False}
    return {
        "truncated_utf8": b'{"kind":"device","type":"change","value":{"hostname":"\xe2\x82"}}\n\n',
        "wrong_types": _record(value=wrong),
        "unknown_kind": _record(kind="quantum-tunnel", value={"id": _ID, "revision": 1}),
        "unknown_type": _record(type="bookmark"),
        "error_event": b'{"type":"error","value":{"error":"pq: canceling statement due to user '
                       b'request"}}\n\n',
        "delete_unknown": _record(type="delete"),
        "empty": b"",
        "null": b"null\n\n",
        "number": b"17\n\n",
        "nul_bytes": bytes(max(1, size)),
    }[what]
