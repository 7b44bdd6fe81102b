# SPDX-License-Identifier: Apache-2.0
"""Packages of Debian's archive, unpacked into a cache and not installed.

They come from the mirror that this host's own package sources name, through apt with lists, cache
and configuration of its own: the host's sources, lists and packages stay as they are. This needs a
network, which a world does not have: what is to be used in a world is fetched before.
"""

import fcntl
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Container, Iterator
from contextlib import contextmanager
from pathlib import Path

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "nex-relay"
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")

_FRESH_S = 7 * 24 * 3600  # what is in the cache is looked up anew after that
_APT_TIMEOUT_S = 180


class Unavailable(Exception):
    """There is nothing to be had; the text says why."""


class Archive:
    """One suite of the archive, as it is now."""

    def __init__(self, work: Path, suite: str) -> None:
        """work is an empty folder, for what apt needs."""
        self._config = str(_private_apt(work, suite))
        run("apt-get", "-c", self._config, "-qq", "update")

    def names(self, start: str) -> list[str]:
        """Packages whose names start so."""
        return run("apt-cache", "-c", self._config, "pkgnames", start).split()

    def depends(self, *packages: str) -> list[str]:
        """What packages depend on, alternatives too."""
        lines = run("apt-cache", "-c", self._config, "depends", "--important",
                    *packages).splitlines()
        return [line.split()[-1] for line in lines if "Depends: " in line]

    def with_libraries(self, packages: list[str], but: Container[str] = ()) -> list[str]:
        """These packages, and the libraries that they depend on."""
        found, newer = set(packages), list(packages)
        while newer:
            newer = [name for name in set(self.depends(*newer)) - found
                     if name not in but and re.match("z?lib", name)]
            found.update(newer)
        return sorted(found)

    def unpack(self, packages: list[str], tree: Path) -> None:
        """Download packages, and unpack them into one tree."""
        with tempfile.TemporaryDirectory(dir=tree.parent) as folder:
            run("apt-get", "-c", self._config, "-qq", "download", *packages, cwd=Path(folder))
            for package in Path(folder).glob("*.deb"):
                run("dpkg-deb", "-x", str(package), str(tree))


def unpacked(tree: Path, suite: str, choose: Callable[[Archive], list[str]],
             check: Callable[[Path], object]) -> None:
    """See to it that tree is in the cache, and has what the archive has now: the packages that are
    chosen. check() raises Unavailable when something is missing in it."""
    def make(work: Path, new: Path) -> None:
        archive = Archive(work, suite)
        archive.unpack(choose(archive), new)
        check(new)
    cached(tree, make)


def cached(tree: Path, make: Callable[[Path, Path], object]) -> None:
    """See to it that tree is in the cache, and is not too old. make(work, new) makes the folder new,
    in the folder work. An older tree stays where it raises Unavailable."""
    with _locked(tree.parent):
        if tree.is_dir() and time.time() - tree.stat().st_mtime < _FRESH_S:
            return
        try:
            _replace(tree, make)
        except Unavailable:
            if not tree.is_dir():
                raise


def _replace(tree: Path, make: Callable[[Path, Path], object]) -> None:
    with tempfile.TemporaryDirectory(dir=tree.parent) as name:
        work = Path(name)
        new = work / "tree"
        make(work, new)
        os.utime(new)
        shutil.rmtree(tree, ignore_errors=True)
        new.rename(tree)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """One process at a time changes the cache."""
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "lock", "w", encoding="ascii") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def run(*argv: str, cwd: Path | None = None, timeout_s: int = _APT_TIMEOUT_S) -> str:
    """Run a command, with all that it starts: apt's downloads outlive apt."""
    try:
        process = subprocess.Popen(argv, cwd=cwd, stdin=subprocess.DEVNULL, text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   start_new_session=True)
    except OSError as err:
        raise Unavailable(str(err)) from err
    with process:
        try:
            output, errors = process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired as err:
            raise Unavailable(f"{argv[0]}: no end after {timeout_s} s") from err
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
    if process.returncode:
        lines = [line for line in errors.splitlines() if not line.startswith("W:")]
        raise Unavailable(f"{argv[0]}: {lines[0] if lines else f'status {process.returncode}'}")
    return output


def codename() -> str:
    """Name of this host's suite."""
    name = _system().get("VERSION_CODENAME")
    if not name:
        raise Unavailable("this Debian does not say which suite it is")
    return name


def _system() -> dict[str, str]:
    """What /etc/os-release says of this host."""
    with open("/etc/os-release", encoding="utf-8") as file:
        system = dict(line.strip().split("=", 1) for line in file if "=" in line)
    if system.get("ID") != "debian":
        raise Unavailable("packages come from Debian's archive, and this is not Debian")
    return system


def mirror() -> str:
    """Base of the archive that this host's own sources name."""
    suites = {_system().get("VERSION_CODENAME"), "stable"}
    for line in run("apt-get", "indextargets", "--format", "$(RELEASE) $(COMPONENT) $(REPO_URI)",
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
    (work / "sources").write_text(f"deb [target=Packages{signed}] {mirror()} {suite} main\n",
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
