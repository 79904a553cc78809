"""Served devices and the real kernel: vhci-hcd attaches what `mscope serve` exports as real USB devices, and Linux's own server
exports what `usbip:` then drives from user space."""

import json
import re
import shlex
import subprocess

import pytest

from compare import Differences
from conftest import HERE, MSCOPE, REPOSITORY
from suite import select, selection

# What is looked at through the kernel, on each of these: enough for every fault to show itself.
SEEN_ALIKE = ["bot.case01.tur", "bot.case05.inquiry", "bot.case06.read10", "bot.case07.read10", "bot.case10.read10",
              "scsi.inquiry.standard", "scsi.inquiry.allocation", "scsi.capacity.agreement", "scsi.capacity.last-block",
              "scsi.sense.once", "scsi.sense.reasons", "scsi.mode-sense6.*"]
CAPTURE = "/run/capture.pcap"
MODELS = ["sim:reference", "sim:linux-gadget,blocks=4096", "sim:lsd", "sim:stm32", f"sim:recorded,capture={CAPTURE}", "sim:hostile"]
FAULTS = """
    capacity-count capacity-long csw-padded csw-signature csw-tag data-excess data-missing inquiry-clamp inquiry-short inquiry-type
    mode-length mode-pages phase-needless phase-failed residue-processed residue-zero sense-stale sense-zero status-reserved
    zlp-before-csw
""".split()
AT_ONCE = 9             # so many at the same time: most of it is waiting


@pytest.fixture
def serve(vm):
    """Serves these devices in the guest; returns the port."""
    jobs = []

    def start(*targets):
        job = vm.start(f"exec mscope serve {shlex.join(targets)} --listen 127.0.0.1:0 -v >/run/serve.out 2>/run/serve.err")
        jobs.append(job)
        vm.wait_for(lambda: vm.run("grep -q '^serving at' /run/serve.out").status == 0, "mscope serve")
        return re.search(r"port (\d+)", vm.run("cat /run/serve.out").stdout.splitlines()[-1]).group(1)

    vm.run("modprobe vhci_hcd").check()
    yield start
    vm.run("for port in $(seq 0 7); do usbip detach --port $port; done 2>/dev/null; true").check()
    for job in jobs:
        job.signal("TERM")
        job.wait()


def attach(vm, port, number):
    """The device as the guest's kernel has it."""
    before = {device.path for device in vm.devices()}
    vm.run(["usbip", "--tcp-port", port, "attach", "--remote", "127.0.0.1", "--busid", f"1-{number}"]).check()

    def new():
        return next((d for d in vm.devices() if d.path not in before and d.drivers), None)
    return vm.wait_for(new, f"the served device 1-{number}", 60)


def test_linux_attaches_a_disk_and_reads_it(vm, serve):
    """The kernel's own drivers, and the programs of sg3_utils on what they make of it."""
    port = serve("sim:reference", "sim:stm32")
    vm.kernel_driver(True)
    device = attach(vm, port, 1)
    assert (device.vid, device.pid, device.speed, device.controller) == ("1209", "0001", "480", "vhci_hcd")
    device = vm.wait_device(device.serial, disks=1)
    disk, generic = device.disks[0], device.generics[0]
    assert vm.run(f"cat /sys/block/{disk}/size").stdout.strip() == "16384"
    pattern = bytes(range(256)) * 512
    vm.push(pattern, "/run/pattern")
    vm.run(f"dd if=/run/pattern of=/dev/{disk} bs=64k seek=3 oflag=direct conv=fsync && "
           f"echo 3 >/proc/sys/vm/drop_caches && dd if=/dev/{disk} of=/run/read bs=64k skip=3 count=2 iflag=direct").check()
    assert vm.pull("/run/read") == pattern
    inquiry = vm.run(["sg_inq", f"/dev/{generic}"]).check().stdout
    assert "Product identification: Reference Disk" in inquiry
    assert re.search(r"Last LBA=16383 .*\n.*512", vm.run(["sg_readcap", f"/dev/{disk}"]).check().stdout)
    raw = vm.run(["sg_raw", "-r", "512", "-o", "/run/raw", f"/dev/{generic}", *"28 00 00 00 01 80 00 00 01 00".split()]).check()
    assert "SCSI Status: Good" in raw.stderr and vm.pull("/run/raw") == pattern[:512]
    # Two at once, and the other one is at full speed.
    other = attach(vm, port, 2)
    assert other.speed == "12" and {other.vid, other.pid} == {"0483", "572a"}
    vm.run(f"mkfs.fat /dev/{disk} && mkdir -p /mnt/served && mount -t vfat /dev/{disk} /mnt/served && "
           "echo hello >/mnt/served/hello && umount /mnt/served").check()
    assert "reset" not in vm.run("grep -i 'cannot keep up' /run/serve.err; true").stdout


def test_the_kernel_resets_a_served_device(vm, serve):
    """What libusb_reset_device() and the kernel's error handling do is inferred from what they send."""
    port = serve("sim:reference")
    device = attach(vm, port, 1)
    said = vm.run("grep -c 'reset the port: inferred' /run/serve.err").stdout.strip()
    done = vm.run(["mscope", "check", f"usb:path={device.path}", "--select", "bot.port-reset.*", "--select", "bot.recovery.*"],
                  timeout=300)
    assert done.status == 0, done.stdout + done.stderr
    assert int(vm.run("grep -c 'reset the port: inferred' /run/serve.err").stdout) > int(said)


def compared(got, want):
    """Differences between the verdicts through the kernel and those of the device itself, as pairs (scenario, what)."""
    def text(case):
        return f"{case['verdict']} ({case['reason']})" if case["reason"] else " ".join([case["verdict"], *rules(case)])

    def rules(case):
        return sorted({finding["rule"] for finding in case["findings"] if finding["severity"] != "note"})
    ours, theirs = ({case["name"]: text(case) for case in result["cases"]} for result in (got, want))
    return sorted((name, f"{ours.get(name)}, simulated {theirs.get(name)}") for name in ours.keys() | theirs.keys()
                  if ours.get(name) != theirs.get(name))


def test_the_same_verdicts_through_the_kernel(vm, serve, tmp_path):
    """mscope, libusb, usbfs, vhci-hcd, TCP, mscope serve, and the simulated device behind all that: each model and twenty faults. What
    differs is in expected/usbip-differences.toml, with the reason."""
    capture = next((REPOSITORY / "captures/reference-high").glob("*.pcap"))
    vm.push(capture, CAPTURE)
    targets = MODELS + [f"sim:reference,fault={fault}" for fault in FAULTS]
    port = serve(*targets)
    names = selection(SEEN_ALIKE, (), usbif=False)
    known, unexpected = Differences(HERE / "expected/usbip-differences.toml"), []
    for first in range(0, len(targets), AT_ONCE):
        batch = {number: target for number, target in enumerate(targets, 1) if first < number <= first + AT_ONCE}
        devices = {number: attach(vm, port, number) for number in batch}
        jobs = {n: vm.start(["mscope", "check", f"usb:path={devices[n].path}", *select(names), "-q", "--json", "-"]) for n in batch}
        for number, target in batch.items():
            done = jobs[number].wait(600)
            direct = subprocess.run([MSCOPE, "check", target.replace(CAPTURE, str(capture)), *select(names), "-q", "--json", "-"],
                                    stdout=subprocess.PIPE, check=False)
            got, want = json.loads(done.stdout), json.loads(direct.stdout)
            assert done.status == got["exit_status"], done.stderr
            assert "fault" not in target or want["summary"]["fail"], f"{target}: none of these scenarios shows it"
            unexpected += [f"{target}: {line}" for line in known.judge(target, names, compared(got, want))]
        vm.run("for port in $(seq 0 15); do usbip detach --port $port; done 2>/dev/null; true").check()
        vm.wait_for(lambda: not any(d.controller == "vhci_hcd" for d in vm.devices()), "the devices to go")
    assert unexpected == [], "\n".join(unexpected)


def test_what_linux_exports(vm):
    """The other way round: usbipd exports the gadget, and mscope drives it without vhci-hcd."""
    with vm.gadget(udc="usbip"):
        vm.run("usbipd --device --daemon --pid && sleep 1").check()
        try:
            done = vm.run(["mscope", "probe", "usbip:127.0.0.1/usbip-vudc.0"])
            assert done.status == 0 and "File-Stor Gadget" in done.stdout, done.stdout + done.stderr
            done = vm.run(["mscope", "check", "usbip:127.0.0.1/usbip-vudc.0", "--select", "bot.case01*", "--select", "bot.case06*",
                           "--select", "scsi.inquiry*", "--select", "bot.recovery.idle"], timeout=300)
            assert done.status == 0, done.stdout + done.stderr
        finally:
            vm.run("kill $(cat /var/run/usbipd.pid)")
