/* SPDX-License-Identifier: BSD-2-Clause */
/* The blocks that went over the wire, as a sparse image of the medium: each at its place, and holes where
 * nothing went. Its size is the medium's, where READ CAPACITY says it, else that of what is in it.
 *
 * A block counts when its command passed, as far as the capture has it; of a block that went more than
 * once the image has the last. One unit of one device: that of the first block, unless told.
 */
#ifndef MSC_CAPTURE_IMAGE_H
#define MSC_CAPTURE_IMAGE_H

#include <stdio.h>

#include "capture/capture.h"

enum msc_image_of { MSC_IMAGE_READ = 1, MSC_IMAGE_WRITTEN = 2 }; /* bits: what it takes */

struct msc_image {
	FILE *out; /* the caller's; it is written with seeks */
	unsigned takes;
	unsigned talk; /* whose blocks they are; 0: not known yet */
	uint8_t lun;
	bool have_lun;
	uint32_t block_size;
	uint64_t blocks;  /* that were put there, again and again */
	uint64_t cut;	  /* of which the capture has not all bytes */
	uint64_t others;  /* of other units and devices, which are left out */
	uint64_t end;	  /* bytes: behind the last of them */
	uint64_t size;	  /* of the medium; 0: not known */
};

/* MSC_E_IO: it cannot be written there. */
int msc_image_add(struct msc_image *, const struct msc_talk *, const struct msc_record *,
		  struct msc_err *) MSC_MUST_CHECK;
/* Gives it its size. MSC_E_UNDECIDED: no block went over the wire. */
int msc_image_end(struct msc_image *, struct msc_err *) MSC_MUST_CHECK;

/* Commands whose data are the blocks that they name. */
bool msc_reads_blocks(uint8_t opcode);
bool msc_writes_blocks(uint8_t opcode);

/* The blocks that an exchange that passed has moved, of reads and writes by address. false: it is none.
 * *block_size is what is known of the unit, or what the number of bytes comes to. */
struct msc_moved {
	bool written;
	uint64_t lba, blocks; /* whole ones of which the record has all bytes */
	uint64_t cut;	      /* further ones, of which it has not */
	uint32_t block_size;
};
bool msc_moved_blocks(const struct msc_record *, struct msc_moved *);

#endif
