# SPDX-License-Identifier: Apache-2.0
"""Wait for a condition, never for a time."""

import os
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

# How many times as long as here a slow machine may take (an emulated CPU: 5).
PATIENCE = float(os.environ.get("NEX_LAB_PATIENCE", "1"))


def wait_until(condition: Callable[[], T], what: str | Callable[[], str], seconds: float = 10,
               poll_s: float = 0.02) -> T:
    """Ask condition() until its answer is true, and return that answer.

    Raises TimeoutError, which says what was waited for and the last answer, after the given time;
    what may be a function, to say how it stands then.
    """
    seconds *= PATIENCE
    deadline = time.monotonic() + seconds
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > deadline:
            said = what if isinstance(what, str) else what()
            raise TimeoutError(f"after {seconds} s still no {said} (last answer: {answer!r})")
        time.sleep(poll_s)
