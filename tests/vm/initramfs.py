"""Build what the guest runs from: a base archive, cached, and a small one with the programs under test, made for each boot.

The kernel unpacks archives that simply follow each other, so the second one is appended to the first.
"""

import fcntl
import hashlib
import lzma
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import kernel

HERE = Path(__file__).resolve().parent

# What the kernel's package builds as modules and the guest needs; what these depend on comes along. One that a later kernel has
# built in, or does not have at all, is left out: the bench's own tests notice if it mattered.
MODULES = """
virtio_pci virtio_console virtio_net
ehci_pci uhci_hcd xhci_pci usbmon usb_storage uas sd_mod sr_mod sg loop
vfat nls_ascii nls_cp437 nls_utf8 ext4
configfs dummy_hcd libcomposite usb_f_mass_storage usb_f_acm
dm_mod
mtd mtdram mtdblock mtd_blkdevs jffs2
usbip_core vhci_hcd usbip_vudc usbip_host
""".split()

LOADED = "libpcap.so.0.8"   # not linked: mscope loads it when it records a bus

FOLDERS = "bin dev etc lib lib64 mnt proc root run sys tmp usr/bin usr/sbin usr/lib usr/local/bin var"


def build(destination, programs=(), files=()):
    """Write the whole archive to `destination`. `programs` are paths of host programs, taken with their shared libraries into
    /usr/local/bin; `files` are pairs (path on the host, path in the guest), each a file or a folder."""
    shutil.copyfile(base(), destination)
    with tempfile.TemporaryDirectory(prefix="mscope-vm-") as root:
        root = Path(root)
        for program in programs:
            _copy(program, root / "usr/local/bin" / Path(program).name)
            for library, place in _libraries(program):
                _copy(library, root / place)
        for host, guest in files:
            place = root / guest.lstrip("/")
            if Path(host).is_dir():
                shutil.copytree(host, place, dirs_exist_ok=True)
            else:
                _copy(host, place)
        with open(destination, "ab") as out:
            out.write(_cpio(root))


def base():
    """The archive with busybox, the modules and the scripts of guest/; made again only when one of these changes."""
    folder = kernel.fetch()
    busybox = shutil.which("busybox")
    if not busybox:
        raise kernel.KernelError("there is no busybox: install busybox-static")
    scripts = sorted((HERE / "guest").iterdir())
    key = hashlib.sha256(folder.name.encode())
    for path in [Path(__file__), Path(busybox), *scripts]:
        key.update(path.name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    archive = kernel.cache_folder() / "initramfs" / f"{key.hexdigest()[:32]}.cpio"
    archive.parent.mkdir(exist_ok=True)
    with open(archive.parent / ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not archive.exists():
            with tempfile.TemporaryDirectory(prefix="mscope-vm-") as root:
                made = archive.with_suffix(".new")
                made.write_bytes(_cpio(_fill(Path(root), folder, busybox, scripts)))
                made.rename(archive)
    return archive


def _fill(root, folder, busybox, scripts):
    for name in FOLDERS.split():
        (root / name).mkdir(parents=True, exist_ok=True)
    _copy(busybox, root / "bin/busybox")
    listed = subprocess.run([busybox, "--list"], stdout=subprocess.PIPE, text=True, check=True).stdout.split()
    for applet in listed:
        if applet != "busybox":
            (root / "bin" / applet).symlink_to("busybox")
    (root / "sbin").symlink_to("bin")              # the kernel calls /sbin/modprobe
    for script in scripts:
        place = root / ("init" if script.name == "init" else f"usr/bin/{script.name}")
        _copy(script, place)
        place.chmod(0o755)
    _modules(root, folder)
    return root


def _modules(root, folder):
    release = kernel.release(folder)
    wanted = set()
    for module in MODULES:
        shown = subprocess.run(["modprobe", "--show-depends", "-d", folder, "-S", release, module],
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False)
        wanted.update(re.findall(r"^insmod (.+?\.ko(?:\.xz)?)\s", shown.stdout, re.MULTILINE))
    inside = folder / "lib/modules" / release
    for path in sorted(wanted):
        place = root / "lib/modules" / release / Path(path).relative_to(inside)
        place.parent.mkdir(parents=True, exist_ok=True)
        if path.endswith(".xz"):                   # so packed in later releases of Debian
            place.with_suffix("").write_bytes(lzma.decompress(Path(path).read_bytes()))
        else:
            shutil.copyfile(path, place)
    for name in ("modules.order", "modules.builtin", "modules.builtin.modinfo"):
        shutil.copyfile(inside / name, root / "lib/modules" / release / name)
    subprocess.run(["depmod", "-b", root, release], check=True)


def _libraries(program):
    """Pairs (path on the host, place in the guest). The loader keeps its path; the others go to /lib, where it always looks."""
    shown = subprocess.run(["ldd", program], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
                           env=os.environ | {"LD_PRELOAD": LOADED}).stdout
    if "not found" in shown:
        raise kernel.KernelError(f"{program}: {shown.strip()}")
    found = [(path, f"lib/{name}") for name, path in re.findall(r"(\S+) => (/.+) \(0x", shown)]
    return found + [(path, path.lstrip("/")) for path in re.findall(r"^\s+(/\S+) \(0x", shown, re.MULTILINE)]


def _copy(source, place):
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(source, place)


def _cpio(root):
    names = sorted(str(path.relative_to(root)) for path in root.rglob("*"))
    packed = subprocess.run(["cpio", "--quiet", "-o", "-H", "newc", "-R", "0:0"], cwd=root, check=True,
                            input=os.fsencode("\n".join(names) + "\n"), stdout=subprocess.PIPE)
    return packed.stdout
