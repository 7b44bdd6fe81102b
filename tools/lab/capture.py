# SPDX-License-Identifier: Apache-2.0
"""Raw packets in and out of a tunnel interface, as they are."""

import socket
import time

from lab.node import Node
from lab.wait import LIMIT_S

_ETH_P_ALL, _ETH_P_IP, _ETH_P_IPV6 = 0x0003, 0x0800, 0x86dd
_OUTGOING = 4
_BYTES_MAX = 65535


class Wire:
    """From the tunnel interface of one node to that of another. Use as a context manager."""

    def __init__(self, sender: Node, out: str, receiver: Node, into: str) -> None:
        self._out = sender.socket(socket.AF_PACKET, socket.SOCK_RAW)
        self._out_interface = out
        self._in = receiver.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_ALL))
        receiver.inside(lambda: self._in.bind((into, _ETH_P_ALL)))

    def __enter__(self) -> "Wire":
        return self

    def __exit__(self, *_: object) -> None:
        self._out.close()
        self._in.close()

    def carry(self, packet: bytes, seconds: float = LIMIT_S) -> bytes:
        """Send an IP packet; the next that arrives with its addresses, empty when none does."""
        version = packet[0] >> 4
        addresses = slice(12, 20) if version == 4 else slice(8, 40)
        self._out.sendto(packet, (self._out_interface, _ETH_P_IP if version == 4 else _ETH_P_IPV6))
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            self._in.settimeout(left)
            try:
                seen, (_, _, kind, *_) = self._in.recvfrom(_BYTES_MAX)
            except TimeoutError:
                break
            if kind != _OUTGOING and seen[addresses] == packet[addresses]:
                return seen
        return b""
