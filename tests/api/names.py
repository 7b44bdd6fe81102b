# SPDX-License-Identifier: Apache-2.0
"""A DNS server (UDP) for the test's domain, which can fail in the usual ways."""

import ipaddress
import socket
import struct
import time
from typing import Any

from api.listener import start_thread

TYPES = {1: "A", 28: "AAAA"}
MODES = {"ok": 0, "servfail": 2, "nxdomain": 3, "notimp": 4, "refused": 5, "silent": 0,
         "truncated": 0, "wrong_id": 0, "wrong_name": 0, "garbage": 0, "empty": 0}


class Names:
    """Names below a domain; a name that was not set has the addresses of "*"."""

    def __init__(self, domain: str) -> None:
        self.domain = domain
        self.zone: dict[str, list[str]] = {"*": []}
        self.mode, self.only, self.delay_s, self.ttl = "ok", "", 0.0, 5
        self.queries: list[dict[str, str]] = []
        self.addresses: list[tuple[str, int]] = []

    def listen(self, host: str, port: int) -> None:
        """Answer on one more address."""
        sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind((host, port))
        self.addresses.append((host, sock.getsockname()[1]))
        start_thread(self._serve, sock)

    def change(self, mode: str | None = None, only: str | None = None,
               delay_s: float | None = None, ttl: int | None = None) -> None:
        """Fail or recover; only "A" or "AAAA": the failure is for that type."""
        if mode is not None and mode not in MODES:
            raise ValueError(f"no mode {mode!r}: {' '.join(MODES)}")
        self.mode = self.mode if mode is None else mode
        self.only = self.only if only is None else only
        self.delay_s = self.delay_s if delay_s is None else delay_s
        self.ttl = self.ttl if ttl is None else ttl

    def shown(self) -> dict[str, Any]:
        """State and queries."""
        return {"mode": self.mode, "only": self.only, "delay_s": self.delay_s, "ttl": self.ttl,
                "zone": self.zone, "queries": self.queries}

    def _serve(self, sock: socket.socket) -> None:
        while True:
            query, client = sock.recvfrom(4096)
            try:
                reply = self._reply(query)
            except (ValueError, IndexError, struct.error):
                continue
            if reply is not None:
                if self.delay_s:
                    time.sleep(self.delay_s)
                sock.sendto(reply, client)

    def _reply(self, query: bytes) -> bytes | None:
        name, end = _read_name(query)
        kind, _ = struct.unpack_from("!HH", query, end)
        self.queries.append({"name": name, "type": TYPES.get(kind, str(kind))})
        mode = self.mode if self.only in ("", TYPES.get(kind)) else "ok"
        if mode == "silent":
            return None
        if mode == "garbage":
            return query[:2] + b"\xff" * 30
        addresses = [] if mode in ("empty", "truncated") else self._find(name, kind)
        code = MODES[mode]
        if addresses is None:
            addresses, code = [], 3
        flags = 0x8580 | code | (0x0200 if mode == "truncated" else 0)
        answers = b"" if code else b"".join(
            struct.pack("!HHHIH", 0xC00C, kind, 1, self.ttl, len(raw)) + raw for raw in addresses)
        number = bytes(byte ^ 0xFF for byte in query[:2]) if mode == "wrong_id" else query[:2]
        question = query[12:end + 4]
        if mode == "wrong_name":
            question = question[:1] + b"zz" + question[3:]
        return number + struct.pack("!HHHHH", flags, 1, len(addresses) if answers else 0, 0,
                                    0) + question + answers

    def _find(self, name: str, kind: int) -> list[bytes] | None:
        """Addresses of that type; None when there is no such name."""
        name = name.lower()
        texts = self.zone.get(name)
        if texts is None:
            if name != self.domain and not name.endswith("." + self.domain):
                return None
            texts = self.zone["*"]
        addresses = map(ipaddress.ip_address, texts)
        return [address.packed for address in addresses
                if kind == (1 if address.version == 4 else 28)]


def _read_name(query: bytes) -> tuple[str, int]:
    labels, at = [], 12
    while query[at]:
        labels.append(query[at + 1:at + 1 + query[at]].decode("ascii"))
        at += 1 + query[at]
    return ".".join(labels), at + 1
