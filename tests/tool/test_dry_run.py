# SPDX-License-Identifier: BSD-2-Clause
"""--dry-run: what would be done, and nothing of it."""
import pytest
from test_documents import validate

GONE = "usb:dead:beef"


def reasons(document):
    return {c["name"]: c["reason"] for c in document["cases"] if c["verdict"] == "skip"}


def test_nothing_is_opened_and_every_case_is_told(mscope, tmp_path):
    """Not even a device that is there has to be; a capture of it stays empty of transfers."""
    document = mscope.json("check", GONE, "--dry-run")
    validate(document)
    told = reasons(document)
    assert set(told) == {c["name"] for c in mscope.json("check", "sim:reference", "--timeout", "30s")["cases"]}
    assert len(told) == len(document["cases"])
    assert any(name.startswith("lsd.") for name in reasons(mscope.json("check", "usb:c251:1303", "--dry-run")))
    assert told["bot.case01.tur"] == "would be run, and writes nothing"
    assert told["scsi.write.long"] == "would not be run: writes to the medium; give --allow-writes to allow it"
    assert document["device_ns"] == 0 and document["target"]["name"] == GONE
    assert "nothing is sent" in document["notes"][0]


def test_what_would_be_written_is_told(mscope, tmp_path):
    before = mscope("check", "sim:reference", "-s", "scsi.write.long", "--dry-run", "--allow-writes").out
    assert "1 of 1 cases would be run, 1 of them write" in " ".join(before.split())
    assert "writes blocks near the end of the medium that are saved first" in " ".join(before.split())
    assert before.splitlines()[-1] == "0 passed, 0 failed, 1 skipped in 0 ns of device time"
    assert not (tmp_path / "state").exists()
    told = reasons(mscope.json("check", GONE, "--dry-run", "--allow-writes"))
    assert any("give --allow-eject" in r for r in told.values()) and any("give --allow-unsafe" in r for r in told.values())


@pytest.mark.parametrize("args, status", [(["--bring-up"], 2), (["-s", "nosuch"], 2), (["--strict"], 0)])
def test_with_other_options(mscope, args, status):
    mscope("check", "sim:reference", "--dry-run", *args, status=status)
