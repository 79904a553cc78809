# SPDX-License-Identifier: BSD-2-Clause
"""Each directory of tests/golden is a command and all that comes of it:

    cmd       its arguments, as a shell reads them
    stdout    stderr    status
    *.yaml    what it reads; it runs in a directory with a copy of them

They are found by walking. MSC_GOLDEN_UPDATE=1 writes what is expected anew.
"""
import shlex
import shutil

import pytest
from conftest import TOP, UPDATE

GOLDEN = TOP / "tests" / "golden"
NAMES = sorted(p.name for p in GOLDEN.iterdir() if p.is_dir())


@pytest.mark.parametrize("name", NAMES)
def test_golden(mscope, name):
    where = GOLDEN / name
    unknown = [p.name for p in where.iterdir()
               if p.name not in ("cmd", "stdout", "stderr", "status") and p.suffix != ".yaml"]
    assert not unknown, f"nobody looks at {unknown}"
    for path in where.glob("*.yaml"):
        shutil.copy(path, mscope.cwd)
    process = mscope.popen(*shlex.split((where / "cmd").read_text()))
    out, err = process.communicate(timeout=60)
    got = {"stdout": out.decode(), "stderr": err.decode(), "status": f"{process.returncode}\n"}
    if UPDATE:
        for key, text in got.items():
            (where / key).write_text(text)
    for key, text in got.items():
        assert text == (where / key).read_text(), key
