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


def peak_kib(*args):
    done = subprocess.run([sys.executable, "-IS", "-c", SMALL, os.environ["MSCOPE"], *map(str, args)],
                          stdout=subprocess.PIPE, text=True)
    assert done.returncode == 0, done.stdout
    return int(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("kind", [[], ["--record-transfers"]], ids=["packets", "transfers"])
@pytest.mark.parametrize("command", [["decode", "-q"], ["decode", "-q", "--json", "/dev/null"], ["pace", "-q"]],
                         ids=["decode", "decode-json", "pace"])
def test_a_capture_is_not_kept(mscope, tmp_path, kind, command):
    """A file that is eight times as long needs no more memory, but for pace's samples, of which there are so many at most."""
    if "san" in os.path.dirname(os.environ["MSCOPE"]):
        pytest.skip("a sanitizer keeps what was freed")
    mscope("bench", "sim:reference", "--op", "read", "--blocks", "64", "--count", 200, "--mode", "serial", "-q", "--record",
           "once.pcap", *kind)
    data = (tmp_path / "once.pcap").read_bytes()
    (tmp_path / "long.pcap").write_bytes(data + 7 * data[24:])
    peaks = [peak_kib(command[0], tmp_path / name, *command[1:]) for name in ("once.pcap", "long.pcap")]
    assert len(data) > 6 << 20
    assert peaks[1] < peaks[0] + (1 << 10 if command[0] == "decode" else 4 << 10)
