#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The first hour with new firmware: what it is, what it answers, what it does wrong, in the order in which it matters.

    bring_up.py TARGET
"""
import sys

import mscope


def main(target):
    with mscope.Session(target) as dut:
        print(f"{dut.name}: {' '.join(dut.inquiry())}")
        first = dut.command("00 00 00 00 00 00")
        print(f"TEST UNIT READY, the first one: {first.sense.text if first.sense else 'passed'}")
        unit = dut.unit()
        if unit.blocks is None:
            print("there is no medium, or READ CAPACITY does not work")
            return 1
        print(f"{unit.blocks} blocks of {unit.block_size} bytes")
        for blocks in (1, 8, 64):
            x = dut.read(0, blocks)
            print(f"READ {blocks}: status {x.status}, {len(x.data)} bytes, {x.took_ns / 1e6:.3f} ms")
            for finding in x.findings:
                print(finding.text)
        check = dut.check()
        print(f"{check.summary['pass']} passed, {check.summary['fail']} failed")
        print(check.text)
        return 0 if check.passed else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
