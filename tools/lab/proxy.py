# SPDX-License-Identifier: Apache-2.0
"""An HTTP proxy in a node, which knows CONNECT and nothing else.

    with Proxy(node, [link.address(4), link.address(6)]) as proxy:
        proxy.url(4, "user:pass")
        proxy.mode("hang")        # ok, hang, html, forbidden, refuse
        proxy.asked()             # what it was asked for, oldest first

The same file is the program that runs there: proxy.py FOLDER PORT ADDRESS...
"""

import json
import os
import select
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from typing import Any

PORT = 3128
HTML = b"<html><body>You are not allowed to go there</body></html>"
ANSWERS = {
    "html": b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n" + HTML,
    "forbidden": b"HTTP/1.1 403 Forbidden\r\nContent-Type: text/html\r\n"
                 b"Content-Length: %d\r\n\r\n" % len(HTML) + HTML,
}


class Proxy:
    """One proxy. Leaving the with block stops it."""

    def __init__(self, node: Any, addresses: Sequence[str], port: int = PORT) -> None:
        self.node, self.addresses, self.port = node, list(addresses), port
        self._folder = tempfile.TemporaryDirectory(dir="/run/lab", prefix="proxy-")
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Proxy":
        self.mode("ok")
        self._process = self.node.start(
            ["/usr/bin/python3", os.path.realpath(__file__), self._folder.name, str(self.port),
             *self.addresses], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        assert self._process and self._process.stdout
        assert self._process.stdout.readline() == b"listening\n"
        return self

    def __exit__(self, *_: object) -> None:
        if self._process:
            self._process.kill()
            self._process.wait(10)
            assert self._process.stdout
            self._process.stdout.close()
        self._folder.cleanup()

    def mode(self, mode: str) -> None:
        """What it does from now on."""
        path = os.path.join(self._folder.name, "mode")
        with open(f"{path}.new", "w", encoding="ascii") as file:
            file.write(mode)
        os.rename(f"{path}.new", path)

    def url(self, family: int, user: str = "") -> str:
        """For HTTPS_PROXY."""
        address = next(one for one in self.addresses if (":" in one) == (family == 6))
        host = f"[{address}]" if family == 6 else address
        return f"http://{user}{'@' if user else ''}{host}:{self.port}"

    def asked(self) -> list[dict[str, str]]:
        """What came: {"line", "headers", "from"}."""
        try:
            with open(os.path.join(self._folder.name, "log"), encoding="ascii") as file:
                return [json.loads(line) for line in file]
        except FileNotFoundError:
            return []


def _pump(one: socket.socket, other: socket.socket) -> None:
    while True:
        for ready in select.select([one, other], [], [])[0]:
            data = ready.recv(65536)
            if not data:
                return
            (other if ready is one else one).sendall(data)


def _connect(target: str) -> socket.socket:
    host, _, port = target.rpartition(":")
    return socket.create_connection((host.strip("[]"), int(port)), timeout=10)


def _serve(client: socket.socket, folder: str, lock: threading.Lock) -> None:
    with client:
        head = b""
        while b"\r\n\r\n" not in head:
            data = client.recv(4096)
            if not data:
                return
            head += data
        line, _, headers = head.decode("ascii", "replace").partition("\r\n")
        with lock, open(os.path.join(folder, "log"), "a", encoding="ascii") as log:
            log.write(json.dumps({"line": line, "headers": headers,
                                  "from": client.getpeername()[0]}) + "\n")
        with open(os.path.join(folder, "mode"), encoding="ascii") as file:
            mode = file.read()
        if mode == "hang":
            client.recv(1)
        elif mode in ANSWERS:
            client.sendall(ANSWERS[mode])
        elif mode == "ok" and line.startswith("CONNECT "):
            with _connect(line.split()[1]) as server:
                server.settimeout(None)
                client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                _pump(client, server)


def _be_server(folder: str, port: int, addresses: list[str]) -> None:
    lock, listeners = threading.Lock(), []
    for address in addresses:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        listeners.append(socket.create_server((address, port), family=family))
    print("listening", flush=True)
    while True:
        for listener in select.select(listeners, [], [])[0]:
            client, _ = listener.accept()
            threading.Thread(target=_serve, args=(client, folder, lock), daemon=True).start()


if __name__ == "__main__":
    _be_server(sys.argv[1], int(sys.argv[2]), sys.argv[3:])
