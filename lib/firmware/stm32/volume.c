/* SPDX-License-Identifier: BSD-2-Clause */
/* What is on the card of `stm32` when it comes: a partition table, and in its one partition an
 * empty FAT32 volume, as a host formats a card. Only blocks that are not all zero are stored.
 *
 * Field names and offsets: Microsoft, FAT: General Overview of On-Disk Format, 1.03.
 */
#include <string.h>

#include "firmware/stm32/stm32.h"

#define PARTITION_LBA	 8192 /* 4 MiB: where cards come aligned to */
#define PARTITION_FAT32	 0x0c /* FAT32 with LBA */
#define RESERVED_SECTORS 32
#define FSINFO_SECTOR	 1
#define BACKUP_SECTOR	 6
#define FATS		 2
#define ROOT_CLUSTER	 2
#define FAT_ENTRIES	 (BLOCK / 4) /* in a sector */
#define MEDIA_FIXED	 0xf8
#define END_OF_CHAIN	 0x0fffffff
#define VOLUME_LABEL	 "STM32 CARD "
#define ATTR_VOLUME_ID	 0x08

struct volume {
	uint32_t sectors, cluster_sectors, fat_sectors, clusters;
};

/* As few sectors as hold an entry for each cluster that then remains, and the two that have no
 * cluster. */
static struct volume measure(uint64_t blocks, uint32_t cluster_sectors)
{
	struct volume v = { .sectors = (uint32_t)(blocks - PARTITION_LBA),
			    .cluster_sectors = cluster_sectors };
	uint64_t data = v.sectors - RESERVED_SECTORS + 2u * cluster_sectors;
	uint64_t each = (uint64_t)FAT_ENTRIES * cluster_sectors + FATS;

	v.fat_sectors = (uint32_t)((data + each - 1) / each);
	v.clusters = (v.sectors - RESERVED_SECTORS - FATS * v.fat_sectors) / cluster_sectors;
	return v;
}

static void store(struct mcu *m, uint64_t lba, uint8_t *sector)
{
	card_preload(m, 0, lba, 1, sector);
	memset(sector, 0, BLOCK);
}

static void sign(uint8_t *sector)
{
	msc_put_le16(sector + 510, 0xaa55);
}

static void put_partition_table(struct mcu *m, const struct volume *v)
{
	uint8_t sector[BLOCK] = { 0 };
	uint8_t *entry = sector + 446;

	memset(entry + 1, 0xff, 3); /* first and last cylinder, head, sector: too far for them */
	entry[1] = 0xfe;
	entry[4] = PARTITION_FAT32;
	memset(entry + 5, 0xff, 3);
	entry[5] = 0xfe;
	msc_put_le32(entry + 8, PARTITION_LBA);
	msc_put_le32(entry + 12, v->sectors);
	sign(sector);
	store(m, 0, sector);
}

static void put_boot_sector(struct mcu *m, const struct volume *v, uint64_t lba)
{
	uint8_t s[BLOCK] = { 0xeb, 0x58, 0x90 };

	memcpy(s + 3, "MSDOS5.0", 8);	   /* BS_OEMName: what every host likes to see */
	msc_put_le16(s + 11, BLOCK);	   /* BPB_BytsPerSec */
	s[13] = (uint8_t)v->cluster_sectors; /* BPB_SecPerClus */
	msc_put_le16(s + 14, RESERVED_SECTORS); /* BPB_RsvdSecCnt */
	s[16] = FATS;			   /* BPB_NumFATs */
	s[21] = MEDIA_FIXED;		   /* BPB_Media */
	msc_put_le16(s + 24, 63);	   /* BPB_SecPerTrk */
	msc_put_le16(s + 26, 255);	   /* BPB_NumHeads */
	msc_put_le32(s + 28, PARTITION_LBA); /* BPB_HiddSec */
	msc_put_le32(s + 32, v->sectors);  /* BPB_TotSec32 */
	msc_put_le32(s + 36, v->fat_sectors); /* BPB_FATSz32 */
	msc_put_le32(s + 44, ROOT_CLUSTER); /* BPB_RootClus */
	msc_put_le16(s + 48, FSINFO_SECTOR); /* BPB_FSInfo */
	msc_put_le16(s + 50, BACKUP_SECTOR); /* BPB_BkBootSec */
	s[64] = 0x80;			   /* BS_DrvNum */
	s[66] = 0x29;			   /* BS_BootSig: the three that follow are there */
	msc_put_le32(s + 67, 0x53544d32);  /* BS_VolID */
	memcpy(s + 71, VOLUME_LABEL, 11);  /* BS_VolLab */
	memcpy(s + 82, "FAT32   ", 8);	   /* BS_FilSysType */
	sign(s);
	store(m, lba, s);

	msc_put_le32(s, 0x41615252);	   /* FSI_LeadSig */
	msc_put_le32(s + 484, 0x61417272); /* FSI_StrucSig */
	msc_put_le32(s + 488, v->clusters - 1); /* FSI_Free_Count: all but the root's */
	msc_put_le32(s + 492, ROOT_CLUSTER + 1); /* FSI_Nxt_Free */
	sign(s);
	store(m, lba + FSINFO_SECTOR, s);
	sign(s); /* the third boot sector has nothing else */
	store(m, lba + 2, s);
}

void stm32_format(struct mcu *m, uint64_t blocks, uint32_t cluster_blocks)
{
	const struct volume v = measure(blocks, cluster_blocks);
	const uint64_t fat = PARTITION_LBA + RESERVED_SECTORS;
	uint8_t sector[BLOCK] = { 0 };

	put_partition_table(m, &v);
	put_boot_sector(m, &v, PARTITION_LBA);
	put_boot_sector(m, &v, PARTITION_LBA + BACKUP_SECTOR);
	for (uint32_t i = 0; i < FATS; i++) {
		msc_put_le32(sector, 0x0fffff00 | MEDIA_FIXED);
		msc_put_le32(sector + 4, END_OF_CHAIN); /* no error, cleanly unmounted */
		msc_put_le32(sector + 4 * ROOT_CLUSTER, END_OF_CHAIN);
		store(m, fat + (uint64_t)i * v.fat_sectors, sector);
	}
	memcpy(sector, VOLUME_LABEL, 11); /* the one entry of the root directory */
	sector[11] = ATTR_VOLUME_ID;
	store(m, fat + (uint64_t)FATS * v.fat_sectors, sector);
}
