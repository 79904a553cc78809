# SPDX-License-Identifier: BSD-2-Clause
"""What really went out: the kernel's usbmon records every transfer of a run, whoever asked for it.

    with Watch(vm, device) as watch:
        mscope("check", ..., "--allow-writes")
    for write in watch.writes:
        assert write.lba >= 1000

usbmon's text shows the first 32 bytes of what is submitted, so a CBW is whole, also one in pieces. What lies behind other bytes only
WholeWatch sees. A run whose events the kernel could not keep is an error, not a shorter list.
"""

import re
import struct
from dataclasses import dataclass

EVENTS = "/tmp/usbmon.events"
CBW, CBW_LENGTH = b"USBC", 31
OPCODE_AT = 15

UNMAP = 0x42

# Where LBA and number of blocks are, as (offset, bytes); None: the command has none, and changes who knows what.
WRITES = {
    0x0a: ((1, 3), (4, 1)),         # WRITE(6): 21 bits of address, 0 is 256 blocks
    0x2a: ((2, 4), (7, 2)),         # WRITE(10)
    0xaa: ((2, 4), (6, 4)),         # WRITE(12)
    0x8a: ((2, 8), (10, 4)),        # WRITE(16)
    0x2e: ((2, 4), (7, 2)),         # WRITE AND VERIFY(10)
    0xae: ((2, 4), (6, 4)),         # WRITE AND VERIFY(12)
    0x8e: ((2, 8), (10, 4)),        # WRITE AND VERIFY(16)
    0x41: ((2, 4), (7, 2)),         # WRITE SAME(10)
    0x93: ((2, 8), (10, 4)),        # WRITE SAME(16)
    0x89: ((2, 8), (13, 1)),        # COMPARE AND WRITE
    0x53: ((2, 4), (7, 2)),         # XDWRITEREAD(10)
    0x04: None,                     # FORMAT UNIT
    UNMAP: None,
    0x48: None,                     # SANITIZE
    0x3f: None,                     # WRITE LONG(10)
    0x9f: None,                     # WRITE LONG(16), and others
    0x3b: None,                     # WRITE BUFFER: firmware, perhaps
}


@dataclass
class Out:
    """A bulk-out transfer as it was submitted."""
    endpoint: int
    length: int
    head: bytes                     # the first 32 bytes, at most; from WholeWatch all


@dataclass
class Wrapper:
    """What a device may take for a CBW."""
    bytes: bytes

    @property
    def cdb(self):
        length = min(max(self.bytes[OPCODE_AT - 1] & 0x1f, 1), 16)
        return self.bytes[OPCODE_AT:OPCODE_AT + length].ljust(16, b"\0")

    @property
    def lun(self):
        return self.bytes[13] & 0xf

    @property
    def data(self):
        return int.from_bytes(self.bytes[8:12], "little")


@dataclass
class Write:
    """A command that changes the medium."""
    lun: int
    opcode: int
    lba: int                        # None: it has no address
    blocks: int
    data: int                       # dCBWDataTransferLength

    def lbas(self):
        return range(self.lba, self.lba + self.blocks)


class LostEvents(AssertionError):
    """The reader was too slow: nothing can be said of the run."""


class Watch:
    """Records all bulk-out transfers to a device, for as long as the block lasts."""

    def __init__(self, vm, device):
        self._vm = vm
        self._device = device
        self.outs = []
        self.ins = []       # how long the bulk-in transfers were that were asked for

    def __enter__(self):
        # usbmon keeps a few dozen events for a reader of its text: whoever reads comes before all others.
        self._job = self._vm.start(["chrt", "-f", "10", "cat", f"/sys/kernel/debug/usb/usbmon/{self._device.bus}u"], stdout=EVENTS)
        self._vm.wait_for(lambda: "nreaders 1" in self._state(), "usbmon to be read")
        self._lost = self._count_lost()
        return self

    def __exit__(self, *exception):
        lost = self._count_lost() - self._lost      # it counts from the machine's start
        self._job.signal("KILL")
        self._job.wait(10)
        if lost:
            raise LostEvents(f"usbmon lost {lost} events")
        lines = self._vm.pull(EVENTS).decode().splitlines()
        self.outs = [out for line in lines if (out := self._parse(line))]
        asked = (re.match(rf"\w+ \d+ S Bi:{self._device.bus}:\d+:\d+ \S+ (\d+)", line) for line in lines)
        self.ins = [int(found[1]) for found in asked if found]

    def _count_lost(self):
        return int(re.search(r"text_lost (\d+)", self._state())[1])

    def _state(self):
        return self._vm.run(["cat", f"/sys/kernel/debug/usb/usbmon/{self._device.bus}s"]).check().stdout

    def _parse(self, line):
        """`TAG TIME S Bo:BUS:ADDRESS:ENDPOINT STATUS LENGTH = WORDS`; a port reset may change the address, so it does not count."""
        found = re.match(rf"\w+ \d+ S Bo:{self._device.bus}:\d+:(\d+) \S+ (\d+)(?: = ([0-9a-f ]*))?", line)
        return found and Out(int(found[1]), int(found[2]), bytes.fromhex(found[3] or ""))

    @property
    def wrappers(self):
        """In the order sent: wherever there is a signature, also in pieces of several transfers, or behind other bytes."""
        stream, found = b"", []
        for out in self.outs:
            stream += out.head
            if len(out.head) < out.length:      # what follows does not join on
                found += self._in(stream)
                stream = b""
        return found + self._in(stream)

    @staticmethod
    def _in(stream):
        places = (place.start() for place in re.finditer(CBW, stream))
        return [Wrapper(stream[at:at + CBW_LENGTH].ljust(CBW_LENGTH, b"\0")) for at in places if at + OPCODE_AT < len(stream)]

    @property
    def commands(self):
        """Every command block that went out, with its unit."""
        return [(wrapper.lun, wrapper.cdb) for wrapper in self.wrappers]

    @property
    def writes(self):
        """Every command that changes a medium."""
        return [self._write(wrapper) for wrapper in self.wrappers if wrapper.cdb[0] in WRITES and not self._is_empty(wrapper)]

    @staticmethod
    def _is_empty(wrapper):
        """UNMAP without data names no block (SBC-3, UNMAP): so does what a cut wrapper and the next one make when joined."""
        return wrapper.cdb[0] == UNMAP and wrapper.data == 0

    @staticmethod
    def _write(wrapper):
        cdb, places = wrapper.cdb, WRITES[wrapper.cdb[0]]
        if not places:
            return Write(wrapper.lun, cdb[0], None, 0, wrapper.data)
        (at, size), (where, length) = places
        lba, blocks = int.from_bytes(cdb[at:at + size], "big"), int.from_bytes(cdb[where:where + length], "big")
        if cdb[0] == 0x0a:
            lba, blocks = lba & 0x1fffff, blocks or 256
        return Write(wrapper.lun, cdb[0], lba, blocks, wrapper.data)


class WholeWatch(Watch):
    """The same with every byte, from usbmon's binary interface. For short runs: the kernel keeps 300 KiB for who reads too slowly."""
    # Linux, Documentation/usb/usbmon.rst: the header that read() gives, up to the setup packet
    HEADER = struct.Struct("=QcBBBHcc q ii II 8s")
    BULK = 3

    def __enter__(self):
        self._before = self._events()
        self._job = self._vm.start(["cat", f"/dev/usbmon{self._device.bus}"], stdout=EVENTS)
        self._vm.wait_for(lambda: "nreaders 1" in self._state(), "usbmon to be read")
        self._lost = self._count_lost()
        return self

    def __exit__(self, *exception):
        events = self._events() - self._before
        self._vm.wait_for(lambda: self._read() >= events, "usbmon to give every event: it may have lost some")
        self._job.signal("KILL")
        self._job.wait(10)

    def _events(self):
        return int(re.search(r"events (\d+)", self._state())[1])

    def _read(self):
        """Answers how many events there are."""
        data, at, count = self._vm.pull(EVENTS), 0, 0
        self.outs = []
        while at + self.HEADER.size <= len(data):
            _, event, transfer, endpoint, _, _, _, _, _, _, _, length, there, _ = self.HEADER.unpack_from(data, at)
            at += self.HEADER.size + there
            count += at <= len(data)
            if (event, transfer) == (b"S", self.BULK) and endpoint < 0x80:
                self.outs.append(Out(endpoint, length, data[at - there:at]))
        return count
