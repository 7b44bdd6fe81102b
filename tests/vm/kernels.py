# SPDX-License-Identifier: Apache-2.0
"""Debian's kernels: which there are, and an unpacked tree of one.

They come from Debian's archive (tools/lab/debian.py). Versions are looked up, not written down:
suites move on. An unpacked kernel stays in the cache.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from lab import debian
from lab.debian import Archive, Unavailable

# Which suite has the kernels of a series. The newest one is taken, of the flavour for virtual
# machines, which has everything that a WireGuard relay needs.
SUITES = {"6.1": "bookworm", "6.12": "bookworm-backports", "6.18": "trixie-backports",
          "7": "trixie-backports"}
DEFAULT = ("6.1", "6.12")
FLAVOUR = "cloud-amd64"
CACHE = debian.CACHE / "vm"


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
    debian.unpacked(tree, SUITES[series], lambda archive: _packages(series, archive),
                    lambda unpacked: of_tree(unpacked, series))
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


def _packages(series: str, archive: Archive) -> list[str]:
    """Those of the newest kernel of a series."""
    image = _newest(series, archive.names("linux-image-"))
    # From 7.0 on the image package is empty, and depends on two with the same ending.
    ending = image.removeprefix("linux-image-")
    parts = {f"linux-{part}-{ending}" for part in ("binary", "modules")}
    return [image, *sorted(parts & set(archive.depends(image)))]


def _newest(series: str, names: list[str]) -> str:
    pattern = re.compile(rf"linux-image-{re.escape(series)}\.\d\S*-{FLAVOUR}$")
    found = [name for name in names if pattern.match(name)]
    if not found:
        raise Unavailable(f"{SUITES[series]} has no kernel {series}")
    return max(found, key=lambda name: [int(number) for number in re.findall(r"\d+", name)])
