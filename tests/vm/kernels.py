# SPDX-License-Identifier: Apache-2.0
"""Debian's kernels: which there are, and an unpacked tree of one.

They come from the mirror that this host's own package sources name, through apt with lists, cache
and configuration of its own: the host's sources, lists and packages stay as they are. Versions are
looked up, not written down: suites move on. An unpacked kernel stays in the cache.
"""

import fcntl
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

# Which suite has the kernels of a series. The newest one is taken, of the flavour for virtual
# machines, which has everything that a WireGuard relay needs.
SUITES = {"6.1": "bookworm", "6.12": "bookworm-backports", "6.18": "trixie-backports",
          "7": "trixie-backports"}
DEFAULT = ("6.1", "6.12")
FLAVOUR = "cloud-amd64"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "nex-relay" / "vm"
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")

_FRESH_S = 7 * 24 * 3600  # a kernel in the cache is looked up anew after that
_APT_TIMEOUT_S = 180


class Unavailable(Exception):
    """There is no such kernel to be had; the text says why."""


@dataclass(frozen=True)
class Kernel:
    """A kernel that can be booted."""

    series: str
    release: str  # as uname -r says it
    image: Path
    tree: Path  # lib/modules is in there

    @property
    def modules(self) -> Path:
        """Where its modules are, whether /lib is a link to /usr/lib there or not."""
        merged = self.tree / "usr/lib/modules" / self.release
        return merged if merged.is_dir() else self.tree / "lib/modules" / self.release


def get(series: str) -> Kernel:
    """The newest kernel of a series, from the cache or from the mirror."""
    if series not in SUITES:
        raise Unavailable(f"no kernel series {series}: there are {' '.join(SUITES)}")
    tree = CACHE / series
    with _locked():
        if not _fresh(tree):
            try:
                _fetch(series, tree)
            except Unavailable:
                if not tree.is_dir():
                    raise
    return of_tree(tree, series)


def of_path(path: Path) -> Kernel:
    """The kernel of an unpacked tree, or of an image that lies in such a tree (or in none)."""
    if path.is_dir():
        return of_tree(path, "")
    if not path.is_file():
        raise Unavailable(f"{path}: no such kernel")
    release = _release(path)
    for folder in path.parents:
        if (folder / "lib/modules" / release).is_dir() or \
                (folder / "usr/lib/modules" / release).is_dir():
            return Kernel(release, release, path, folder)
    raise Unavailable(f"{path}: no modules of {release} beside it")


def of_tree(tree: Path, series: str) -> Kernel:
    """The kernel in an unpacked package tree; series is only a name for it."""
    images = [*tree.glob("boot/vmlinuz-*"), *tree.glob("usr/lib/modules/*/vmlinuz"),
              *tree.glob("lib/modules/*/vmlinuz")]
    if not images:
        raise Unavailable(f"{tree}: no kernel image in it")
    release = _release(images[0])
    return Kernel(series or release, release, images[0], tree)


def _release(image: Path) -> str:
    """Version as the header of a bzImage has it (Documentation/arch/x86/boot.rst)."""
    with open(image, "rb") as file:
        head = file.read(0x8000)
    if head[0x202:0x206] != b"HdrS":
        raise Unavailable(f"{image}: not an x86 kernel image")
    start = int.from_bytes(head[0x20e:0x210], "little") + 0x200
    return head[start:start + 200].split(b"\0")[0].decode("ascii", "replace").split()[0]


def _fresh(tree: Path) -> bool:
    return tree.is_dir() and time.time() - tree.stat().st_mtime < _FRESH_S


@contextmanager
def _locked() -> Iterator[None]:
    """One process at a time changes the cache."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with open(CACHE / "lock", "w", encoding="ascii") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _run(*argv: str, cwd: Path | None = None) -> str:
    """Run a command, with all that it starts: apt's downloads outlive apt."""
    try:
        process = subprocess.Popen(argv, cwd=cwd, stdin=subprocess.DEVNULL, text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   start_new_session=True)
    except OSError as err:
        raise Unavailable(str(err)) from err
    with process:
        try:
            output, errors = process.communicate(timeout=_APT_TIMEOUT_S)
        except subprocess.TimeoutExpired as err:
            raise Unavailable(f"{argv[0]}: no end after {_APT_TIMEOUT_S} s") from err
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
    if process.returncode:
        lines = [line for line in errors.splitlines() if not line.startswith("W:")]
        raise Unavailable(f"{argv[0]}: {lines[0] if lines else f'status {process.returncode}'}")
    return output


def _fetch(series: str, tree: Path) -> None:
    """Download the newest kernel of a series, and put its tree into the cache."""
    with tempfile.TemporaryDirectory(dir=CACHE) as name:
        work = Path(name)
        config = str(_private_apt(work, SUITES[series]))
        _run("apt-get", "-c", config, "-qq", "update")
        image = _newest(series, _run("apt-cache", "-c", config, "pkgnames", "linux-image-"))
        # From 7.0 on the image package is empty, and depends on two with the same ending.
        ending = image.removeprefix("linux-image-")
        depends = _run("apt-cache", "-c", config, "depends", image).split()
        packages = [image, *(f"linux-{part}-{ending}" for part in ("binary", "modules")
                             if f"linux-{part}-{ending}" in depends)]
        _run("apt-get", "-c", config, "-qq", "download", *packages, cwd=work)
        unpacked = work / "tree"
        for package in work.glob("*.deb"):
            _run("dpkg-deb", "-x", str(package), str(unpacked))
        of_tree(unpacked, series)
        os.utime(unpacked)
        shutil.rmtree(tree, ignore_errors=True)
        unpacked.rename(tree)


def _newest(series: str, names: str) -> str:
    pattern = re.compile(rf"linux-image-{re.escape(series)}\.\d\S*-{FLAVOUR}$")
    found = [name for name in names.split() if pattern.match(name)]
    if not found:
        raise Unavailable(f"{SUITES[series]} has no kernel {series}")
    return max(found, key=lambda name: [int(number) for number in re.findall(r"\d+", name)])


def _mirror() -> str:
    """Base of the archive that this host's own sources name."""
    with open("/etc/os-release", encoding="utf-8") as file:
        system = dict(line.strip().split("=", 1) for line in file if "=" in line)
    if system.get("ID") != "debian":
        raise Unavailable("kernels come from Debian's archive, and this is not Debian")
    suites = {system.get("VERSION_CODENAME"), "stable"}
    for line in _run("apt-get", "indextargets", "--format", "$(RELEASE) $(COMPONENT) $(REPO_URI)",
                     "Created-By: Packages").splitlines():
        suite, component, uri = line.split()
        if suite in suites and component == "main":
            return uri
    raise Unavailable("this host's package sources name no Debian mirror")


def _private_apt(work: Path, suite: str) -> Path:
    """Configuration of an apt that neither reads nor writes the host's sources and lists.

    Proxies and the like stay as the host has them; what it wants to be run after an update does
    not.
    """
    for folder in ("lists/partial", "cache/archives/partial"):
        (work / folder).mkdir(parents=True)
    signed = f" signed-by={KEYRING}" if KEYRING.exists() else ""
    (work / "sources").write_text(f"deb [target=Packages{signed}] {_mirror()} {suite} main\n",
                                  encoding="ascii")
    config = work / "apt.conf"
    config.write_text("#clear APT::Update;\n"
                      f'Dir::State::lists "{work}/lists";\n'
                      f'Dir::Cache "{work}/cache";\n'
                      f'Dir::Etc::sourcelist "{work}/sources";\n'
                      'Dir::Etc::sourceparts "/dev/null";\n'
                      'Acquire::Languages "none";\n'
                      'Acquire::Retries "1";\n'
                      'Acquire::http::Timeout "20";\n'
                      'Acquire::https::Timeout "20";\n'
                      'APT::Update::Error-Mode "any";\n', encoding="ascii")
    return config
