/* SPDX-License-Identifier: BSD-2-Clause */
/* What can be turned on the model `reference`, and the media that it starts with. */
#include "firmware/reference/reference.h"

#include "firmware/firmware.h"

#define DEFAULT_BYTES (8u << 20)
#define BLOCKS_LEAST  256u /* of a unit that is smaller than the one before it */

enum { FILL_NOISE = 1, FILL_PARTITION }; /* indices into fills */

/* The file is the medium of unit 0; other units have one in memory, each half as large as the one
 * before it, so that a mix-up shows. */
void reference_insert_media(struct mcu *m, const struct reference_knobs *k,
			    const struct scsi_config *c)
{
	struct card_geometry g = {
		.block_size = c->block_size,
		.read_only = k->wp,
		.read_ns = k->card_read,
		.write_ns = k->card_write,
	};

	for (uint8_t lun = 0; lun < k->luns; lun++) {
		g.path = k->medium && lun == 0 && k->file[0] ? k->file : NULL;
		g.blocks = k->blocks || g.path ? k->blocks : DEFAULT_BYTES / g.block_size;
		if (g.blocks >> lun >= BLOCKS_LEAST)
			g.blocks >>= lun;
		g.blocks = k->medium ? g.blocks : 0;
		g.partition = k->fill == FILL_PARTITION;
		g.noise = k->fill == FILL_NOISE ? UINT64_C(0x100000000000000) * (lun + 1u) : 0;
		card_insert(m, lun, &g);
	}
}

#define KNOB(member) offsetof(struct reference_knobs, member)
static const char *const block_sizes[] = { "512", "1024", "2048", "4096", NULL };
static const char *const packet_sizes[] = { "8", "16", "32", "64", NULL };
static const char *const fills[] = { "zeros", "noise", "partition", NULL };
static const char *const case5_names[] = { "stall", "short", "pad", NULL };

const struct msc_knob reference_knobs[] = {
	{ "luns", MSC_KNOB_U32, KNOB(luns), "1", "logical units", 1, 16, NULL, 0 },
	{ "removable", MSC_KNOB_BOOL, KNOB(removable), "1", "the medium can be taken out", 0, 0,
	  NULL, 0 },
	{ "medium", MSC_KNOB_BOOL, KNOB(medium), "1", "there is a medium", 0, 0, NULL, 0 },
	{ "wp", MSC_KNOB_BOOL, KNOB(wp), "0", "the medium is write-protected", 0, 0, NULL, 0 },
	{ "block-size", MSC_KNOB_CHOICE, KNOB(block_size), "512", "bytes in a block", 0, 0,
	  block_sizes, 0 },
	{ "blocks", MSC_KNOB_U64, KNOB(blocks), "0",
	  "blocks of the medium; 0: as the file has, or 8 MiB", 0, 0, NULL, 0 },
	{ "file", MSC_KNOB_TEXT, KNOB(file), NULL, "a file to hold the medium of unit 0", 0, 0,
	  NULL, sizeof(((struct reference_knobs *)0)->file) },
	{ "fill", MSC_KNOB_CHOICE, KNOB(fill), "zeros", "what a medium in memory holds", 0, 0,
	  fills, 0 },
	{ "case5", MSC_KNOB_CHOICE, KNOB(case5), "stall",
	  "how data that is shorter than the host expects is ended", 0, 0, case5_names, 0 },
	{ "card-read", MSC_KNOB_DURATION, KNOB(card_read), "0ns", "time to read a block", 0, 0,
	  NULL, 0 },
	{ "card-write", MSC_KNOB_DURATION, KNOB(card_write), "0ns", "time to write a block", 0, 0,
	  NULL, 0 },
	{ "ep0", MSC_KNOB_CHOICE, KNOB(ep0), "64", "bMaxPacketSize0 at full speed", 0, 0,
	  packet_sizes, 0 },
	{ "packet", MSC_KNOB_CHOICE, KNOB(packet), "64", "wMaxPacketSize of bulk at full speed", 0,
	  0, packet_sizes, 0 },
	{ "rest", MSC_KNOB_DURATION, KNOB(rest), "0ns",
	  "time until the next CBW is taken, after every CSW and reset", 0, 0, NULL, 0 },
	{ "attention", MSC_KNOB_BOOL, KNOB(attention), "1",
	  "a reset leaves a unit attention behind", 0, 0, NULL, 0 },
	{ "composite", MSC_KNOB_BOOL, KNOB(composite), "0",
	  "mass storage is interface 1, behind one of a vendor", 0, 0, NULL, 0 },
	{ "serial", MSC_KNOB_TEXT, KNOB(serial), "4D53434F5045", "serial number", 0, 0, NULL,
	  sizeof(((struct reference_knobs *)0)->serial) },
	{ 0 },
};
