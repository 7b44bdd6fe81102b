# SPDX-License-Identifier: Apache-2.0
"""Every request that came, and what is wrong with it though the real server might not mind."""

import json
import re
import threading
import time
from dataclasses import dataclass, field
from typing import Any

from api.wire import Request

_AGENT = re.compile(r"[\w.-]+/\S+( .*)?")
_MEMBERS = {
    ("POST", "/api/devices"): {"vpc_id", "public_key", "hostname", "os", "relay", "symmetric_nat",
                               "endpoints", "advertise_cidrs", "ipv4_tunnel_ips",
                               "security_group_id"},
    ("PATCH", "/api/devices/"): {"advertise_cidrs", "endpoints", "hostname", "relay", "revision",
                                 "security_group_id", "symmetric_nat", "vpc_id"},
}


@dataclass
class Entry:
    """One request, and how it was answered."""

    number: int
    request: Request
    token: str  # kind of bearer
    at: float = field(default_factory=time.time)
    status: int = 0
    ending: str = ""  # "" while it is being answered; ok, or how the connection was ended
    sent: int = 0  # bytes of the answer after the head, framing included
    fault: int = 0  # number of the fault that hit it
    violations: list[str] = field(default_factory=list)

    def shown(self) -> dict[str, Any]:
        """Without secrets: of the bearer only the kind is told."""
        request = self.request
        try:
            body = json.loads(request.body) if request.body else None
        except ValueError:
            body = request.body.decode(errors="replace")
        return {"number": self.number, "time": self.at, "began": request.began,
                "connection": request.connection, "host": request.sni, "method": request.method,
                "path": request.path, "query": request.query, "token": self.token, "body": body,
                "headers": {name: value for name, value in request.headers.items()
                            if name != "authorization"},
                "status": self.status, "ending": self.ending, "sent": self.sent,
                "fault": self.fault, "violations": self.violations}


class Journal:
    """The requests since the start, or since clear()."""

    def __init__(self, keep: int = 20000) -> None:
        self._lock = threading.Lock()
        self._entries: list[Entry] = []
        self._last = 0
        self._keep = keep

    def add(self, request: Request, token: str) -> Entry:
        """Note a request."""
        with self._lock:
            self._last += 1
            entry = Entry(self._last, request, token, violations=violations(request, token))
            self._entries.append(entry)
            del self._entries[:-self._keep]
            return entry

    def clear(self) -> None:
        """Forget them; numbers go on."""
        with self._lock:
            self._entries.clear()

    def shown(self, path: str = ".*", method: str = "", after: int = 0) -> list[dict[str, Any]]:
        """Those whose path matches, with a number above after."""
        with self._lock:
            return [entry.shown() for entry in self._entries
                    if entry.number > after and method in ("", entry.request.method)
                    and re.fullmatch(path, entry.request.path)]


def violations(request: Request, token: str) -> list[str]:
    """What a careful client would not do."""
    found = [f"header {name} twice" for name in request.repeated]
    headers = request.headers
    host = headers.get("host", "").rpartition(":")[0] or headers.get("host", "")
    if host.lower() != request.sni.lower():
        found.append(f"host {host!r} is not the name {request.sni!r} of the TLS handshake")
    if not _AGENT.fullmatch(headers.get("user-agent", "")):
        found.append(f"user-agent {headers.get('user-agent')!r}")
    if re.search(r"(RK|DT|ST)(:|%3A)", request.target, re.IGNORECASE):
        found.append("a secret in the URL")
    if request.sni.startswith("api."):
        found += _about_api(request, token)
    return found


def _about_api(request: Request, token: str) -> list[str]:
    found = []
    headers = request.headers
    if headers.get("accept") != "application/json":
        found.append(f"accept {headers.get('accept')!r}")
    if token != "none" and not re.fullmatch(r"Bearer [^ ]+", headers.get("authorization", "")):
        found.append("authorization is not `Bearer TOKEN`")
    if request.path == "/device/login/start" and (request.body or token != "none"):
        found.append("a login start with a body or a bearer")
    if not request.body:
        return found
    if request.method == "GET":
        found.append("GET with a body")
    if headers.get("content-type") != "application/json":
        found.append(f"content-type {headers.get('content-type')!r}")
    try:
        value = json.loads(request.body.decode(), object_pairs_hook=_pairs)
    except ValueError as err:
        return [*found, f"body: {err}"]
    for (method, path), members in _MEMBERS.items():
        if request.method == method and (request.path == path or path.endswith("/") and
                                         re.fullmatch(path + "[^/]+", request.path)):
            extra = set(value) - members if isinstance(value, dict) else {"no object"}
            found += [f"member {name!r}" for name in sorted(extra)]
    return found


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) != len(pairs):
        raise ValueError("a member comes twice")
    return record
