# SPDX-License-Identifier: BSD-2-Clause
"""What long writes and reads are sent: lengths, and where they begin as blocks of 64 KiB."""
import re

import pytest


@pytest.mark.parametrize("knobs, unit", [("", 128), (",blocks=65541", 128), (",block-size=4096,blocks=16384", 16)])
def test_lengths_and_places(mscope, knobs, unit):
    log = mscope("check", f"sim:reference{knobs}", "--allow-writes", "-s", "scsi.write.long", "-vv").err
    log = log[log.index("scenario: scsi.write.long"):]
    sent = {(op, int(n), int(lba) % unit) for op, lba, n in re.findall(r"bot: tag \S+ (READ|WRITE)\(10\) lba (\d+) blocks (\d+):", log)}
    wanted = {(128, 0), (240, 0), (240, 1), (240, unit - 1), (256, 0), (257, 1), (511, unit - 1), (1024, 0), (2048, 1)}
    assert {("WRITE", n, at % unit) for n, at in wanted} <= sent
    assert {("READ", n, at) for n, at in wanted if n != 511} <= sent


@pytest.mark.parametrize("fault", ["write-long-last-lost", "write-odd-last-lost", "read-long-fails"])
def test_the_cause_is_named(mscope, fault):
    (cause,) = mscope.json("check", f"sim:reference,fault={fault}", "--allow-writes", "-s", "scsi.write.*", "-s", "scsi.read10.*", status=1)["causes"]
    assert cause["id"] == fault
