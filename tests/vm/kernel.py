"""Fetch and unpack Debian's kernel, once, outside of the repository.

`python3 kernel.py` prints the folder, which holds `vmlinuz` and `lib/modules/RELEASE` with the output of depmod. Nothing is installed
in the system. Two processes may ask at the same time: one fetches, the other waits.
"""

import fcntl
import functools
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

META_PACKAGE = "linux-image-amd64"

# depmod, mkfs.fat and others live where an ordinary user's PATH may not look.
os.environ["PATH"] = os.environ.get("PATH", "/usr/bin:/bin") + ":/usr/local/sbin:/usr/sbin:/sbin"


class KernelError(Exception):
    """There is no kernel, and the message says what to do."""


def cache_folder():
    base = os.environ.get("MSCOPE_CACHE")
    if not base:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mscope"
    folder = Path(base).absolute() / "vm"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@functools.cache
def fetch():
    """Return the folder of the kernel that apt would install; if that cannot be had, of the last one fetched before."""
    cache = cache_folder()
    with open(cache / ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        fetched = sorted(cache.glob("*/vmlinuz"), key=lambda path: path.stat().st_mtime)
        try:
            found = _candidate()
            if not found and not fetched:
                _update()
                found = _candidate()
            if not found:
                raise KernelError(f"apt knows no package {META_PACKAGE}: run `apt-get update` as root, on Debian for amd64")
            package, version = found
            folder = cache / f"{package.removeprefix('linux-image-')}_{version}"
            if not folder.is_dir():
                _download(package, version, folder)
            return folder
        except KernelError as error:
            if not fetched:
                raise
            print(f"{error}; taking {fetched[-1].parent.name}, fetched before", file=sys.stderr)
            return fetched[-1].parent


def release(folder):
    """The name of the kernel's release, as uname -r would print it."""
    return next((folder / "lib/modules").iterdir()).name


def _candidate():
    """The versioned package behind the meta package, and its version; None if apt knows none."""
    shown = _run("apt-cache", "show", "--no-all-versions", META_PACKAGE, check=False)
    found = re.search(r"^Depends: (linux-image-\S+) \(= (\S+)\)", shown, re.MULTILINE)
    return found and found.groups()


def _update():
    subprocess.run(["apt-get", "update", "-qq"], stdout=sys.stderr, check=False)


def _download(package, version, folder):
    """Unpack beside the final place and rename, so that a half-made folder is never seen."""
    print(f"fetching {package} {version}", file=sys.stderr)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".fetch-") as work:
        work = Path(work)
        download = ("apt-get", "download", "-qq", "-o", "APT::Sandbox::User=root", f"{package}={version}")
        if not _succeeds(download, work):
            _update()
            _run(*download, cwd=work)
        _run("dpkg-deb", "-x", str(next(work.glob("*.deb"))), "unpacked", cwd=work)
        made = work / "made"
        made.mkdir()
        modules = work / "unpacked/lib/modules"
        if not modules.is_dir():
            modules = work / "unpacked/usr/lib/modules"
        name = next(modules.iterdir()).name
        shutil.move(work / f"unpacked/boot/vmlinuz-{name}", made / "vmlinuz")
        (made / "lib").mkdir()
        shutil.move(modules, made / "lib/modules")
        _run("depmod", "-b", str(made), name)
        made.rename(folder)


def _succeeds(command, cwd):
    try:
        _run(*command, cwd=cwd)
        return True
    except KernelError:
        return False


def _run(*command, cwd=None, check=True):
    try:
        done = subprocess.run(command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=600)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise KernelError(f"cannot run {command[0]}: {error}") from error
    if check and done.returncode != 0:
        raise KernelError(f"{' '.join(command)} failed: {done.stderr.strip()}")
    return done.stdout


if __name__ == "__main__":
    try:
        print(fetch())
    except KernelError as error:
        sys.exit(f"kernel.py: {error}")
