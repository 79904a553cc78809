# SPDX-License-Identifier: BSD-2-Clause
"""What a run writes, as the kernel saw it go out: only blocks that were saved before, and only where leave was given."""

import json

import pytest

from usbmon import LostEvents, Out, Watch, WholeWatch
from vm import block_pattern

IMAGE, KEPT, STATE = "/tmp/patterned.img", "/root/kept", "/root/.local/state/mscope"
BLOCKS = 4096
LAST = BLOCKS - 1

# Links to the journals: they live on when mscope removes its own.
KEEP = f"""
rm -rf {KEPT} {STATE}; mkdir -p {KEPT}
while sleep 0.02; do
    for f in {STATE}/*; do [ ! -f "$f" ] || ln "$f" {KEPT}/$(stat -c %i "$f") 2>/dev/null; done
done
"""


def pattern(lba):
    return block_pattern("saved", lba)


@pytest.fixture
def gadget(vm):
    """Every block of its medium can be told from every other."""
    vm.push(b"".join(map(pattern, range(BLOCKS))), IMAGE)
    with vm.gadget(file=IMAGE, stall=0) as gadget:
        yield gadget


def stored(vm):
    return vm.run(["md5sum", IMAGE]).check().stdout


def check(vm, mscope, gadget, *options, target=None):
    """Run, watched; answers the Watch and everything that the journals held. Once more where usbmon could not keep up."""
    for more in (2, 1, 0):
        keeper = vm.start(KEEP)
        try:
            with Watch(vm, gadget.device) as watch:
                result = mscope("check", target or gadget.target, *options, timeout=600)
            break
        except LostEvents:
            if not more:
                raise
        finally:
            keeper.signal("KILL")
            keeper.wait(10)
    assert result.status in (0, 1), result.stdout + result.stderr
    return watch, vm.run(f"cat {KEPT}/* 2>/dev/null").out


def unsaved(watch, journals):
    """The commands that write a block of the medium which is not in a journal, as found. Addresses past the end reach none."""
    return [write for write in watch.writes if write.lba is None or
            any(pattern(lba) not in journals for lba in write.lbas() if lba <= LAST)]


def test_every_write_is_to_saved_blocks(vm, mscope, gadget):
    before = stored(vm)
    watch, journals = check(vm, mscope, gadget, "--allow-writes", "--select", "bot.*", "--select", "scsi.*", "--select", "attach.*")
    inside = [write for write in watch.writes if write.lba is not None and write.lba <= LAST]
    assert len(inside) > 100                # or nothing was tested
    assert unsaved(watch, journals) == []
    assert stored(vm) == before


def test_nothing_is_written_without_leave(vm, mscope, gadget):
    before = stored(vm)
    watch, journals = check(vm, mscope, gadget, "--select", "bot.*", "--select", "scsi.*")
    assert len(watch.commands) > 1000
    assert [write for write in watch.writes if write.lba is None or write.lba <= LAST] == []
    assert (stored(vm), journals) == (before, b"")


# Whole commands, by the kernel's SCSI path: the same gate.

NODE_CASES = ["--select", "scsi.*", "--select", "bot.case*"]


@pytest.fixture
def node(vm, gadget):
    vm.kernel_driver(True)
    yield f"/dev/{vm.wait_device(gadget.serial, disks=1).disks[0]}"
    vm.kernel_driver(False)


def test_every_write_by_a_node_is_to_saved_blocks(vm, mscope, gadget, node):
    before = stored(vm)
    watch, journals = check(vm, mscope, gadget, "--allow-writes", *NODE_CASES, target=node)
    inside = [write for write in watch.writes if write.lba is not None and write.lba <= LAST]
    assert len(inside) > 50
    assert unsaved(watch, journals) == []
    assert stored(vm) == before


def test_nothing_is_written_by_a_node_without_leave(vm, mscope, gadget, node):
    before = stored(vm)
    watch, journals = check(vm, mscope, gadget, *NODE_CASES, target=node)
    assert len(watch.commands) > 300
    assert [write for write in watch.writes if write.lba is None or write.lba <= LAST] == []
    assert (stored(vm), journals) == (before, b"")


# Commands that are no transfer of their own. Each form writes to a block that nothing has saved.

def cbw(opcode, lba=0, blocks=0):
    length = 512 * blocks
    return (b"USBC" + bytes([1, 0, 0, 0]) + length.to_bytes(4, "little") + bytes([0, 0, 10, opcode, 0]) + lba.to_bytes(4, "big") + b"\0" +
            blocks.to_bytes(2, "big")).ljust(31, b"\0")


READY, UNSAVED = cbw(0x00), 100
WRITE = cbw(0x2a, UNSAVED, 1)
FORMS = {                                       # transfers on bulk-out
    "whole": [WRITE],
    "cut-in-signature": [WRITE[:2], WRITE[2:]],
    "cut-in-tag": [WRITE[:6], WRITE[6:]],
    "cut-in-length": [WRITE[:10], WRITE[10:]],
    "three": [WRITE[:3], WRITE[3:12], WRITE[12:]],
    "glued": [READY + WRITE],
    "behind-a-packet": [bytes(512) + WRITE],
    "from-a-packet-on": [bytes(500) + WRITE[:12], WRITE[12:]],
    "cut-short": [WRITE[:25]],
}


def forms(vm, gadget, *options):
    """Every form in a scenario of its own; answers the watch and the verdicts."""
    polls = {name: "".join(f"  - poll: {{ endpoint: out, data: \"{data.hex()}\", time: 20ms }}\n" for data in transfers)
             for name, transfers in FORMS.items()}
    vm.push("---\n".join(f"name: test.{name}\ntitle: t\nspec: [t]\nstage: invalid\nrecover: false\nsteps:\n{steps}  - reset_recovery\n"
                         for name, steps in polls.items()).encode(), "/tmp/forms.yaml")
    keeper = vm.start(KEEP)
    with WholeWatch(vm, gadget.device) as watch:
        done = vm.run(["mscope", "run", gadget.target, "/tmp/forms.yaml", *options, "--json", "-"], timeout=300)
    keeper.signal("KILL")
    keeper.wait(10)
    cases = json.loads(done.stdout)["cases"]
    return watch, vm.run(f"cat {KEPT}/* 2>/dev/null").out, {case["name"]: case["verdict"] for case in cases}


def test_no_form_of_a_command_writes_to_other_blocks(vm, gadget):
    before = stored(vm)
    watch, journals, verdicts = forms(vm, gadget, "--allow-writes")
    assert [write.lba for write in watch.writes if write.lba == UNSAVED] == []
    assert watch.writes and unsaved(watch, journals) == []
    assert set(verdicts) == {f"test.{name}" for name in FORMS}
    assert set(verdicts.values()) <= {"error", "skip"}          # refused, and no fault of the device
    assert stored(vm) == before


def test_the_watch_sees_every_form(vm, gadget):
    watch, _, _ = forms(vm, gadget, "--allow-writes", "--allow-unsafe")
    assert [write.lba for write in watch.writes].count(UNSAVED) == len(FORMS)


# The watch itself

def test_the_watch_sees_a_write(vm, mscope, gadget):
    """Of the kernel's own driver, too: a write anywhere is found, and found to be unsaved."""
    vm.kernel_driver(True)
    disk = vm.device(gadget.serial).disks[0]
    with Watch(vm, gadget.device) as watch:
        vm.run(f"dd if=/dev/zero of=/dev/{disk} bs=4096 seek=100 count=1 conv=fsync").check()
    assert [lba for write in watch.writes for lba in write.lbas()] == list(range(800, 808))
    assert unsaved(watch, pattern(800)) == watch.writes
    assert unsaved(watch, b"".join(map(pattern, range(800, 808)))) == []


def test_the_watch_reads_commands():
    cbw = bytes.fromhex("55534243 01000000 00020000 00 01 06 0a1fffff0000".replace(" ", ""))
    watch = Watch(None, None)
    watch.outs = [Out(1, 31, cbw), Out(1, 512, bytes(32)), Out(1, 31, cbw[:14] + b"\x06\x04" + bytes(15))]
    assert [(write.lun, write.lba, write.blocks, write.data) for write in watch.writes] == [(1, 0x1fffff, 256, 512), (1, None, 0, 512)]
