# SPDX-License-Identifier: Apache-2.0
"""One boot of a kernel under QEMU, emulated: /dev/kvm may be there and not work."""

import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from kernels import Kernel

QEMU = "qemu-system-x86_64"
# cmpxchg16b is broken in QEMU 7.2 with more than one CPU: kernels from 6.12 on die of it in the
# slab allocator while they boot. All the rest is wanted: crypto modules do not load without.
CPU = "max,-cx16"
MEMORY = "2G"


@dataclass(frozen=True)
class Boot:
    """What a boot came to."""

    results: str  # from the second serial port
    console: str
    finished: bool  # the machine went off by itself, in time
    seconds: float


def available() -> bool:
    """Is there a QEMU?"""
    return shutil.which(QEMU) is not None


def boot(kernel: Kernel, initrd: Path, arguments: dict[str, list[str]], work: Path,
         limit_s: int) -> Boot:
    """Boot, run tests, power off; killed after limit_s, and when this process dies.

    arguments are for init: it finds them on the kernel's command line.
    """
    console, results = work / "console", work / "results"
    words = " ".join(f"nex.{name}={','.join(values)}" for name, values in arguments.items())
    command = [
        "setpriv", "--pdeathsig", "KILL",
        QEMU, "-nodefaults", "-nographic", "-no-reboot", "-monitor", "none",
        "-machine", "q35", "-accel", "tcg,thread=multi", "-cpu", CPU, "-smp", "2", "-m", MEMORY,
        "-kernel", str(kernel.image), "-initrd", str(initrd),
        "-append", f"console=ttyS0 quiet panic=-1 mitigations=off {words}",
        "-serial", f"file:{console}", "-serial", f"file:{results}",
    ]
    started = time.monotonic()
    try:
        status = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, timeout=limit_s, check=False)
        finished, said = status.returncode == 0, status.stdout.decode(errors="replace")
    except subprocess.TimeoutExpired:
        finished, said = False, f"killed after {limit_s} s\n"
    seconds = time.monotonic() - started
    return Boot(_text(results), _text(console) + said, finished, seconds)


def _text(path: Path) -> str:
    """What a serial port wrote, which ends lines as terminals do."""
    if not path.exists():
        return ""
    return path.read_bytes().decode(errors="replace").replace("\r", "")
