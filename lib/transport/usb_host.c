/* SPDX-License-Identifier: BSD-2-Clause */
/* USB devices as sysfs shows them: listing, and choosing the one that a target names. Needs no
 * permission and opens no device. Strings come from devices and are made printable. */
#include "transport/usb_host.h"

#include <ctype.h>
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"

#define DEVICES "/sys/bus/usb/devices"
#define LEAVING_NS	 (500 * MSC_MS) /* Linux asks a hub of UHCI every 256 ms */
#define LEAVING_PAUSE_NS (20 * MSC_MS)

/* ---- what a target names ------------------------------------------------------------------ */

static bool parse_hex16(const char **p, uint16_t *value)
{
	unsigned v = 0, digits = 0;

	for (; isxdigit((unsigned char)**p); (*p)++, digits++) {
		unsigned char c = (unsigned char)**p;

		if (digits == 4)
			return false;
		v = v << 4 | (unsigned)(isdigit(c) ? c - '0' : tolower(c) - 'a' + 10);
	}
	*value = (uint16_t)v;
	return digits > 0;
}

static bool parse_id(struct msc_usb_match *m, const char *word)
{
	if (m->by_id)
		return false;
	m->by_id = parse_hex16(&word, &m->vendor) && *word++ == ':' &&
		   parse_hex16(&word, &m->product) && !*word;
	return m->by_id;
}

static bool parse_condition(struct msc_usb_match *m, const char *word)
{
	char *into = NULL;
	size_t room = 0;

	if (!strncmp(word, "serial=", 7)) {
		into = m->serial;
		room = sizeof(m->serial);
	} else if (!strncmp(word, "path=", 5)) {
		into = m->path;
		room = sizeof(m->path);
	} else {
		return parse_id(m, word);
	}
	word = strchr(word, '=') + 1;
	return *word && !*into && (size_t)snprintf(into, room, "%s", word) < room;
}

int msc_usb_match_parse(struct msc_usb_match *m, const char *text, struct msc_err *err)
{
	char *copy = strdup(text), *left = copy;
	const char *word;
	int result = 0;

	if (!copy)
		return msc_nomem(err);
	*m = (struct msc_usb_match){ .by_id = false };
	word = strsep(&left, ",");
	if (!*text)
		result = msc_fail(err, MSC_E_USAGE,
				  "usb: names no device; expected usb:VID:PID, usb:serial=S or "
				  "usb:path=P");
	for (; word && !result; word = strsep(&left, ","))
		if (!parse_condition(m, word))
			result = msc_fail(err, MSC_E_USAGE,
					  "usb:%s: '%s' is not VID:PID (hexadecimal, as in "
					  "0525:a4a5), serial=S or path=P, each once",
					  text, word);
	free(copy);
	return result;
}

bool msc_usb_matches(const struct msc_usb_match *m, const struct msc_usb_found *f)
{
	if (m->by_id && (m->vendor != f->vendor || m->product != f->product))
		return false;
	if (m->serial[0] && strcmp(m->serial, f->serial))
		return false;
	return !m->path[0] || !strcmp(m->path, f->path);
}

char *msc_usb_match_text(char *buf, size_t size, const struct msc_usb_match *m)
{
	const char *comma = "";

	snprintf(buf, size, "usb:");
	if (m->by_id) {
		msc_append(buf, size, "%04x:%04x", m->vendor, m->product);
		comma = ",";
	}
	if (m->serial[0]) {
		msc_append(buf, size, "%sserial=%s", comma, m->serial);
		comma = ",";
	}
	if (m->path[0])
		msc_append(buf, size, "%spath=%s", comma, m->path);
	return buf;
}

/* ---- sysfs -------------------------------------------------------------------------------- */

/* One attribute of a device, without its newline; "" when there is none. */
static void attribute(const char *root, const char *device, const char *name, char *buf,
		      size_t size)
{
	char path[PATH_MAX], raw[256];
	size_t len = 0;
	FILE *f;

	buf[0] = '\0';
	if ((size_t)snprintf(path, sizeof(path), "%s" DEVICES "/%s/%s", root, device, name) >=
	    sizeof(path))
		return;
	f = fopen(path, "re");
	if (!f)
		return;
	len = fread(raw, 1, sizeof(raw), f);
	fclose(f);
	while (len && (raw[len - 1] == '\n' || raw[len - 1] == ' '))
		len--;
	msc_printable(buf, size, raw, len);
}

unsigned msc_usb_number(const char *root, const char *device, const char *name, int base)
{
	char text[32];

	attribute(root, device, name, text, sizeof(text));
	return (unsigned)strtoul(text, NULL, base);
}

static enum msc_speed speed_of(const char *root, const char *device)
{
	static const struct {
		const char *megabits;
		enum msc_speed speed;
	} speeds[] = { { "1.5", MSC_SPEED_LOW },
		       { "12", MSC_SPEED_FULL },
		       { "480", MSC_SPEED_HIGH } };
	char text[32];

	attribute(root, device, "speed", text, sizeof(text));
	for (size_t i = 0; i < MSC_COUNT(speeds); i++)
		if (!strcmp(text, speeds[i].megabits))
			return speeds[i].speed;
	return strtoul(text, NULL, 10) >= 5000 ? MSC_SPEED_SUPER : MSC_SPEED_UNKNOWN;
}

bool msc_usb_is_translated(const char *root, const char *path)
{
	enum msc_speed own = speed_of(root, path);
	char hub[64], *port;

	if (own != MSC_SPEED_FULL && own != MSC_SPEED_LOW)
		return false;
	snprintf(hub, sizeof(hub), "%s", path);
	while ((port = strrchr(hub, '.'))) {
		*port = '\0';
		if (speed_of(root, hub) == MSC_SPEED_HIGH)
			return true;
	}
	return false;
}

/* "1-2.3": a device; not "usb1" (a root hub) or "1-2.3:1.0" (an interface). */
static bool is_device(const char *name)
{
	return isdigit((unsigned char)*name) && strchr(name, '-') && !strchr(name, ':');
}

static bool has_mass_storage(const char *root, const char *device, struct dirent **names, int n)
{
	size_t len = strlen(device);

	for (int i = 0; i < n; i++) {
		const char *name = names[i]->d_name;

		if (!strncmp(name, device, len) && name[len] == ':' &&
		    msc_usb_number(root, name, "bInterfaceClass", 16) == MSC_CLASS_MASS_STORAGE)
			return true;
	}
	return false;
}

static void look_at(struct msc_usb_found *f, const char *root, const char *device)
{
	char maker[80], product[80];

	*f = (struct msc_usb_found){
		.vendor = (uint16_t)msc_usb_number(root, device, "idVendor", 16),
		.product = (uint16_t)msc_usb_number(root, device, "idProduct", 16),
		.bus = msc_usb_number(root, device, "busnum", 10),
		.address = msc_usb_number(root, device, "devnum", 10),
		.speed = speed_of(root, device),
	};
	snprintf(f->path, sizeof(f->path), "%.63s", device);
	attribute(root, device, "serial", f->serial, sizeof(f->serial));
	attribute(root, device, "manufacturer", maker, sizeof(maker));
	attribute(root, device, "product", product, sizeof(product));
	snprintf(f->name, sizeof(f->name), "%s%s%s", maker, maker[0] && product[0] ? " " : "",
		 product);
}

int msc_usb_scan(struct msc_usb_list *l, const char *root, struct msc_err *err)
{
	char path[PATH_MAX];
	struct dirent **names;
	int n;

	*l = (struct msc_usb_list){ .list = NULL };
	snprintf(path, sizeof(path), "%s" DEVICES, root);
	n = scandir(path, &names, NULL, versionsort);
	if (n < 0)
		return 0;
	l->list = calloc((size_t)n + 1, sizeof(*l->list));
	for (int i = 0; i < n && l->list; i++) {
		const char *name = names[i]->d_name;

		if (!is_device(name) || msc_usb_number(root, name, "bDeviceClass", 16) == 0x09)
			continue;
		look_at(&l->list[l->count], root, name);
		l->list[l->count++].mass_storage = has_mass_storage(root, name, names, n);
	}
	for (int i = 0; i < n; i++)
		free(names[i]);
	free(names);
	return l->list ? 0 : msc_nomem(err);
}

void msc_usb_list_free(struct msc_usb_list *l)
{
	free(l->list);
	*l = (struct msc_usb_list){ .list = NULL };
}

/* ---- choosing ----------------------------------------------------------------------------- */

/* "path=1-2 serial=123" for each that is wanted, with commas between. */
static void append_each(char *buf, size_t size, const struct msc_usb_list *l,
			const struct msc_usb_match *m)
{
	const char *comma = "";

	for (size_t i = 0; i < l->count; i++) {
		const struct msc_usb_found *f = &l->list[i];

		if (m ? !msc_usb_matches(m, f) : !f->mass_storage)
			continue;
		msc_append(buf, size, "%s", comma);
		if (!m)
			msc_append(buf, size, "usb:%04x:%04x ", f->vendor, f->product);
		msc_append(buf, size, "path=%s%s%s", f->path, f->serial[0] ? " serial=" : "",
			   f->serial);
		comma = ", ";
	}
}

int msc_usb_find(const struct msc_usb_match *m, const char *root, struct msc_usb_found *found,
		 struct msc_err *err)
{
	char wanted[256], others[400] = "";
	const struct msc_usb_found *only = NULL;
	struct msc_usb_list l;
	size_t n = 0;

	if (msc_usb_scan(&l, root, err))
		return -1;
	for (size_t i = 0; i < l.count; i++)
		if (msc_usb_matches(m, &l.list[i])) {
			only = &l.list[i];
			n++;
		}
	msc_usb_match_text(wanted, sizeof(wanted), m);
	if (n == 1)
		*found = *only;
	append_each(others, sizeof(others), &l, n ? m : NULL);
	msc_usb_list_free(&l);
	if (n > 1)
		return msc_fail(err, MSC_E_BUSY,
				"%s: %zu devices match: %s; name one of them by its path", wanted,
				n, others);
	if (!n && others[0])
		return msc_fail(err, MSC_E_NOTFOUND,
				"%s: no such device; mass storage that is here: %s", wanted,
				others);
	if (!n)
		return msc_fail(err, MSC_E_NOTFOUND,
				"%s: no such device; no mass storage is connected by USB", wanted);
	return 0;
}

bool msc_usb_behind(const char *root, const char *place, struct msc_usb_found *found)
{
	struct msc_err ignored = MSC_ERR_INIT;
	struct msc_usb_list l;
	bool is_behind = false;

	if (msc_usb_scan(&l, root, &ignored))
		return false;
	for (size_t i = 0; i < l.count && !is_behind; i++) {
		char part[160];

		snprintf(part, sizeof(part), "/%s/%s:", l.list[i].path, l.list[i].path);
		is_behind = strstr(place, part);
		if (is_behind)
			*found = l.list[i];
	}
	msc_usb_list_free(&l);
	return is_behind;
}

static bool is_unique(const struct msc_usb_list *l, const struct msc_usb_found *f)
{
	size_t n = 0;

	for (size_t i = 0; i < l->count; i++)
		n += l->list[i].vendor == f->vendor && l->list[i].product == f->product;
	return n == 1;
}

int msc_usb_list_targets(const char *root, msc_found_fn *fn, void *user, struct msc_err *err)
{
	struct msc_usb_list l;

	if (msc_usb_scan(&l, root, err))
		return -1;
	for (size_t i = 0; i < l.count; i++) {
		const struct msc_usb_found *f = &l.list[i];
		struct msc_usb_match m = { .by_id = true,
					   .vendor = f->vendor,
					   .product = f->product };
		char target[160], what[400];

		if (!f->mass_storage)
			continue;
		if (!is_unique(&l, f))
			memcpy(m.path, f->path, sizeof(m.path));
		snprintf(what, sizeof(what), "%s%spath %s%s%s, %s speed", f->name,
			 f->name[0] ? ", " : "", f->path, f->serial[0] ? ", serial " : "",
			 f->serial, msc_speed_name(f->speed));
		fn(user, msc_usb_match_text(target, sizeof(target), &m), what);
	}
	msc_usb_list_free(&l);
	return 0;
}

bool msc_usb_lost_driver(const char *root, const char *path, uint8_t interface)
{
	unsigned configuration = msc_usb_number(root, path, "bConfigurationValue", 10);
	char place[PATH_MAX], driver[PATH_MAX + 8], module[PATH_MAX];

	snprintf(place, sizeof(place), "%s" DEVICES "/%.63s:%u.%u", root, path, configuration,
		 interface);
	snprintf(driver, sizeof(driver), "%s/driver", place);
	snprintf(module, sizeof(module), "%s/sys/bus/usb/drivers/usb-storage", root);
	return !access(place, F_OK) && access(driver, F_OK) && !access(module, F_OK);
}

bool msc_usb_has_alternates(const struct msc_device *d)
{
	struct msc_reader r = msc_reader(d->config, d->config_len);
	unsigned settings = 0;

	while (msc_reader_left(&r) >= 2) {
		uint8_t len = r.p[0];
		const uint8_t *p = len >= 2 ? msc_read_bytes(&r, len) : NULL;

		if (!p)
			break;
		settings += p[1] == MSC_DESC_INTERFACE && len >= MSC_INTERFACE_DESC_LEN &&
			    p[2] == d->interface_number;
	}
	return settings > 1;
}

bool msc_usb_is_there(const char *root, const struct msc_usb_found *found)
{
	return msc_usb_number(root, found->path, "devnum", 10) == found->address;
}

void msc_usb_explain_error(const char *root, const struct msc_usb_found *found,
			   struct msc_clock *clock, struct msc_xfer *x)
{
	int64_t until = msc_now(clock) + LEAVING_NS;

	while (x->outcome == MSC_OUT_ERROR && msc_now(clock) < until) {
		if (msc_usb_is_there(root, found))
			msc_wait_until(clock, msc_now(clock) + LEAVING_PAUSE_NS);
		else
			x->outcome = MSC_OUT_GONE;
	}
}

void msc_usb_host_controller(const char *root, unsigned bus, char *buf, size_t size)
{
	char path[PATH_MAX], target[PATH_MAX];
	char *hub, *name;

	buf[0] = '\0';
	snprintf(path, sizeof(path), "%s" DEVICES "/usb%u", root, bus);
	hub = realpath(path, NULL);
	if (!hub)
		return;
	name = strrchr(hub, '/');
	if (name &&
	    (size_t)snprintf(path, sizeof(path), "%.*s/driver", (int)(name - hub), hub) <
		    sizeof(path) &&
	    realpath(path, target) && (name = strrchr(target, '/')))
		snprintf(buf, size, "%.60s", name + 1);
	free(hub);
}
