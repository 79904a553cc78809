# SPDX-License-Identifier: BSD-2-Clause
"""Captures: decode, --record and record. What lies in captures/, and tshark: test_captures.py."""
import struct
import subprocess

import pytest
from conftest import TOP
from test_documents import validate

FULL = "sim:reference,speed=full,host=uhci"


@pytest.fixture
def run(mscope):
    """A capture of a run, recorded."""
    def record(*args, name="run.pcap", status=0):
        mscope(args[0], "--record", name, *args[1:], status=status)
        return name
    return record


def test_transfers_instead_of_packets(mscope, run):
    run("send", "sim:reference", "--record-transfers", "--", "12 00 00 00 24 00")
    d = mscope.json("decode", "run.pcap")
    assert not d["summary"]["evidence"]["bus"] and exchanges(d)[-1]["naks"] is None
    mscope("send", "sim:reference", "--record-transfers", "--", "00", status=2)


def exchanges(document):
    return [x for x in document["exchanges"] if x["kind"] == "exchange"]


def hurried(name, times):
    """The same packets, so many times as fast."""
    data = bytearray(open(name, "rb").read())
    assert struct.unpack_from("<I", data)[0] == 0xa1b23c4d          # nanoseconds
    at = 24
    while at < len(data):
        seconds, ns, kept = struct.unpack_from("<III", data, at)
        struct.pack_into("<II", data, at, *divmod((seconds * 10**9 + ns) // times, 10**9))
        at += 16 + kept
    open(name, "wb").write(data)


def test_no_rate_that_no_bus_could_carry(mscope, run, tmp_path):
    """As an emulated controller's, or of a server of USB/IP: a rate is given where it is possible."""
    run("bench", FULL, "--blocks", "64", "--count", "20", "--mode", "queued", "-q")
    line = "took less time than their bytes need on a full-speed bus (1216 kB/s at most)"
    shown = " ".join(mscope("decode", "run.pcap").out.split())
    assert line not in shown and "kB/s while busy" in shown
    hurried(tmp_path / "run.pcap", 10)
    shown = " ".join(mscope("decode", "run.pcap").out.split())
    assert f"1 of the commands {line}" in shown and "kB/s while busy" not in shown, shown


def test_a_run_and_its_capture(mscope, run):
    run("bench", FULL, "--blocks", "1,8", "--count", "20", "-q")
    d = mscope.json("decode", "run.pcap")
    validate(d)
    reads = [x for x in exchanges(d) if x["cdb"].startswith("28 ")]
    assert len(reads) >= 40 and all(x["status"] == 0 and x["judged"] for x in reads)
    assert {x["transferred"] for x in reads} == {512, 4096}
    assert d["summary"]["exchanges"] == len(exchanges(d))
    assert d["summary"]["evidence"]["bus"] and d["summary"]["evidence"]["naks"] > 0
    assert d["summary"]["evidence"]["naks"] >= sum(x["naks"] for x in exchanges(d))
    row = next(c for c in d["summary"]["commands"] if c["opcode"] == 0x28)
    assert row["count"] == len(reads) and row["latency_ns"]["least"] <= row["latency_ns"]["median"] <= row["latency_ns"]["most"]
    text = mscope("decode", "run.pcap").out
    assert "READ(10) lba" in text and all(len(line) <= 80 for line in text.splitlines())


def test_what_the_run_finds_the_capture_shows(mscope, run):
    live = mscope.json("check", f"{FULL},fault=residue-zero", status=1)
    run("check", f"{FULL},fault=residue-zero", "-q", status=1)
    d = mscope.json("decode", "run.pcap", status=1)
    validate(d)
    rules = {f["rule"] for c in live["cases"] for f in c["findings"] if not f["rule"].startswith("expect.")}
    assert rules and rules <= {f["rule"] for f in d["summary"]["findings"]} | {"usb.firmware.misuse"}


@pytest.mark.parametrize("fault", ["residue-zero", "csw-12", "serial-missing", "residue-adds", "residue-wraps", "data-unasked-out"])
def test_a_cause_is_named_from_the_capture_alone(mscope, run, fault):
    run("check", f"{FULL},fault={fault}", "-q", status=1)
    d = mscope.json("decode", "run.pcap", status=1)
    validate(d)
    first = d["summary"]["causes"][0]
    assert fault in {first["id"], *(t["id"] for t in first["ties"])}
    assert first["explains"] * 2 > first["of"] > 0 and first["missing"] == [] and first["alone"] is None
    assert f"{fault}: " in mscope("decode", "run.pcap", "-q", status=1).out.split("\ncause ")[1]
    run("check", FULL, "-q", name="good.pcap")
    assert mscope.json("decode", "good.pcap")["summary"]["causes"] == []
    assert "\ncause " not in mscope("decode", "good.pcap", "-q").out


def test_filters(mscope, run):
    run("check", FULL, "--select", "scsi.*", "-q")
    everything = exchanges(mscope.json("decode", "run.pcap"))
    failed = exchanges(mscope.json("decode", "run.pcap", "--only", "failed"))
    assert 0 < len(failed) < len(everything)
    assert {x["index"] for x in failed} == {x["index"] for x in everything if x["status"] != 0}
    writes = exchanges(mscope.json("decode", "run.pcap", "--only", "writes"))
    assert len(writes) < len(everything)
    assert 0 < len(mscope.json("decode", "run.pcap", "--only", "slow")["exchanges"]) < len(everything)
    assert not mscope.json("decode", "run.pcap", "--lun", "3")["exchanges"]
    middle = everything[len(everything) // 2]["time_ns"]
    late = exchanges(mscope.json("decode", "run.pcap", "--time", f"{middle}ns.."))
    early = exchanges(mscope.json("decode", "run.pcap", "--time", f"..{middle - 1}ns"))
    assert len(late) + len(early) == len(everything)
    for wrong in (["--only", "odd"], ["--time", "5s"], ["--lun", "99"], []):
        mscope("decode", *(["run.pcap", *wrong] if wrong else []), status=2)


def test_recovery_is_told_in_words(mscope, run):
    run("check", FULL, "--select", "bot.case0*", "-q")
    text = mscope("decode", "run.pcap").out
    assert "the host cleared the halt and asked for the CSW" in " ".join(text.split())
    assert "the host reset the device's interface (Bulk-Only Reset), after" in " ".join(text.split())


def test_a_stream_is_shown_as_it_comes(mscope, run):
    run("bench", FULL, "--blocks", "1", "--count", "5", "-q")
    data = (mscope.cwd / "run.pcap").read_bytes()
    p = mscope.popen("decode", "-", stdin=subprocess.PIPE)
    p.stdin.write(data[:-1000])
    p.stdin.flush()
    seen = b""
    while b"READ(10) lba" not in seen: # before the end of the input
        more = p.stdout.read1()
        assert more, seen
        seen += more
    p.stdin.write(data[-1000:])
    out, err = p.communicate(timeout=60)
    assert p.returncode == 0 and not err
    assert (seen + out).decode() == mscope("decode", "run.pcap").out


# ---- usbmon's text ----------------------------------------------------------------------------------------

def usbmon_text(capture, bus=True, from_us=0):
    """What the kernel shows of such a capture (link type 220, little-endian) in .../usbmon/1u, or in 1t."""
    data, part, lines = capture, 1000 if capture[:4] == b"\x4d\x3c\xb2\xa1" else 1, []
    assert struct.unpack_from("<H", data, 20) == (220,)
    at, first = 24, None
    while at < len(data):
        s, us, kept, _ = struct.unpack_from("<4I", data, at)
        p, at = data[at + 16:at + 16 + kept], at + 16 + kept
        now = s * 1000000 + us // part
        first = now if first is None else first
        number, event, kind, ep, device, bus_number, no_setup, no_data = struct.unpack_from("<QBBBBHBB", p)
        status, length, captured = struct.unpack_from("<iII", p, 28)
        where = [f"{bus_number}"] if bus else []
        address = ":".join(["ZICB"[kind] + "oi"[ep >> 7]] + where + [f"{device:03}", f"{ep & 15}"])
        words = [f"{number:x}", str((now - first + from_us) % (1000000 << 12)), chr(event), address]
        if kind == 1:
            words.append(f"{status}:8")
        elif not no_setup and event == ord("S"):
            words.append("s {:02x} {:02x} {:04x} {:04x} {:04x}".format(*struct.unpack_from("<BBHHH", p, 40)))
        else:
            words.append(str(status))
        words.append(str(length))
        if length:
            shown = p[64:64 + min(captured, 32)]
            words.append("= " + " ".join(shown[i:i + 4].hex() for i in range(0, len(shown), 4)) if not no_data else chr(no_data))
        lines.append(" ".join(words))
    return "\n".join(lines) + "\n"


def told(document):
    """All that does not hang on where the capture's clock began, nor on data that is not shown."""
    began = document["summary"]["began_ns"]
    return ([{k: v for k, v in x.items() if k not in ("data", "device", "index", "steps")} |
              {"time_ns": x["time_ns"] - began, "findings": [f["message"] for f in x["findings"]]} for x in document["exchanges"]], [(f["rule"], f["count"]) for f in document["summary"]["findings"]])


@pytest.mark.parametrize("name", ["linux-usbmon", "residue-zero", "csw-missing"])
def test_usbmon_s_text_is_read_as_its_packets_are(mscope, name):
    """Of each transfer it has 32 bytes at most, and that suffices for a CBW, a CSW and most rules."""
    capture = (TOP / "captures" / name / "capture.pcap").read_bytes()
    want = mscope.json("decode", str(TOP / "captures" / name / "capture.pcap"), status=None)
    assert len(want["exchanges"]) > 10
    for words in ({}, {"bus": False}, {"from_us": (1000000 << 12) - 5000}):     # the kernel's clock begins anew every 4096 s
        (mscope.cwd / "mon.txt").write_text(usbmon_text(capture, **words))
        got = mscope.json("decode", "mon.txt", status=want["exit_status"])
        validate(got)
        assert told(got) == told(want), words
    mail = "".join(f">> {line}\n" for line in usbmon_text(capture).splitlines())
    (mscope.cwd / "mail.txt").write_text(mail)
    assert told(mscope.json("decode", "mail.txt", status=want["exit_status"])) == told(want)
    assert mscope("decode", "-", stdin=(mscope.cwd / "mon.txt").open(), status=None).out == mscope("decode", "mon.txt", status=None).out


@pytest.mark.parametrize("before", ["$ cat /sys/kernel/debug/usb/usbmon/5u", "[  812.4] usb 5-1: reset high-speed USB device\r\n\r\nHere is the trace:\r", "\ufeffHello,"])
def test_usbmon_s_text_may_have_others_before_it(mscope, before):
    """As a terminal or a mail has it."""
    capture = TOP / "captures/linux-usbmon/capture.pcap"
    (mscope.cwd / "mon.txt").write_text(before + "\n" + usbmon_text(capture.read_bytes()), encoding="utf-8", newline="")
    got = mscope.json("decode", "mon.txt")
    assert told(got) == told(mscope.json("decode", str(capture)))
    assert got["summary"]["evidence"]["short_packets"] == before.count("\n") + 1


def test_a_capture_that_has_usbmon_s_text_in_its_packets_is_none(mscope):
    """Somebody copied the trace to the stick that was captured."""
    text = usbmon_text((TOP / "captures/linux-usbmon/capture.pcap").read_bytes()).encode()
    (mscope.cwd / "run.pcap").write_bytes(pcap(220, b"\n" + text[:1000] + b"\n"))
    assert "1 packet (usbmon)" in mscope("decode", "run.pcap", status=4).err


def test_lines_that_are_none_of_usbmon_s_are_counted(mscope):
    lines = usbmon_text((TOP / "captures/linux-usbmon/capture.pcap").read_bytes()).splitlines()
    want = mscope.json("decode", str(TOP / "captures/linux-usbmon/capture.pcap"))
    bad = ["", "-- cut here --", lines[19] + " more", lines[19].replace(" = ", " = x"), lines[16][:-1], lines[19].replace("Bi:", "Bx:"),
           lines[19].replace("Bi:5:003", "Bi:5:300"), "f" * 5000, lines[16] + "00000000" * 9, "\0", "zz 1 S Bo:1:2:3 -115 31 >"]
    (mscope.cwd / "mon.txt").write_text("\n".join(lines[:30] + bad + lines[30:]))     # and no end to the last line
    got = mscope.json("decode", "mon.txt")
    assert told(got) == told(want)
    assert got["summary"]["evidence"]["short_packets"] >= len(bad)


# ---- what is no capture -----------------------------------------------------------------------------------

def pcap(link, *packets):
    return struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, link) + b"".join(
        struct.pack("<IIII", 0, i, len(p), len(p)) + p for i, p in enumerate(packets))


@pytest.mark.parametrize("content, words", [
    (b"", "is empty"),
    (b"{\"format\": \"mscope.bench/1\"}", "is no capture"),
    (pcap(220), "no packet in it"),
    (pcap(1, b"ethernet"), "link type 1, which is none of USB's"),
    (pcap(294, b"\xa5\x00\x10", b"\xa5\x01\xe8"), "no mass storage by Bulk-Only in it: 2 packets"),
    (pcap(220, b"S" * 10), "1 too short"),
    (pcap(294, b"\x5a")[:-1], "cut short"),
    (pcap(294, b"\x5a")[:-9], "cut short"),
], ids=lambda x: x if isinstance(x, str) else None)
def test_bad_input(mscope, content, words):
    (mscope.cwd / "bad.pcap").write_bytes(content)
    assert words in mscope("decode", "bad.pcap", status=4).err
    d = mscope.json("decode", "bad.pcap", status=4)
    validate(d)
    assert words in d["reason"]


def test_what_came_before_the_cut_is_shown(mscope, run):
    run("bench", FULL, "--blocks", "1", "--count", "5", "-q")
    data = (mscope.cwd / "run.pcap").read_bytes()
    (mscope.cwd / "cut.pcap").write_bytes(data[:-3])
    p = mscope("decode", "cut.pcap", status=4)
    assert "READ(10)" in p.out and "cut short" in p.err
    mscope("decode", "none.pcap", status=4)
    mscope("decode", ".", status=4)


def test_recording(mscope, run):
    mscope("record", "sim:reference", "-o", "a.pcap", "--", "send", "12", "00", "00", "00", "24", "00")
    run("send", "sim:reference", "--", "12 00 00 00 24 00", name="b.pcap")
    assert (mscope.cwd / "a.pcap").read_bytes() == (mscope.cwd / "b.pcap").read_bytes()
    assert "INQUIRY" in mscope("decode", "a.pcap").out
    mscope("record", "sim:reference", "--", "send", status=2)
    mscope("record", "sim:reference", "-o", "a.pcap", "--", "sned", status=2)
    mscope("record", "usbmon77", "-o", "c.pcap", status=3)
    assert not (mscope.cwd / "c.pcap").exists()
    mscope("check", "sim:reference", "--record", "no/such/dir.pcap", status=4)
    before = (mscope.cwd / "a.pcap").read_bytes()
    mscope("check", "sim:nothing", "--record", "a.pcap", status=2) # a mistake leaves the file alone
    assert (mscope.cwd / "a.pcap").read_bytes() == before


# ---- captures that are not as they should be -----------------------------------------------------------------

def urbs(name="linux-usbmon"):
    """The packets of a capture, each with its time in ns."""
    data, at = (TOP / "captures" / name / "capture.pcap").read_bytes(), 24
    while at < len(data):
        seconds, part, kept, _ = struct.unpack_from("<4I", data, at)
        yield seconds * 10**9 + part, data[at + 16:at + 16 + kept]
        at += 16 + kept


def decoded(mscope, packets, status=None):
    (mscope.cwd / "odd.pcap").write_bytes(struct.pack("<IHHiIII", 0xa1b23c4d, 2, 4, 0, 0, 1 << 18, 220) + b"".join(
        struct.pack("<4I", ns // 10**9, ns % 10**9, len(p), len(p)) + p for ns, p in packets))
    document = mscope.json("decode", "odd.pcap", "--profile", "spec", status=status)
    validate(document)
    return document


def test_a_clock_that_is_set_back_loses_nothing(mscope):
    want, all_of_it = decoded(mscope, urbs(), 0), list(urbs())
    half = len(all_of_it) // 2
    got = decoded(mscope, [(ns - (3600 * 10**9 if i > half else 0), p) for i, (ns, p) in enumerate(all_of_it)], 0)
    assert [x["command"] for x in got["exchanges"]] == [x["command"] for x in want["exchanges"]]
    assert all(x["took_ns"] >= 0 for x in got["exchanges"])
    assert got["summary"]["evidence"]["clock_set"] == 1 and "the clock was set back 1 time" in mscope("decode", "odd.pcap").out


@pytest.mark.parametrize("later_ns", [0, 3000])
def test_what_two_interfaces_of_a_capture_tell_is_looked_at_once(mscope, later_ns):
    """dumpcap -i usbmon0 -i usbmon1"""
    want = decoded(mscope, urbs(), 0)
    got = decoded(mscope, [x for ns, p in urbs() for x in ((ns, p), (ns + later_ns, p))], 0)
    assert told(got) == told(want)
    assert got["summary"]["evidence"]["repeated"] == want["summary"]["packets"] and got["summary"]["evidence"]["gaps"] == 0


@pytest.mark.parametrize("first", range(9))
def test_what_is_out_of_order_is_not_held_against_the_device(mscope, first):
    """Files that were merged, or sorted by something else: a packet stands behind the one after it."""
    packets = list(urbs())
    for i in range(first, len(packets) - 1, 9):
        if packets[i + 1][0] - packets[i][0] < 10**9:      # more than that is a clock that was set
            packets[i:i + 2] = packets[i + 1], packets[i]
    got = decoded(mscope, packets, 0)
    assert got["summary"]["findings"] == [] and got["summary"]["evidence"]["disordered"]
    assert all(x["took_ns"] >= 0 for x in got["exchanges"])
    assert "the file is not in the order of time" in " ".join(mscope("decode", "odd.pcap").out.split())


def urb(number, kind, ep, length, data=b"", setup=None, status=0):
    return struct.pack("<QBBBBHBBqiiII8siiII", number, ord(kind), 3 if setup is None else 2, ep, 5, 1, ord("-") if setup is None else 0, 0 if data else ord("<"),
                       0, 0, status, length, len(data), setup or bytes(8), 0, 0, 0, 0) + data


def of_uas(chosen):
    """A disk that knows both: Bulk-Only is setting 0, UAS setting 1, on the same endpoints. Linux chooses the latter."""
    def control(setup, data=b""):
        n = next(number)
        return [urb(n, "S", setup[0] & 0x80, struct.unpack_from("<H", setup, 6)[0], b"", setup), urb(n, "C", setup[0] & 0x80, len(data), data, bytes(8))]

    def bulk(ep, data):
        n = next(number)
        return [urb(n, "S", ep, len(data), b"" if ep & 0x80 else data), urb(n, "C", ep, len(data), data if ep & 0x80 else b"")]

    def inquiry(tag):
        return (bulk(2, struct.pack("<IIIBBB16s", 0x43425355, tag, 36, 0x80, 0, 6, bytes.fromhex("120000002400"))) +
                bulk(0x81, bytes.fromhex("000006021f000000") + b"A DISK  OF BOTH KINDS   0001") + bulk(0x81, struct.pack("<IIIB", 0x53425355, tag, 0, 0)))

    number = iter(range(1, 1000))
    ends = [bytes([7, 5, ep, 2, 0, 2, 0]) for ep in (0x81, 2, 4, 0x83, 0x81, 2)]
    pipes = [bytes([4, 0x24, n, 0]) for n in (1, 2, 3, 4)]
    body = bytes([9, 4, 0, 0, 2, 8, 6, 0x50, 0]) + ends[0] + ends[1] + bytes([9, 4, 0, 1, 4, 8, 6, 0x62, 0]) + b"".join(
        x for pair in zip(ends[2:], pipes, strict=True) for x in pair)
    config = struct.pack("<BBHBBBBB", 9, 2, 9 + len(body), 1, 1, 0, 0x80, 50) + body
    packets = control(bytes.fromhex("8006000100001200"), bytes.fromhex("120100020000004025095108000101020301"))
    packets += control(bytes.fromhex("800600020000") + struct.pack("<H", len(config)), config) + control(bytes.fromhex("0009010000000000")) + inquiry(7)
    packets += control(bytes.fromhex("010b") + struct.pack("<HHH", chosen, 0, 0))
    for tag in range(4):
        packets += bulk(4, bytes([1, 0, 0, tag]) + bytes(12) + bytes.fromhex("28000000000000000100") + bytes(6)) + bulk(0x81, b"U" * 512) + bulk(0x83, bytes([3, 0, 0, tag]) + bytes(12))
        packets += bulk(4, bytes([1, 0, 0, tag]) + bytes(12) + bytes.fromhex("2a000000000000000100") + bytes(6)) + bulk(2, b"U" * 512) + bulk(0x83, bytes([3, 0, 0, tag]) + bytes(12))
    packets += control(bytes.fromhex("8006000100001200"), bytes.fromhex("120100020000004025095108000101020301"))
    packets += bulk(0x81, b"U" * 512) + control(bytes.fromhex("010b000000000000")) + inquiry(8)
    return [(10**15 + 50000 * i, p) for i, p in enumerate(packets)]


def test_uas_is_not_judged_as_bulk_only(mscope):
    got = decoded(mscope, of_uas(1), 0)
    assert [x["command"] for x in got["exchanges"] if x["kind"] == "exchange"] == ["INQUIRY alloc 36"] * 2 and got["summary"]["findings"] == []
    assert got["summary"]["evidence"]["other_setting"] == 9 and "another setting of the interface" in " ".join(mscope("decode", "odd.pcap").out.split())
    assert decoded(mscope, of_uas(0))["summary"]["findings"]      # the same, sent to Bulk-Only


def test_halves_of_two_transfers_are_not_taken_for_one(mscope):
    """usb-storage uses the same request for all: where packets are missing, its number says nothing."""
    all_of_it = list(urbs())
    bulk = [i for i, (_, p) in enumerate(all_of_it) if p[9] == 3]
    for i in bulk[1:-5]:
        ends = [all_of_it[n][1][8:11] for n in (i - 1, i + 4)]
        if ends[0][0] == ord("S") and ends[1][0] == ord("C") and ends[0][2] != ends[1][2]:      # halves of different endpoints
            d = decoded(mscope, all_of_it[:i] + all_of_it[i + 4:])
            assert not {"bot.data.excess", "bot.cbw.accept"} & {f["rule"] for f in d["summary"]["findings"]}, i


def as_usb_storage(packets):
    """It asks for what the CBW says, then for 13 bytes."""
    due = 0
    for (ns, p), (_, end) in zip(packets, packets[1:] + packets[-1:], strict=True):
        if p[8] == ord("S") and p[64:68] == b"USBC":
            due = struct.unpack_from("<I", p, 72)[0]
        if p[8:10] == b"S\3" and p[10] & 0x80:
            p = p[:32] + struct.pack("<I", 13 if end[64:68] == b"USBS" or not due else due) + p[36:]
        yield ns, p


def test_a_data_phase_that_is_missing_is_not_held_against_the_device(mscope):
    all_of_it = list(as_usb_storage(list(urbs())))
    data = [i for i, (_, p) in enumerate(all_of_it) if p[8:10] == b"S\3" and p[10] & 0x80 and p[32:36] in (b"\x12\0\0\0", b"\0\x02\0\0")]
    assert len(data) >= 4
    for i in data[:4]:
        d = decoded(mscope, all_of_it[:i] + all_of_it[i + 2:], 0)
        assert d["summary"]["findings"] == [] and d["summary"]["evidence"]["gaps"] == 1


def test_commands_that_are_missing_are_not_held_against_the_device(mscope):
    """Between a CBW and a CSW: the CSW's tag is one that the capture has not."""
    all_of_it, tried = list(urbs()), 0
    sent = [i for i, (_, p) in enumerate(all_of_it) if p[8:10] == b"S\3" and p[64:68] == b"USBC"]
    status = [i for i, (_, p) in enumerate(all_of_it) if p[8:10] == b"C\3" and p[64:68] == b"USBS"]
    for n, cbw in enumerate(sent[2:-8], 2):
        for csw in (s for s in status if sent[n + 3] < s < sent[n + 6]):
            d = decoded(mscope, all_of_it[:cbw + 2] + all_of_it[csw - 1:])
            assert not {"bot.csw.tag", "bot.data.stale"} & {f["rule"] for f in d["summary"]["findings"]}, (cbw, csw)
            assert d["summary"]["evidence"]["gaps"]
            tried += 1
    assert tried > 10


def test_packets_that_are_missing_are_not_held_against_the_device(mscope):
    """An even number of data packets: the toggles agree, and the CSW seems to have come as data that is too short."""
    data, at, packets = (TOP / "captures" / "reference-full" / "capture.pcap").read_bytes(), 24, []
    while at < len(data):
        size = 16 + struct.unpack_from("<I", data, at + 8)[0]
        packets.append(data[at:at + size])
        at += size
    pid = bytes(p[16] for p in packets)
    whole = b"\x69\xc3\xd2\x69\x4b\xd2" * 12      # IN, DATA0, ACK, IN, DATA1, ACK
    at = tried = 0
    while (at := pid.find(whole, at)) >= 0 and tried < 10:
        (mscope.cwd / "hole.pcap").write_bytes(data[:24] + b"".join(packets[:at + 6] + packets[at + 60:]))
        d = mscope.json("decode", "hole.pcap", "--profile", "spec")
        assert d["summary"]["findings"] == [] and d["summary"]["evidence"]["gaps"], at
        at += len(whole)
        tried += 1
    assert tried > 3


def test_a_long_configuration_is_read_whole(mscope):
    """A camera with a disk: its other functions need more than 1024 bytes."""
    def longer(p):
        if p[8] != ord("C") or p[9] != 2 or p[64:66] != b"\x09\x02" or len(p) < 64 + 32:
            return p if p[8] == ord("C") or p[9] != 2 or p[40:48] != ask else p[:32] + struct.pack("<I", more + 32) + p[36:46] + struct.pack("<H", more + 32) + p[48:]
        config = p[64:66] + struct.pack("<H", more + 32) + p[68:73] + (b"\xfa\xff" + bytes(248)) * (more // 250) + p[73:]
        return p[:32] + struct.pack("<II", len(config), len(config)) + p[40:64] + config

    more, ask = 1500, bytes.fromhex("8006000200002000")
    got = decoded(mscope, [(ns, longer(p)) for ns, p in urbs()], 0)
    assert {x["speed"] for x in got["exchanges"]} == {"high"}


@pytest.mark.parametrize("begins, words", [(b"\x1f\x8b\x08\0", "is compressed: zcat"),
                                           (b"\x28\xb5\x2f\xfd", "is compressed"), (b"\xfd7zXZ", "is compressed")])
def test_a_compressed_capture_is_told_as_such(mscope, begins, words):
    (mscope.cwd / "bad.pcap").write_bytes(begins + bytes(40))
    assert words in mscope("decode", "bad.pcap", status=4).err


def test_a_limit_to_the_length_of_packets_is_told(mscope):
    (mscope.cwd / "cut.pcap").write_bytes(struct.pack("<IHHiIII", 0xa1b23c4d, 2, 4, 0, 0, 80, 220) + b"".join(
        struct.pack("<4I", ns // 10**9, ns % 10**9, min(len(p), 80), len(p)) + p[:80] for ns, p in urbs()))
    assert "with a limit to the length of packets" in mscope("decode", "cut.pcap", status=4).err
