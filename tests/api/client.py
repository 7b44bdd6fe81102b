# SPDX-License-Identifier: Apache-2.0
"""The control socket from outside: one line of JSON there, one line back."""

import json
import socket
from typing import Any


class Refusal(Exception):
    """The server does not do it; the text says why."""


class Control:
    """Commands of a server that runs with this --state-dir."""

    def __init__(self, state_dir: str) -> None:
        self._path = f"{state_dir}/control.sock"

    def __call__(self, command: str, **args: Any) -> Any:
        """Run one command (control.py has them), and return its answer."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
            sock.settimeout(120)
            sock.connect(self._path)
            sock.sendall(json.dumps({"command": command, "args": args}).encode() + b"\n")
            with sock.makefile("rb") as file:
                reply = json.loads(file.readline() or b'{"error":"the server is gone"}')
        if "error" in reply:
            raise Refusal(reply["error"])
        return reply["answer"]
