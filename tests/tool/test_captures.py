# SPDX-License-Identifier: BSD-2-Clause
"""captures/: a directory for each, with the file, where it comes from and how it is taken again, and what decode makes of it. tshark,
which reads the same files on its own, says the same of every wrapper.

What tshark 4.0 cannot say: of packets of the bus (link types 288, 293 to 295) it dissects tokens, data and handshakes, and puts
control transfers together, but gives a bulk transfer to its mass-storage dissector only where it has seen a class request of that
interface, which these do not have. Of those it is held to what it does say: the packets, in order, with their PIDs, endpoints and
bytes, in which CBW and CSW are found here. NAKs it does not count for anybody.
"""
import json
import re
import shlex
import shutil
import struct
import subprocess

import pytest
from conftest import TOP, UPDATE

CAPTURES = sorted(p for p in (TOP / "captures").iterdir() if p.is_dir())
USBMON, USBMON_OLD, USBPCAP = 220, 189, 249
OUT, IN, ACK, NYET, DATA = 0xe1, 0x69, 0xd2, 0x96, {0xc3, 0x4b, 0x87, 0x0f}

needs_tshark = pytest.mark.skipif(not shutil.which("tshark"), reason="tshark is not installed")
each = pytest.mark.parametrize("where", CAPTURES, ids=lambda p: p.name)


def link(path):
    return struct.unpack_from("<I", path.read_bytes(), 20)[0]


def command(where):
    """How it is taken again."""
    return next(shlex.split(line)[1:] for line in (where / "origin.md").read_text().splitlines() if line.startswith("    mscope "))


TRANSFERS = [p for p in CAPTURES if link(p / "capture.pcap") in (USBMON, USBMON_OLD, USBPCAP)]
LINUX = [p for p in TRANSFERS if link(p / "capture.pcap") == USBMON and "pcap=" not in (p / "origin.md").read_text()]   # not QEMU's
PACKETS = [p for p in CAPTURES if p not in TRANSFERS]
SIMULATED = [p for p in CAPTURES if any(word.startswith("sim:") for word in command(p))]


def take(mscope, where):
    """A simulated run gives the same file each time, byte for byte."""
    mscope(*command(where), status=None)
    taken = (mscope.cwd / "capture.pcap").read_bytes()
    if UPDATE:
        (where / "capture.pcap").write_bytes(taken)
    return taken


@each
def test_it_is_decoded_as_before(mscope, where):
    if UPDATE and where in SIMULATED:
        take(mscope, where)
    shutil.copy(where / "capture.pcap", mscope.cwd)
    p = mscope("decode", "capture.pcap", "-v", status=None)
    assert not p.err
    if UPDATE:
        (where / "decode.txt").write_text(p.out)
        (where / "status").write_text(f"{p.returncode}\n")
    assert {p.name for p in where.iterdir()} == {"capture.pcap", "origin.md", "decode.txt", "status"}
    assert p.out == (where / "decode.txt").read_text()
    assert f"{p.returncode}\n" == (where / "status").read_text()


@pytest.mark.parametrize("where", SIMULATED, ids=lambda p: p.name)
def test_it_is_taken_again(mscope, where):
    assert take(mscope, where) == (where / "capture.pcap").read_bytes()


def test_they_are_small():
    assert sum((p / "capture.pcap").stat().st_size for p in CAPTURES) < 1 << 20


# ---- tshark ------------------------------------------------------------------------------------


def tshark(path, *fields, display="frame"):
    done = subprocess.run(["tshark", "-r", path, "-Y", display, "-T", "fields", *(x for f in fields for x in ("-e", f))],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True,
                          env={"HOME": "/tmp", "PATH": "/usr/bin:/bin"})
    return [line.split("\t") for line in done.stdout.splitlines()]


def by_fields(path):
    """Of its mass-storage dissector: [(tag, length, opcode or None)] of CBWs, [(tag, residue, status)] of CSWs."""
    rows = tshark(path, "usbms.dCBWSignature", "usbms.dCSWSignature", "usbms.dCBWTag", "usbms.dCBWDataTransferLength",
                  "usbms.dCSWDataResidue", "usbms.dCSWStatus", "scsi_sbc.opcode", "scsi.spc.opcode", display="usbms")
    return ([(int(r[2], 0), int(r[3], 0), int(r[6] or r[7], 0) if r[6] or r[7] else None) for r in rows if r[0]],
            [(int(r[2], 0), int(r[4], 0), int(r[5], 0)) for r in rows if r[1]])


def by_packets(path):
    """The same, of its packets: what was acknowledged behind a token, once where it was sent again."""
    cbws, csws, token, data, last = [], [], None, b"", {}
    for pid, number, payload, wrong in tshark(path, "usbll.pid", "usbll.endp", "usbll.data", "usbll.crc16.status"):
        pid = int(pid or "0", 0)
        if number:
            token, data = (pid, number), b""
        elif pid in DATA:
            data = bytes.fromhex(payload) if payload and not wrong.startswith("Bad") else b""
            toggle = pid
        elif pid in (ACK, NYET) and data and last.get(token) != (toggle, data):
            last[token] = toggle, data
            if token[0] == OUT and len(data) == 31 and data[:4] == b"USBC":
                cbws.append((*struct.unpack_from("<II", data, 4), data[15]))
            elif token[0] == IN and len(data) == 13 and data[:4] == b"USBS":
                csws.append(struct.unpack("<IIB", data[4:]))
    return cbws, csws


def ours(mscope, path):
    exchanges = [x for x in mscope.json("decode", path, status=None)["exchanges"] if x["kind"] == "exchange"]
    return ([(x["tag"], x["length"], int(x["cdb"].split()[0], 16)) for x in exchanges],
            [(x["tag"], x["residue"], x["status"]) for x in exchanges if x["status"] is not None])


def agree(mscope, path, theirs):
    """It gives no opcode where it does not know the unit's command set."""
    cbws, csws = ours(mscope, path)
    assert len(cbws) > 0 and len(cbws) == len(theirs[0])
    assert [(t, n, o if known is not None else None) for (t, n, o), (_, _, known) in zip(cbws, theirs[0])] == theirs[0]
    assert csws == theirs[1]


@needs_tshark
@pytest.mark.parametrize("where", TRANSFERS, ids=lambda p: p.name)
def test_tshark_agrees(mscope, where):
    agree(mscope, where / "capture.pcap", by_fields(where / "capture.pcap"))


@needs_tshark
@pytest.mark.parametrize("where", PACKETS, ids=lambda p: p.name)
def test_tshark_agrees_on_packets(mscope, where):
    agree(mscope, where / "capture.pcap", by_packets(where / "capture.pcap"))


def packets(path):
    data, at = path.read_bytes(), 24
    while at < len(data):
        seconds, part, kept, length = struct.unpack_from("<IIII", data, at)
        yield seconds, part, length, data[at + 16:at + 16 + kept]
        at += 16 + kept


def older(packet):
    """As Linux wrote it before 2.6.23: 48 bytes of the header."""
    return packet[:48] + packet[64:]


USBD_STATUS = {0: 0, -115: 0, -32: 0xc0000004, -75: 0xc0000012, -71: 0xc0000011, -2: 0xc0010000, -104: 0xc0010000, -108: 0xc0000005}


def as_usbpcap(packet):
    """What USBPcap would have written of the same: its captureformat.html."""
    number, event, kind, endpoint, device, bus = struct.unpack_from("<QcBBBH", packet)
    status, = struct.unpack_from("<i", packet, 28)
    completed, control = event == b"C", kind == 2
    data = packet[64:]
    if control and not completed:
        data = packet[40:48] + data
    stage = bytes([3 if completed else 0]) if control else b""
    return struct.pack("<HQIHBHHBBI", 27 + len(stage), number, USBD_STATUS[status], 8 if control else 9, completed, bus, device,
                       endpoint, kind, len(data)) + stage + data


@needs_tshark
@pytest.mark.parametrize("form", [(USBMON_OLD, older), (USBPCAP, as_usbpcap)], ids=["189", "249"])
@pytest.mark.parametrize("where", LINUX, ids=lambda p: p.name)
def test_tshark_agrees_on_other_forms(mscope, where, form):
    path = mscope.cwd / "other.pcap"
    with open(path, "wb") as out:
        out.write(struct.pack("<IHHiIII", 0xa1b23c4d, 2, 4, 0, 0, 1 << 18, form[0]))
        for seconds, part, length, packet in packets(where / "capture.pcap"):
            new = form[1](packet)
            out.write(struct.pack("<IIII", seconds, part, len(new), len(new) + length - len(packet)) + new)
    agree(mscope, path, by_fields(path))
    assert ours(mscope, path) == ours(mscope, where / "capture.pcap")
