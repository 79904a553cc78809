/* SPDX-License-Identifier: BSD-2-Clause */
/* Boot record, file allocation table and directories of a FAT12 volume. The first two are made byte
 * by byte when they are read; the directories are made at power-on and kept, for hosts write to
 * them.
 *
 * Field names and offsets: Microsoft, FAT: General Overview of On-Disk Format, 1.03. */
#include "firmware/lsd/core/internal.h"

#define MEDIA_FIXED   0xf8
#define END_OF_CHAIN  0xfffu
#define ENTRY_LEN     32
#define ROOT_ENTRIES  (LSD_BLOCK / ENTRY_LEN)
#define ENTRIES_MAX   14 /* of each directory, "." and ".." among them */
#define ATTR_LABEL    0x08
#define ATTR_SUBDIR   0x10
#define DATE	      ((2010 - 1980) << 9 | 1 << 5 | 1)
#define FIRST_FILE    (LSD_FIRST_CLUSTER + LSD_DIRECTORIES - 1)

static const char directory_names[LSD_DIRECTORIES][12] = {
	"LSD        ", /* the label of the volume */
	"LEDS       ", "DISPLAY    ", "SENSORS    ", "ACTUATOR   ",
};

/* The volume ends with its last file, so that no cluster is left over: what has no file behind it
 * would be lost clusters to a host that checks. */
static uint32_t volume_blocks(void)
{
	return LSD_DATA_BLOCK + LSD_DIRECTORIES - 1 + lsd_clusters();
}

static uint8_t boot_byte(uint32_t at)
{
	static const uint8_t head[62] = {
		0xeb, 0x3c, 0x90,			/* BS_jmpBoot */
		'M', 'S', 'D', 'O', 'S', '5', '.', '0', /* BS_OEMName: what every host takes */
		LSD_BLOCK & 0xff, LSD_BLOCK >> 8,	/* BPB_BytsPerSec */
		1,					/* BPB_SecPerClus */
		1, 0,					/* BPB_RsvdSecCnt */
		1,					/* BPB_NumFATs */
		ROOT_ENTRIES, 0,			/* BPB_RootEntCnt */
		0, 0,					/* BPB_TotSec16: see below */
		MEDIA_FIXED,				/* BPB_Media */
		LSD_FAT_BLOCKS, 0,			/* BPB_FATSz16 */
		1, 0, 1, 0,				/* BPB_SecPerTrk, BPB_NumHeads */
		0, 0, 0, 0, 0, 0, 0, 0,			/* BPB_HiddSec, BPB_TotSec32 */
		0x80, 0, 0x29,				/* BS_DrvNum, BS_Reserved1, BS_BootSig */
		0x48, 0x21, 0x44, 0x4c,			/* BS_VolID */
		'L', 'S', 'D', ' ', ' ', ' ', ' ', ' ', ' ', ' ', ' ', /* BS_VolLab */
		'F', 'A', 'T', '1', '2', ' ', ' ', ' ',	/* BS_FilSysType */
	};

	switch (at) {
	case 19: return (uint8_t)volume_blocks();
	case 20: return (uint8_t)(volume_blocks() >> 8);
	case 510: return 0x55;
	case 511: return 0xaa;
	default: return at < sizeof head ? head[at] : 0;
	}
}

void lsd_boot_record_read(uint32_t at, uint8_t *buf, uint32_t len)
{
	while (len--)
		*buf++ = boot_byte(at++);
}

/* -- the table ------------------------------------------------------------------------------ */

/* Only a file of several clusters has a chain. Whatever has no file is filled with ones, so that no
 * host finds a free cluster. */
static uint32_t fat_entry(uint32_t cluster)
{
	uint16_t file, next;
	uint32_t n;

	if (cluster == 0)
		return 0xf00 | MEDIA_FIXED;
	if (cluster < FIRST_FILE || !lsd_file_at(cluster - FIRST_FILE, &file, &n) ||
	    !lsd_file_at(cluster + 1 - FIRST_FILE, &next, &n) || next != file)
		return END_OF_CHAIN;
	return cluster + 1;
}

/* Two entries of 12 bits in three bytes. */
static uint8_t fat_byte(uint32_t at)
{
	uint32_t even = at / 3 * 2;

	switch (at % 3) {
	case 0: return (uint8_t)fat_entry(even);
	case 1: return (uint8_t)(fat_entry(even) >> 8 | fat_entry(even + 1) << 4);
	default: return (uint8_t)(fat_entry(even + 1) >> 4);
	}
}

void lsd_fat_read(uint32_t at, uint8_t *buf, uint32_t len)
{
	while (len--)
		*buf++ = fat_byte(at++);
}

/* -- directories ---------------------------------------------------------------------------- */

static void put_entry(uint8_t *entry, const char *name, uint8_t attributes, uint32_t cluster,
		      uint32_t size)
{
	lsd_copy(entry, (const uint8_t *)name, 11);
	entry[11] = attributes;
	lsd_put16(entry + 16, DATE); /* DIR_CrtDate, DIR_LstAccDate, DIR_WrtDate */
	lsd_put16(entry + 18, DATE);
	lsd_put16(entry + 24, DATE);
	lsd_put16(entry + 26, cluster); /* DIR_FstClusLO */
	lsd_put32(entry + 28, size);	/* DIR_FileSize */
}

bool lsd_make_directories(struct lsd *l)
{
	uint32_t used[LSD_DIRECTORIES] = { 0 }, cluster = FIRST_FILE;

	lsd_fill(l->directory[0], 0, sizeof l->directory);
	put_entry(l->directory[LSD_ROOT], directory_names[LSD_ROOT], ATTR_LABEL, 0, 0);
	used[LSD_ROOT] = 1;
	for (uint32_t d = 1; d < LSD_DIRECTORIES; d++) {
		uint32_t own = LSD_FIRST_CLUSTER + d - 1;

		put_entry(l->directory[LSD_ROOT] + used[LSD_ROOT]++ * ENTRY_LEN, directory_names[d],
			  ATTR_SUBDIR, own, 0);
		put_entry(l->directory[d], ".          ", ATTR_SUBDIR, own, 0);
		put_entry(l->directory[d] + ENTRY_LEN, "..         ", ATTR_SUBDIR, 0, 0);
		used[d] = 2;
	}
	for (uint16_t i = 0; i < lsd_files(); i++) {
		struct lsd_file f;

		lsd_file(i, &f);
		if (used[f.directory] == ENTRIES_MAX)
			return false;
		put_entry(l->directory[f.directory] + used[f.directory]++ * ENTRY_LEN, f.name,
			  f.attributes, f.size ? cluster : 0, f.size);
		cluster += lsd_file_clusters(&f);
	}
	return volume_blocks() <= LSD_BLOCKS;
}
