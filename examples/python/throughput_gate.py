#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""A gate for CI: is this build slower than the one that the baseline is of? The first run makes the baseline.

    throughput_gate.py TARGET BASE.json

Exit status 0 no slower, 1 slower, 5 the data does not allow a verdict.
"""
import json
import os
import sys

import mscope


def main(target, path):
    with mscope.Session(target) as dut:
        new = dut.bench([1, 8, 64], count=50)
        if not os.path.exists(path):
            with open(path, "w", encoding="utf-8") as f:
                json.dump(new.document, f)
            print(f"{path}: {new.bytes_per_second(64, 'serial') / 1e3:.0f} kB/s with 64 blocks")
            return 0
        with open(path, encoding="utf-8") as f:
            base = json.load(f)
        result = dut.compare(base, new, threshold=0.05)
        if result.slower:       # an alarm is raised only when a second measurement confirms it
            result = dut.compare(base, dut.bench([1, 8, 64], count=50), threshold=0.05)
        print(result.verdict)
        for run in result.runs:
            print(f"  {run['op']} {run['mode']} {run['blocks']}: {run['verdict']}")
        return result.exit_status


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
