# SPDX-License-Identifier: Apache-2.0
"""A stand-in for the OIDC server: device flow, password grant, refresh, tokens that expire."""

import base64
import datetime
import json
import os
import secrets
import threading
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from api import answers
from api.answers import Answer, ok
from api.model import Store
from api.rows import User
from api.wire import Request

CLIENT_ID = "nexodus-cli"
REALM = "/realms/nexodus"
PROTOCOL = f"{REALM}/protocol/openid-connect"
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"


class Rejected(Exception):
    """An access token that is not good; the text is what the proxy says."""


@dataclass
class DeviceCode:
    """A login that waits for somebody at a browser."""

    user_code: str
    scope: str
    expires: float
    state: str = "pending"  # approved, denied
    username: str = ""
    last_poll: float = 0


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _oauth_error(error: str, words: str = "", status: int = 400) -> Answer:
    return ok({"error": error, **({"error_description": words} if words else {})}, status)


class Issuer:
    """One realm with one public client."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.url = self._endpoints = ""  # until set_host()
        self._lock = threading.Lock()
        self._rsa: rsa.RSAPrivateKey | None = None
        self.codes: dict[str, DeviceCode] = {}
        self.refresh: dict[str, tuple[str, str]] = {}  # token to user id and scope
        self.sessions = 0  # access tokens of an older number are void

    def set_host(self, host: str) -> None:
        """The host that it is, with the port when that is not 443."""
        self.url, self._endpoints = f"https://{host}{REALM}", f"https://{host}{PROTOCOL}"

    # Tokens

    def _key(self) -> rsa.RSAPrivateKey:
        with self._lock:
            if not self._rsa:
                self._rsa = rsa.generate_private_key(65537, 2048)
            return self._rsa

    def sign(self, claims: dict[str, Any]) -> str:
        """A JWT (RS256)."""
        head = {"alg": "RS256", "typ": "JWT", "kid": "1"}
        text = ".".join(_b64(json.dumps(part).encode()) for part in (head, claims))
        raw = self._key().sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{text}.{_b64(raw)}"

    def check(self, token: str) -> tuple[str, list[str]]:
        """User id and scopes of an access token."""
        try:
            text, _, raw = token.rpartition(".")
            signature, claims = (base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
                                 for part in (raw, text.partition(".")[2]))
            self._key().public_key().verify(signature, text.encode(), padding.PKCS1v15(),
                                            hashes.SHA256())
            values = json.loads(claims)
        except (ValueError, InvalidSignature) as err:
            raise Rejected("Jwt verification fails") from err
        if values.get("exp", 0) <= self.store.settings.now():
            raise Rejected("Jwt is expired")
        if values.get("session") != self.sessions or values.get("typ") != "Bearer":
            raise Rejected("Jwt verification fails")
        return values["sub"], values["scope"].split()

    def revoke(self) -> None:
        """End every session: access and refresh tokens are void."""
        self.sessions += 1
        self.refresh.clear()

    def issue(self, user: User, scope: str) -> Answer:
        """A token response."""
        settings = self.store.settings
        now = int(settings.now())
        life = settings.access_token_s
        claims = {"iss": self.url, "sub": user.id, "iat": now, "exp": now + life}
        access = self.sign(claims | {"typ": "Bearer", "scope": scope, "session": self.sessions,
                                     "azp": CLIENT_ID})
        refresh = secrets.token_urlsafe(48)
        self.refresh[refresh] = user.id, scope
        return ok({"access_token": access, "expires_in": int(life), "refresh_expires_in": 0,
                   "refresh_token": refresh, "token_type": "Bearer",
                   "id_token": self.sign(claims | {"typ": "ID", "aud": CLIENT_ID}),
                   "not-before-policy": 0, "scope": scope})

    # Handlers

    def login_start(self) -> Answer:
        """POST /device/login/start, on the API's host."""
        record: dict[str, Any] = {"device_authorization_endpoint": f"{self._endpoints}/auth/device",
                                  "issuer": self.url, "client_id": CLIENT_ID}
        settings = self.store.settings
        if settings.server_time:
            zone = datetime.timezone(datetime.timedelta(hours=2))
            moment = datetime.datetime.fromtimestamp(settings.now(), zone)
            record["server_time"] = moment.strftime("%Y-%m-%dT%H:%M:%S.%f") + "017+02:00"
        return ok(record)

    def handle(self, request: Request) -> Answer:
        """A request to the auth host."""
        what = request.method, request.path
        if what == ("GET", f"{REALM}/.well-known/openid-configuration"):
            return ok({"issuer": self.url, "token_endpoint": f"{self._endpoints}/token",
                       "device_authorization_endpoint": f"{self._endpoints}/auth/device",
                       "authorization_endpoint": f"{self._endpoints}/auth",
                       "jwks_uri": f"{self._endpoints}/certs",
                       "id_token_signing_alg_values_supported": ["RS256"]})
        if what == ("GET", f"{PROTOCOL}/certs"):
            return self._certs()
        if request.method == "POST" and request.path in (f"{PROTOCOL}/auth/device",
                                                         f"{PROTOCOL}/token"):
            form = {name: values[0] for name, values in
                    parse_qs(request.body.decode(errors="replace")).items()}
            if form.get("client_id") != CLIENT_ID:
                return _oauth_error("invalid_client", "Invalid client credentials", 401)
            if request.path.endswith("/token"):
                return self._token(form)
            return self._device(form.get("scope", ""))
        raise answers.bare(404)

    def _certs(self) -> Answer:
        numbers = self._key().public_key().public_numbers()
        return ok({"keys": [{"kid": "1", "kty": "RSA", "alg": "RS256", "use": "sig",
                             "n": _b64(numbers.n.to_bytes(256, "big")), "e": "AQAB"}]})

    def _device(self, scope: str) -> Answer:
        settings = self.store.settings
        letters = secrets.choice("BCDFGHJK") + os.urandom(4).hex().upper()[:7]
        code = DeviceCode(f"{letters[:4]}-{letters[4:]}", scope,
                          settings.now() + settings.device_code_s)
        secret = secrets.token_urlsafe(32)
        self.codes[secret] = code
        if settings.auto_approve:
            self.approve(code.user_code, settings.auto_approve)
        page = f"{self.url}/device"
        return ok({"device_code": secret, "user_code": code.user_code, "verification_uri": page,
                   "verification_uri_complete": f"{page}?user_code={code.user_code}",
                   "expires_in": int(settings.device_code_s),
                   "interval": settings.poll_interval_s})

    def approve(self, user_code: str, username: str, deny: bool = False) -> None:
        """What somebody at a browser says; user_code "" is the newest code."""
        codes = [code for code in self.codes.values() if user_code in ("", code.user_code)]
        if not codes:
            raise ValueError(f"no code {user_code!r}")
        codes[-1].state = "denied" if deny else "approved"
        codes[-1].username = username

    def _token(self, form: dict[str, str]) -> Answer:
        grant = form.get("grant_type")
        if grant == DEVICE_GRANT:
            return self._device_grant(form.get("device_code", ""))
        if grant == "password":
            user = self._user(form.get("username", ""))
            if not user or user.password != form.get("password"):
                return _oauth_error("invalid_grant", "Invalid user credentials", 401)
            return self.issue(user, form.get("scope", ""))
        if grant == "refresh_token":
            token = form.get("refresh_token", "")
            user_id, scope = self.refresh.get(token, ("", ""))
            if user_id not in self.store.users:
                return _oauth_error("invalid_grant", "Offline user session not found")
            if self.store.settings.rotate_refresh:
                del self.refresh[token]
            return self.issue(self.store.users[user_id], scope)
        return _oauth_error("unsupported_grant_type")

    def _device_grant(self, secret: str) -> Answer:
        code, now = self.codes.get(secret), self.store.settings.now()
        if not code:
            return _oauth_error("invalid_grant", "Device code not valid")
        polled, code.last_poll = code.last_poll, now
        if now >= code.expires:
            return _oauth_error("expired_token", "Device code is expired")
        if code.state == "denied":
            return _oauth_error("access_denied", "The end user denied the authorization request")
        if code.state == "approved":
            del self.codes[secret]
            user = self._user(code.username)
            return self.issue(user, code.scope) if user else _oauth_error("access_denied")
        if now - polled < self.store.settings.poll_interval_s - 0.5:
            return _oauth_error("slow_down", "Slow down")
        return _oauth_error("authorization_pending",
                            "The authorization request is still pending")

    def _user(self, username: str) -> User | None:
        return next((user for user in self.store.users.values() if user.username == username),
                    None)
