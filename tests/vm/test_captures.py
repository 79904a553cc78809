# SPDX-License-Identifier: BSD-2-Clause
"""What the kernel's usbmon sees of a bus is what mscope writes down of its own run: the same exchanges and findings. The captures of
real kernels that lie in captures/ are taken again here; MSC_GOLDEN_UPDATE=1 puts them there, and tests/tool/test_captures.py reads
them. Their times, tags and addresses are of no run but their own.
"""

import contextlib
import json
import os
import re

import pytest

from conftest import REPOSITORY

CAPTURES = REPOSITORY / "captures"
BUS, RUN = "/tmp/bus.pcap", "/tmp/run.pcap"
SELECT = ["usb.request.*", "bot.case0*", "bot.tag.*", "scsi.inquiry.*", "scsi.capacity.*"]
# QEMU's stick ends QEMU in these: docs/devices.md.
LEFT_OUT = {"bot.case02.read10", "bot.case05.read10-odd", "bot.case05.huge"}


@contextlib.contextmanager
def listening(vm, bus):
    """mscope record on that bus, into BUS."""
    job = vm.start(["mscope", "record", f"usbmon{bus}", "-o", BUS])
    state = f"/sys/kernel/debug/usb/usbmon/{bus}s"
    vm.wait_for(lambda: "nreaders 1" in vm.run(["cat", state]).check().stdout, "usbmon to be read")
    yield
    job.signal("INT")
    done = job.wait(60)
    assert done.status in (0, 130) and re.fullmatch(r"mscope: [1-9]\d* packets\n", done.stderr), done.stderr
    assert "text_lost 0" in vm.run(["cat", state]).check().stdout


def decoded(vm, path):
    done = vm.run(f"mscope decode {path} --json /tmp/decode.json >/dev/null", timeout=300)
    assert done.status in (0, 1), done.stderr
    return json.loads(vm.pull("/tmp/decode.json"))


def exchanges(document, *more):
    """Whatever is no matter of a clock."""
    keys = ("kind", "lun", "cdb", "direction", "length", "transferred", "residue", "status", "judged", *more)
    return [{key: x[key] for key in keys} | {"findings": sorted(f["rule"] for f in x["findings"])}
            for x in document["exchanges"] if x["kind"] == "exchange"]


SETS_UP = ("GET_DESCRIPTOR", "SET_ADDRESS", "SET_CONFIGURATION")


def requests(document):
    """But for those by which the kernel sets a device up, which only usbmon sees."""
    return [(x["command"], sorted(f["rule"] for f in x["findings"]))
            for x in document["exchanges"] if x["kind"] == "control" and not x["command"].startswith(SETS_UP)]


def found(document):
    return sorted((f["rule"], f["count"]) for f in document["summary"]["findings"])


@contextlib.contextmanager
def device_of(vm, name):
    """(how it is called, its bus)"""
    if name == "gadget":
        with vm.gadget(speed="high", stall=1) as gadget:
            yield gadget.target, vm.device("123456").bus
    else:
        yield f"usb:serial={name}", vm.device(name).bus


def scenarios(vm):
    done = vm.run(["mscope", "list", "scenarios", "--json", "/tmp/list.json"]).check()
    assert done.status == 0
    names = [s["name"] for s in json.loads(vm.pull("/tmp/list.json"))["scenarios"]]
    patterns = [p.rstrip("*") for p in SELECT]
    return [n for n in names if n not in LEFT_OUT and any(n.startswith(p) for p in patterns)]


@pytest.mark.parametrize("name", ["uhci", "gadget"])
def test_usbmon_sees_what_we_write(vm, mscope, name):
    select = [x for n in scenarios(vm) for x in ("--select", n)]
    with device_of(vm, name) as (target, bus), listening(vm, bus):
        done = mscope("check", target, "--timeout", "2s", "-q", "--record", RUN, *select, timeout=600)
        assert done.status in (0, 1), done.stderr
    theirs, own = decoded(vm, BUS), decoded(vm, RUN)
    assert len(exchanges(own)) > 100
    assert exchanges(theirs, "tag") == exchanges(own, "tag")
    assert requests(own) and requests(theirs) == requests(own)


def same_as_kept(name, what, data, vm):
    """The one in captures/ has the same exchanges and findings as the one just taken."""
    where = CAPTURES / name
    if os.environ.get("MSC_GOLDEN_UPDATE"):
        where.mkdir(exist_ok=True)
        (where / "capture.pcap").write_bytes(data)
        (where / "origin.md").write_text(what)
    vm.push(data, "/tmp/new.pcap")
    vm.push(where / "capture.pcap", "/tmp/kept.pcap")
    assert (where / "origin.md").read_text() == what
    new, kept = decoded(vm, "/tmp/new.pcap"), decoded(vm, "/tmp/kept.pcap")
    assert exchanges(new) and exchanges(new) == exchanges(kept)
    assert found(new) == found(kept)


@pytest.mark.parametrize("name, capture", [("uhci", "stick-usbmon"), ("gadget", "linux-usbmon")])
def test_usbmon_s_captures(vm, mscope, name, capture):
    command = ["bench", "usb:serial=uhci" if name == "uhci" else "usb:0525:a4a5", "--blocks", "1,8", "--count", "2", "--mode", "serial", "-q"]
    with device_of(vm, name) as (_, bus), listening(vm, bus):
        assert mscope(*command, timeout=300).status in (0, 5)
    what = {"uhci": "QEMU's stick on its UHCI controller, as Linux's usbmon sees it.",
            "gadget": "The Linux gadget on dummy_hcd, at high speed, as Linux's usbmon sees it."}[name]
    text = (f"{what}\n\nTaken in the virtual machine (tests/vm/test_captures.py) by\n\n    mscope record usbmon{bus} -o capture.pcap\n\n"
            f"and at the same time\n\n    mscope {' '.join(command)}\n")
    same_as_kept(capture, text, vm.pull(BUS), vm)


def test_qemu_s_own(vm, mscope, tmp_path):
    """The property pcap of a USB device: QEMU's view of its own stick."""
    path = tmp_path / "stick.pcap"
    vm.unplug_stick("uhci")
    vm.plug_stick("uhci", pcap=str(path))
    command = ["probe", "usb:serial=uhci"]
    assert mscope(*command).status == 0
    vm.unplug_stick("uhci")
    text = ("QEMU's stick on its UHCI controller, as QEMU writes it down itself (-device usb-storage,pcap=FILE): from its enumeration on,\n"
            "by Linux.\n\nTaken in the virtual machine (tests/vm/test_captures.py), with that property, by\n\n"
            f"    mscope {' '.join(command)}\n")
    same_as_kept("stick-qemu", text, path.read_bytes(), vm)
