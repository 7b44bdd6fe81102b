# SPDX-License-Identifier: Apache-2.0
"""The stand-in api-server for the tests of itself: one for a module, a tenant for each test."""

import base64
import os
from collections.abc import Iterator
from typing import Any

import pytest
from api_client import Client

from lab.api_server import ApiServer
from lab.node import Node

RELAY_METADATA = {"type": "wireguard"}


def new_public_key() -> str:
    """A key that nobody has."""
    return base64.b64encode(os.urandom(32)).decode()


class Tenant:
    """A user with a VPC, a registration key, and clients for them."""

    def __init__(self, server: ApiServer) -> None:
        self.server = server
        user = server.ask("user_add", username=f"{os.urandom(4).hex()}@example.net")
        self.username, self.id = user["username"], user["id"]  # the id of the VPC, too
        self.key = server.make_reg_key(owner=self.id, vpc=self.id)
        self.rk = Client(server, self.key["bearer_token"])
        self.user = Client(server, server.ask("access_token", username=self.username))

    def add(self, hostname: str = "web", **values: Any) -> dict[str, Any]:
        """A device that somebody else has registered."""
        return self.server.ask("device_add", public_key=new_public_key(), hostname=hostname,
                               owner=self.id, vpc=self.id, **values)

    def device(self, hostname: str = "relay") -> Client:
        """A client with the token of a new device."""
        return Client(self.server, self.add(hostname)["token"])

    def watch(self, kind: str, **values: Any) -> dict[str, Any]:
        """What to POST for a kind; options are more of its options."""
        options = {"vpc-id": self.id} | values.pop("options", {})
        return {"kind": kind, "options": options} | values


@pytest.fixture(scope="module")
def server() -> Iterator[ApiServer]:
    """On the loopback addresses of the world."""
    with ApiServer(Node("relay", first=True), ["127.0.0.1", "::1"]) as running:
        yield running


@pytest.fixture
def tenant(server: ApiServer) -> Iterator[Tenant]:
    """Somebody new; whatever goes wrong is mended afterwards."""
    settings = server.set()
    yield Tenant(server)
    server.clear_faults()
    server.set(**settings)
    server.ask("drop")
