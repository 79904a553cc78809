# SPDX-License-Identifier: BSD-2-Clause
"""mscope and libiscsi's test suite on the same gadget: they must find the same commands wrong. mscope speaks to the device,
libiscsi to the kernel's generic device of the disk (usb-storage, SG_IO). Where they differ, the reason is here.
"""
import json

import pytest

# libiscsi's test, and the scenarios of mscope that demand the same.
SAME = {
    "Inquiry.Standard": ["scsi.inquiry.standard"],
    "Inquiry.AllocLength": ["scsi.inquiry.allocation"],
    "Inquiry.EVPD": ["scsi.inquiry.page-code"],
    "Inquiry.MandatoryVPDSBC": ["scsi.inquiry.vital"],
    "Inquiry.SupportedVPD": ["scsi.vital.pages"],
    "Mandatory.MandatorySBC": ["scsi.ready.medium", "scsi.capacity.stable", "scsi.read10.same"],
    "ModeSense6.AllPages": ["scsi.mode-sense6.pages"],
    "ModeSense6.Residuals": ["scsi.mode-sense6.allocation"],
    "PreventAllow.Simple": ["scsi.optional.lock"],
    "Read6.BeyondEol": ["scsi.range.read6"],
    "Read10.Simple": ["scsi.integrity.lengths"],
    "Read10.BeyondEol": ["scsi.range.read10", "scsi.range.read10-tail"],
    "Read10.ZeroBlocks": ["scsi.range.read10-empty"],
    "Read10.ReadProtect": ["scsi.read10.protect"],
    "Read10.DpoFua": ["scsi.read10.cache-bits"],
    "Read12.BeyondEol": ["scsi.range.read12"],
    "Read16.ZeroBlocks": ["scsi.range.read16"],
    "ReadCapacity10.Simple": ["scsi.capacity.stable"],
    "ReadCapacity16.Simple": ["scsi.capacity.agreement"],
    "ReadCapacity16.Alloclen": ["scsi.capacity.long-allocation"],
    "StartStopUnit.NoLoej": ["scsi.start.noloej"],
    "TestUnitReady.Simple": ["scsi.ready.medium"],
    "Verify10.BeyondEol": ["scsi.range.verify"],
    "Verify10.ZeroBlocks": ["scsi.range.verify"],
    "Verify12.BeyondEol": ["scsi.range.verify-long"],
    "Write10.Simple": ["scsi.integrity.sizes"],
    "Write10.BeyondEol": ["scsi.range.write10", "scsi.range.write10-tail"],
    "Write10.ZeroBlocks": ["scsi.range.write10"],
    "Write10.WriteProtect": ["scsi.range.write-bits"],
    "Write16.BeyondEol": ["scsi.range.write16-tail"],
}

# Here libiscsi finds something and mscope does not.
DIFFERENT = {
    "Inquiry.Standard": "allocates more than 255 bytes: the upper byte of the length is reserved in SPC-2, which the gadget claims",
    "Inquiry.MandatoryVPDSBC": "demands pages 00h and 83h of a device of SPC-2; mscope lets it refuse them",
    "Inquiry.SupportedVPD": "demands page 00h of a device of SPC-2; mscope lets it refuse that",
    "Read6.BeyondEol": "asks for up to 255 blocks where the kernel lets 240 through, and blames the device for the kernel's refusal",
    "Read10.ReadProtect": "demands 5/24 for RDPROTECT; these bits were the logical unit in SCSI-2, and the gadget ignores them",
    "Write10.WriteProtect": "demands 5/24 for WRPROTECT; these bits were the logical unit in SCSI-2, and the gadget ignores them",
    "Read10.DpoFua": "demands 5/24 for DPO and FUA where mode sense does not announce them; mscope lets the device take them",
    "StartStopUnit.NoLoej": "the kernel has locked the medium, and the gadget refuses to stop what is locked (5/53/02); "
                            "mscope asks while it is not locked",
    "Verify10.BeyondEol": "sends data to compare with (BYTCHK), which the gadget refuses with 5/24; mscope lets it",
}

SERIAL = "123456"


def verdicts(mscope, target, names, *options):
    """Scenario -> whether something in it failed."""
    select = [word for name in sorted(names) for word in ("--select", name)]
    result = mscope("check", target, *select, "--allow-writes", "--json", "-", *options, timeout=600)
    assert result.status in (0, 1), result.stderr
    cases = {case["name"]: case["verdict"] for case in json.loads(result.stdout)["cases"]}
    assert set(cases) == set(names)
    return {name: verdict == "fail" for name, verdict in cases.items()}


def iscsi_fails(vm, generic, test):
    result = vm.run(["iscsi-test-cu", "--dataloss", "--normal", "-t", f"ALL.{test}", f"/dev/{generic}"], timeout=600)
    assert result.status in (0, 1), result.stdout + result.stderr
    ran = [line.split() for line in result.stdout.splitlines() if line.split()[:1] == ["tests"]]
    assert ran and int(ran[0][2]) == 1, f"libiscsi has no test {test}: {result.stdout}"
    return result.status == 1


def differing(vm, mscope, gadget, same):
    """The tests on which the two do not agree, after mscope has been asked first."""
    failed = verdicts(mscope, gadget.target, {name for names in same.values() for name in names})
    vm.kernel_driver(True)
    generic = vm.wait_device(SERIAL, disks=1).generics[0]
    return {test for test, names in same.items() if iscsi_fails(vm, generic, test) != any(failed[name] for name in names)}


def test_iscsi_agrees(vm, mscope):
    with vm.gadget(speed="high", stall=0, format="none") as gadget:
        assert differing(vm, mscope, gadget, SAME) == set(DIFFERENT)


@pytest.mark.parametrize("settings, same", [
    ({"ro": 1}, {"ReadOnly.ReadOnlySBC": ["scsi.integrity.protected", "scsi.mode.protected"]}),
    ({"removable": 0}, {"TestUnitReady.Simple": ["scsi.ready.medium"], "StartStopUnit.NoLoej": ["scsi.start.noloej"]}),
])
def test_iscsi_agrees_on_other_media(vm, mscope, settings, same):
    with vm.gadget(speed="high", stall=0, format="none", **settings) as gadget:
        assert differing(vm, mscope, gadget, same) == set()
