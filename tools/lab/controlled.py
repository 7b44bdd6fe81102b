# SPDX-License-Identifier: Apache-2.0
"""A network whose relay has its list from an api-server: the stand-in, in a node of its own.

    with Controlled() as net:
        net.add("spoke1", relay_only=True)
        net.start()                             # registers with a key, and waits for the list
        net.api.delete_device("spoke1")
"""

import os
from contextlib import suppress
from typing import Any

from lab.api_server import ApiServer
from lab.devices import Vpc
from lab.node import Node
from lab.owner import STATE, RelayOwned
from lab.relay import Daemon
from lab.topology import Topology
from lab.underlay import Underlay, settle
from lab.wait import wait_until

NUMBER = 250  # of the api-server's underlay
STUN = ("--stun-server", "stun.nexodus.test:3478", "--stun-server", "stun.nexodus.test:3479")
WATCHING = "following the VPC's devices"


class Controlled(Topology):
    """A relay with a wg0 of its own, an api-server, and spokes."""

    def __init__(self, vpc: Vpc = Vpc()) -> None:
        super().__init__(RelayOwned(), vpc)
        self._status_before = 0

    def __enter__(self) -> "Controlled":
        super().__enter__()
        self.host = Node("api")
        self._undo.append(self.host.remove)
        settle(self.host)
        self.way = Underlay(self.relay, self.host, NUMBER)
        self._undo.append(self.way.remove)
        self.api = ApiServer(self.host, self.server_addresses(), self.vpc)
        self._undo.append(lambda: self.api.__exit__())
        self.api.__enter__()
        self.trust()
        self.key: Any = self.key
        self.reg_key = self.api.make_reg_key()
        return self

    def server_addresses(self) -> list[str]:
        """Where the api-server is, which is also name server and STUN server."""
        return [self.way.address(4), self.way.address(6)]

    def trust(self) -> None:
        """The relay host knows the server's name server."""
        self.resolv_conf(self.api.resolv_conf())

    def resolv_conf(self, text: str) -> None:
        """Replace /etc/resolv.conf, as DHCP clients do."""
        with open("/etc/resolv.conf.new", "w", encoding="ascii") as file:
            file.write(text)
        os.rename("/etc/resolv.conf.new", "/etc/resolv.conf")

    def credentials(self) -> tuple[str, ...]:
        """Options of `run` that let the relay in."""
        return "--reg-key", self.reg_key["url"]

    def run(self, *options: str) -> Daemon:
        """Start the daemon, and wait until it follows the VPC."""
        daemon = self.begin(*self.credentials(), *options)
        self.wait_state("watching", daemon)
        self.learn()
        return daemon

    def begin(self, *options: str) -> Daemon:
        """Start the daemon, and wait for nothing."""
        self._status_before = self._status_inode()
        return self.commands.start(*self.options(), *options, loaded=False)

    def options(self) -> tuple[str, ...]:
        """Options of `run` in this network, whoever lets the relay in."""
        return "--ca-file", self.api.ca_path, *STUN, *self.owner.options(self.mtu)

    def learn(self) -> dict[str, Any]:
        """The relay's record at the server: there its addresses are given out."""
        record = next(device for device in self.api.devices().values()
                      if device["public_key"] == self.device.public_key)
        self.device.name = record["hostname"]
        self.device.ipv4 = record["ipv4_tunnel_ips"][0]["address"]
        self.device.ipv6 = record["ipv6_tunnel_ips"][0]["address"]
        return record

    def control(self) -> dict[str, Any]:
        """What `status` says of the control plane; not what the daemon before has left."""
        with suppress(OSError, ValueError):
            if self._status_inode() == self._status_before:
                return {}
            return self.commands.written_status()["control"] or {}
        return {}

    def _status_inode(self) -> int:
        """Of status.json, which is replaced whenever it changes; 0 when there is none."""
        try:
            return os.stat(f"/run/nex-relay/{self.commands.interface}/status.json").st_ino
        except FileNotFoundError:
            return 0

    def wait_state(self, state: str, daemon: Daemon | None = None) -> None:
        """Wait until the relay says that it stands so."""
        wait_until(lambda: self.control().get("state") == state or (
            daemon and daemon.process.poll() is not None),
            lambda: f"state {state}: {self.control()}, {daemon.messages() if daemon else ''}")
        assert not daemon or daemon.process.poll() is None, daemon.messages()

    def publish(self) -> None:
        """Make the server's devices those of the spokes, and of the relay itself."""
        there = self.api.devices()
        for name in there.keys() - self.spokes.keys():
            if there[name]["public_key"] != self.device.public_key:
                self.api.delete_device(name)
        for name in self.spokes.keys() - there.keys():
            self.api.add_device(self[name].device)

    def saved(self, name: str) -> str:
        """Path of a file in the relay's state folder."""
        return f"{STATE}/{name}"
