# SPDX-License-Identifier: Apache-2.0
"""Commands for tests and the demo. Every public method of Commands is one; `ctl` and client.py
send them."""

import json
import os
import socketserver
import threading
from typing import Any

from api.bulk import Bulk
from api.devices import as_dict, change
from api.listener import Network
from api.names import Names
from api.rows import Device, Group, RegKey, User, Vpc, new_id, new_secret
from api.stun import StunServer
from api.trouble import Trouble

SCOPE = ("openid profile email offline_access read:organizations write:organizations read:users "
         "write:users read:devices write:devices")
_PLAIN = ("hostname", "os", "relay", "symmetric_nat", "endpoints")


class Commands(Bulk, Trouble):
    """A VPC, user, key or device is named by its id; a device by hostname or key, too. The user and
    VPC that are there from the start are meant where none is named."""

    def __init__(self, network: Network, names: Names, stun: list[StunServer],
                 home: User) -> None:
        self._home = home
        Trouble.__init__(self, network, names, stun)
        Bulk.__init__(self, self._service.store)

    def info(self) -> dict[str, Any]:
        """Where everything is."""
        port = self._network.addresses[0][1] if self._network.addresses else 443
        suffix = "" if port == 443 else f":{port}"
        return {"pid": os.getpid(), "domain": self._names.domain,
                "listen": _shown(self._network.addresses),
                "service_url": f"https://{self._names.domain}{suffix}",
                "ca": self._network.certificates.ca_path, "user": self._home.id,
                "vpc": self._home.id, "username": self._home.username,
                "password": self._home.password,
                "dns": _shown(self._names.addresses),
                "stun": _shown([server.address for server in self._stun])}

    def set(self, **values: Any) -> dict[str, Any]:
        """Change settings (settings.py); all of them are shown."""
        self._service.settings.change(values)
        for device in self._store.devices.rows.values() if "tokens_in_events" in values else ():
            device.changed()
        return self._service.settings.shown()

    # Users, VPCs, keys, groups

    def user_add(self, username: str, password: str = "secret", **values: Any) -> dict[str, Any]:
        """A user; user_id and members of the default VPC may be given."""
        return self._store.add_user(username, password, **values).shown()

    def user_delete(self, user: str) -> None:
        """Its keys and tokens get 401 from then on."""
        del self._store.users[self._user(user).id]

    def member_add(self, user: str, vpc: str | None = None) -> None:
        """Let a user into the organization of a VPC."""
        self._vpc(vpc).members.add(self._user(user).id)

    def vpc_add(self, owner: str | None = None, **values: Any) -> dict[str, Any]:
        """vpc_id, organization_id, ipv4_cidr, ipv6_cidr, private_cidr, description."""
        return self._store.add_vpc(self._user(owner), **values).shown()

    def vpc_update(self, vpc: str | None = None, **values: Any) -> dict[str, Any]:
        """New ranges are for devices that come; those that are there keep their addresses."""
        row = self._vpc(vpc)
        for name in values:
            if name not in ("description", "ipv4_cidr", "ipv6_cidr", "private_cidr"):
                raise ValueError(f"no member {name!r}")
        for name, value in values.items():
            setattr(row, name, value)
        self._store.vpcs.put(row)
        self._store.wake()
        return row.shown()

    def vpc_delete(self, vpc: str | None = None) -> None:
        """With everything in it."""
        self._store.delete_vpc(self._vpc(vpc))

    def key_add(self, vpc: str | None = None, owner: str | None = None, single_use: bool = False,
                expires_in_s: float | None = None, **values: Any) -> dict[str, Any]:
        """A registration key, and its URL for --reg-key. Also: id, token, device_id, description,
        security_group_id, settings."""
        if expires_in_s is not None:
            values["expires_at"] = self._store.settings.now() + expires_in_s
        key = self._store.add_reg_key(self._user(owner), self._vpc(vpc), single_use, **values)
        return key.shown() | {"url": f"{self.info()['service_url']}#{key.token}"}

    def key_revoke(self, key: str) -> None:
        """By id or token."""
        del self._store.reg_keys[self._key(key).token]

    def key_expire(self, key: str, in_s: float | None = 0) -> None:
        """Let it expire now or later; null: never."""
        now = self._store.settings.now()
        self._key(key).expires_at = None if in_s is None else now + in_s

    def group_add(self, vpc: str | None = None, description: str = "group", group_id: str = "",
                  inbound: list[Any] | None = None,
                  outbound: list[Any] | None = None) -> dict[str, Any]:
        """A security group."""
        group = Group(group_id or new_id(), self._vpc(vpc), description)
        group.inbound, group.outbound = inbound or [], outbound or []
        self._store.put_group(group)
        return group.shown()

    def group_delete(self, group: str) -> None:
        """Soft, as devices."""
        row = self._store.groups.rows[group]
        row.deleted = True
        self._store.put_group(row)

    # Devices

    def device_add(self, public_key: str, hostname: str = "device", vpc: str | None = None,
                   owner: str | None = None, addresses: list[str] | None = None,
                   advertise_cidrs: list[str] | None = None, device_id: str = "",
                   metadata: Any = None, any_cidrs: list[str] | None = None,
                   commit_s: float = 0, **values: Any) -> dict[str, Any]:
        """A device that somebody else has registered. addresses are given when they are free;
        metadata is its value of the key "relay"; any_cidrs are advertised though they overlap with
        others or are nonsense. Whoever else watches sees it after commit_s, and its revision
        is of now."""
        revision = self._store.begin(commit_s)
        device = Device(device_id or new_id(), self._user(owner).id, self._vpc(vpc),
                        public_key)
        if public_key in self._store.by_key:
            raise ValueError("that key is registered")
        device.hostname = hostname
        self._set(device, values)
        self._store.add_device(device, addresses or (), advertise_cidrs, revision=revision)
        if any_cidrs is not None:
            device.advertise_cidrs = any_cidrs
            device.changed()
        if metadata is not None:
            self._store.put_metadata(device, "relay", metadata)
        self._store.wake()
        return as_dict(device)

    def device_update(self, device: str, advertise_cidrs: list[str] | None = None,
                      public_key: str = "", addresses: list[str] | None = None,
                      security_group_id: str | None = None, allowed_ips: list[str] | None = None,
                      any_cidrs: list[str] | None = None, commit_s: float = 0,
                      **values: Any) -> dict[str, Any]:
        """Change it as its owner could; and its key, addresses, allowed_ips and any_cidrs as nobody
        could. commit_s: as in device_add."""
        revision = self._store.begin(commit_s)
        row = self._device(device)
        if public_key:
            del self._store.by_key[row.public_key]
            row.public_key = public_key
            self._store.by_key[public_key] = row
        if addresses:
            cidrs = row.advertise_cidrs
            self._store.release(row)
            row.advertise_cidrs = None
            self._store.assign(row, addresses)
            self._store.advertise(row, cidrs)
        if allowed_ips is not None:
            row.allowed_ips = allowed_ips
        if any_cidrs is not None:
            self._store.advertise(row, None)
            row.advertise_cidrs = any_cidrs
        self._set(row, values)
        change(self._store, row, {}, None, security_group_id, advertise_cidrs, revision)
        self._store.wake()
        return as_dict(row)

    def device_delete(self, device: str, commit_s: float = 0) -> dict[str, Any]:
        """Soft: a delete event; its token gets 401. commit_s: as in device_add."""
        revision = self._store.begin(commit_s)
        row = self._device(device)
        self._store.delete_device(row, revision)
        return as_dict(row)

    def commit(self) -> None:
        """What waits for its commit_s is committed now."""
        self._store.commit()

    def device_get(self, device: str) -> dict[str, Any]:
        """With its token in clear."""
        return as_dict(self._device(device))

    def devices(self, vpc: str | None = None) -> list[dict[str, Any]]:
        """All of a VPC that are not deleted."""
        network = self._vpc(vpc)
        return [as_dict(row) for row in self._store.devices.live() if row.vpc is network]

    def token_revoke(self, device: str) -> None:
        """The device stays, its token gets 401; its next PATCH gives it none. See token_renew."""
        self._store.set_token(self._device(device), None)

    def token_renew(self, device: str) -> str:
        """Another token for the device; the old one gets 401."""
        token = new_secret("DT")
        self._store.set_token(self._device(device), token)
        return token

    def metadata_put(self, device: str, value: Any, key: str = "relay") -> dict[str, Any]:
        """A metadata value."""
        return self._store.put_metadata(self._device(device), key, value).shown()

    def metadata(self, device: str) -> dict[str, Any]:
        """A device's metadata: key to value."""
        row = self._device(device)
        return {item.key: item.value for item in self._store.metadata.live()
                if item.device is row}

    def metadata_delete(self, device: str, key: str = "relay") -> None:
        """Soft."""
        item = self._store.metadata.rows[f"{self._device(device).id}/{key}"]
        item.deleted = True
        self._store.metadata.put(item)
        self._store.wake()

    # Logins

    def approve(self, user_code: str = "", username: str = "", deny: bool = False) -> None:
        """What somebody at the login page does; without a code: the newest one."""
        self._service.issuer.approve(user_code, username or self._home.username, deny)

    def sessions_revoke(self) -> None:
        """Every access and refresh token is void."""
        self._service.issuer.revoke()

    def access_token(self, username: str = "", scope: str = SCOPE) -> str:
        """An access token, as a login would give."""
        answer = self._service.issuer.issue(self._user(username or None), scope)
        return str(json.loads(answer.body)["access_token"])

    # By name

    def _set(self, device: Device, values: dict[str, Any]) -> None:
        for name in values:
            if name not in _PLAIN:
                raise ValueError(f"no member {name!r}")
        if "relay" in values and device.ipv4 and device.relay != values["relay"]:
            device.set_allowed(values["relay"])
        for name, value in values.items():
            setattr(device, name, value)

    def _user(self, name: str | None) -> User:
        for user in self._store.users.values():
            if name in (None, user.id, user.username):
                return self._home if name is None else user
        raise ValueError(f"no user {name!r}")

    def _vpc(self, name: str | None) -> Vpc:
        row = self._store.vpcs.rows.get(name or self._home.id)
        if not row:
            raise ValueError(f"no vpc {name!r}")
        return row

    def _key(self, name: str) -> RegKey:
        for key in self._store.reg_keys.values():
            if name in (key.id, key.token):
                return key
        raise ValueError("no such key")

    def _device(self, name: str) -> Device:
        row = self._store.devices.rows.get(name) or self._store.by_key.get(name)
        row = row or next((row for row in self._store.devices.live() if row.hostname == name), None)
        if not row:
            raise ValueError(f"no device {name!r}")
        return row


def _shown(addresses: list[tuple[str, int]]) -> list[str]:
    return [f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in addresses]


class ControlServer(socketserver.ThreadingUnixStreamServer):
    """The socket; whoever may open it may do everything."""

    daemon_threads = True

    def __init__(self, path: str, commands: Commands, lock: Any) -> None:
        self.commands, self.lock = commands, lock
        if os.path.exists(path):
            os.unlink(path)
        super().__init__(path, _Session)
        os.chmod(path, 0o600)

    def start(self) -> None:
        """Answer from now on."""
        threading.Thread(target=self.serve_forever, daemon=True).start()


class _Session(socketserver.StreamRequestHandler):
    """Lines of one client."""

    server: ControlServer

    def handle(self) -> None:
        for line in self.rfile:
            self.wfile.write(json.dumps(self._run(line)).encode() + b"\n")

    def _run(self, line: bytes) -> dict[str, Any]:
        try:
            request = json.loads(line)
            name = request["command"].replace("-", "_")
            function = None if name.startswith("_") else getattr(self.server.commands, name, None)
            if function is None:
                raise ValueError(f"no command {name!r}")
            if name in ("network", "drop", "dns"):
                return {"answer": function(**request.get("args", {}))}
            with self.server.lock:
                return {"answer": function(**request.get("args", {}))}
        except Exception as err:  # told to the client, whatever it is
            return {"error": f"{type(err).__name__}: {err}"}
