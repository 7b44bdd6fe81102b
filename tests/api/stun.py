# SPDX-License-Identifier: Apache-2.0
"""A STUN server (RFC 8489, Binding only), which can be silent or answer wrongly."""

import ipaddress
import socket
import struct
from typing import Any

from api.listener import start_thread

COOKIE = 0x2112A442
MODES = ("ok", "silent", "error", "garbage", "truncated", "wrong_transaction", "wrong_cookie",
         "mapped_only", "no_address", "ipv6", "zero", "request")


class StunServer:
    """One server with its address; a second one lets a client find out that a NAT is symmetric."""

    def __init__(self, host: str, port: int) -> None:
        self.mode = "ok"
        self.mapped: str | None = None  # "address:port" to be told instead of the right one
        self.requests: list[str] = []  # from where
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._sock = socket.socket(family, socket.SOCK_DGRAM)
        self._sock.bind((host, port))
        self.address = host, self._sock.getsockname()[1]
        start_thread(self._serve)

    def change(self, mode: str | None = None, mapped: str | None = None) -> None:
        """Another behaviour; mapped "" is the right address again."""
        if mode is not None and mode not in MODES:
            raise ValueError(f"no mode {mode!r}: {' '.join(MODES)}")
        self.mode = self.mode if mode is None else mode
        self.mapped = self.mapped if mapped is None else mapped or None

    def shown(self) -> dict[str, Any]:
        """State and requests."""
        return {"address": f"{self.address[0]}:{self.address[1]}", "mode": self.mode,
                "mapped": self.mapped, "requests": self.requests}

    def _serve(self) -> None:
        while True:
            request, client = self._sock.recvfrom(2048)
            if len(request) < 20 or struct.unpack_from("!HHI", request)[0::2] != (1, COOKIE):
                continue
            self.requests.append(f"{client[0]}:{client[1]}")
            reply = self.answer(request[8:20], client[0], client[1])
            if reply is not None:
                self._sock.sendto(reply, client)

    def answer(self, transaction: bytes, host: str, port: int) -> bytes | None:
        """The answer to a request from that address, in the present mode."""
        mode = self.mode
        if mode == "silent":
            return None
        if self.mapped:
            host, _, text = self.mapped.rpartition(":")
            port = int(text)
        if mode == "zero":
            host, port = "0.0.0.0", 0
        if mode == "ipv6":
            host = "2001:db8::7"
        if mode == "wrong_transaction":
            transaction = bytes(byte ^ 0xFF for byte in transaction)
        cookie = 0x12345678 if mode == "wrong_cookie" else COOKIE
        attribute = b"" if mode == "no_address" else _address(host, port, transaction,
                                                              mode != "mapped_only")
        kind = 0x0101
        if mode == "error":
            kind, attribute = 0x0111, struct.pack("!HHHBB", 0x0009, 16, 0, 5, 0) + b"Server Error"
        if mode == "request":
            kind = 0x0001
        if mode == "garbage":
            attribute = b"\xff" * 37
        message = struct.pack("!HHI", kind, len(attribute), cookie) + transaction + attribute
        return message[:-5] if mode == "truncated" else message


def _address(host: str, port: int, transaction: bytes, is_xored: bool) -> bytes:
    """XOR-MAPPED-ADDRESS or MAPPED-ADDRESS."""
    address = ipaddress.ip_address(host)
    raw, family = address.packed, 1 if address.version == 4 else 2
    if is_xored:
        mask = struct.pack("!I", COOKIE) + transaction
        raw = bytes(byte ^ key for byte, key in zip(raw, mask))
        port ^= COOKIE >> 16
    value = struct.pack("!BBH", 0, family, port) + raw
    return struct.pack("!HH", 0x0020 if is_xored else 0x0001, len(value)) + value
