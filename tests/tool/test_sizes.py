# SPDX-License-Identifier: BSD-2-Clause
"""A conforming device of any size, block size or serial number has no finding; what cannot be a device is refused at once."""
import os

import pytest

SIZES = [f"blocks={n}" for n in (*range(1, 9), 2**32 - 1, 2**32, 6442450944)]
BLOCKS = [f"block-size={n}{m}" for n in (512, 1024, 2048, 4096) for m in ("", ",medium=0")]
SERIALS = ["serial=" + ("0123456789ABCDEF" * 8)[:n] for n in (0, 12, 30, 31, 32, 62, 63, 64, 94, 95, 96, 125, 126)]


@pytest.mark.parametrize("writes", [(), ("--allow-writes",)])
@pytest.mark.parametrize("knobs", SIZES + BLOCKS + SERIALS)
def test_nothing_is_found(mscope, knobs, writes):
    out = mscope("check", f"sim:reference,{knobs}", *writes, "--profile", "spec", "-q", status=0).out
    assert " 0 failed" in out and "warned" not in out


@pytest.mark.parametrize("blocks", [2**54, 36028797018963967, 2**64 - 1])
def test_too_large(mscope, blocks):
    assert "too large" in mscope("probe", f"sim:reference,blocks={blocks}", status=2).err


def test_what_is_no_file(mscope, tmp_path):
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path, tmp_path / "fifo"):
        assert "it is not a file" in mscope("probe", f"sim:reference,file={path}", status=4).err
