/* SPDX-License-Identifier: BSD-2-Clause */
/* Commands and sense data in words. The names are libsgutils2's, in the capitals of the
 * standards. Nothing here is bounded by what a device says: every buffer has its size. */
#include "scsi/scsi.h"

#include "base/text.h"

#include <ctype.h>
#include <scsi/sg_lib.h>
#include <stdio.h>
#include <string.h>

#define NAME_MAX_LEN 48

char *msc_cdb_name(char *buf, size_t size, const uint8_t *cdb)
{
	char name[80] = "";

	if (!msc_cdb_group_length(cdb[0])) {
		snprintf(buf, size, "operation code %02Xh", cdb[0]);
		return buf;
	}
	sg_get_opcode_sa_name(cdb[0], cdb[1] & 0x1f, 0, sizeof(name), name);
	if (!strncmp(name, "Opcode=", 7) || strchr(name, '['))
		snprintf(name, sizeof(name), "operation code %02Xh", cdb[0]);
	else
		for (char *p = name; *p; p++)
			*p = (char)toupper((unsigned char)*p);
	snprintf(buf, size, "%s", name);
	return buf;
}

/* Where and how much are always told, the rest only when it is not zero. */
static void append_field(char *buf, size_t size, const uint8_t *cdb, const struct msc_cdb_field *f)
{
	uint64_t value = msc_cdb_value(cdb, f->name);
	bool always = !strcmp(f->name, "lba") || !strcmp(f->name, "blocks") ||
		      !strcmp(f->name, "alloc");
	bool hex = !strcmp(f->name, "page") || !strcmp(f->name, "subpage") ||
		   !strcmp(f->name, "opcode");

	if (value || always)
		msc_append(buf, size, hex ? " %s %#llx" : " %s %llu", f->name,
			   (unsigned long long)value);
}

char *msc_cdb_text(char *buf, size_t size, const uint8_t *cdb, size_t len)
{
	uint8_t whole[MSC_CBW_CB_MAX] = { 0 };
	const struct msc_cdb_def *def;
	char name[NAME_MAX_LEN];

	len = len < sizeof(whole) ? len : sizeof(whole);
	if (!len) {
		snprintf(buf, size, "empty command block");
		return buf;
	}
	memcpy(whole, cdb, len);
	def = msc_cdb_by_bytes(whole, len);
	snprintf(buf, size, "%s", msc_cdb_name(name, sizeof(name), whole));
	for (const struct msc_cdb_field *f = def ? def->fields : NULL; f && f->name; f++)
		append_field(buf, size, whole, f);
	if (def && len < def->length)
		msc_append(buf, size, " (cut to %zu bytes)", len);
	for (size_t i = 0; !def && i < len; i++)
		msc_append(buf, size, i ? " %02x" : ": %02x", whole[i]);
	return buf;
}

struct msc_sense_data msc_sense_decode(const uint8_t *data, size_t len)
{
	struct msc_sense_data s = { .valid = false };
	uint8_t response = len ? data[0] & 0x7f : 0;

	s.deferred = response == 0x71 || response == 0x73;
	if (response == 0x70 || response == 0x71) {
		size_t told = len > 7 ? 8u + data[7] : 0;

		s.key = len > 2 ? data[2] & 0x0f : 0;
		s.valid = len >= 14 && told >= 14;
		s.asc = s.valid ? data[12] : 0;
		s.ascq = s.valid ? data[13] : 0;
	} else if (response == 0x72 || response == 0x73) {
		s.valid = len >= 8;
		s.key = len > 1 ? data[1] & 0x0f : 0;
		s.asc = s.valid ? data[2] : 0;
		s.ascq = s.valid ? data[3] : 0;
	}
	return s;
}

bool msc_sense_is_idle(const struct msc_sense_data *s)
{
	if (s->key != MSC_SENSE_NONE)
		return false;
	switch (s->asc) {
	case 0x00: return s->ascq == 0x00;
	case 0x0b: /* warning: SPC-4, 7.5.11 */
	case 0x5d: /* failure prediction threshold exceeded: SPC-4, 7.5.11 */
	case 0x5e: /* low power condition: SPC-4, 5.11.3 */ return true;
	default: return false;
	}
}

char *msc_sense_text(char *buf, size_t size, const struct msc_sense_data *s)
{
	static const char lead[] = "Additional sense: ";
	char key[32] = "", asc[100] = "", *words = asc;

	if (!s->valid) {
		snprintf(buf, size, "no valid sense data");
		return buf;
	}
	sg_get_sense_key_str(s->key, sizeof(key), key);
	for (char *p = key; *p; p++)
		*p = (char)toupper((unsigned char)*p);
	sg_get_asc_ascq_str(s->asc, s->ascq, sizeof(asc), asc);
	if (!strncmp(words, lead, strlen(lead)))
		words += strlen(lead);
	if (isupper((unsigned char)words[0]) && islower((unsigned char)words[1]))
		words[0] = (char)tolower((unsigned char)words[0]);
	snprintf(buf, size, "%s, %s (%x/%02x/%02x)", key, words, s->key, s->asc, s->ascq);
	return buf;
}
