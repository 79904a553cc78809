# SPDX-License-Identifier: BSD-2-Clause
"""A run needs memory for what is under way, not for what is over."""
import os
import subprocess
import sys

import pytest

MOST_KIB = 64 << 10


SMALL = """
import os, resource, sys
pid = os.fork()
if not pid:
    os.execv(sys.argv[1], sys.argv[1:])
_, status, usage = os.wait4(pid, 0)
print(usage.ru_maxrss)
sys.exit(os.waitstatus_to_exitcode(status))
"""


def test_large_reads_are_let_go(tmp_path):
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
    # A process begins with the peak of the one that it was forked from, so a small one starts it.
    done = subprocess.run([sys.executable, "-IS", "-c", SMALL, os.environ["MSCOPE"], "run", "sim:reference",
                           tmp_path / "reads.yaml"], stdout=subprocess.PIPE, text=True)
    *out, peak = done.stdout.splitlines()
    assert done.returncode == 0 and "1 passed" in "".join(out)
    assert int(peak) < MOST_KIB
