# SPDX-License-Identifier: Apache-2.0
"""A relay that registers itself, for the tests of how it does: one lab for a module; each test has
an empty VPC, a new registration key, and a relay that has never been there.

After each test nothing that is secret has been said, and nothing that a careful client would not
do was asked for.
"""

import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from lab import wgshow
from lab.controlled import Controlled
from lab.owner import INTERFACE, STATE
from lab.relay import Daemon
from lab.wait import wait_until

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
REGISTRATION = f"{STATE}/registration.json"

# A registration, as it is seen: method, path, kind of token.
ASKS = [("GET", "/api/vpcs/ID", "RK"), ("GET", "/api/vpcs/ID/devices", "RK")]
METADATA = ("PUT", "/api/devices/ID/metadata/relay", "RK")
CREATE, UPDATE = ("POST", "/api/devices", "RK"), ("PATCH", "/api/devices/ID", "RK")
STREAM = ("POST", "/api/events", "DT")
WITH_KEY = [("GET", "/api/reg-keys/me", "RK"), *ASKS, CREATE]
REGISTERED = [*WITH_KEY, METADATA, STREAM]


class Registering(Controlled):
    """A lab without spokes, that can be emptied."""

    def empty(self) -> None:
        """Nothing has happened yet."""
        self.commands.clean()
        shutil.rmtree(STATE, ignore_errors=True)
        self.api.clear_faults()
        self.api.set(**self._settings)
        for device in self.api.devices().values():
            self.api.delete_device(device["id"])
        self.api.ask("requests_clear")
        self.api.ask("dns_set", addresses=self.api.addresses)
        self.reg_key = self.api.make_reg_key()

    def __enter__(self) -> "Registering":
        super().__enter__()
        self._settings = self.api.set()
        return self

    def calls(self, after: int = 0) -> list[tuple[str, str, str]]:
        """What was asked: method, path with ID for every id, kind of token."""
        return [(request["method"], UUID.sub("ID", request["path"]), request["token"])
                for request in self.api.requests(after=after)]

    def steps(self, after: int = 0) -> list[tuple[str, str, str]]:
        """calls() without the registered device's own news of its endpoints, which may come at any
        time."""
        return [call for call in self.calls(after) if call != ("PATCH", "/api/devices/ID", "DT")]

    def registers(self, *options: str) -> Daemon:
        """Start a relay, and wait until it follows the VPC."""
        daemon = self.begin("--verbose", *(options or self.credentials()))
        self.wait_message("following the VPC's devices", "watching", daemon)
        return daemon

    def wait_message(self, words: str, state: str = "", daemon: Daemon | None = None) -> str:
        """Wait until the relay says a line with these words (a regular expression), and is in that
        state as `status` has it; the line. A state of the run before does not count."""
        daemon = daemon or self.commands.daemons[-1]

        def said() -> str:
            lines = [line for line in daemon.messages() if re.search(words, line)]
            return lines[-1] if lines and state in ("", self.control().get("state")) else ""
        return wait_until(said, lambda: f"{words!r}: {self.control()} {daemon.messages()}")

    def waits_s(self, daemon: Daemon) -> int:
        """In how many seconds it tries again, as it has said last."""
        said = [re.search(r"trying again in (\d+) s", line) for line in daemon.messages()]
        return next(int(match[1]) for match in reversed(said) if match)

    def public(self) -> str:
        """The relay's public key."""
        return wgshow.public_key(self.relay, INTERFACE)

    def record(self) -> dict[str, Any]:
        """The relay's device at the server: there is exactly one of its key."""
        key = self.public()
        found = [device for device in self.api.ask("devices") if device["public_key"] == key]
        assert len(found) == 1, found
        return found[0]

    def last_body(self, method: str, path: str) -> dict[str, Any]:
        """What was sent with the newest such request."""
        return self.api.requests(path, method)[-1]["body"]

    def registration(self) -> dict[str, Any]:
        """What the relay has kept."""
        with open(REGISTRATION, encoding="utf-8") as file:
            return json.load(file)

    def other_user(self, name: str = "") -> dict[str, Any]:
        """Somebody else, with a VPC."""
        name = name or f"{os.urandom(4).hex()}@example.net"
        password = f"s3cret {os.urandom(8).hex()}"
        return self.api.ask("user_add", username=name, password=password) | {"password": password}

    def secrets(self) -> set[str]:
        """What nobody may see, as it is now."""
        found = {self.reg_key["bearer_token"].removeprefix("RK:"), self.api.info["password"]}
        found |= {device["token"] for device in self.api.ask("devices") if device.get("token")}
        with suppress(OSError):
            with open(f"{STATE}/private.key", encoding="ascii") as file:
                found.add(file.read().strip())
        with suppress(OSError, ValueError):
            kept = self.registration()
            found |= {kept[name] for name in ("device_token", "refresh_token") if name in kept}
        return found - {"", "secret"}

    def check_nothing_leaked(self) -> None:
        """No secret is in a message, or in what `status` reads."""
        texts = ["\n".join(line for daemon in self.commands.daemons for line in daemon.messages())]
        with suppress(OSError):
            texts.append(json.dumps(self.commands.written_status()))
        for secret in self.secrets():
            assert all(secret not in text for text in texts), secret


@pytest.fixture(scope="module")
def lab_of_module() -> Iterator[Registering]:
    """One for all tests of a module."""
    with Registering() as running:
        yield running


@pytest.fixture
def net(lab_of_module: Registering) -> Iterator[Registering]:
    """The lab, emptied."""
    lab_of_module.empty()
    yield lab_of_module
    lab_of_module.check_nothing_leaked()
    assert lab_of_module.api.violations() == []


@contextmanager
def secret_file(text: str, path: str = "/run/lab/secret", mode: int = 0o600) -> Iterator[str]:
    """A file that nobody else may read."""
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w",
              encoding="utf-8") as file:
        file.write(text)
    try:
        yield path
    finally:
        os.unlink(path)
