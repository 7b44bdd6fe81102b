# SPDX-License-Identifier: Apache-2.0
"""The frequency of this host's time stamp counter, which is the emulated CPU's too.

A guest measures it against an emulated timer while it boots. Where other processes take the CPU
meanwhile it is wrong by any factor, and so is every time-out of every test. So it is told.
"""

import ctypes
import mmap
import time
from collections.abc import Callable

# rdtsc; shl rdx, 32; or rax, rdx; ret
_READ_COUNTER = bytes.fromhex("0f31 48c1e220 4809d0 c3")
_SECONDS = 0.2
_TRIES = 100


def kernel_arguments() -> list[str]:
    """What tells a kernel, and that there is nothing to be watched; empty where this process may
    not run what measures it."""
    try:
        with mmap.mmap(-1, mmap.PAGESIZE,
                       prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC) as page:
            page.write(_READ_COUNTER)
            khz = _measure_khz(page)
    except OSError:
        return []
    return [f"tsc_early_khz={khz}", "tsc=reliable"]


def _measure_khz(page: mmap.mmap) -> int:
    anchor = ctypes.c_char.from_buffer(page)
    read_counter = ctypes.CFUNCTYPE(ctypes.c_uint64)(ctypes.addressof(anchor))
    try:
        first_ns, first = _pair(read_counter)
        time.sleep(_SECONDS)
        last_ns, last = _pair(read_counter)
    finally:
        del anchor  # or the page cannot be closed
    return round((last - first) * 1_000_000 / (last_ns - first_ns))


def _pair(read_counter: Callable[[], int]) -> tuple[int, int]:
    """Time and counter at the same moment: of several readings the one that took least time."""
    best, answer = 1 << 62, (0, 0)
    for _ in range(_TRIES):
        before = time.monotonic_ns()
        counter = read_counter()
        after = time.monotonic_ns()
        if after - before < best:
            best, answer = after - before, ((before + after) // 2, counter)
    return answer
