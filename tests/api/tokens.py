# SPDX-License-Identifier: Apache-2.0
"""Who calls: the three kinds of bearer, what each may do, and how often."""

import re
import threading
from dataclasses import dataclass, field

from api import answers
from api.auth import Issuer, Rejected
from api.model import Store
from api.rows import Device, RegKey, User
from api.wire import Request

_ID = r"[^/]+"
# Method, path, scope that a user needs ("" for none, None for never), registration key, device.
_RULES: list[tuple[str, str, str | None, bool, bool]] = [
    ("GET", rf"/api/users/{_ID}", "read:users", False, False),
    ("GET", rf"/api/reg-keys/{_ID}", None, True, False),
    ("GET", r"/api/(vpcs|organizations)(/.*)?", "read:organizations", True, True),
    ("GET", r"/api/devices(/.*)?", "read:devices", True, True),
    ("POST", r"/api/devices", "write:devices", True, False),
    ("PATCH", rf"/api/devices/{_ID}", "write:devices", True, True),
    ("PUT", rf"/api/devices/{_ID}/metadata/{_ID}", "write:devices", True, False),
    ("DELETE", rf"/api/devices/{_ID}(/metadata(/{_ID})?)?", "write:devices", False, False),
    ("GET", rf"/api/security-groups(/{_ID})?", "read:organizations", False, False),
    ("POST", r"/api/events", "", False, True),
    ("POST", rf"/api/vpcs/{_ID}/events", "write:organizations", False, True),
    ("GET", r"/api/fflags", "", False, False),
]
RULES = [(method, re.compile(path), scope, key, device)
         for method, path, scope, key, device in _RULES]


@dataclass
class Caller:
    """Who acts: a user, maybe through a registration key or a device of the user's."""

    kind: str  # "user", "RK", "DT"
    user: User
    scopes: frozenset[str] = frozenset()
    reg_key: RegKey | None = None
    device: Device | None = None

    def may(self, method: str, path: str) -> bool:
        """Does the matrix allow it?"""
        for rule_method, pattern, scope, key, device in RULES:
            if rule_method == method and pattern.fullmatch(path):
                if self.kind == "user":
                    return scope is not None and (scope == "" or scope in self.scopes)
                return key if self.kind == "RK" else device
        return False

    def sees_token_of(self, device: Device) -> bool:
        """May this caller see the device's sealed token?"""
        return (device.owner_id == self.user.id or device is self.device
                or bool(self.reg_key and device.reg_key_id == self.reg_key.id))


def kind_of(request: Request) -> str:
    """Kind of bearer in a request, known or not: none, user, RK, DT, ST."""
    value = request.headers.get("authorization", "")
    if not value:
        return "none"
    for kind in ("RK", "DT", "ST"):
        if value.startswith(f"Bearer {kind}:"):
            return kind
    return "user"


def authenticate(request: Request, store: Store, issuer: Issuer) -> Caller:
    """The caller; Refused with 401 when there is none."""
    value = request.headers.get("authorization", "")
    kind = kind_of(request)
    token = value.removeprefix("Bearer ")
    if kind == "RK":
        key = store.reg_keys.get(token)
        if not key:
            raise answers.base(401, "invalid reg key")
        if key.owner.id not in store.users:
            raise answers.base(401, "invalid reg key user")
        if key.expires_at is not None and key.expires_at <= store.settings.now():
            raise answers.bare(401)
        return Caller(kind, key.owner, reg_key=key)
    if kind == "DT":
        device = store.by_token.get(token)
        if not device or device.owner_id not in store.users:
            raise answers.base(401, "invalid device token")
        return Caller(kind, store.users[device.owner_id], device=device)
    scheme, _, token = value.partition(" ")
    if kind != "user" or scheme.lower() != "bearer" or not token or " " in token:
        raise answers.bare(401)
    try:
        user_id, scopes = issuer.check(token)
    except Rejected as err:
        raise answers.text(401, str(err), www_authenticate='Bearer error="invalid_token"') from err
    if user_id not in store.users:
        raise answers.bare(401)
    return Caller("user", store.users[user_id], frozenset(scopes))


@dataclass
class RateLimit:
    """So many requests of one owner in a window, whatever the bearer."""

    store: Store
    _windows: dict[str, tuple[float, int]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, owner: str, now: float) -> dict[str, str]:
        """Headers about the limit; Refused with 429 when it is exceeded."""
        settings = self.store.settings
        if settings.rate_limit is None:
            return {}
        with self._lock:
            begin, used = self._windows.get(owner, (now, 0))
            if now - begin >= settings.rate_window_s:
                begin, used = now, 0
            self._windows[owner] = begin, used + 1
        reset = max(1, round(begin + settings.rate_window_s - now))
        headers = {"x-ratelimit-limit": f"{settings.rate_limit}, {settings.rate_limit};"
                                        f"w={settings.rate_window_s:g}",
                   "x-ratelimit-remaining": str(max(0, settings.rate_limit - used - 1)),
                   "x-ratelimit-reset": str(reset)}
        if used < settings.rate_limit:
            return headers
        refused = answers.text(429, "rate limited")
        refused.answer.headers |= headers
        if settings.rate_retry_after:
            refused.answer.headers["Retry-After"] = str(reset)
        raise refused
