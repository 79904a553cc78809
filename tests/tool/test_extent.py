# SPDX-License-Identifier: BSD-2-Clause
"""What the first blocks of a medium tell is held against its capacity: MBR, GPT, boot sectors."""
import struct

import pytest

BLOCKS = 8192
RULES = {"scsi.volume.fits", "scsi.volume.last"}


def entry(kind, first, count, status=0):
    return struct.pack("<B3xB3xII", status, kind, first, count)


def mbr(*entries):
    return bytes(446) + b"".join(entries).ljust(64, b"\0") + b"\x55\xaa"


def gpt(alternate, size=512):
    header = b"EFI PART" + struct.pack("<IIIIQQ", 0x10000, 92, 0, 0, 1, alternate)
    return mbr(entry(0xee, 1, 0xffffffff)).ljust(size, b"\0") + header.ljust(size, b"\0")


def boot(*, name=b"MSDOS5.0", sector=512, count16=0, count32=0, count64=0):
    s = bytearray(512)
    s[0:11] = b"\xeb\x3c\x90" + name
    struct.pack_into("<HBHBHHBH", s, 11, sector, 4, 1, 2, 512, count16, 0xf8, 4)
    struct.pack_into("<I", s, 32, count32)
    if name == b"NTFS    ":
        struct.pack_into("<Q", s, 40, count64)
    s[510:] = b"\x55\xaa"
    return bytes(s)


def exfat(count, shift=9):
    s = bytearray(512)
    s[0:11] = b"\xeb\x76\x90EXFAT   "
    struct.pack_into("<Q", s, 72, count)
    s[108] = shift
    s[510:] = b"\x55\xaa"
    return bytes(s)


def found(mscope, first, block_size=512, blocks=BLOCKS):
    image = mscope.cwd / "medium.img"
    image.write_bytes(first.ljust(blocks * block_size, b"\0"))
    document = mscope.json("probe", f"sim:reference,file={image},block-size={block_size}")
    return {f["rule"]: f for f in document["findings"] if f["rule"] in RULES}


TOO_LONG = {
    "partition": mbr(entry(0x0c, 8, BLOCKS)),
    "second partition": mbr(entry(0x83, 8, 100), entry(0x0c, 108, BLOCKS)),
    "extended": mbr(entry(0x83, 8, 100), entry(0x0f, 108, 2 * BLOCKS)),
    "gpt": gpt(2 * BLOCKS - 1),
    "fat, 16 bits": boot(count16=2 * BLOCKS),
    "fat, 32 bits": boot(count32=0x20000),
    "ntfs": boot(name=b"NTFS    ", count64=2 * BLOCKS),
    "exfat": exfat(2 * BLOCKS),
}


@pytest.mark.parametrize("first", TOO_LONG.values(), ids=TOO_LONG)
def test_what_reaches_beyond_the_capacity_is_told(mscope, first):
    (finding,) = found(mscope, first).values()
    assert finding["rule"] == "scsi.volume.fits"
    assert finding["severity"] == "warn" and finding["actual"] == str(BLOCKS - 1)


ONE_TOO_FEW = {
    "partition": mbr(entry(0x0c, 8, BLOCKS - 7)),
    "gpt": gpt(BLOCKS),
    "fat": boot(count16=BLOCKS + 1),
    "ntfs": boot(name=b"NTFS    ", count64=BLOCKS),
}


@pytest.mark.parametrize("first", ONE_TOO_FEW.values(), ids=ONE_TOO_FEW)
def test_one_block_too_few_is_a_defect_of_its_own(mscope, first):
    assert set(found(mscope, first)) == {"scsi.volume.last"}


IN_ORDER = {
    "partition to the end": mbr(entry(0x0c, 8, BLOCKS - 8, 0x80)),
    "gpt to the end": gpt(BLOCKS - 1),
    "gpt of a smaller medium": gpt(BLOCKS // 2),
    "fat to the end": boot(count16=BLOCKS),
    "ntfs to the end": boot(name=b"NTFS    ", count64=BLOCKS - 1),
    "exfat to the end": exfat(BLOCKS),
    "nothing": b"",
    "no signature": mbr(entry(0x0c, 8, 2 * BLOCKS))[:510],
    "code where the table would be": mbr(entry(0x0c, 8, 2 * BLOCKS), entry(0x12, 8, 9, status=0x7f)),
    "a protective entry alone": mbr(entry(0xee, 1, 0xffffffff)),
    "exfat of other blocks": exfat(2 * BLOCKS, shift=12),
    "fat of other blocks": boot(sector=4096, count16=2 * BLOCKS),
}


@pytest.mark.parametrize("first", IN_ORDER.values(), ids=IN_ORDER)
def test_what_lies_within_the_capacity_is_no_finding(mscope, first):
    assert not found(mscope, first)


def at(*blocks):
    """Blocks by their address, and zeros between them."""
    image = bytearray((max(lba for lba, _ in blocks) + 1) * 512)
    for lba, data in blocks:
        image[lba * 512:lba * 512 + 512] = data
    return bytes(image)


def guid(first, last):
    """The second block of a GPT, and the third with one entry."""
    header = bytearray(512)
    header[0:8] = b"EFI PART"
    struct.pack_into("<QQ", header, 24, 1, BLOCKS - 1)
    struct.pack_into("<QII", header, 72, 2, 4, 128)
    return (1, header), (2, (bytes([1] * 32) + struct.pack("<QQ", first, last)).ljust(512, b"\0"))


ONE = mbr(entry(0x06, 64, 4096))
LOGICAL = mbr(entry(0x83, 64, 64), entry(0x0f, 2048, 4096))


@pytest.mark.parametrize("blocks, words", [
    (((0, ONE), (64, boot(count16=BLOCKS))), f"the volume in partition 1 ends with block {BLOCKS + 63},"),
    (((0, ONE), (64, boot(count16=4097))), "has 4097 blocks, and the partition has 4096"),
    (((0, mbr(entry(0xee, 1, 0xffffffff))), *guid(64, 4159), (64, exfat(2 * BLOCKS))), "the volume in partition 1 ends"),
    (((0, LOGICAL), (2048, mbr(entry(0x83, 8, 2 * BLOCKS)))), f"partition 5 ends with block {2048 + 8 + 2 * BLOCKS - 1},"),
    (((0, LOGICAL), (2048, mbr(entry(0x83, 8, 8), entry(0x05, 1024, 1024))), (3072, mbr(entry(0x07, 8, 1016))),
      (3080, boot(name=b"NTFS    ", count64=BLOCKS))), f"the volume in partition 6 ends with block {3080 + BLOCKS},"),
], ids=["fat", "larger than its partition", "gpt", "logical", "in a logical one"])
def test_partitions_are_looked_into(mscope, blocks, words):
    (finding,) = found(mscope, at(*blocks)).values()
    assert finding["rule"] == "scsi.volume.fits" and words in finding["message"]
    run = mscope.json("check", f"sim:reference,file={mscope.cwd / 'medium.img'}", "-s", "scsi.volume.partitions")
    assert words in run["cases"][0]["findings"][0]["message"]


@pytest.mark.parametrize("blocks", [
    ((0, ONE), (64, boot(count16=4000))),
    ((0, ONE), (64, boot(count16=4096)), (70, boot(count16=4096)), (4159, boot(count16=4096))),
    ((0, ONE), (64, boot(name=b"NTFS    ", count64=4095)), (4159, boot(name=b"NTFS    ", count64=4095))),
    ((0, mbr(entry(0xee, 1, 0xffffffff))), *guid(64, BLOCKS - 34), (64, exfat(BLOCKS - 97))),
    ((0, LOGICAL), (2048, mbr(entry(0x83, 8, 8), entry(0x05, 1, 1))), (2049, mbr(entry(0x83, 8, 8), entry(0x05, 1, 1)))),
], ids=["smaller", "copies of the boot sector", "ntfs", "gpt", "a chain that leads back"])
def test_partitions_that_are_in_order(mscope, blocks):
    assert not found(mscope, at(*blocks))
    run = mscope.json("check", f"sim:reference,file={mscope.cwd / 'medium.img'}", "-s", "scsi.volume.partitions")
    assert run["cases"][0]["verdict"] == "pass" and not run["cases"][0]["findings"]


def test_an_image_for_discs_counts_in_512_bytes(mscope):
    """The partition table of an image that boots from disc and stick alike."""
    assert not found(mscope, mbr(entry(0x17, 64, 4 * BLOCKS - 64, 0x80)), block_size=2048)
    assert found(mscope, mbr(entry(0x17, 64, 4 * BLOCKS + 64, 0x80)), block_size=2048)


@pytest.mark.parametrize("fault", ["capacity-half", "capacity-less"])
def test_a_capacity_that_is_too_small_is_likely_and_not_certain(mscope, fault):
    """The medium may have been written for another one: that is for the reader to say."""
    document = mscope.json("check", f"sim:reference,fill=partition,fault={fault}")
    (cause,) = document["causes"]
    assert (cause["id"], cause["confidence"], cause["severity"]) == (fault, "likely", "warn")


def test_a_large_capacity_is_asked_for_in_the_long_form(mscope):
    blocks = 5_000_000_000
    (unit,) = mscope.json("probe", f"sim:reference,blocks={blocks}")["units"]
    assert unit["capacity"]["blocks"] == blocks
