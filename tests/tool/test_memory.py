# SPDX-License-Identifier: BSD-2-Clause
"""A run needs memory for what is under way, not for what is over."""
import os

import pytest

MOST_KIB = 64 << 10


def test_large_reads_are_let_go(mscope, tmp_path):
    if "san" in os.path.dirname(os.environ["MSCOPE"]):
        pytest.skip("a sanitizer keeps what was freed")
    (tmp_path / "reads.yaml").write_text("""
name: my.reads
title: large reads
spec: none
needs: [medium]
steps:
  - repeat: 100
    do:
      - command: { read10: { lba: 0, blocks: 8192 } }
        expect: { status: passed, transferred: 4194304 }
""")
    process = mscope.popen("run", "sim:reference", "reads.yaml")
    out = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0 and b"1 passed" in out
    assert usage.ru_maxrss < MOST_KIB
