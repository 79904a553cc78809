/* SPDX-License-Identifier: BSD-2-Clause */
/* What `mscope list` shows, from the objects of its document. */
#include <string.h>

#include "base/text.h"
#include "tool.h"

#define NAMES 32 /* columns of a name in a list */
#define KEYS  16 /* of a key of one entry */

static void print_row(FILE *out, unsigned width, const char *name, const char *text)
{
	unsigned column = 2 + (unsigned)strlen(name);

	fprintf(out, "  %s", name);
	msc_put_beside(out, column, column + 2 < width ? width : column + 2, width, text);
	putc('\n', out);
}

static const char *text_of(json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

/* A value on one line. The name of a flag that is false is not worth one. */
static void print_value(FILE *out, const char *key, json_t *value)
{
	char line[1024] = "";
	size_t i, len = 0;
	const char *inner;
	json_t *item;

	if (json_is_string(value))
		len = (size_t)snprintf(line, sizeof line, "%s", json_string_value(value));
	else if (json_is_true(value))
		len = (size_t)snprintf(line, sizeof line, "yes");
	json_array_foreach(value, i, item)
	{
		if (json_is_string(item) && len < sizeof line)
			len += (size_t)snprintf(line + len, sizeof line - len, "%s%s",
						i ? ", " : "", json_string_value(item));
	}
	json_object_foreach(value, inner, item)
	{
		if (len < sizeof line)
			len += (size_t)snprintf(line + len, sizeof line - len, "%s%s %s",
						len ? ", " : "", inner, json_string_value(item));
	}
	if (len)
		print_row(out, KEYS, key, line);
}

static void print_knobs(FILE *out, json_t *knobs)
{
	json_t *knob;
	size_t i;

	fputs("  knobs\n", out);
	json_array_foreach(knobs, i, knob)
	{
		json_t *choices = json_object_get(knob, "choices"), *choice;
		char head[64], text[512];
		size_t c, len;

		snprintf(head, sizeof head, "  %s=%s", text_of(knob, "name"),
			 text_of(knob, "default"));
		len = (size_t)snprintf(text, sizeof text, "%s", text_of(knob, "help"));
		json_array_foreach(choices, c, choice)
		{
			if (len < sizeof text)
				len += (size_t)snprintf(text + len, sizeof text - len, "%s%s",
							c ? ", " : ": ", json_string_value(choice));
		}
		print_row(out, NAMES, head, text);
	}
}

static void print_entry(FILE *out, json_t *entry, bool color)
{
	const char *key;
	json_t *value;

	json_object_foreach(entry, key, value)
	{
		if (!strcmp(key, "name")) {
			msc_put_tinted(out, color, MSC_TINT_NAME, json_string_value(value));
			putc('\n', out);
		} else if (!strcmp(key, "knobs")) {
			print_knobs(out, value);
		} else {
			print_value(out, key, value);
		}
	}
}

void print_list_entries(FILE *out, json_t *list, bool color)
{
	json_t *entry;
	size_t i;

	json_array_foreach(list, i, entry) print_entry(out, entry, color);
}

void print_list_names(FILE *out, json_t *list)
{
	json_t *entry;
	size_t i;

	json_array_foreach(list, i, entry) fprintf(out, "%s\n", text_of(entry, "name"));
}

static void append_words(char *text, size_t size, json_t *words)
{
	json_t *word;
	size_t i;

	json_array_foreach(words, i, word)
		msc_append(text, size, "%s%s", i ? ", " : ": ", json_string_value(word));
}

void print_list(FILE *out, const char *summary, json_t *list)
{
	size_t i;
	json_t *entry;

	json_array_foreach(list, i, entry)
	{
		bool reconstructed = !strcmp(text_of(entry, "evidence"), "reconstructed");
		char text[512];

		snprintf(text, sizeof text, "%s%s", text_of(entry, summary),
			 reconstructed ? " (reconstructed)" : "");
		append_words(text, sizeof text, json_object_get(entry, "commands"));
		print_row(out, NAMES, text_of(entry, "name"), text);
	}
}

/* One kind in the index that a bare `mscope list` shows. */
void print_list_count(FILE *out, const char *kind, size_t count, const char *what)
{
	fprintf(out, "  %-10s %5zu  %s\n", kind, count, what);
}

void print_list_usage(FILE *out)
{
	fputs("\n"
	      "mscope list KIND                one kind, a line for each\n"
	      "mscope list KIND NAME           all that is known of one\n"
	      "mscope list KIND --select WORD  those with WORD in the name or description\n"
	      "mscope list --json FILE         everything, for programs\n",
	      out);
}

/* What to do if none of the targets is a device on USB. */
void print_no_usb(FILE *out, json_t *targets)
{
	unsigned n = 0; /* the syntax of such targets, and the devices */
	json_t *entry;
	size_t i;

	json_array_foreach(targets, i, entry)
	{
		n += !strncmp(text_of(entry, "name"), "usb:", 4);
	}
	if (n > 1)
		return;
	fputs("\n"
	      "USB mass-storage devices: none found.\n"
	      "  A device that lsusb does not show is not attached to this machine: check the\n"
	      "  cable, or pass the device to the virtual machine or container. One that lsusb\n"
	      "  shows but reports another class: mscope probe usb:VID:PID --any-interface\n"
	      "  Without a device: mscope check sim:reference, or any sim: name above.\n",
	      out);
}
