/* SPDX-License-Identifier: BSD-2-Clause */
/* See packets.h. The formats: IETF drafts draft-ietf-opsawg-pcap and -pcapng. */
#include "capture/packets.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capture/usbmon_text.h"
#include "wire/bytes.h"

#define READ_SIZE	(256u << 10) /* bytes asked for at once: what stays in the cache */
#define INTERFACES_MAX	4096
#define PCAP_HEADER	24
#define PCAP_RECORD	16
#define BLOCK_HEAD	8  /* type and length */
#define BLOCK_MIN	12 /* and the length once more */
#define SNAPLEN_MIN	64u /* a file's own limit below this is not believed */

enum { SECTION = 0x0a0d0d0a, INTERFACE = 1, OLD_PACKET = 2, SIMPLE_PACKET = 3, PACKET = 6 };
enum { OPT_END = 0, OPT_TSRESOL = 9, OPT_TSOFFSET = 14 };

struct interface {
	uint16_t link;
	uint32_t snaplen;
	uint8_t resolution; /* if_tsresol: 10 or, with the high bit, 2 to that negative power */
	int64_t offset_s;
};

struct msc_packets {
	int fd; /* -1: memory */
	bool close_it;
	char *path;
	uint8_t *buffer;
	const uint8_t *p, *end; /* what has been read and not been taken */
	size_t room;
	uint64_t taken, size, count;
	bool eof;
	bool ng, big, text;
	struct msc_usbmon_line line; /* of text: the newest packet */
	uint32_t part_ns; /* what the part of a second in a pcap file is counted in */
	struct interface *interfaces; /* one, for a pcap file */
	size_t n_interfaces, section; /* the first of this section */
};

/* ---- bytes -------------------------------------------------------------------------------- */

static MSC_APART int fill(struct msc_packets *f, size_t want, struct msc_err *err)
{
	size_t have = (size_t)(f->end - f->p);

	if (f->eof || f->fd < 0)
		return 0;
	if (want > f->room) {
		size_t room = want + READ_SIZE;
		uint8_t *grown = malloc(room);

		if (!grown)
			return msc_nomem(err);
		if (have)
			memcpy(grown, f->p, have);
		free(f->buffer);
		f->buffer = grown;
		f->room = room;
	} else if (have) {
		memmove(f->buffer, f->p, have);
	}
	f->p = f->buffer;
	f->end = f->buffer + have;
	while ((size_t)(f->end - f->p) < want && !f->eof) {
		ssize_t n = read(f->fd, f->buffer + have, f->room - have);

		if (n < 0 && errno == EINTR)
			return msc_fail(err, MSC_E_INTERRUPTED, "interrupted");
		if (n < 0)
			return msc_fail_errno(err, MSC_E_IO, "cannot read %s", f->path);
		f->eof = n == 0;
		have += (size_t)n;
		f->end = f->buffer + have;
	}
	return 0;
}

/* 1: there are so many bytes at f->p. 0: the file ends before. */
static inline int need(struct msc_packets *f, size_t want, struct msc_err *err)
{
	if ((size_t)(f->end - f->p) >= want)
		return 1;
	if (fill(f, want, err) < 0)
		return -1;
	return (size_t)(f->end - f->p) >= want;
}

static inline void take(struct msc_packets *f, size_t n)
{
	f->p += n;
	f->taken += n;
}

static uint16_t get16(const struct msc_packets *f, const uint8_t *p)
{
	return f->big ? msc_get_be16(p) : msc_get_le16(p);
}

static inline uint32_t get32(const struct msc_packets *f, const uint8_t *p)
{
	return f->big ? msc_get_be32(p) : msc_get_le32(p);
}

static int cut_short(const struct msc_packets *f, struct msc_err *err)
{
	return msc_fail(err, MSC_E_FORMAT,
			"%s is cut short: it ends in the middle of a packet, after %llu whole ones",
			f->path, (unsigned long long)f->count);
}

static int a_lie(const struct msc_packets *f, const char *what, uint32_t value, struct msc_err *err)
{
	return msc_fail(err, MSC_E_FORMAT,
			"%s: %s of %lu at byte %llu is not to be believed, after "
			"%llu packets",
			f->path, what, (unsigned long)value, (unsigned long long)f->taken,
			(unsigned long long)f->count);
}

/* ---- opening ------------------------------------------------------------------------------ */

static int add_interface(struct msc_packets *f, const struct interface *new, struct msc_err *err)
{
	struct interface *list = f->interfaces;

	if (f->n_interfaces == INTERFACES_MAX)
		return msc_fail(err, MSC_E_FORMAT, "%s has more than %d interfaces", f->path,
				INTERFACES_MAX);
	list = realloc(list, (f->n_interfaces + 1) * sizeof *list);
	if (!list)
		return msc_nomem(err);
	f->interfaces = list;
	list[f->n_interfaces++] = *new;
	return 0;
}

static int begin_pcap(struct msc_packets *f, struct msc_err *err)
{
	struct interface i = { .link = 0 };

	if (need(f, PCAP_HEADER, err) != 1)
		return err->code ? -1 : cut_short(f, err);
	i.snaplen = get32(f, f->p + 16);
	i.link = get16(f, f->big ? f->p + 22 : f->p + 20); /* the upper half says other things */
	take(f, PCAP_HEADER);
	return add_interface(f, &i, err);
}

/* The bytes up to the end of a line, or to the end of the file. -1: *err. */
static int next_line(struct msc_packets *f, size_t *len, struct msc_err *err)
{
	const uint8_t *end = NULL;
	size_t looked = 0;

	while (!end && looked <= MSC_USBMON_TEXT_LINE) {
		int found = need(f, looked + 1, err);

		if (found < 0)
			return -1;
		if (!found)
			break;
		end = memchr(f->p + looked, '\n', (size_t)(f->end - f->p) - looked);
		looked = (size_t)(f->end - f->p);
	}
	*len = end ? (size_t)(end - f->p) : looked;
	return 0;
}

/* Lines are looked at no further than has been read, so that a stream is not waited for. */
static bool begin_text(struct msc_packets *f, struct msc_err *err)
{
	size_t len;

	if (f->end == f->p || next_line(f, &len, err) < 0)
		return false;
	f->text = msc_usbmon_text_is(&f->line, (const char *)f->p, (size_t)(f->end - f->p));
	return f->text;
}

static int begin(struct msc_packets *f, struct msc_err *err)
{
	int found = need(f, 4, err);
	uint32_t magic;

	if (found < 0)
		return -1;
	if (!found && f->end == f->p)
		return msc_fail(err, MSC_E_FORMAT, "%s is empty", f->path);
	magic = found ? msc_get_le32(f->p) : 0;
	if ((f->ng = magic == SECTION))
		return 0;
	if ((magic & 0xffff) == 0x8b1f || magic == 0xfd2fb528 || magic == 0x587a37fd)
		return msc_fail(err, MSC_E_FORMAT, "%s is compressed: zcat, zstdcat, xzcat",
				f->path);
	f->big = magic == 0xd4c3b2a1 || magic == 0x4d3cb2a1;
	f->part_ns = magic == 0xa1b23c4d || magic == 0x4d3cb2a1 ? 1 : 1000;
	if (f->big || magic == 0xa1b2c3d4 || magic == 0xa1b23c4d)
		return begin_pcap(f, err);
	if (begin_text(f, err) || err->code)
		return err->code ? -1 : 0;
	return msc_fail(err, MSC_E_FORMAT,
			"%s is no capture: it begins neither as pcap nor as pcapng does, nor "
			"as usbmon's text",
			f->path);
}

static struct msc_packets *new_reader(const char *path, struct msc_err *err)
{
	struct msc_packets *f = calloc(1, sizeof *f);

	if (f)
		f->path = strdup(path);
	if (!f || !f->path) {
		free(f);
		msc_nomem(err);
		return NULL;
	}
	f->fd = -1;
	return f;
}

static struct msc_packets *begun(struct msc_packets *f, struct msc_err *err)
{
	if (begin(f, err) == 0)
		return f;
	msc_packets_close(f);
	return NULL;
}

struct msc_packets *msc_packets_open(const char *path, struct msc_err *err)
{
	bool standard = !strcmp(path, "-");
	struct msc_packets *f = new_reader(standard ? "standard input" : path, err);
	struct stat st;

	if (!f)
		return NULL;
	f->fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	f->close_it = !standard && f->fd >= 0;
	if (f->fd < 0 || fstat(f->fd, &st) < 0) {
		msc_fail_errno(err, MSC_E_IO, "cannot read %s", path);
		msc_packets_close(f);
		return NULL;
	}
	f->size = S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
	return begun(f, err);
}

struct msc_packets *msc_packets_of(const void *data, size_t len, struct msc_err *err)
{
	struct msc_packets *f = new_reader("the capture", err);

	if (!f)
		return NULL;
	f->p = data;
	f->end = f->p + len;
	f->size = len;
	return begun(f, err);
}

void msc_packets_close(struct msc_packets *f)
{
	if (!f)
		return;
	if (f->close_it)
		close(f->fd);
	free(f->interfaces);
	free(f->buffer);
	free(f->path);
	free(f);
}

uint64_t msc_packets_offset(const struct msc_packets *f)
{
	return f->taken;
}

uint64_t msc_packets_size(const struct msc_packets *f)
{
	return f->size;
}

/* ---- pcap --------------------------------------------------------------------------------- */

/* Not all of it has been read yet, or it is not to be believed. 1: all of it is there, *kept its bytes. */
static MSC_APART int read_on(struct msc_packets *f, uint32_t *kept, struct msc_err *err)
{
	int found = need(f, PCAP_RECORD, err);

	if (found != 1)
		return found < 0 ? -1 : f->end == f->p ? 0 : cut_short(f, err);
	*kept = get32(f, f->p + 8);
	if (*kept > MSC_PACKET_MAX)
		return a_lie(f, "a packet length", *kept, err);
	found = need(f, PCAP_RECORD + (size_t)*kept, err);
	return found ? found : cut_short(f, err);
}

static inline int next_pcap(struct msc_packets *f, struct msc_packet *p, struct msc_err *err)
{
	size_t have = (size_t)(f->end - f->p);
	uint32_t kept = have < PCAP_RECORD ? UINT32_MAX : get32(f, f->p + 8);
	const uint8_t *at;

	if (kept > MSC_PACKET_MAX || have - PCAP_RECORD < kept) {
		int found = read_on(f, &kept, err);

		if (found != 1)
			return found;
	}
	at = f->p;
	f->p = at + PCAP_RECORD + kept;
	f->taken += PCAP_RECORD + kept;
	f->count++;
	*p = (struct msc_packet){ .link = f->interfaces->link,
				  .big_endian = f->big,
				  .at_ns = (int64_t)get32(f, at) * 1000000000 +
					   (int64_t)get32(f, at + 4) * f->part_ns,
				  .len = get32(f, at + 12),
				  .kept = kept,
				  .data = at + PCAP_RECORD };
	return 1;
}

/* ---- pcapng ------------------------------------------------------------------------------- */

static int64_t nanoseconds(const struct interface *i, uint64_t ticks)
{
	unsigned power = i->resolution & 0x7f;
	uint64_t ns;

	if (i->resolution & 0x80) { /* 2 to the power of -n */
		uint64_t s = power < 64 ? ticks >> power : 0;
		uint64_t rest = power < 64 ? ticks - (s << power) : ticks;

		if (power > 32) /* a product of 64 bits */
			rest = power - 32 < 64 ? rest >> (power - 32) : 0;
		ns = s * 1000000000 + (rest * 1000000000 >> (power > 32 ? 32 : power));
	} else {
		ns = ticks;
		for (; power < 9; power++)
			ns *= 10;
		for (; power > 9; power--)
			ns /= 10;
	}
	return (int64_t)(ns + (uint64_t)i->offset_s * 1000000000);
}

static int read_section(struct msc_packets *f, struct msc_err *err)
{
	uint32_t magic;

	if (need(f, BLOCK_HEAD + 4, err) != 1)
		return err->code ? -1 : cut_short(f, err);
	magic = msc_get_le32(f->p + BLOCK_HEAD);
	if (magic != 0x1a2b3c4d && magic != 0x4d3c2b1a)
		return msc_fail(err, MSC_E_FORMAT,
				"%s: a section without a byte order, at byte %llu", f->path,
				(unsigned long long)f->taken);
	f->big = magic == 0x4d3c2b1a;
	f->section = f->n_interfaces;
	return 0;
}

/* body: without the block's head and tail. */
static int read_interface(struct msc_packets *f, const uint8_t *body, size_t len,
			  struct msc_err *err)
{
	struct interface i = { .resolution = 6 };
	size_t at = 8;

	if (len < 8)
		return a_lie(f, "an interface block", (uint32_t)len, err);
	i.link = get16(f, body);
	i.snaplen = get32(f, body + 4);
	while (len - at >= 4) {
		uint16_t code = get16(f, body + at), size = get16(f, body + at + 2);

		at += 4;
		if (code == OPT_END || size > len - at)
			break;
		if (code == OPT_TSRESOL && size >= 1)
			i.resolution = body[at];
		if (code == OPT_TSOFFSET && size >= 8)
			i.offset_s =
				f->big ? (int64_t)msc_get_be64(body + at)
				       : (int64_t)((uint64_t)msc_get_le32(body + at + 4) << 32 |
						   msc_get_le32(body + at));
		at += (size + 3u) & ~3u;
		if (at > len)
			break;
	}
	return add_interface(f, &i, err);
}

/* True: the block has a packet, and *p is it. */
static bool read_packet(struct msc_packets *f, uint32_t type, const uint8_t *body, size_t len,
			struct msc_packet *p)
{
	size_t head = type == SIMPLE_PACKET ? 4 : 20;
	const struct interface *i;
	uint32_t number = 0;

	if (len < head)
		return false;
	if (type != SIMPLE_PACKET)
		number = type == PACKET ? get32(f, body) : get16(f, body);
	if (number >= f->n_interfaces - f->section)
		return false;
	i = &f->interfaces[f->section + number];
	*p = (struct msc_packet){ .link = i->link,
				  .interface = (uint32_t)f->section + number,
				  .big_endian = f->big,
				  .data = body + head };
	if (type == SIMPLE_PACKET) {
		p->len = p->kept = get32(f, body);
		if (i->snaplen >= SNAPLEN_MIN && p->kept > i->snaplen)
			p->kept = i->snaplen;
	} else {
		p->at_ns = nanoseconds(i, (uint64_t)get32(f, body + 4) << 32 | get32(f, body + 8));
		p->kept = get32(f, body + 12);
		p->len = get32(f, body + 16);
	}
	if (p->kept > len - head)
		p->kept = (uint32_t)(len - head);
	f->count++;
	return true;
}

static int next_block(struct msc_packets *f, struct msc_packet *p, struct msc_err *err)
{
	uint32_t type, len;
	const uint8_t *body;
	int found = need(f, BLOCK_MIN, err);

	if (found != 1)
		return found < 0 ? -1 : f->end == f->p ? 0 : cut_short(f, err);
	type = get32(f, f->p);
	if (msc_get_le32(f->p) == SECTION && read_section(f, err) < 0)
		return -1;
	len = get32(f, f->p + 4);
	if (len < BLOCK_MIN || len % 4 || len > MSC_PACKET_MAX + 64)
		return a_lie(f, "a block length", len, err);
	found = need(f, len, err);
	if (found != 1)
		return found < 0 ? -1 : cut_short(f, err);
	body = f->p + BLOCK_HEAD;
	if (type == INTERFACE && read_interface(f, body, len - BLOCK_MIN, err) < 0)
		return -1;
	take(f, len);
	if (type != PACKET && type != SIMPLE_PACKET && type != OLD_PACKET)
		return 2;
	return read_packet(f, type, body, len - BLOCK_MIN, p) ? 1 : 2;
}

static MSC_APART int next_ng(struct msc_packets *f, struct msc_packet *p, struct msc_err *err)
{
	int result;

	do
		result = next_block(f, p, err);
	while (result == 2);
	return result;
}

/* ---- usbmon's text ------------------------------------------------------------------------ */

/* A line that is none of usbmon's becomes a packet that is too short to be read, so that it is counted. */
static MSC_APART int next_text(struct msc_packets *f, struct msc_packet *p, struct msc_err *err)
{
	size_t len;

	if (next_line(f, &len, err) < 0)
		return -1;
	if (f->end == f->p)
		return 0;
	*p = (struct msc_packet){ .link = MSC_LINK_USBMON_64, .data = f->line.packet };
	if (msc_usbmon_text_read(&f->line, (const char *)f->p, len))
		p->len = p->kept = f->line.len;
	p->at_ns = f->line.at_ns;
	take(f, len + (len < (size_t)(f->end - f->p)));
	f->count++;
	return 1;
}

int msc_packets_next(struct msc_packets *f, struct msc_packet *p, struct msc_err *err)
{
	if (f->text)
		return next_text(f, p, err);
	return f->ng ? next_ng(f, p, err) : next_pcap(f, p, err);
}
