/* SPDX-License-Identifier: BSD-2-Clause */
/* See usbmon_text.h. A line, in words (mon_text_read_u and mon_text_read_t of drivers/usb/mon/mon_text.c):
 *
 *	tag  time  S|C|E  Bo:1:115:2  status  length  = or a letter, and what there is of the data
 *
 * The address has no bus in the older format. In the status of a control request that is submitted stands a letter and
 * five words: the setup packet. Interrupt and isochronous transfers have more in between, and are of no
 * interest here.
 */
#include "capture/usbmon_text.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire/bytes.h"

/* struct usbmon_packet; what urb.c reads of it. */
enum {
	ID = 0,
	TYPE = 8,
	XFER_TYPE = 9,
	EPNUM = 10,
	DEVNUM = 11,
	BUSNUM = 12,
	FLAG_SETUP = 14,
	FLAG_DATA = 15,
	STATUS = 28,
	LENGTH = 32,
	LEN_CAP = 36,
	SETUP = 40
};

#define TURN_US (INT64_C(1000000) << 12) /* mon_get_timestamp() keeps so much of the time */

struct words {
	char *rest;
};

/* The next word; NULL: there is none. */
static char *next_word(struct words *w)
{
	return strtok_r(NULL, " \t\r", &w->rest);
}

/* A whole word as a number from least to most. */
static bool number(const char *word, int base, long long least, long long most, long long *value)
{
	char *end;

	if (!word || !(isxdigit((unsigned char)*word) || *word == '-'))
		return false;
	*value = strtoll(word, &end, base);
	return !*end && *value >= least && *value <= most;
}

/* "Bo:1:115:2", or "Bo:115:2" without the bus. */
static bool read_address(uint8_t *packet, const char *word)
{
	static const char types[] = "ZICB"; /* in the order of the kernel's numbers */
	const char *type = word && *word ? strchr(types, *word) : NULL;
	unsigned a, b, c, bus = 0, device, ep;
	int end = 0;

	if (!type || (word[1] != 'i' && word[1] != 'o') || word[2] != ':')
		return false;
	if (sscanf(word + 3, "%5u:%3u:%3u%n", &a, &b, &c, &end) == 3 && !word[3 + end])
		bus = a, device = b, ep = c;
	else if (sscanf(word + 3, "%3u:%3u%n", &a, &b, &end) == 2 && !word[3 + end])
		device = a, ep = b;
	else
		return false;
	if (bus > UINT16_MAX || device > 127 || ep > MSC_EP_NUMBER)
		return false;
	packet[XFER_TYPE] = (uint8_t)(type - types);
	packet[EPNUM] = (uint8_t)(ep | (word[1] == 'i' ? MSC_EP_IN : 0));
	packet[DEVNUM] = (uint8_t)device;
	msc_put_le16(packet + BUSNUM, (uint16_t)bus);
	return true;
}

/* "s 80 06 0100 0000 0040"; where the kernel could not see them, another letter and underscores. */
static bool read_setup(uint8_t *packet, const char *status, struct words *w)
{
	static const struct {
		long long most;
		uint8_t at;
	} parts[] = { { 0xff, 0 }, { 0xff, 1 }, { 0xffff, 2 }, { 0xffff, 4 }, { 0xffff, 6 } };
	bool known = *status == 's';
	long long value = 0;

	if (status[1])
		return false;
	packet[FLAG_SETUP] = known ? 0 : (uint8_t)*status;
	for (size_t i = 0; i < MSC_COUNT(parts); i++) {
		const char *word = next_word(w);

		if (!word || (known && !number(word, 16, 0, parts[i].most, &value)))
			return false;
		if (parts[i].most == 0xff)
			packet[SETUP + parts[i].at] = (uint8_t)value;
		else
			msc_put_le16(packet + SETUP + parts[i].at, (uint16_t)value);
	}
	return true;
}

/* Words of up to four bytes. */
static bool read_data(struct msc_usbmon_line *l, struct words *w)
{
	uint8_t *at = l->packet + MSC_USBMON_64_LEN, *end = l->packet + sizeof l->packet;

	for (const char *word; (word = next_word(w));) {
		for (; *word; word += 2) {
			const char byte[3] = { word[0], word[1] };

			if (!isxdigit((unsigned char)word[0]) ||
			    !isxdigit((unsigned char)word[1]) || at == end)
				return false;
			*at++ = (uint8_t)strtoul(byte, NULL, 16);
		}
	}
	l->len = (uint32_t)(at - l->packet);
	return true;
}

/* Behind the address, of what is not bulk or control, nothing is looked at. */
static bool read_rest(struct msc_usbmon_line *l, struct words *w)
{
	enum { CONTROL = 2 };
	uint8_t *packet = l->packet;
	char *status = next_word(w);
	const char *data;
	long long value = 0, length;

	if (packet[XFER_TYPE] < CONTROL)
		return status;
	if (status && isalpha((unsigned char)*status)) {
		if (packet[XFER_TYPE] != CONTROL || packet[TYPE] != 'S' ||
		    !read_setup(packet, status, w))
			return false;
	} else if (!number(status, 10, INT16_MIN, INT16_MAX, &value)) {
		return false;
	}
	msc_put_le32(packet + STATUS, (uint32_t)(int32_t)value);
	if (packet[TYPE] == 'E')
		return true;
	if (!number(next_word(w), 10, 0, UINT32_MAX, &length))
		return false;
	msc_put_le32(packet + LENGTH, (uint32_t)length);
	data = next_word(w);
	packet[FLAG_DATA] = data && *data != '=' ? (uint8_t)*data : 0;
	if (data && (data[1] || (*data == '=' && !read_data(l, w))))
		return false;
	msc_put_le32(packet + LEN_CAP, l->len - MSC_USBMON_64_LEN);
	return !next_word(w);
}

static void tell_time(struct msc_usbmon_line *l, uint32_t at_us)
{
	int64_t turns_us = l->at_ns / 1000 - l->at_us;

	if (at_us < l->at_us && l->at_us - at_us > TURN_US / 2)
		turns_us += TURN_US;
	l->at_us = at_us;
	l->at_ns = (turns_us + at_us) * 1000;
}

bool msc_usbmon_text_read(struct msc_usbmon_line *l, const char *line, size_t len)
{
	char copy[MSC_USBMON_TEXT_LINE + 1];
	struct words w;
	const char *tag, *type;
	long long at;
	char *end;
	uint64_t id;

	if (len > MSC_USBMON_TEXT_LINE || memchr(line, '\0', len))
		return false;
	memcpy(copy, line, len);
	copy[len] = '\0';
	memset(l->packet, 0, sizeof l->packet);
	l->len = MSC_USBMON_64_LEN;
	tag = strtok_r(copy, "> \t\r", &w.rest); /* '>': a mail quotes it */
	if (!tag || !isxdigit((unsigned char)*tag))
		return false;
	id = strtoull(tag, &end, 16);
	if (*end || !number(next_word(&w), 10, 0, UINT32_MAX, &at))
		return false;
	type = next_word(&w);
	if (!type || type[1] || !strchr("SCE", *type) || !read_address(l->packet, next_word(&w)))
		return false;
	msc_put_le32(l->packet + ID, (uint32_t)id);
	msc_put_le32(l->packet + ID + 4, (uint32_t)(id >> 32));
	l->packet[TYPE] = (uint8_t)*type;
	if (!read_rest(l, &w))
		return false;
	tell_time(l, (uint32_t)at);
	return true;
}

bool msc_usbmon_text_is(struct msc_usbmon_line *l, const char *text, size_t len)
{
	enum { BEFORE_MAX = 4096 };
	const char *end = text + (len < BEFORE_MAX ? len : BEFORE_MAX), *at;
	bool found = false;

	for (; !found && text < end; text = at + 1) {
		at = memchr(text, '\n', (size_t)(end - text));
		at = at ? at : end;
		found = msc_usbmon_text_read(l, text, (size_t)(at - text));
	}
	return found;
}
