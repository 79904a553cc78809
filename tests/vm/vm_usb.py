"""What is on the guest's USB: QEMU's sticks, the Linux gadget, and how the guest's kernel shows them."""

import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

CONTROLLERS = {
    "uhci": "piix3-usb-uhci,id=uhci,bandwidth=1216",    # full speed: 19 packets of 64 bytes in a frame
    "ehci": "usb-ehci,id=ehci",                         # high speed
    "xhci": "qemu-xhci,id=xhci",                        # SuperSpeed
}


@dataclass
class Stick:
    """A stick of QEMU on a controller of its own. Its serial number is the controller's name: `usb:serial=uhci`."""
    controller: str
    size: int = 8 << 20
    image: Path = None          # a file whose copy it is to hold; otherwise every block carries its own number
    readonly: bool = False

    def options(self, folder):
        """The options of QEMU for it. Its contents are put into `folder`."""
        image = folder / f"{self.controller}.img"
        if self.image:
            shutil.copyfile(self.image, image)
        else:
            with open(image, "wb") as out:
                out.writelines(block_pattern(self.controller, lba) for lba in range(self.size // 512))
        node = f"driver=raw,node-name=disk-{self.controller},file.driver=file,file.filename={image}"
        if self.readonly:
            node += ",read-only=on"
        device = stick_device(self.controller)
        return ["-device", CONTROLLERS[self.controller], "-blockdev", node,
                "-device", ",".join([device.pop("driver")] + [f"{key}={value}" for key, value in device.items()])]


def stick_device(controller):
    return {"driver": "usb-storage", "id": f"stick-{controller}", "bus": f"{controller}.0", "drive": f"disk-{controller}",
            "serial": controller}


def block_pattern(name, lba):
    """The 512 bytes that block `lba` of the stick `name` holds at first."""
    return f"{name} block {lba}\n".encode().ljust(512, bytes([lba % 251]))


@dataclass
class Device:
    """A USB device as the guest's kernel shows it in /sys/bus/usb/devices."""
    path: str                   # "2-1": bus and ports
    vid: str
    pid: str
    serial: str
    speed: str                  # in Mbit/s: "12", "480", "5000"
    bus: int
    address: int
    controller: str             # the driver of the bus: "uhci_hcd", "dummy_hcd"
    drivers: dict               # {"2-1:1.0": "usb-storage" or "usbfs" or None}
    disks: list                 # ["sda"], in the order of the logical units, which need not be that of the names
    generics: list              # ["sg0"], likewise

    @property
    def target(self):
        return f"usb:path={self.path}"


# Attributes as "DEVICE/NAME:VALUE", then links as ls prints them: the driver of a bus, of an interface, the place of a disk. Two
# processes, because here one costs more than all the files.
SHOW_DEVICES = """
cd /sys/bus/usb/devices || exit
grep -s "" */idVendor */idProduct */serial */speed */busnum */devnum */bInterfaceNumber
ls -ld usb*/../driver *:*/driver /sys/block/sd* /sys/block/sr* /sys/class/scsi_generic/sg* 2>/dev/null
true
"""


def devices(vm):
    """Every USB device but the root hubs."""
    text = vm.run(SHOW_DEVICES).check().stdout
    links = dict(re.findall(r"(\S+) -> (\S+)$", text, re.MULTILINE))
    attributes = dict(re.findall(r"^([^/\s]+/\w+):(.*)$", text, re.MULTILINE))
    found = []
    for path in sorted(key.split("/")[0] for key in attributes if re.match(r"\d+-[\d.]+/idVendor", key)):
        vid, pid, serial, speed = (attributes.get(f"{path}/{name}", "") for name in ("idVendor", "idProduct", "serial", "speed"))
        bus, address = (int(attributes.get(f"{path}/{name}", 0)) for name in ("busnum", "devnum"))
        controller = os.path.basename(links.get(f"usb{bus}/../driver", ""))
        interfaces = [key.split("/")[0] for key in attributes if key.startswith(f"{path}:") and key.endswith("/bInterfaceNumber")]
        drivers = {name: os.path.basename(links.get(f"{name}/driver", "")) or None for name in interfaces}
        nodes = sorted((place, os.path.basename(link)) for link, place in links.items()
                       if f"/{path}/" in place and link.startswith("/sys/"))
        disks = [node for place, node in nodes if "/block/" in place]
        generics = [node for place, node in nodes if "/scsi_generic/" in place]
        found.append(Device(path, vid, pid, serial, speed, bus, address, controller, drivers, disks, generics))
    return found


class Gadget:
    """The Linux gadget on dummy_hcd, plugged in from the start and configured by the host."""
    serial = "123456"
    target = "usb:0525:a4a5"

    def __init__(self, vm, settings):
        self._vm = vm
        self._luns = int(settings.get("luns", 1))
        self._remote = settings.get("udc") == "usbip"
        settings = {name: "none" if value is None else value for name, value in settings.items()}
        vm.run(["gadget", "up", *(f"{name}={value}" for name, value in settings.items())]).check()
        if not self._remote:
            self.wait()

    def wait(self):
        """Wait until the host has taken the device in, and its disks where the kernel's driver is loaded."""
        disks = self._luns if self._vm.has_kernel_driver() else None
        return self._vm.wait_device(self.serial, disks)

    @property
    def device(self):
        return self._vm.device(self.serial)

    def unplug(self):
        """Pull the cable. Returns when the host has noticed."""
        self._vm.run(["gadget", "unplug"]).check()
        self._vm.wait_gone(self.serial)

    def replug(self):
        self._vm.run(["gadget", "replug"]).check()
        return self.wait()

    def medium(self, path, lun=0):
        """Change the medium to a file in the guest; None takes it out."""
        self._vm.run(["gadget", "medium", lun, path or "none"]).check()

    def mount(self):
        """Mount the first logical unit on the device's side; returns where."""
        self._vm.run(["gadget", "mount"]).check()
        return "/mnt/device"

    def umount(self):
        self._vm.run(["gadget", "umount"]).check()

    def down(self):
        self._vm.run(["gadget", "down"]).check()
        if not self._remote:
            self._vm.wait_gone(self.serial)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.down()
