# SPDX-License-Identifier: Apache-2.0
"""The wall clock, set wrong on purpose: where that is no trouble of anybody else's.

No namespace has one of its own, so a machine has to say that it is the tests' alone: tests/vm/init
does.
"""

import os
import time

MARK = "NEX_LAB_OWN_CLOCK"
DAY_S = 86400


def may_be_set() -> bool:
    """Is this machine's clock the tests' own?"""
    return MARK in os.environ


class WallClock:
    """Leaving the with block puts it right."""

    def __enter__(self) -> "WallClock":
        assert may_be_set()
        self._booted = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
        return self

    def __exit__(self, *_: object) -> None:
        self.set(0)

    def set(self, days: float) -> None:
        """So many days after the right time, or before."""
        right = self._booted + time.clock_gettime(time.CLOCK_BOOTTIME)
        time.clock_settime(time.CLOCK_REALTIME, right + days * DAY_S)
