# SPDX-License-Identifier: Apache-2.0
"""udev, as far as a program of a private world wants to know of its network links.

The real one is the host's, knows nothing of a world, and would deal with every device of the
machine if it ran in one. What libudev asks of it is little: a file for each link that it is done
with, and, for who listens, a message when a link comes or changes, which is the kernel's with a
head before it (src/libsystemd/sd-device/device-monitor.c of systemd has the format).
"""

import os
import shutil
import socket
import struct
import threading

from lab.node import Node

_FOLDER = "/run/udev"
_NETLINK_KOBJECT_UEVENT = 15
_KERNEL, _UDEV = 1, 2  # groups of listeners
_MAGIC = 0xfeedcafe
_NET = 0xa74d3cc8  # MurmurHash2 of "net", by which listeners filter
_HEAD = struct.Struct("=8s4s3I4s4s8s")
_POLL_S = 0.1


class Udev:
    """A udev that is done with every link of this host, while the with block lasts."""

    def __init__(self, host: Node) -> None:
        self.host = host

    def __enter__(self) -> "Udev":
        os.makedirs(f"{_FOLDER}/data")
        with open(f"{_FOLDER}/control", "w", encoding="ascii"):
            pass  # whether it is there tells libudev that there is a udev
        self._socket = self.host.socket(socket.AF_NETLINK, socket.SOCK_RAW,
                                        _NETLINK_KOBJECT_UEVENT)
        self._socket.bind((0, _KERNEL))
        self._socket.settimeout(_POLL_S)
        for index, _ in self.host.inside(socket.if_nameindex):
            self._done_with(index)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        self._socket.close()
        shutil.rmtree(_FOLDER)

    def _done_with(self, index: int | str) -> None:
        with open(f"{_FOLDER}/data/n{index}", "w", encoding="ascii") as file:
            file.write("I:1\n")  # when that was

    def _listen(self) -> None:
        while not self._ended.is_set():
            try:
                message = self._socket.recv(8192)
            except TimeoutError:
                continue
            head, _, body = message.partition(b"\0")
            lines = body.decode(errors="replace").split("\0")
            fields = dict(line.split("=", 1) for line in lines if "=" in line)
            if b"@" in head and fields.get("SUBSYSTEM") == "net":
                if fields["ACTION"] != "remove":
                    self._done_with(fields["IFINDEX"])
                self._tell(body)

    def _tell(self, body: bytes) -> None:
        head = _HEAD.pack(b"libudev", _MAGIC.to_bytes(4, "big"), _HEAD.size, _HEAD.size, len(body),
                          _NET.to_bytes(4, "big"), bytes(4), bytes(8))
        self._socket.sendto(head + body, (0, _UDEV))
