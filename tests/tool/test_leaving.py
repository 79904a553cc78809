# SPDX-License-Identifier: BSD-2-Clause
"""A device that leaves the bus by itself: it is waited for, and the run goes on; one that stays away ends it."""
import re

import pytest
from usbip import Serve

RULE = "usb.device.stays"
LAST = re.compile(r"; the last that it was asked for was ([A-Z]+[A-Z ]|the control request)")
AWAY = "sim:reference,event=unplug@cbw:300"


def left(document):
    return {c["name"]: f for c in document["cases"] for f in c["findings"] if f["rule"] == RULE}


def test_the_run_goes_on(mscope):
    whole = mscope.json("check", "sim:reference")["summary"]
    document = mscope.json("check", f"{AWAY},event=plug@cbw:300+300ms", status=1)
    (finding,) = left(document).values()
    assert LAST.search(finding["message"])
    assert finding["severity"] == "fail"
    assert document["summary"] | {"device_ns": 0} == whole | {"device_ns": 0, "pass": whole["pass"] - 1, "fail": 1}


def test_what_is_written_is_put_back(mscope):
    """It leaves in the middle of a write, and the medium is as it was."""
    (mscope.cwd / "disk.img").write_bytes(bytes(range(256)) * 16384)
    before = (mscope.cwd / "disk.img").read_bytes()
    document = mscope.json("check", "sim:reference,file=disk.img,event=unplug@write-block:200,event=plug@write-block:200+300ms",
                           "--allow-writes", status=1)
    assert len(left(document)) == 1 and document["summary"]["error"] == 0
    assert (mscope.cwd / "disk.img").read_bytes() == before


@pytest.mark.parametrize("event, told", [
    ("", "the device went away"),
    (",event=plug@cbw:300+6s", "the device went away"),
    (",event=plug:1234:5678@cbw:300+300ms", "what came back is another device: 1234:5678"),
], ids=["stays away", "too late", "another"])
def test_one_that_does_not_come_back(mscope, event, told):
    done = mscope("check", AWAY + event, "--json", "run.json", status=3)
    assert told in done.err and LAST.search(done.err)
    assert "0 failed" in done.out and "1 not finished" in done.out


def test_one_that_leaves_again_and_again(mscope):
    """Each case that makes it leave is one failure, and none is left out."""
    document = mscope.json("check", "sim:reference,fault=unknown-restarts,fault=cb-empty-restarts", status=1)
    assert len(left(document)) > 15 and document["summary"]["error"] == 0


def test_over_usbip(mscope, tmp_path):
    """A server gives the device to who asks again."""
    with Serve(tmp_path, "sim:reference,fault=unknown-restarts") as serve:
        document = mscope.json("check", serve.target(), "--select", "scsi.unknown.*", "--select", "bot.case06.*", status=1)
    assert set(left(document)) == {"scsi.unknown.in", "scsi.unknown.none", "scsi.unknown.luns"}
    assert document["summary"]["error"] == 0 and document["summary"]["pass"] > 3
