/* SPDX-License-Identifier: BSD-2-Clause */
/* An mscope.probe/1 for people: made from the document, so that the two cannot disagree. */
#include <inttypes.h>
#include <string.h>

#include "tool.h"

#define COLUMN 14 /* where the text of a row begins */

static void show_device(FILE *out, const struct msc_device *d, const struct msc_device *now)
{
	char text[256], now_text[64];

	msc_put_row(out, COLUMN, "target", d->name);
	if (d->commands_only) {
		snprintf(text, sizeof text, "%04x:%04x, %s speed", d->desc.vendor, d->desc.product,
			 msc_speed_name(d->speed));
		msc_put_row(out, COLUMN, "device", d->desc.vendor ? text : "no USB device");
		return;
	}
	snprintf(text, sizeof text, "%04x:%04x, bcdDevice %x.%02x, USB %x.%02x, %s speed%s",
		 d->desc.vendor, d->desc.product, d->desc.release >> 8, d->desc.release & 0xff,
		 d->desc.usb >> 8, d->desc.usb & 0xff, msc_speed_name(d->speed),
		 d->simulated ? ", simulated" : "");
	msc_put_row(out, COLUMN, "device", text);
	snprintf(text, sizeof text, "%u, subclass %02xh%s, protocol %02xh%s", d->interface_number,
		 d->subclass, d->subclass == 0x06 ? " (SCSI)" : "", d->protocol,
		 d->protocol == 0x50 ? " (Bulk-Only)" : "");
	msc_put_row(out, COLUMN, "interface", text);
	snprintf(now_text, sizeof now_text, ", as used; configured, it says %u and %u",
		 now->max_packet_in, now->max_packet_out);
	snprintf(text, sizeof text, "bulk-in %02xh of %u bytes, bulk-out %02xh of %u bytes%s",
		 d->ep_in, d->max_packet_in, d->ep_out, d->max_packet_out,
		 now->max_packet_in == d->max_packet_in && now->max_packet_out == d->max_packet_out
			 ? ""
			 : now_text);
	msc_put_row(out, COLUMN, "endpoints", text);
}

static const char *string_of(json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

static void show_strings(FILE *out, json_t *strings)
{
	const char *key;
	json_t *value;

	json_object_foreach(strings, key, value) msc_put_row(
		out, COLUMN, key, json_is_string(value) ? json_string_value(value) : "none");
}

static void show_capacity(FILE *out, json_t *capacity)
{
	/* 32 bits each, so that the product fits. */
	uint64_t blocks = (uint64_t)json_integer_value(json_object_get(capacity, "blocks"));
	uint64_t size = (uint64_t)json_integer_value(json_object_get(capacity, "block_size"));
	char text[96] = "unknown";

	if (json_is_object(capacity))
		snprintf(text, sizeof text,
			 "%" PRIu64 " blocks of %" PRIu64 " bytes, %" PRIu64 " KiB", blocks, size,
			 blocks * size / 1024);
	msc_put_row(out, COLUMN, "  capacity", text);
}

static void show_mode(FILE *out, json_t *mode)
{
	json_t *page;
	size_t i, len;
	char text[192] = "unknown";

	if (json_is_object(mode)) {
		len = (size_t)snprintf(text, sizeof text, "%s; pages",
				       json_is_true(json_object_get(mode, "write_protected"))
					       ? "write-protected"
					       : "writable");
		json_array_foreach(json_object_get(mode, "pages"), i, page) if (len < sizeof text)
			len += (size_t)snprintf(text + len, sizeof text - len, " %02llxh",
						(long long)json_integer_value(page));
		if (i == 0 && len < sizeof text)
			snprintf(text + len, sizeof text - len, " none");
	}
	msc_put_row(out, COLUMN, "  mode", text);
}

/* Whether it is, and the reasons that TEST UNIT READY was given before; what is said again is shown once. */
static void show_ready(FILE *out, json_t *unit)
{
	json_t *sense;
	const bool ready = json_is_true(json_object_get(unit, "ready"));
	const char *before = NULL;
	char text[512];
	size_t i, len = (size_t)snprintf(text, sizeof text, "%s", ready ? "yes" : "no");

	json_array_foreach(json_object_get(unit, "sense"), i, sense)
	{
		const char *now = json_is_string(sense) ? json_string_value(sense)
							: "no valid sense data";

		if (len < sizeof text && (!before || strcmp(now, before) != 0))
			len += (size_t)snprintf(text + len, sizeof text - len, "%s%s",
						before  ? ", then "
						: ready ? ", after "
							: ": ",
						now);
		before = now;
	}
	msc_put_row(out, COLUMN, "  ready", text);
}

static void show_unit(FILE *out, json_t *unit)
{
	json_t *inquiry = json_object_get(unit, "inquiry");
	char text[256] = "does not answer";

	if (json_is_object(inquiry))
		snprintf(text, sizeof text, "\"%s\" \"%s\" \"%s\", type %02llxh%s",
			 string_of(inquiry, "vendor"), string_of(inquiry, "product"),
			 string_of(inquiry, "revision"),
			 (long long)json_integer_value(json_object_get(inquiry, "device_type")),
			 json_is_true(json_object_get(inquiry, "removable")) ? ", removable" : "");
	fprintf(out, "unit %lld\n", (long long)json_integer_value(json_object_get(unit, "lun")));
	msc_put_row(out, COLUMN, "  inquiry", text);
	show_ready(out, unit);
	show_capacity(out, json_object_get(unit, "capacity"));
	show_mode(out, json_object_get(unit, "mode"));
}

static const char *short_data_text(const char *ends)
{
	if (!strcmp(ends, "stall"))
		return "ends in STALL";
	return strcmp(ends, "padding") ? "ends in a short packet, without STALL"
				       : "is filled up to what the host expects";
}

void print_probe(FILE *out, const struct msc_device *d, const struct msc_device *described,
		 json_t *document, bool color)
{
	json_t *queued = json_object_get(document, "queued"), *item;
	char text[512];
	size_t i;

	show_device(out, d, described);
	if (!d->commands_only)
		show_strings(out, json_object_get(document, "strings"));
	json_array_foreach(json_object_get(document, "units"), i, item) show_unit(out, item);
	msc_put_row(out, COLUMN, "queued mode",
		    json_is_true(json_object_get(queued, "works")) ? "works"
								   : string_of(queued, "reason"));
	if (*string_of(document, "short_data"))
		msc_put_row(out, COLUMN, "short data",
			    short_data_text(string_of(document, "short_data")));
	json_array_foreach(json_object_get(document, "findings"), i, item)
	{
		const char *severity = string_of(item, "severity");

		snprintf(text, sizeof text, ": %s: %s: %s", string_of(item, "rule"),
			 string_of(item, "context"), string_of(item, "message"));
		fprintf(out, "%-*s", COLUMN, i ? "" : "quirks seen");
		msc_put_tinted(out, color, strcmp(severity, "fail") ? MSC_TINT_WARN : MSC_TINT_FAIL,
			       severity);
		msc_put_wrapped(out, COLUMN + (unsigned)strlen(severity), COLUMN, text);
		putc('\n', out);
	}
	if (i == 0)
		msc_put_row(out, COLUMN, "quirks seen", "none");
}
