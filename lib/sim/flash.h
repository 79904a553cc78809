/* SPDX-License-Identifier: BSD-2-Clause */
/* What a medium of flash costs, as mechanisms; it changes times alone, never data.
 *
 * Flash is erased in pages and programmed in blocks. A page of which only a part is written is merged:
 * the rest of it is read, the page erased, all of it programmed. A driver hands data over in pieces, and
 * each piece is a command to the medium. With a cache the page that was written last stays in memory, and
 * goes to the medium when another page is written, when the host says SYNCHRONIZE CACHE, or, if the driver
 * is of that kind, before each CSW. Without merging the medium puts blocks where it is erased already (a
 * translation layer), and what has to be erased is erased in pauses.
 *
 * docs/pacing.md gives the source of each default. */
#ifndef MSC_SIM_FLASH_H
#define MSC_SIM_FLASH_H

#include <stdbool.h>
#include <stdint.h>

#define SIM_FLASH_UNIT 512 /* bytes: what the times of programming and reading are for */

struct sim_flash {
	uint32_t erase_page; /* bytes; 0: a medium that needs no erasing */
	int64_t erase_ns;    /* a page */
	int64_t program_ns, load_ns; /* a unit, to the medium and from it */
	bool merge, cache, flush;    /* flush: before each CSW */
	uint32_t wear; /* erasures of a page after which it takes twice as long; 0: it does not wear */
	uint32_t piece;	 /* bytes that the driver hands over at a time; 0: as many as it is given */
	int64_t access_ns; /* a command to the medium: each piece is one */
	uint32_t pause_every; /* blocks written; 0: never */
	int64_t pause_ns;
};

/* What a card remembers of it. */
struct flash;

#endif
