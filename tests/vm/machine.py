# SPDX-License-Identifier: Apache-2.0
"""One boot of a kernel under QEMU, emulated: /dev/kvm may be there and not work."""

import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import clock
from kernels import Kernel

QEMU = "qemu-system-x86_64"
# cmpxchg16b is broken in QEMU 7.2: kernels from 6.12 on die of it in the slab allocator while they
# boot. All the rest is wanted: crypto modules do not load without.
CPU = "max,-cx16"
CPUS = 1  # of a guest: one that waits for a lock whose holder is not run by the host waits long
# Without a test of scale, and for each peer of one: mostly the test's own list of them.
MEMORY_MIB, PEER_KIB = 2048, 30
# The guest says something after every test, and no test takes that long, but for a test of scale.
SILENCE_S = 240
# One boot, however busy the host is; and with the tests that no kernel has a say in.
LIMIT_S, LIMIT_ALL_S = 2400, 3600

# With norandmaps an emulated process starts in a quarter of the time: QEMU 7.2 keeps translated
# code by its virtual address, and has to translate a library anew wherever else it is loaded.
KERNEL_ARGUMENTS = ("console=ttyS0", "quiet", "panic=-1", "mitigations=off", "norandmaps")


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


class Machine:
    """A machine that boots, runs tests, and goes off. It is killed when it has said nothing for
    too long, when it takes too long, and when this process dies."""

    def __init__(self, kernel: Kernel, initrd: Path, arguments: dict[str, list[str]],
                 limit_s: int, n_peers: int = 0, more: tuple[str, ...] = ()) -> None:
        """Switch it on, with memory for a test of so many peers. arguments are for init, which finds
        them on the kernel's command line, where more goes too; what the machine says goes to files
        beside initrd."""
        self._console, self._results = initrd.with_suffix(".console"), \
            initrd.with_suffix(".results")
        self._log = open(initrd.with_suffix(".qemu"), "w+b")
        words = [f"nex.{name}={','.join(values)}" for name, values in arguments.items()]
        command = [
            "setpriv", "--pdeathsig", "KILL",
            QEMU, "-nodefaults", "-nographic", "-no-reboot", "-monitor", "none",
            "-machine", "q35", "-accel", "tcg,thread=multi", "-cpu", CPU, "-smp", str(CPUS),
            "-m", str(MEMORY_MIB + n_peers * PEER_KIB // 1024),
            "-kernel", str(kernel.image), "-initrd", str(initrd),
            "-append", " ".join([*KERNEL_ARGUMENTS, *clock.kernel_arguments(), *more, *words]),
            "-serial", f"file:{self._console}", "-serial", f"file:{self._results}",
        ]
        self._limit_s, self._silence_s = limit_s, limit_s if n_peers else SILENCE_S
        self._started = self._heard = time.monotonic()
        self._said = 0  # bytes of results
        self._killed = ""
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self._log,
                                         stderr=subprocess.STDOUT)

    def ended(self) -> bool:
        """Is it off? Kills it when it has had its time; to be asked every now and then."""
        now, size = time.monotonic(), 0
        if self._results.exists():
            size = self._results.stat().st_size
        if size != self._said:
            self._said, self._heard = size, now
        if self._process.poll() is not None:
            return True
        if now - self._started > self._limit_s:
            self.kill(f"killed after {self._limit_s} s")
        elif now - self._heard > self._silence_s:
            self.kill(f"killed after {self._silence_s} s without a result")
        return False

    def kill(self, why: str) -> None:
        """Switch it off."""
        self._killed = why
        self._process.kill()
        self._process.wait()

    def boot(self) -> Boot:
        """What it came to, once it has ended."""
        self._log.seek(0)
        said = self._log.read().decode(errors="replace")
        return Boot(_text(self._results), f"{_text(self._console)}{said}{self._killed}",
                    self._process.returncode == 0, time.monotonic() - self._started)


def _text(path: Path) -> str:
    """What a serial port wrote, which ends lines as terminals do."""
    if not path.exists():
        return ""
    return path.read_bytes().decode(errors="replace").replace("\r", "")
