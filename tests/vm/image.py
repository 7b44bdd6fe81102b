# SPDX-License-Identifier: Apache-2.0
"""The guest's file system: an initramfs of this host's own binaries, the project and modules.

Nothing is compressed: unpacking costs more in an emulated CPU than reading.
"""

import os
import shutil
import subprocess
import sysconfig
from contextlib import suppress
from pathlib import Path

from kernels import Kernel, Unavailable

from lab import earlier, network_manager

ROOT = Path(__file__).resolve().parent.parent.parent

TOOLS = ("sh", "bpftool", "cat", "dmesg", "env", "grep", "head", "ip", "ip6tables", "iptables",
         "kmod", "ls", "mkdir", "modprobe", "mount", "nft", "nsenter", "ping", "python3", "rm",
         "sed", "setpriv", "sleep", "ss", "tc", "tr", "true", "umount", "unshare", "wg",
         "wireguard-go")
PLUGINS = ("MASQUERADE", "addrtype", "comment", "conntrack", "standard")  # of iptables
PROVIDERS = ("legacy.so",)  # of OpenSSL: Python's cryptography does not begin without
LIBRARIES = ("libgcc_s.so.1",)  # pthread_exit() opens it at run time
TESTS = ("tests/api", "tests/net", "tests/vm", "tools/lab", "tools/demo", "README.md")
# pytest and what one version of it or another needs; and what the stand-in api-server does.
PACKAGES = ("pytest", "_pytest", "py", "pluggy", "iniconfig", "packaging", "attr", "attrs",
            "cryptography", "_cffi_backend.*")
# Of Python's own library, what no test needs.
PRUNED = ("__pycache__", "config-*", "distutils", "ensurepip", "idlelib", "lib2to3", "pydoc_data",
          "test", "tkinter", "turtledemo")
MODULES = ("wireguard", "veth", "tun", "dummy", "sch_ingress", "cls_bpf", "act_bpf", "nf_tables",
           "nft_compat", "x_tables", "xt_addrtype", "xt_conntrack", "xt_MASQUERADE", "nf_conntrack", "nft_ct",
           "nft_reject_inet", "nf_nat", "nft_nat", "nft_masq", "nft_chain_nat", "sch_netem",
           "bridge", "inet_diag", "vrf")
# What depmod reads beside the modules themselves.
INDEXES = ("modules.builtin", "modules.builtin.modinfo", "modules.order")

_SEARCH = "/usr/sbin:/usr/bin:/sbin:/bin"


def build_base(work: Path, build: Path) -> Path:
    """Everything but the modules, as a cpio archive in work."""
    root = work / "base"
    for folder in ("dev", "proc", "run", "sys", "tmp", "root", "etc", "usr/bin", "usr/sbin",
                   "usr/lib", "usr/lib64", "var/lib"):
        (root / folder).mkdir(parents=True)
    for folder in ("bin", "sbin", "lib", "lib64"):
        (root / folder).symlink_to(f"usr/{folder}")
    (root / "var/run").symlink_to("/run")
    (root / "etc/passwd").write_text("root:x:0:0::/root:/bin/sh\n"
                                     "nobody:x:65534:65534::/:/bin/false\n", encoding="ascii")
    shutil.copy2(ROOT / "tests/vm/init", root / "init")
    elves = [_add_tool(root, name) for name in TOOLS]
    elves += _add_python(root)
    elves += _add_project(root / "nex-relay", build)
    elves += _add_plugins(root)
    if os.environ.get("NET") == "all":
        elves += _add_network_manager(root)
    _add_libraries(root, elves)
    return _pack(root, work / "base.cpio")


def build_modules(work: Path, kernel: Kernel) -> tuple[Path, list[str]]:
    """The kernel's modules, as a cpio archive in work, and the names of those it does not have."""
    root = work / f"modules-{kernel.release}"
    here = root / "usr/lib/modules" / kernel.release
    missing = []
    for name in MODULES:
        paths = _module_paths(work, kernel, name)
        if paths is None:
            missing.append(name)
        for path in paths or ():
            copy = here / path.relative_to(kernel.modules)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, copy)
    here.mkdir(parents=True, exist_ok=True)
    for name in INDEXES:
        (here / name).write_bytes(_index(kernel, name))
    (root / "lib").symlink_to("usr/lib")
    _run("depmod", "-b", str(root), kernel.release)
    (root / "lib").unlink()  # the base has it
    return _pack(root, work / f"modules-{kernel.release}.cpio"), missing


def _run(*argv: str, **options: object) -> str:
    return subprocess.run(argv, check=True, stdout=subprocess.PIPE, text=True,
                          stdin=options.pop("stdin", subprocess.DEVNULL), **options).stdout


def _pack(root: Path, archive: Path) -> Path:
    names = "\0".join(str(path.relative_to(root)) for path in [root, *sorted(root.rglob("*"))])
    with open(archive, "wb") as out:
        subprocess.run(["cpio", "--quiet", "-0", "-o", "-H", "newc", "-R", "+0:+0"], cwd=root,
                       input=names.encode(), stdout=out, check=True)
    return archive


def _place(root: Path, path: Path) -> Path:
    """Where a file of the host goes: its real folder, below /usr on every system; what is unpacked
    goes where it would have been installed."""
    folder, unpacked = path.parent.resolve(), network_manager.TREE.resolve()
    if folder.is_relative_to(unpacked):
        folder = folder.relative_to(unpacked)
    inside = root / str(folder).lstrip("/")
    inside.mkdir(parents=True, exist_ok=True)
    return inside / path.name


def _add_tool(root: Path, name: str) -> Path:
    """A program, under its own name whatever it is a link to."""
    found = shutil.which(name, path=_SEARCH)
    if not found:
        raise Unavailable(f"no program {name} for the guest")
    shutil.copy2(found, _place(root, Path(found)))
    return Path(found)


def _add_python(root: Path) -> list[Path]:
    """Python's library and packages, compiled so that no time stamp has to be right."""
    library = Path("/usr/lib") / f"python{sysconfig.get_python_version()}"
    copy = root / str(library).lstrip("/")
    shutil.copytree(library, copy, ignore=shutil.ignore_patterns(*PRUNED), symlinks=False,
                    ignore_dangling_symlinks=True)
    there = Path("/usr/lib/python3/dist-packages")
    packages = root / str(there).lstrip("/")
    for source in [path for name in (*PACKAGES, "pytest-*-info") for path in there.glob(name)]:
        if source.is_dir():
            shutil.copytree(source, packages / source.name, ignore=shutil.ignore_patterns(*PRUNED))
        else:
            shutil.copy2(source, packages)
    _run("/usr/bin/python3", "-m", "compileall", "-q", "-j0", "--invalidation-mode",
         "unchecked-hash", "-s", str(root), str(root / "usr/lib"))
    return [Path("/") / path.relative_to(root) for folder in (copy, packages)
            for path in folder.rglob("*.so")]


def _add_project(root: Path, build: Path) -> list[Path]:
    for name in TESTS:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(ROOT / name, root / name)
    binaries = [build / "nex-relay", build / "tests/bpf/table",
                build / "tests/vm/test_wg_edit_live"]
    for path in [*binaries, build / "nex_wg.bpf.o"]:
        if not path.is_file():
            raise FileNotFoundError(f"no {path}: run make test-build first")
        copy = root / "build" / path.relative_to(build)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, copy)
    with suppress(earlier.NoEarlierVersion):  # its tests say why there is none
        copy = root / Path(earlier.build()).relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(earlier.BINARY, copy)
        binaries.append(Path(earlier.BINARY))
    for source in (ROOT / "tests/net").glob("*.bpf.c"):
        target = root / "build/tests/net" / source.name.replace(".c", ".o")
        target.parent.mkdir(parents=True, exist_ok=True)
        _run("clang", "-O2", "--target=bpf", "-c", str(source), "-o", str(target))
    return binaries


def _add_plugins(root: Path) -> list[Path]:
    """What iptables and OpenSSL load by name."""
    found = [path for path in Path("/usr/lib").glob("*/xtables/libxt_*.so")
             if path.stem.removeprefix("libxt_") in PLUGINS]
    found += [path for path in Path("/usr/lib").glob("*/ossl-modules/*")
              if path.name in PROVIDERS]
    for path in found:
        shutil.copy2(path, _place(root, path))
    return found


def _add_network_manager(root: Path) -> list[Path]:
    """NetworkManager and a message bus, if they are to be had: tests say when they are not."""
    found = network_manager.programs()
    for path in found:
        shutil.copy2(path, _place(root, path))
    return found


def _add_libraries(root: Path, elves: list[Path]) -> None:
    """The shared libraries that these files need, and those that they need."""
    listed = _run("ldd", *map(str, elves), env=os.environ | network_manager.environment())
    needed = {Path(word) for line in listed.splitlines()
              for word in line.split() if word.startswith("/") and not word.endswith(":")}
    folders = {path.parent for path in needed}
    needed |= {folder / name for folder in folders for name in LIBRARIES
               if (folder / name).is_file()}
    for path in needed:
        shutil.copy2(path, _place(root, path))


def _module_paths(work: Path, kernel: Kernel, name: str) -> list[Path] | None:
    """Files of a module and of what it depends on; none when built in, None when there is none."""
    shadow = _shadow(work, kernel)
    done = subprocess.run(["modprobe", "-d", str(shadow), "-S", kernel.release, "--ignore-install",
                           "--show-depends", name], check=False, capture_output=True, text=True,
                          stdin=subprocess.DEVNULL)
    if done.returncode:
        return None
    start = shadow / "lib/modules" / kernel.release
    return [kernel.modules / Path(line.split()[1]).relative_to(start)
            for line in done.stdout.splitlines() if line.startswith("insmod ")]


def _index(kernel: Kernel, name: str) -> bytes:
    """What the kernel's package says of its modules; from 7.0 on it says it elsewhere."""
    path = kernel.modules / name
    return path.read_bytes() if path.is_file() else b""


def _shadow(work: Path, kernel: Kernel) -> Path:
    """A tree with links to the modules and with an index, which the packages leave to be made."""
    shadow = work / f"shadow-{kernel.release}"
    here = shadow / "lib/modules" / kernel.release
    if not here.is_dir():
        here.mkdir(parents=True)
        (here / "kernel").symlink_to((kernel.modules / "kernel").resolve())
        for name in INDEXES:
            (here / name).write_bytes(_index(kernel, name))
        _run("depmod", "-b", str(shadow), kernel.release)
    return shadow
