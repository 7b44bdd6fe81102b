# SPDX-License-Identifier: Apache-2.0
"""Wait for a condition, never for a time."""

import os
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

# How many times as long as here a slow machine may take (an emulated CPU: 5).
PATIENCE = float(os.environ.get("NEX_LAB_PATIENCE", "1"))

# Whatever is waited for has come by then, also where several others have the processors all the
# time: only what hangs takes longer. How fast something is, no test says.
LIMIT_S = 90 * PATIENCE


def wait_until(condition: Callable[[], T], what: str | Callable[[], str], seconds: float = LIMIT_S,
               poll_s: float = 0.02) -> T:
    """Ask condition() until its answer is true, and return that answer.

    Raises TimeoutError, which says what was waited for and the last answer, after the limit;
    what may be a function, to say how it stands then. Other seconds are for what takes longer
    even on a quiet machine, and for the end of what is looked at again and again.
    """
    deadline = time.monotonic() + seconds
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > deadline:
            said = what if isinstance(what, str) else what()
            raise TimeoutError(f"after {seconds} s still no {said} (last answer: {answer!r})")
        time.sleep(poll_s)


def wait_quiet(count: Callable[[], object], seconds: float) -> None:
    """Wait until count() has given the same answer for so long: what went on before is over."""
    seen, since = count(), time.monotonic()

    def is_quiet() -> bool:
        nonlocal seen, since
        now = count()
        if now != seen:
            seen, since = now, time.monotonic()
        return time.monotonic() - since >= seconds
    wait_until(is_quiet, f"{seconds} s without a change")
