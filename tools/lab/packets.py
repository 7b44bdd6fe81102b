# SPDX-License-Identifier: Apache-2.0
"""IP packets byte by byte: what a relay between two spokes may be given to forward."""

import socket
import struct
from dataclasses import dataclass

_ICMP, _TCP, _UDP, _ICMPV6 = 1, 6, 17, 58
_ROUTING, _FRAGMENT, _NONE, _DESTINATION = 43, 44, 59, 60
_DF, _MF, _RESERVED = 0x4000, 0x2000, 0x8000
_PORTS = struct.pack("!HH", 40000, 9)
# Protocols that are payload to a router: IP-in-IP, GRE, ESP, AH, EIGRP, SCTP, two for experiments.
_OPAQUE = (4, 47, 50, 51, 88, 132, 253, 254)


def checksum(data: bytes) -> int:
    """RFC 1071."""
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


@dataclass(frozen=True)
class Path:
    """Between two addresses of one family."""

    source: str
    destination: str

    @property
    def family(self) -> int:
        """4 or 6."""
        return 6 if ":" in self.source else 4

    def _packed(self) -> bytes:
        kind = socket.AF_INET if self.family == 4 else socket.AF_INET6
        return socket.inet_pton(kind, self.source) + socket.inet_pton(kind, self.destination)

    def ipv4(self, protocol: int, payload: bytes, tos: int = 0, number: int = 0x1234,
             fragment: int = _DF, ttl: int = 64, options: bytes = b"") -> bytes:
        """fragment: flags and offset in units of 8 bytes."""
        words = 5 + len(options) // 4
        head = struct.pack("!BBHHHBBH", 0x40 | words, tos, 4 * words + len(payload), number,
                           fragment, ttl, protocol, 0) + self._packed() + options
        return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload

    def ipv6(self, following: int, payload: bytes, traffic_class: int = 0, flow: int = 0,
             hops: int = 64) -> bytes:
        """following: the next header."""
        return struct.pack("!IHBB", 6 << 28 | traffic_class << 20 | flow, len(payload), following,
                           hops) + self._packed() + payload

    def transport(self, protocol: int, segment: bytes, at: int) -> bytes:
        """The segment with its checksum at this offset."""
        pseudo = self._packed() + struct.pack("!IHBB", len(segment), 0, 0, protocol)
        value = checksum(segment if protocol == _ICMP else pseudo + segment) or 0xffff
        return segment[:at] + struct.pack("!H", value) + segment[at + 2:]

    def udp(self, payload: bytes) -> bytes:
        """A datagram."""
        return self.transport(_UDP, _PORTS + struct.pack("!HH", 8 + len(payload), 0) + payload, 6)

    def tcp_syn(self) -> bytes:
        """With the usual options, and ECE and CWR set."""
        options = bytes.fromhex("020405b4 0402080a 00000001 00000000 01030307")
        return self.transport(_TCP, _PORTS + struct.pack("!IIBBHHH", 1, 0, 0xa0, 0xc2, 64240, 0, 0)
                              + options, 16)


def _payload(size: int) -> bytes:
    return bytes(i * 7 & 0xff for i in range(size))


def ipv4_packets(path: Path, mtu: int) -> dict[str, bytes]:
    """What is forwarded, by name."""
    udp = path.udp(_payload(100))
    echo = path.transport(_ICMP, struct.pack("!BBHHH", 8, 0, 0, 7, 1) + _payload(56), 2)
    inner = Path(path.destination, path.source).ipv4(_UDP, udp)[:28]
    unreachable = path.transport(_ICMP, struct.pack("!BBHI", 3, 3, 0, 0) + inner, 2)
    found = {"TCP SYN": path.ipv4(_TCP, path.tcp_syn()), "echo": path.ipv4(_ICMP, echo),
             "unreachable": path.ipv4(_ICMP, unreachable), "header alone": path.ipv4(253, b""),
             "UDP without checksum": path.ipv4(_UDP, udp[:6] + b"\0\0" + udp[8:]),
             "UDP with a wrong checksum": path.ipv4(_UDP, udp[:6] + b"\x12\x34" + udp[8:]),
             "UDP cut off": path.ipv4(_UDP, udp[:5])}
    found |= {f"UDP of {size} bytes": path.ipv4(_UDP, path.udp(_payload(size)))
              for size in (0, 1, 2, 117, 1000, mtu - 29, mtu - 28)}
    found |= {f"TOS {tos:#x}": path.ipv4(_UDP, udp, tos=tos) for tos in (1, 2, 3, 0xb8, 0xff)}
    found |= {f"id {number:#x}": path.ipv4(_UDP, udp, number=number) for number in (0, 1, 0xffff)}
    found |= {f"flags and offset {value:#x}": path.ipv4(_UDP, udp[:96], fragment=value)
              for value in (0, _MF, _MF | 12, 24, _DF | 24, 0x1ffd, _RESERVED, _RESERVED | _DF)}
    found |= {f"TTL {ttl}": path.ipv4(_UDP, udp, ttl=ttl) for ttl in (2, 3, 128, 255)}
    # Checksums at the edge of one's complement when the TTL goes down by one.
    found |= {f"checksum {value:#06x}": _with_checksum(path, udp, value)
              for value in (0x0000, 0x0001, 0xfeff, 0xff00, 0xfffe)}
    return found | {f"protocol {number}": path.ipv4(number, _payload(64)) for number in _OPAQUE}


def _with_checksum(path: Path, payload: bytes, wanted: int) -> bytes:
    """A packet whose id makes its header checksum the wanted one."""
    for number in range(0x10000):
        packet = path.ipv4(_UDP, payload, number=number)
        if packet[10:12] == struct.pack("!H", wanted):
            return packet
    raise ValueError(f"no id gives the header checksum {wanted:#06x}")


def ipv6_packets(path: Path, mtu: int) -> dict[str, bytes]:
    """What is forwarded, by name."""
    udp = path.udp(_payload(100))
    echo = path.transport(_ICMPV6, struct.pack("!BBHHH", 128, 0, 0, 7, 1) + _payload(56), 2)
    inner = Path(path.destination, path.source).ipv6(_UDP, udp)[:88]
    too_big = path.transport(_ICMPV6, struct.pack("!BBHI", 2, 0, 0, 1280) + inner, 2)
    padding = struct.pack("!BB", _UDP, 0) + bytes.fromhex("010400000000")
    unknown = struct.pack("!BB", _UDP, 1) + bytes.fromhex("1e0c") + _payload(12)
    segment = struct.pack("!BBBBI", _UDP, 2, 4, 0, 0) + socket.inet_pton(socket.AF_INET6, "200::9")
    found = {"TCP SYN": path.ipv6(_TCP, path.tcp_syn()), "echo": path.ipv6(_ICMPV6, echo),
             "packet too big": path.ipv6(_ICMPV6, too_big), "header alone": path.ipv6(_NONE, b""),
             "no next header": path.ipv6(_NONE, _payload(3)),
             "UDP with a wrong checksum": path.ipv6(_UDP, udp[:6] + b"\x12\x34" + udp[8:]),
             "destination options": path.ipv6(_DESTINATION, padding + udp),
             "an unknown destination option": path.ipv6(_DESTINATION, unknown + udp),
             "routing header": path.ipv6(_ROUTING, segment + udp)}
    found |= {f"UDP of {size} bytes": path.ipv6(_UDP, path.udp(_payload(size)))
              for size in (0, 1, 2, 117, 1000, mtu - 49, mtu - 48)}
    found |= {f"traffic class {value:#x}": path.ipv6(_UDP, udp, traffic_class=value)
              for value in (1, 2, 3, 0xb8, 0xff)}
    found |= {f"flow label {flow:#x}": path.ipv6(_UDP, udp, flow=flow)
              for flow in (1, 0x12345, 0xfffff)}
    found |= {f"offset and flag {value:#x}":
              path.ipv6(_FRAGMENT, struct.pack("!BBHI", _UDP, 0, value, 77) + udp[:96])
              for value in (0, 1, 96 | 1, 192, 0xfff8)}
    found |= {f"hop limit {hops}": path.ipv6(_UDP, udp, hops=hops) for hops in (2, 3, 128, 255)}
    return found | {f"protocol {number}": path.ipv6(number, _payload(64)) for number in _OPAQUE}


def kernel_packets(path: Path) -> dict[str, bytes]:
    """What a relay leaves to the kernel, which forwards it: options that every router looks at."""
    udp = path.udp(_payload(100))
    if path.family == 4:
        return {"no-operation options": path.ipv4(_UDP, udp, options=bytes.fromhex("01010101")),
                "record route": path.ipv4(_UDP, udp, options=bytes.fromhex("070704 00000000 00"))}
    return {"hop-by-hop options":
            path.ipv6(0, struct.pack("!BB", _UDP, 0) + bytes.fromhex("010400000000") + udp)}
