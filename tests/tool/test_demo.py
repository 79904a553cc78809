# SPDX-License-Identifier: BSD-2-Clause
"""What `make demo` runs after building: its commands end as it says, and verdicts close it."""
import subprocess

from conftest import PROGRAM, TOP


def test_the_demo_ends_with_its_verdicts(mscope):
    done = subprocess.run([TOP / "scripts/demo.sh"], cwd=TOP, env=mscope.env | {"MSCOPE": PROGRAM}, timeout=120,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 0, done.stderr
    verdicts = done.stdout.split("The verdicts:\n")[1]
    assert verdicts.count(" passed, ") == 3 and "sim:linux-gadget" in verdicts
