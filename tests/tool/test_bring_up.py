# SPDX-License-Identifier: BSD-2-Clause
"""check --bring-up: it stops where a host would give up, and says what to do."""
import pytest


def steps(out):
    return [line.split()[1] for line in out.splitlines() if line.startswith("   ok ")]


def test_a_device_that_can_be_mounted(mscope):
    out = mscope("check", "sim:reference", "--bring-up").out
    names = steps(out)
    assert names[0] == "usb.descriptor.interface" and "attach.windows.probe" in names
    assert names.index("bot.case06.inquiry") < names.index("bot.case06.capacity") \
        < names.index("bot.case06.read10") < names.index("attach.linux.probe")
    assert "keeps a host from mounting the device; without --bring-up" in " ".join(out.split())
    assert "profile   interop\n" in out


@pytest.mark.parametrize("fault, step, rule, advice", [
    ("config-walk", "usb.descriptor.interface", "usb.config.walk", "correct the descriptors"),
    ("csw-twice", "bot.case01.direction", "bot.csw.tag", "follow one command by hand"),
    ("csw-12", "bot.case06.inquiry", "bot.csw.length", "send exactly 36 bytes"),
    ("inquiry-short", "bot.case06.inquiry", "scsi.inquiry.length", "send exactly 36 bytes"),
    ("hang-when-short", "scsi.sense.idle", "bot.csw.missing", "REQUEST SENSE always pass"),
    ("hang-on-unknown", "scsi.unknown.none", "bot.csw.missing", "5/20/00"),
    ("reset-hangs", "usb.request.reset", "bot.reset.completes", "21h FFh"),
])
def test_it_stops_at_the_first_thing(mscope, fault, step, rule, advice):
    out = mscope("check", f"sim:reference,fault={fault}", "--bring-up", status=1).out
    words = " ".join(out.split())
    assert f" FAIL     {step} " in out and out.count("\n FAIL ") == 1
    assert f"          {rule}: " in out
    for part in ("sent: ", "seen: ", "why: ", "mistake: ", "to repeat: ", "next "):
        assert part in words
    assert advice in " ".join(out.split("\nnext ")[-1].split())
    assert "not run in" in words                  # the steps above it
    assert step not in steps(out)


def test_a_device_that_cannot_be_enumerated(mscope):
    done = mscope("check", "sim:hostile,seed=4,wild=20", "--bring-up", status=3)
    assert " FAIL     enumeration\n" in done.out and "\nnext " in done.out
    assert done.err.startswith("mscope: sim:hostile,seed=4,wild=20: ")


def test_it_has_an_order_of_its_own(mscope):
    done = mscope("check", "sim:reference", "--bring-up", "--select", "bot.*", status=2)
    assert "--select" in done.err


def test_a_document_holds_the_steps(mscope):
    document = mscope.json("check", "sim:reference,fault=reset-hangs", "--bring-up", status=1)
    assert document["cases"][-1]["verdict"] == "fail"
    assert document["summary"]["fail"] == 1
