# SPDX-License-Identifier: Apache-2.0
"""Traffic between nodes: ping, counted UDP flows, TCP transfers with a checksum."""

import hashlib
import re
import socket
import struct
import threading
import time
from dataclasses import dataclass, field

from lab.node import Node
from lab.syscalls import SO_RCVBUFFORCE
from lab.wait import LIMIT_S, PATIENCE

_RECEIVE_BUFFER = 1 << 22  # a receiver that is not scheduled for a while must not lose packets


@dataclass(frozen=True)
class Ping:
    """What one run of ping(8) saw."""

    command: str
    sent: int
    received: int
    output: str

    @property
    def complete(self) -> bool:
        """Every packet was answered."""
        return self.sent > 0 and self.received == self.sent


_INTERVAL_S = 10


def ping(node: Node, address: str, *options: str, count: int = 5,
         wait_s: float = LIMIT_S / 2) -> Ping:
    """Ping address from node: count packets at once, and wait_s for their answers; it ends with the
    last of them.

    Once it has had an answer, ping waits for the others no longer than its interval or two round
    trips: hence all at once (-l) and a long interval. But where the socket's buffer was full for a
    moment the next packet waits for the interval as well, which on an emulated machine it is often.
    """
    interval_s = max(1, min(wait_s, _INTERVAL_S))
    argv = ["ping", "-n", "-c", str(count), "-l", str(count), "-i", str(interval_s), "-W",
            str(wait_s), *options, address]
    output = node.call(*argv)
    text = output.stdout + output.stderr
    counts = re.search(r"(\d+) packets transmitted, (\d+) received", text)
    sent, received = (int(counts[1]), int(counts[2])) if counts else (0, 0)
    return Ping(" ".join(argv), sent, received, text)


def _family(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address else socket.AF_INET


@dataclass
class FlowResult:
    """What a flow sent and what arrived. Times are time.monotonic() at the moment of sending."""

    sent: dict[int, float]
    received: dict[int, float]

    @property
    def lost(self) -> list[int]:
        """Sequence numbers that were sent and never arrived."""
        return sorted(self.sent.keys() - self.received.keys())

    def last_arrived(self, since: float) -> float:
        """When the last packet that arrived was sent, counted from since."""
        return max(self.received.values(), default=float("-inf")) - since

    def lost_after(self, moment: float) -> list[int]:
        """Those of the lost that were sent after a moment."""
        return [number for number in self.lost if self.sent[number] > moment]

    def describe(self) -> str:
        """Counts, and the gaps in packets and seconds."""
        lost = self.lost
        where = f", from number {lost[0]} to {lost[-1]}" if lost else ""
        return f"{len(self.sent)} sent, {len(self.received)} received, {len(lost)} lost{where}"


@dataclass
class Flow:
    """A one-way UDP flow with sequence numbers. Use as a context manager; the result is there
    once the block is left:

        with Flow(spoke1.node, spoke2.node, "200::3") as flow: ...
        assert not flow.result.lost
    """

    sender: Node
    receiver: Node
    address: str
    packets_per_s: int = 300
    payload_bytes: int = 64
    result: FlowResult = field(init=False)
    _stop: threading.Event = field(init=False, default_factory=threading.Event, repr=False)
    _sent: dict[int, float] = field(init=False, default_factory=dict, repr=False)
    _received: dict[int, float] = field(init=False, default_factory=dict, repr=False)
    _done: threading.Event = field(init=False, default_factory=threading.Event, repr=False)
    _stopped_at: float = field(init=False, default=0, repr=False)

    def __enter__(self) -> "Flow":
        family = _family(self.address)
        self._in = self.receiver.socket(family, socket.SOCK_DGRAM)
        self._out = self.sender.socket(family, socket.SOCK_DGRAM)
        self._in.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, _RECEIVE_BUFFER)
        self._in.bind(("::" if family == socket.AF_INET6 else "0.0.0.0", 0))
        self._in.settimeout(0.05)
        self._port = self._in.getsockname()[1]
        self._threads = [threading.Thread(target=self._receive, daemon=True),
                         threading.Thread(target=self._send, daemon=True)]
        for thread in self._threads:
            thread.start()
        return self

    def stop(self) -> None:
        """Send no more. What is on its way is waited for when the block is left."""
        if not self._stop.is_set():
            self._stop.set()
            self._threads[1].join()
            self._stopped_at = time.monotonic()

    def __exit__(self, *_: object) -> None:
        self.stop()
        deadline = self._stopped_at + 0.5 * PATIENCE
        while len(self._received) < len(self._sent) and time.monotonic() < deadline:
            time.sleep(0.01)
        self._done.set()
        self._threads[0].join()
        self._in.close()
        self._out.close()
        self.result = FlowResult(dict(self._sent), dict(self._received))

    def arrived(self) -> int:
        """Packets that have arrived so far."""
        return len(self._received)

    def sent(self) -> int:
        """Packets that were sent so far."""
        return len(self._sent)

    def missing(self, before: int) -> list[int]:
        """Packets with a number below that were sent and have not arrived, so far."""
        return [number for number in list(self._sent)
                if number < before and number not in self._received]

    def _send(self) -> None:
        padding = bytes(self.payload_bytes - 16)
        number, due = 0, time.monotonic()
        while not self._stop.is_set():
            now = time.monotonic()
            try:
                self._out.sendto(struct.pack("!Qd", number, now) + padding,
                                 (self.address, self._port))
                self._sent[number] = now
            except OSError:
                pass  # no route for a moment, or a full queue: nothing was sent
            number += 1
            due += 1 / self.packets_per_s
            time.sleep(max(0.0, due - time.monotonic()))

    def _receive(self) -> None:
        while not self._done.is_set():
            try:
                packet = self._in.recv(65535)
            except TimeoutError:
                continue
            number, at = struct.unpack_from("!Qd", packet)
            self._received[number] = at


@dataclass(frozen=True)
class Transfer:
    """One TCP transfer: SHA-256 of what went in and of what came out."""

    bytes_sent: int
    bytes_received: int
    sha256_sent: str
    sha256_received: str
    seconds: float

    @property
    def intact(self) -> bool:
        """Everything arrived, unchanged."""
        return self.bytes_sent > 0 and self.sha256_sent == self.sha256_received


def transfer(sender: Node, receiver: Node, address: str, megabytes: int = 8,
             deadline_s: float = LIMIT_S) -> Transfer:
    """Send pseudo-random bytes over TCP from sender to address, where receiver listens."""
    family = _family(address)
    block = hashlib.shake_256(address.encode()).digest(1 << 20)
    blocks = [block[i:] + block[:i] for i in range(megabytes)]
    answer: list[tuple[int, str]] = []

    def receive() -> None:
        digest, total = hashlib.sha256(), 0
        try:
            connection, _ = listener.accept()
            with connection:
                connection.settimeout(deadline_s)
                while piece := connection.recv(1 << 18):
                    digest.update(piece)
                    total += len(piece)
        except OSError:
            return  # the sender failed, or nothing came in time: no answer says so
        answer.append((total, digest.hexdigest()))

    with receiver.socket(family, socket.SOCK_STREAM) as listener, \
            sender.socket(family, socket.SOCK_STREAM) as out:
        listener.settimeout(deadline_s)
        listener.bind(("::" if family == socket.AF_INET6 else "0.0.0.0", 0))
        listener.listen(1)
        thread = threading.Thread(target=receive, daemon=True)
        thread.start()
        start = time.monotonic()
        out.settimeout(deadline_s)
        out.connect((address, listener.getsockname()[1]))
        for piece in blocks:
            out.sendall(piece)
        out.shutdown(socket.SHUT_WR)
        thread.join(deadline_s)
        seconds = time.monotonic() - start
    total, received = answer[0] if answer else (0, "nothing arrived")
    sent = hashlib.sha256(b"".join(blocks)).hexdigest()
    return Transfer(megabytes << 20, total, sent, received, seconds)
