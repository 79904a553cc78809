/* SPDX-License-Identifier: BSD-2-Clause */
/* Faults of addresses: firmware that counts bytes or blocks of the medium in too few bits. What
 * does not fit is cut off before the address is compared with the capacity, so that a command far
 * beyond the end lands on a block that exists, and on a larger medium a block is found in the place
 * of another. Where only writes are cut, a read of the same address is refused as it should be:
 * reading does not tell where a write will go. */
#include "firmware/fault/fault.h"

/* How many blocks there are before the address begins again at 0. */
static uint64_t period(struct mcu *m, const struct mutant_view *v, unsigned bits, bool of_bytes)
{
	uint32_t size = card_block_size(m, v->cbw.h.lun);

	return (UINT64_C(1) << bits) / (of_bytes && size ? size : 1);
}

enum { READS = 1, WRITES = 2 }; /* whose addresses are cut */

/* A READ or WRITE means the address that is left; that of READ(6) has no more than 21 bits. */
static void cut_command(struct mcu *m, const struct mutant_view *v, struct msc_cbw *seen,
			unsigned bits, bool of_bytes, unsigned moves)
{
	uint64_t blocks = period(m, v, bits, of_bytes);
	uint8_t *cb = seen->cb;

	switch (cb[0]) {
	case MSC_OP_READ_10:
	case MSC_OP_READ_12:
	case MSC_OP_READ_16:
	case MSC_OP_VERIFY_10:
		if (!(moves & READS))
			return;
		break;
	case MSC_OP_WRITE_10:
	case MSC_OP_WRITE_12:
	case MSC_OP_WRITE_16:
		if (!(moves & WRITES))
			return;
		break;
	default: return;
	}
	if (cb[0] == MSC_OP_READ_16 || cb[0] == MSC_OP_WRITE_16)
		msc_put_be64(cb + 2, msc_get_be64(cb + 2) % blocks);
	else
		msc_put_be32(cb + 2, (uint32_t)(msc_get_be32(cb + 2) % blocks));
}

#define ADDRESS(name, bits, of_bytes, moves)                                                       \
	ON_COMMAND(name##_command)                                                                 \
	{                                                                                          \
		cut_command(m, v, seen, bits, of_bytes, moves);                                    \
		return MUTANT_PASS;                                                                \
	}                                                                                          \
	ON_ADDRESS(name##_address)                                                                 \
	{                                                                                          \
		bool cut = (moves) & (writing ? WRITES : READS); \
                                                                                                   \
		return cut ? lba % period(m, v, bits, of_bytes) : lba;                             \
	}

ADDRESS(bytes_24, 24, true, READS | WRITES)
ADDRESS(bytes_24_write, 24, true, WRITES)
ADDRESS(bytes_32, 32, true, READS | WRITES)
ADDRESS(bytes_32_read, 32, true, READS)
ADDRESS(bytes_32_write, 32, true, WRITES)
ADDRESS(blocks_16, 16, false, READS | WRITES)
ADDRESS(blocks_16_write, 16, false, WRITES)

const struct msc_fault msc_fault_block_address_16 = {
	.id = "block-address-16",
	.title = "block addresses are cut to 16 bits before they are compared with the capacity",
	.caught_by = "scsi.lba.range",
	.mistake = "the block address passes through a uint16_t",
	.ops = {.command = blocks_16_command, .address = blocks_16_address},
};

const struct msc_fault msc_fault_block_address_16_write = {
	.id = "block-address-16-write",
	.title = "the block addresses of writes are cut to 16 bits, those of reads are not",
	.caught_by = "scsi.lba.range",
	.mistake = "the block address passes through a uint16_t on the way to the write",
	.needs_writes = true,
	.ops = {.command = blocks_16_write_command, .address = blocks_16_write_address},
};

const struct msc_fault msc_fault_byte_address_24 = {
	.id = "byte-address-24",
	.title = "byte addresses are formed in 24 bits, as SPI flash takes them",
	.seen = "https://github.com/riscv-collab/riscv-openocd/issues/204: addresses above three bytes wrap "
		"around; https://github.com/adafruit/Adafruit_SPIFlash/issues/56: the volume is lost "
		"behind 16 MiB",
	.caught_by = "scsi.lba.range",
	.mistake =
		"the flash takes a 24-bit byte address, and lba * 512 is not checked "
		"against it",
	.ops = {.command = bytes_24_command, .address = bytes_24_address},
};

const struct msc_fault msc_fault_byte_address_24_write = {
	.id = "byte-address-24-write",
	.title = "the byte addresses of writes are formed in 24 bits, those of reads are not",
	.seen = "https://github.com/ARMmbed/mbed-os/pull/10779: the address of an erase is cut to 24 bits",
	.caught_by = "scsi.lba.range",
	.mistake =
		"the flash takes a 24-bit byte address, and only the write path forms it",
	.needs_writes = true,
	.ops = {.command = bytes_24_write_command, .address = bytes_24_write_address},
};

const struct msc_fault msc_fault_byte_address_32 = {
	.id = "byte-address-32",
	.title = "byte addresses are formed in 32 bits: block 80000000h is block 0",
	.seen = "a product of two uint32_t: https://github.com/opentx/opentx/issues/2154, files of "
		"cards beyond 4 GB were lost",
	.caught_by = "scsi.lba.range",
	.mistake = "lba * 512 is computed in 32 bits: cast to uint64_t first",
	.ops = {.command = bytes_32_command, .address = bytes_32_address},
};

const struct msc_fault msc_fault_byte_address_32_read = {
	.id = "byte-address-32-read",
	.title = "the byte addresses of reads are formed in 32 bits, those of writes are not",
	.seen = "https://github.com/micropython/micropython/pull/849: the class cuts the address that it reads from",
	.caught_by = "scsi.lba.range",
	.mistake =
		"lba * 512 is computed in 32 bits in the read path: cast to uint64_t first",
	.ops = {.command = bytes_32_read_command, .address = bytes_32_read_address},
};

const struct msc_fault msc_fault_byte_address_32_write = {
	.id = "byte-address-32-write",
	.title = "the byte addresses of writes are formed in 32 bits, those of reads are not",
	.seen = "https://github.com/rsta2/circle/blob/6177984e/lib/usb/gadget/usbmsdgadget.cpp: Update, "
		"512 times a uint32_t; reads too",
	.caught_by = "scsi.lba.range",
	.mistake =
		"lba * 512 is computed in 32 bits in the write path: cast to uint64_t first",
	.needs_writes = true,
	.ops = {.command = bytes_32_write_command, .address = bytes_32_write_address},
};

/* -- a command that goes in pieces, each of the size of a buffer ----------------------------------- */

enum { PIECE_BLOCKS = 8 };

/* The block of the first piece, of so many blocks, that has this one's place in its own. */
static uint64_t in_place(const struct mutant_view *v, uint64_t lba, unsigned piece)
{
	const uint8_t *cb = v->cbw.cb;
	uint64_t first = cb[0] == MSC_OP_READ_16 || cb[0] == MSC_OP_WRITE_16 ? msc_get_be64(cb + 2)
									     : msc_get_be32(cb + 2);

	switch (cb[0]) {
	case MSC_OP_READ_10:
	case MSC_OP_READ_12:
	case MSC_OP_READ_16:
	case MSC_OP_WRITE_10:
	case MSC_OP_WRITE_12:
	case MSC_OP_WRITE_16: return lba < first ? lba : first + (lba - first) % piece;
	default: return lba;
	}
}

ON_ADDRESS(write_in_place)
{
	return writing && v->in_command ? in_place(v, lba, PIECE_BLOCKS) : lba;
}

ON_ADDRESS(write_onto_first)
{
	return writing && v->in_command ? in_place(v, lba, 1) : lba;
}

/* The blocks of each pair change places; one that has no other stays. */
ON_ADDRESS(write_swaps_pairs)
{
	uint64_t first = in_place(v, lba, 1), at = (lba - first) ^ 1;

	return writing && fault_is_write(v) && at < msc_get_be16(v->cbw.cb + 7) ? first + at : lba;
}

ON_ADDRESS(read_in_place)
{
	return !writing && v->in_command ? in_place(v, lba, PIECE_BLOCKS) : lba;
}

const struct msc_fault msc_fault_write_in_place = {
	.id = "write-in-place",
	.title =
		"a write that is longer than the buffer is stored piece by piece in the same place",
	.breaks = "SBC-3, 5.33 WRITE (10)",
	.caught_by = "expect.data",
	.mistake =
		"the block address is not advanced by the blocks of each buffer that has been stored",
	.needs_writes = true,
	.ops = {.address = write_in_place},
};

const struct msc_fault msc_fault_write_onto_first = {
	.id = "write-onto-first",
	.title = "all blocks of a write are stored in the place of the first",
	.breaks = "SBC-3, 5.33 WRITE (10)",
	.caught_by = "expect.data",
	.mistake = "the loop over blocks hands the same address to the medium each time",
	.needs_writes = true,
	.ops = {.address = write_onto_first},
};

const struct msc_fault msc_fault_write_pairs_swapped = {
	.id = "write-pairs-swapped",
	.title = "of a write of several blocks each two change places",
	.caught_by = "scsi.medium.alias",
	.mistake = "the index of the buffer changes between the end of a transfer and the write",
	.needs_writes = true,
	.ops = {.address = write_swaps_pairs},
};

const struct msc_fault msc_fault_read_in_place = {
	.id = "read-in-place",
	.title = "a read that is longer than the buffer comes piece by piece from the same place",
	.breaks = "SBC-3, 5.11 READ (10)",
	.caught_by = "expect.data",
	.mistake =
		"the block address is not advanced by the blocks of each buffer that has been sent",
	.needs_writes = true,
	.ops = {.address = read_in_place},
};

/* -- another block ----------------------------------------------------------------------------------- */

ON_ADDRESS(read_next)
{
	return !writing && v->in_command && lba + 1 < card_blocks(m, 0) ? lba + 1 : lba;
}

const struct msc_fault msc_fault_read_neighbour = {
	.id = "read-neighbour",
	.title = "a read gives the block after the one that was meant",
	.caught_by = "scsi.write.readback",
	.mistake = "the block address of a read is off by one: the first block is 0",
	.needs_writes = true,
	.ops = {.address = read_next},
};

ON_ADDRESS(read_from_page)
{
	return !writing && v->in_command ? lba - lba % PIECE_BLOCKS : lba;
}

const struct msc_fault msc_fault_read_rounded = {
	.id = "read-rounded",
	.title =
		"a read gives the first block of each page of eight, whichever block of it is meant",
	.seen = RIOT_SCSI ": _scsi_read10, of sectors of more than 4096 bytes",
	.caught_by = "scsi.write.readback",
	.mistake =
		"the address is divided by the blocks of a page and what is left over is forgotten: it "
		"says where in the page the block is",
	.needs_writes = true,
	.ops = {.address = read_from_page},
};

ON_ADDRESS(last_is_beyond)
{
	return !writing && v->in_command && lba + 1 == card_blocks(m, 0) ? lba + 1 : lba;
}

const struct msc_fault msc_fault_last_block_unreadable = {
	.id = "last-block-unreadable",
	.title = "the last block cannot be read: the medium refuses what the capacity has",
	.seen = LINUX_UNUSUAL " (04ce:0002): one block more than there are, and the device breaks "
		"when it is read",
	.caught_by = "expect.status",
	.mistake =
		"READ CAPACITY gives the last block, not how many there are; the first block is 0, not "
		"1; and an address is compared with the number of blocks, not with the last one",
	.ops = {.address = last_is_beyond},
};

ON_COMMAND(swap_blocks)
{
	uint8_t *cb = seen->cb;

	if (cb[0] == MSC_OP_READ_10 || cb[0] == MSC_OP_WRITE_10 || cb[0] == MSC_OP_VERIFY_10)
		msc_put_be16(cb + 7, msc_get_le16(cb + 7));
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_blocks_swapped = {
	.id = "blocks-swapped",
	.title = "TRANSFER LENGTH of READ(10), WRITE(10) and VERIFY(10) is read lowest byte first",
	.seen = INTEGRATED_CIRCUITS,
	.caught_by = "bot.case.needless",
	.mistake = "fields of SCSI have their highest byte first, unlike those of the CBW",
	.ops = {.command = swap_blocks},
};

ON_COMMAND(swap_address)
{
	uint8_t *cb = seen->cb;

	if (cb[0] == MSC_OP_READ_10 || cb[0] == MSC_OP_WRITE_10 || cb[0] == MSC_OP_VERIFY_10)
		msc_put_be32(cb + 2, msc_get_le32(cb + 2));
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_lba_swapped = {
	.id = "lba-swapped",
	.title =
		"the block address of READ(10), WRITE(10) and VERIFY(10) is read lowest byte first",
	.seen = "of the same kind, READ(6) in a driver: "
		"https://github.com/virtio-win/kvm-guest-drivers-windows/issues/889",
	.caught_by = "scsi.lba.refused",
	.mistake = "fields of SCSI have their highest byte first, unlike those of the CBW",
	.ops = {.command = swap_address},
};

/* READ(12) and WRITE(12) have room for the number of blocks that comes of it. */
ON_COMMAND(shift_twice)
{
	uint8_t *cb = seen->cb;
	uint32_t blocks = (uint32_t)cb[7] << 16 | cb[8];

	if ((cb[0] != MSC_OP_READ_10 && cb[0] != MSC_OP_WRITE_10) || !cb[7])
		return MUTANT_PASS;
	cb[0] = cb[0] == MSC_OP_READ_10 ? MSC_OP_READ_12 : MSC_OP_WRITE_12;
	msc_put_be32(cb + 6, blocks);
	cb[10] = cb[11] = 0;
	seen->h.cb_length = 12;
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_blocks_high_shifted = {
	.id = "blocks-high-shifted",
	.title = "the upper byte of TRANSFER LENGTH counts 65536 blocks instead of 256",
	.seen = ROCKBOX "ebb49434c6: byte 7 was shifted by 16",
	.caught_by = "bot.case.needless",
	.mistake =
		"byte 7 of READ(10) and WRITE(10) is shifted by 16 bits: it is the upper of two, and 8 are due",
	.ops = { .command = shift_twice },
};
