# SPDX-License-Identifier: Apache-2.0
"""Times, limits and switches. The defaults are those of a deployment."""

import threading
import time
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Settings:
    """Every field can be set while the server runs (`ctl set NAME=VALUE`); None is "never"."""

    write_deadline_s: float | None = 10  # of an answer, counted from the request
    route_timeout_s: float | None = 30  # of the proxy, for POST /api/events only
    read_timeout_s: float = 5  # for a request, from its first byte
    online_grace_s: float = 5  # after the last stream of a device
    online_tracking: bool = True
    page_rows: int = 100  # of a watch
    commit_s: float = 0  # a request that writes a device commits within so long; its revision is
    # drawn before, so that a later one may be seen first
    tokens_in_events: bool = False  # sealed tokens in device events: the real one may, or may not
    seal: str = "aes"  # "chacha", as before October 2023; "other", which nobody can open; "none"
    rate_limit: int | None = None  # requests of one owner in rate_window_s
    rate_window_s: float = 10
    rate_retry_after: bool = True
    devices_enabled: bool = True
    security_groups_enabled: bool = True
    clock_offset_s: float = 0  # how far this server's clock is ahead
    server_time: bool = True  # in the answer of /device/login/start; old servers have none
    access_token_s: float = 600
    device_code_s: float = 600
    poll_interval_s: int = 5  # of the device flow; 0 is a legal answer too
    auto_approve: str = ""  # user who approves every device code at once
    rotate_refresh: bool = False  # a refresh token works once

    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def now(self) -> float:
        """This server's wall clock."""
        return time.time() + self.clock_offset_s

    def change(self, values: dict[str, Any]) -> None:
        """Set some fields; ValueError for a name that there is not."""
        with self._lock:
            for name in values:
                if name.startswith("_") or name not in self.__dataclass_fields__:
                    raise ValueError(f"no setting {name!r}")
            for name, value in values.items():
                setattr(self, name, value)

    def shown(self) -> dict[str, Any]:
        """All fields."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__
                if not name.startswith("_")}
