# SPDX-License-Identifier: BSD-2-Clause
"""The medium of the real gadget: ejected by the host, changed and protected by its owner."""
import json

EJECT = ["attach.linux.eject", "attach.macos.eject", "attach.windows.eject", "scsi.medium.prevented", "scsi.medium.removed", "scsi.medium.changed", "scsi.medium.changed-read"]


def cases(mscope, gadget, *options):
    result = mscope("check", gadget.target, *options, "--json", "-", timeout=300)
    assert result.status in (0, 1), result.stderr
    return {case["name"]: case for case in json.loads(result.stdout)["cases"]}


def one_by_one(mscope, vm, gadget):
    """Each of the scenarios that eject, with the medium put back in between, as the owner of the gadget does."""
    done = {}
    for name in EJECT:
        done |= cases(mscope, gadget, "--select", name, "--allow-writes", "--allow-eject")
        gadget.medium("/mnt/backing/lun0.img")
    return done


def test_medium_is_not_ejected_unasked(vm, mscope):
    with vm.gadget(format="none") as gadget:
        done = cases(mscope, gadget, "--select", "eject", "--allow-writes")
        assert {case["verdict"] for name, case in done.items() if name in EJECT} == {"skip"}
        assert all("--allow-eject" in done[name]["reason"] for name in EJECT)
        assert mscope("send", gadget.target, "--", "00 00 00 00 00 00").status == 0


def test_medium_is_ejected_as_it_must_be(vm, mscope):
    """The gadget closes its file; only its owner opens it again, so that loading fails."""
    with vm.gadget(format="none") as gadget:
        done = one_by_one(mscope, vm, gadget)
        assert {name: case["findings"] for name, case in done.items() if case["findings"]} == {}
        assert done["attach.windows.eject"]["verdict"] == done["scsi.medium.prevented"]["verdict"] == "pass"
        assert done["scsi.medium.changed"]["reason"] == "the device does not load a medium by itself"


def test_medium_is_whole_when_it_is_ejected(vm, mscope):
    """What was written before is put back before it goes, with the mark, and no journal waits for it."""
    state, image = "/root/.local/state/mscope", "/mnt/backing/lun0.img"
    vm.run(["rm", "-rf", state]).check()
    with vm.gadget(format="none") as gadget:
        before = vm.run(["md5sum", image]).check().stdout
        done = cases(mscope, gadget, "--select", "scsi.write10.*", "--select", "attach.windows.eject", "--allow-writes", "--allow-eject")
        assert done["attach.windows.eject"]["verdict"] == "pass"
        assert any(case["verdict"] == "pass" for name, case in done.items() if name.startswith("scsi.write10."))
        assert vm.run(["md5sum", image]).check().stdout == before
        assert vm.run(f"ls {state}").stdout == ""


def test_medium_changed_by_its_owner_is_announced(vm, mscope):
    with vm.gadget(format="none") as gadget:
        vm.run("dd if=/dev/zero of=/tmp/other bs=512 count=2048").check()
        mscope("check", gadget.target, "--select", "scsi.ready.medium")     # the reset's own attention is over
        gadget.medium(None)
        gadget.medium("/tmp/other")
        first = mscope("send", gadget.target, "--in", "8", "--", "25 00 00 00 00 00 00 00 00 00").stdout
        assert "6/28/00" in first
        assert "00 00 07 ff" in mscope("send", gadget.target, "--in", "8", "--", "25 00 00 00 00 00 00 00 00 00").stdout
