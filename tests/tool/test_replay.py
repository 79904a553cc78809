# SPDX-License-Identifier: BSD-2-Clause
"""replay: a recorded host's commands once more, and how the answers differ."""
import re

import pytest
from test_documents import validate

FULL = "sim:reference,speed=full,host=uhci"


def recorded(mscope, target, *args, status=0, name="was.pcap"):
    mscope(args[0], target, "-q", "--record", name, *args[1:], status=status)
    return name


def sent(document):
    return [x for x in document["exchanges"] if x["fate"] in ("same", "differs")]


@pytest.mark.parametrize("target", [FULL, "sim:reference", "sim:stm32,stage=cube"])
@pytest.mark.parametrize("transfers", [False, True], ids=["packets", "transfers"])
def test_the_same_device_answers_the_same(mscope, target, transfers):
    mscope("bench", target, "-b", "1,8", "-n", "3", "-q", "--record", "was.pcap", *["--record-transfers"] * transfers)
    d = mscope.json("replay", "was.pcap", target)
    validate(d)
    reads = [x for x in d["exchanges"] if x["command"].startswith("READ(10)")]
    assert len(reads) >= 6 and {x["fate"] for x in reads} == {"same"}
    assert not d["summary"]["differs"] and not d["summary"]["refused"]
    assert {x["command"] for x in d["exchanges"] if x["fate"] == "left_out"} <= {"SET_ADDRESS"}
    assert all(x["replayed_ns"] > 0 for x in sent(d))


def test_every_rule_of_the_transport_again(mscope):
    """What a suite sends, wrong on purpose, gets the same answers, but where nobody can know what the host meant."""
    recorded(mscope, FULL, "check", "-s", "bot.*", "-s", "scsi.*")
    d = mscope.json("replay", "was.pcap", FULL, status=1)
    differ = [x for x in d["exchanges"] if x["fate"] == "differs"]
    early = [x for x in differ if x["command"] == "INQUIRY alloc 36"]   # bot.back-to-back.early: before the CSW was read
    assert d["summary"]["same"] > 1500 and len(early) == 1 and len(differ) - len(early) <= 6, differ


def test_every_configuration_is_set_to_what_it_was_set_to(mscope, tmp_path):
    """A configuration that is not there is refused again, and 0 leaves the device not configured again."""
    recorded(mscope, "sim:reference", "check", "-s", "usb.configuration.zero", "-s", "usb.absent.configuration",
             "--record-transfers")
    assert mscope.json("replay", "was.pcap", "sim:reference", "--record", "now.pcap", "--record-transfers")["summary"]["differs"] == 0
    sets = []
    for name in ("was", "now"):
        mscope("decode", f"{name}.pcap", "--to-scenario", f"{name}.yaml")
        sets.append(re.findall(r"- (?:set_configuration: \{ value: (\d+)|configure)", (tmp_path / f"{name}.yaml").read_text()))
    assert sets[0] == sets[1] and set(sets[0]) >= {"0", "2", "255", ""}


def test_a_device_is_left_configured(mscope, tmp_path):
    """Though the recorded host did not, as far as its record was sent again."""
    recorded(mscope, "sim:reference", "check", "-s", "usb.configuration.zero", "--record-transfers")
    d = mscope.json("replay", "was.pcap", "sim:reference")
    cut = next(x["time_ns"] for x in d["exchanges"] if x["command"] == "SET_CONFIGURATION") + 1
    mscope("replay", "was.pcap", "sim:reference", "--time", f"..{cut}ns", "--record", "now.pcap")
    mscope("decode", "now.pcap", "--to-scenario", "now.yaml")
    steps = re.findall(r"^  - (?:set_)?configur.*", (tmp_path / "now.yaml").read_text(), re.M)
    assert steps[-2].startswith("  - set_configuration: { value: 0") and steps[-1] == "  - configure"


def test_differences_are_told(mscope):
    recorded(mscope, FULL, "check", "-s", "bot.case05*")
    d = mscope.json("replay", "was.pcap", FULL + ",fault=residue-zero", status=1)
    validate(d)
    wrong = [x for x in d["exchanges"] if x["fate"] == "differs"]
    assert wrong and {f["what"] for x in wrong for f in x["differences"]} == {"residue"}
    assert all(f["replayed"] == "0" and int(f["recorded"]) > 0 for x in wrong for f in x["differences"])
    text = mscope("replay", "was.pcap", FULL + ",fault=residue-zero", status=1).out
    assert "residue: recorded" in text and f"{len(wrong)} otherwise" in text
    assert all(len(line) <= 80 for line in text.splitlines())


def test_a_difference_of_data(mscope):
    (mscope.cwd / "a.img").write_bytes(bytes(1 << 20))
    (mscope.cwd / "b.img").write_bytes(bytes(700) + b"x" + bytes((1 << 20) - 701))
    recorded(mscope, "sim:reference,file=a.img", "bench", "-b", "2", "-n", "1", "--mode", "serial", "--op", "read")
    d = mscope.json("replay", "was.pcap", "sim:reference,file=b.img", status=1)
    wrong = [x for x in d["exchanges"] if x["fate"] == "differs"]
    f = wrong[0]["differences"][0]
    assert f["what"] == "data" and f["recorded"].startswith("at 700: 00 ") and f["replayed"].startswith("at 700: 78 ")


def test_differences_of_time_are_told(mscope):
    mscope("bench", "sim:stm32,stage=double", "-b", "8", "-n", "3", "-q", "--record", "was.pcap", "--record-transfers")
    d = mscope.json("replay", "was.pcap", "sim:stm32,stage=cube")
    assert d["summary"]["slower"] >= 3 and d["summary"]["replayed_ns"] > d["summary"]["recorded_ns"]
    assert "slower" in mscope("replay", "was.pcap", "sim:stm32,stage=cube").out
    assert not mscope.json("replay", "was.pcap", "sim:stm32,stage=double")["summary"]["slower"]


def test_gaps(mscope):
    recorded(mscope, FULL, "check", "-s", "bot.*")
    mscope("replay", "was.pcap", FULL, "--record", "slow.pcap", status=1)
    mscope("replay", "was.pcap", FULL, "--fast", "--record", "fast.pcap", status=1)
    was, slow, fast = (mscope.json("decode", f"{name}.pcap", status=status)["summary"]["ended_ns"]
                       for name, status in (("was", 0), ("slow", 0), ("fast", 0)))
    assert slow > 0.9 * was and fast < 0.9 * slow


def test_what_writes_is_refused(mscope):
    image = mscope.cwd / "a.img"
    image.write_bytes(bytes(1 << 20))
    target = f"sim:reference,file={image}"
    mscope("check", target, "-s", "scsi.write10*", "--allow-writes", "-q", "--record", "was.pcap")
    assert image.read_bytes() == bytes(1 << 20)
    d = mscope.json("replay", "was.pcap", target, status=1) # what was not written cannot be read
    refused = [x for x in d["exchanges"] if x["fate"] == "refused"]
    assert refused and all("WRITE" in x["command"] and x["reason"] for x in refused)
    assert not any("WRITE(10)" in x["command"] for x in sent(d))
    d = mscope.json("replay", "was.pcap", target, "--allow-writes", status=1) # each run leaves a mark of its own while it writes
    differ = [x["command"] for x in d["exchanges"] if x["fate"] == "differs" and "SENSE" not in x["command"]]
    moved = [[int(n) for n in re.search(r"lba (\d+) blocks (\d+)", command).groups()] for command in differ]
    assert all(lba <= 1999 < lba + blocks for lba, blocks in moved), differ
    assert any("WRITE(10)" in x["command"] for x in sent(d))
    assert image.read_bytes() == bytes(1 << 20)


def test_a_part_of_it(mscope):
    recorded(mscope, "sim:reference,luns=2", "check", "-s", "bot.units*")
    both = mscope.json("replay", "was.pcap", "sim:reference,luns=2")
    one = mscope.json("replay", "was.pcap", "sim:reference,luns=2", "--lun", "1")
    assert 0 < len(one["exchanges"]) < len(both["exchanges"])
    assert len(mscope.json("replay", "was.pcap", "sim:reference,luns=2", "--time", "0s..25ms")["exchanges"]) < len(both["exchanges"])
    assert "nothing in it" in mscope("replay", "was.pcap", "sim:reference", "--device", "7", status=5).err


def test_mistakes(mscope):
    recorded(mscope, FULL, "send", "--", "12 00 00 00 24 00")
    mscope("replay", status=2)
    mscope("replay", "was.pcap", status=2)
    mscope("replay", "was.pcap", FULL, "more", status=2)
    mscope("replay", "none.pcap", FULL, status=4)
    validate(mscope.json("replay", "none.pcap", FULL, status=4))
    assert mscope("replay", "was.pcap", status=0, env={"MSCOPE_TARGET": FULL}).out
    (mscope.cwd / "bad.pcap").write_bytes(b"no capture")
    mscope("replay", "bad.pcap", FULL, status=4)
    mscope("replay", "was.pcap", FULL + ",unplug=25ms", status=3)


def test_an_image_of_what_went_over_the_wire(mscope):
    mscope("read", "sim:lsd", "--file", "/SENSORS/THERMO.TXT", "--record", "lsd.pcap")
    thermo = mscope("read", "sim:lsd", "--file", "/SENSORS/THERMO.TXT").out
    mscope("decode", "lsd.pcap", "-q", "--image", "lsd.img", status=None)
    assert mscope("read", "lsd.img", "--file", "/SENSORS/THERMO.TXT").out == thermo
    assert "/SENSORS/" in mscope("ls", "lsd.img").out
    st = (mscope.cwd / "lsd.img").stat()
    assert st.st_blocks * 512 < st.st_size - 65536, "it is sparse"


def test_images_as_read_and_as_written(mscope):
    image = mscope.cwd / "a.img"
    content = bytes(i * 7 % 251 for i in range(1 << 20))
    image.write_bytes(content)
    mscope("check", f"sim:reference,file={image}", "-s", "scsi.write10.readback", "--allow-writes", "-q", "--record", "w.pcap")
    mscope("decode", "w.pcap", "-q", "--image", "last", "--image-read", "read", "--image-written", "written")
    last, read, written = ((mscope.cwd / name).read_bytes() for name in ("last", "read", "written"))
    assert len(last) == len(read) == len(written) == 1 << 20
    blocks = [slice(at, at + 512) for at in range(0, 1 << 20, 512)]
    assert last == content[:0] + b"".join(content[b] if any(last[b]) else bytes(512) for b in blocks), "all was put back"
    assert any(any(written[b]) for b in blocks) and any(any(read[b]) and not any(written[b]) for b in blocks)
    assert mscope("decode", "w.pcap", "-q", "--image", "none", "--lun", "5", status=5).err and not (mscope.cwd / "none").exists()
    mscope("decode", "w.pcap", "-q", "--image", "no/such", status=4)


def test_a_failure_becomes_a_scenario(mscope):
    faulty = FULL + ",fault=residue-zero"
    recorded(mscope, faulty, "check", "-s", "bot.case05*", status=1)
    mscope("decode", "was.pcap", "-q", "--to-scenario", "was.yaml", status=1)
    text = (mscope.cwd / "was.yaml").read_text()
    assert "# fail bot.residue.in: " in text and "- bulk_only_reset" not in text.split("steps:")[0]
    mscope("run", FULL, "was.yaml")
    d = mscope.json("run", faulty, "was.yaml", status=1)
    assert {f["rule"] for c in d["cases"] for f in c["findings"]} == {"bot.residue.in"}


@pytest.mark.parametrize("target, status", [("sim:reference", 0), ("sim:linux-gadget", 0), ("sim:stm32", 0)])
def test_a_whole_suite_becomes_a_scenario(mscope, target, status):
    recorded(mscope, target, "check", "--allow-writes", status=status)
    mscope("decode", "was.pcap", "-q", "--to-scenario", "was.yaml", status=None)
    d = mscope.json("run", target, "was.yaml", "--allow-writes", status=None)
    [case] = d["cases"]
    assert case["verdict"] in ("pass", "warn") or {f["rule"] for f in case["findings"]} <= {"expect.settles"}, case["findings"]
