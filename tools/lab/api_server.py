# SPDX-License-Identifier: Apache-2.0
"""The stand-in api-server (tests/api) in a node: start it, tell it what to do, see what it saw.

    node = Node("api")
    link = Underlay(relay_host, node, 200)
    with ApiServer(node, [link.address(4), link.address(6)]) as api:
        key = api.make_reg_key()
        commands.start("--reg-key", key["url"], ...)      # with api.ca_path to be trusted
        api.wait_request("/api/events")
        api.add_device(spoke.device)
        api.set_fault(path="/api/events", status=503, count=3)
        api.cut_streams("rst", mid_record=True)
        assert api.violations() == []

Whatever has no method of its own is api.ask("COMMAND", NAME=VALUE); tests/api/control.py has all.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from typing import Any

from lab.devices import Device, Vpc
from lab.node import Node
from lab.relay import REPOSITORY
from lab.wait import LIMIT_S, wait_until

sys.path.append(os.path.join(REPOSITORY, "tests"))

from api.client import Control  # noqa: E402 - the path comes first

DOMAIN = "nexodus.test"
STUN_PORTS = (3478, 3479)
STREAMS = r"/api/(events|vpcs/[^/]+/events)"


class ApiServer:
    """One server. Leaving the with block stops it."""

    def __init__(self, node: Node, addresses: Sequence[str], vpc: Vpc = Vpc(), port: int = 443,
                 dns_port: int | None = 53, stun_ports: Sequence[int] = STUN_PORTS) -> None:
        """addresses are the node's own, of both families; it listens on all of them, and *.DOMAIN
        has them all. dns_port None: no DNS."""
        self.node, self.addresses, self.vpc, self.port = node, list(addresses), vpc, port
        self._folder = tempfile.TemporaryDirectory(dir="/run/lab", prefix="api-")
        os.chmod(self._folder.name, 0o755)  # a relay without privileges reads the CA
        self.state_dir = self._folder.name
        self.ca_path = f"{self.state_dir}/ca.pem"
        self._errors = f"{self.state_dir}/errors"
        self._argv = [os.path.join(REPOSITORY, "tests", "api", "server"), "--state-dir",
                      self.state_dir, "--domain", DOMAIN, "--ipv4", vpc.ipv4,
                      "--ipv6", vpc.ipv6]
        for address in self.addresses:
            host = f"[{address}]" if ":" in address else address
            self._argv += ["--listen", f"{host}:{port}"]
            self._argv += ["--dns", f"{host}:{dns_port}"] if dns_port is not None else []
            for stun_port in stun_ports:
                self._argv += ["--stun", f"{host}:{stun_port}"]
        self._process: subprocess.Popen[bytes] | None = None
        self.control = Control(self.state_dir)
        self.info: dict[str, Any] = {}

    def __enter__(self) -> "ApiServer":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._folder.cleanup()

    def start(self) -> None:
        """Start it, and wait until it listens. What an earlier one knew is gone, its CA too."""
        # Its errors go to a file: a lab that stays up must not hold the caller's pipe open.
        with open(self._errors, "wb") as errors:
            self._process = self.node.start(["/usr/bin/python3", *self._argv],
                                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                            stderr=errors,
                                            start_new_session=True)  # Ctrl-C is not for it
        assert self._process.stdout
        if not self._process.stdout.readline().startswith(b"listening"):
            self.stop()
            raise AssertionError(f"{self._argv} does not start")
        self.info = self.ask("info")

    def stop(self) -> None:
        """Kill it: connections are cut. What it had to say of itself is shown."""
        if self._process:
            self._process.kill()
            self._process.wait(LIMIT_S)
            assert self._process.stdout
            self._process.stdout.close()
            with open(self._errors, encoding="utf-8", errors="replace") as errors:
                sys.stderr.write(errors.read())
        self._process = None

    def ask(self, command: str, **args: Any) -> Any:
        """Any command."""
        return self.control(command, **args)

    @property
    def service_url(self) -> str:
        """For --service-url."""
        return str(self.info["service_url"])

    def hosts(self) -> str:
        """Lines of hosts(5) instead of DNS."""
        return "".join(f"{address} api.{DOMAIN} auth.{DOMAIN} {DOMAIN}\n"
                       for address in self.addresses)

    def resolv_conf(self) -> str:
        """Lines of resolv.conf(5); right when DNS is on port 53."""
        return "".join(f"nameserver {address}\n" for address in self.addresses)

    # What is in the VPC

    def add_device(self, device: Device, **values: Any) -> dict[str, Any]:
        """Somebody registers a device of the lab's, with its addresses."""
        return self.ask("device_add", public_key=device.public_key, hostname=device.name,
                        addresses=[device.ipv4, device.ipv6], relay=device.relay, os="linux",
                        symmetric_nat=device.relay_only,
                        advertise_cidrs=device.advertises or None,
                        **{"endpoints": device.record()["endpoints"]} | values)

    def update_device(self, name: str, **values: Any) -> dict[str, Any]:
        """Change a device: hostname, advertise_cidrs, endpoints, public_key, addresses ..."""
        return self.ask("device_update", device=name, **values)

    def delete_device(self, name: str) -> None:
        """Delete a device, by id, key or hostname."""
        self.ask("device_delete", device=name)

    def devices(self) -> dict[str, dict[str, Any]]:
        """The VPC's devices, by hostname."""
        return {device["hostname"]: device for device in self.ask("devices")}

    def make_reg_key(self, **values: Any) -> dict[str, Any]:
        """A registration key; "url" is for --reg-key. single_use, expires_in_s ..."""
        return self.ask("key_add", **values)

    def revoke_key(self, key: dict[str, Any]) -> None:
        """A registration key gets 401 from now on."""
        self.ask("key_revoke", key=key["id"])

    def revoke_device_token(self, name: str) -> None:
        """A device's token gets 401 from now on."""
        self.ask("token_revoke", device=name)

    def delete_vpc(self) -> None:
        """The VPC, and all that is in it."""
        self.ask("vpc_delete")

    def add_many(self, count: int, **values: Any) -> dict[str, Any]:
        """Many devices with random keys at once."""
        return self.ask("bulk_add", count=count, **values)

    # What goes wrong

    def set(self, **values: Any) -> dict[str, Any]:
        """Change settings (tests/api/settings.py)."""
        return self.ask("set", **values)

    def set_fault(self, **values: Any) -> int:
        """A fault (tests/api/faults.py); its number."""
        return int(self.ask("fault_add", **values))

    def clear_faults(self) -> None:
        """Everything works again: requests, network, certificate, DNS, STUN."""
        for command, values in (("fault_clear", {}), ("network", {}), ("certificate", {}),
                                ("dns", {"mode": "ok", "only": "", "delay_s": 0}),
                                ("stun", {"mode": "ok", "mapped": ""})):
            self.ask(command, **values)

    def fault_hits(self, number: int) -> int:
        """How many requests a fault has hit."""
        return sum(fault.get("hits", 0) for fault in self.ask("faults")
                   if fault["number"] == number)

    def cut_streams(self, how: str = "close", mid_record: bool = False) -> int:
        """End every stream: rst, fin, close, final, hang."""
        return int(self.ask("cut_streams", how=how, mid_record=mid_record))

    def network(self, mode: str, **values: Any) -> dict[str, Any]:
        """ok, refuse, stall_tls, reset, plain; count, drop."""
        return self.ask("network", mode=mode, **values)

    # What was seen

    def requests(self, path: str = ".*", method: str = "", after: int = 0) -> list[dict[str, Any]]:
        """Requests so far, oldest first; those with a number above after."""
        return self.ask("requests", path=path, method=method, after=after)

    def last_request(self) -> int:
        """Number of the newest request, for after."""
        return max((request["number"] for request in self.requests()), default=0)

    def wait_request(self, path: str, method: str = "", after: int = 0) -> dict[str, Any]:
        """Wait for a request that has been answered, or has begun to be."""
        def found() -> list[dict[str, Any]]:
            return [request for request in self.requests(path, method, after)
                    if request["status"] or request["ending"]]
        return wait_until(found, f"{method} {path} after request {after}")[0]

    def wait_idle_stream(self, after: int = 0) -> dict[str, Any]:
        """Wait until a stream that is newer than number `after` has sent all that there is."""
        def idle() -> list[dict[str, Any]]:
            return [stream for stream in self.ask("streams")
                    if stream["idle"] and stream["number"] > after]
        return wait_until(idle, "stream that has sent everything")[0]

    def violations(self) -> list[str]:
        """What a careful client would not have done."""
        return self.ask("violations")
