/* SPDX-License-Identifier: BSD-2-Clause */
/* The blocks of a capture as images of the medium: as it was last seen, as read, as written. */
#include "decode.h"

static int open_one(struct images *s, const char *path, unsigned takes, const struct args *a,
		    struct msc_err *err)
{
	uint64_t lun = 0;

	if (!path)
		return 0;
	if (arg_size(a, "lun", MSC_LUN_MAX, &lun, err) < 0 ||
	    msc_outfile_open(&s->list[s->n].file, path, err) < 0)
		return -1;
	s->list[s->n].path = path;
	s->list[s->n].image = (struct msc_image){ .out = s->list[s->n].file.f,
						  .takes = takes,
						  .have_lun = arg(a, "lun"),
						  .lun = (uint8_t)lun };
	s->n++;
	return 0;
}

int images_open(struct images *s, const struct args *a, struct msc_err *err)
{
	*s = (struct images){ .n = 0 };
	return open_one(s, arg(a, "image"), MSC_IMAGE_READ | MSC_IMAGE_WRITTEN, a, err) < 0 ||
			       open_one(s, arg(a, "image-read"), MSC_IMAGE_READ, a, err) < 0 ||
			       open_one(s, arg(a, "image-written"), MSC_IMAGE_WRITTEN, a, err) < 0
		       ? -1
		       : 0;
}

int images_add(struct images *s, const struct msc_talk *t, const struct msc_record *r,
	       struct msc_err *err)
{
	for (size_t i = 0; i < s->n; i++)
		if (msc_image_add(&s->list[i].image, t, r, err) < 0) {
			msc_err_prefix(err, "%s: ", s->list[i].path);
			return -1;
		}
	return 0;
}

static void tell(const char *path, const struct msc_image *i)
{
	if (i->cut)
		tool_tell("%s: %llu blocks are holes, for the capture has cut them off", path,
			  (unsigned long long)i->cut);
	if (i->others)
		tool_tell("%s is of unit %u of device %u; %llu blocks of others are left out", path,
			  i->lun, i->talk, (unsigned long long)i->others);
}

int images_end(struct images *s, bool keep, struct msc_err *err)
{
	for (size_t i = 0; i < s->n; i++) {
		if (keep && msc_image_end(&s->list[i].image, err) < 0) {
			msc_err_prefix(err, "%s: ", s->list[i].path);
			keep = false;
		}
		if (!keep) {
			msc_outfile_discard(&s->list[i].file);
			continue;
		}
		tell(s->list[i].path, &s->list[i].image);
		keep = msc_outfile_keep(&s->list[i].file, err) == 0;
	}
	return err->code ? -1 : 0;
}
