# SPDX-License-Identifier: BSD-2-Clause
"""dread.exe, the direct reader for Windows, which lives on the Live Storage Device: under Wine."""
import os
import shutil
import subprocess

import pytest
from conftest import PROGRAM
from test_read import content

EXE = os.path.join(os.path.dirname(PROGRAM), "dread.exe")
LENGTHS = [0, 1, 512, 4097, (1 << 20) + 1]
SECONDS = 300       # the first start of Wine makes a whole Windows

pytestmark = [pytest.mark.skipif(not os.path.exists(EXE), reason="there was no x86_64-w64-mingw32-gcc when mscope was built"),
              pytest.mark.xdist_group("wine")]


@pytest.fixture(scope="module")
def wine(tmp_path_factory):
    if not shutil.which("wine"):
        pytest.skip("no wine")
    prefix = tmp_path_factory.mktemp("wine")

    def run(program, *args, debug="-all", stdout=subprocess.PIPE, **kw):
        return subprocess.run(["wine", program, *args], stdout=stdout, stderr=subprocess.PIPE, timeout=SECONDS, check=False,
                              env=os.environ | {"WINEPREFIX": str(prefix), "WINEDEBUG": debug, "HOME": str(prefix)}, **kw)

    run("cmd.exe", "/c", "exit")    # what is said of the new Windows is not said by the tests
    return run


def test_identical_bytes(wine, tmp_path):
    for length in LENGTHS:
        (tmp_path / "in").write_bytes(content(length))
        done = wine(EXE, "in", cwd=tmp_path)
        assert (done.returncode, done.stderr, done.stdout == content(length)) == (0, b"", True), length


def test_it_is_unbuffered(wine, tmp_path):
    """FILE_FLAG_NO_BUFFERING is 20000000h; what others write to the file meanwhile is their affair."""
    (tmp_path / "in").write_bytes(b"x")
    said = wine(EXE, "in", cwd=tmp_path, debug="trace+file").stderr.decode(errors="replace")
    call, = [line for line in said.splitlines() if 'CreateFileW L"in"' in line]
    assert int(call.split()[-1], 16) & 0x20000000 and "FILE_SHARE_WRITE" in call and "GENERIC_WRITE" not in call


def test_failures(wine, tmp_path):
    missing = wine(EXE, "missing", cwd=tmp_path)
    assert missing.returncode == 4 and missing.stdout == b"" and missing.stderr.startswith(b"dread: missing: ")
    for args in ((), ("a", "b")):
        assert wine(EXE, *args, cwd=tmp_path).returncode == 2
    (tmp_path / "in").write_bytes(content(1 << 20))
    with open("/dev/full", "wb") as full:
        done = wine(EXE, "in", cwd=tmp_path, stdout=full)
    assert done.returncode == 4 and b"standard output" in done.stderr


def test_it_lives_on_the_device(mscope, tmp_path):
    assert os.path.getsize(EXE) < 64 << 10
    mscope("read", "sim:lsd", "--file", "/DREAD.EXE", "-o", "out.exe")
    with open(EXE, "rb") as f:
        assert (tmp_path / "out.exe").read_bytes() == f.read()


def test_it_runs_from_the_device(mscope, wine, tmp_path):
    """The one that was read from it reads, too."""
    mscope("read", "sim:lsd", "--file", "/DREAD.EXE", "-o", "out.exe")
    (tmp_path / "in").write_bytes(content(4097))
    assert wine("./out.exe", "in", cwd=tmp_path).stdout == content(4097)
