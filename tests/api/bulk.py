# SPDX-License-Identifier: Apache-2.0
"""Commands about many devices at once."""

import base64
import os
from typing import Any

from api.model import Store
from api.rows import Device, Vpc, new_id


class Bulk:
    """Commands; Commands (control.py) has the rest."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._made = 0

    def _vpc(self, name: str | None) -> Vpc:
        raise NotImplementedError

    def bulk_add(self, count: int, vpc: str | None = None, prefix: str = "bulk-",
                 **values: Any) -> dict[str, Any]:
        """Devices with random keys, one address of each family, and no token."""
        network = self._vpc(vpc)
        owner = next(iter(network.members))
        endpoints = [{"source": "local", "address": "192.0.2.1:51820"},
                     {"source": "stun:", "address": "198.51.100.1:51820"}]
        for _ in range(count):
            self._made += 1
            key = base64.b64encode(os.urandom(32)).decode()
            device = Device(new_id(), owner, network, key)
            device.hostname, device.os = f"{prefix}{self._made}", "linux"
            device.endpoints = endpoints
            for name, value in values.items():
                setattr(device, name, value)
            self._store.add_device(device, token=None).record()
        self._store.wake()
        return {"count": count, "revision": self._store.devices.sequence}

    def bulk_update(self, count: int, vpc: str | None = None, prefix: str = "bulk-",
                    times: int = 1) -> dict[str, Any]:
        """A burst of changes: the first devices of the prefix get other endpoints, several times;
        only the last change of each can still be seen."""
        rows = self._some(count, vpc, prefix)
        for at in range(times):
            endpoints = [{"source": "local", "address": f"192.0.2.{at % 250 + 2}:51820"},
                         {"source": "stun:", "address": f"198.51.100.{at % 250 + 2}:51820"}]
            for device in rows:
                device.endpoints = endpoints
                self._store.devices.put(device)
        self._store.wake()
        return {"count": len(rows), "revision": self._store.devices.sequence}

    def bulk_delete(self, count: int, vpc: str | None = None,
                    prefix: str = "bulk-") -> dict[str, Any]:
        """Delete the first devices of the prefix, with one wake-up at the end."""
        rows = self._some(count, vpc, prefix)
        self._store.delete_devices(rows)
        return {"count": len(rows), "revision": self._store.devices.sequence}

    def purge(self) -> int:
        """Forget what is deleted, as the daily job does; how many rows."""
        return self._store.purge()

    def sequence(self, kind: str, value: int) -> None:
        """Let the next revision of a kind be a bit above value, which must not be below the
        present one."""
        table = self._store.tables[kind]
        if value < table.sequence:
            raise ValueError(f"sequence is at {table.sequence}")
        table.sequence = value

    def _some(self, count: int, vpc: str | None, prefix: str) -> list[Device]:
        network = self._vpc(vpc)
        found = [device for device in self._store.devices.live()
                 if device.vpc is network and device.hostname.startswith(prefix)]
        return found[:count]
