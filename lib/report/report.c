/* SPDX-License-Identifier: BSD-2-Clause */
/* What all formats share: the registry, a format's life, and text made safe to print. */
#include "report/collect.h"

#include <ctype.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/utf8.h"
#include "mscope.h"

#define WIDTH	80
#define NARROWEST 40
#define BLANK " \t\n\r"

#define REPORT(name) &msc_report_##name,
const struct msc_report *const msc_reports[] = {
#include "report/report.list"
};
#undef REPORT
const size_t msc_report_count = MSC_COUNT(msc_reports);

const struct msc_report *msc_report_find(const char *name, struct msc_err *err)
{
	struct msc_nearest near = { .wanted = name };

	for (size_t i = 0; i < msc_report_count; i++) {
		if (!strcmp(msc_reports[i]->name, name))
			return msc_reports[i];
		msc_nearest_try(&near, msc_reports[i]->name);
	}
	msc_fail_unknown(err, "format", "formats", &near);
	return NULL;
}

int msc_report_begin(struct msc_report_run *run, const struct msc_report *report, FILE *out,
		     const struct msc_report_context *context, struct msc_err *err)
{
	*run = (struct msc_report_run){ .report = report, .out = out, .context = context };
	run->state = calloc(1, report->state_size ? report->state_size : 1);
	return run->state ? 0 : msc_nomem(err);
}

void msc_report_event(struct msc_report_run *run, const struct msc_event *event)
{
	msc_report_collect(&run->all, run->context, event);
	run->report->event(run, event);
}

int msc_report_end(struct msc_report_run *run, int exit_status, struct msc_err *err)
{
	int result = run->report->finish ? run->report->finish(run, exit_status, err) : 0;

	if (result == 0 && run->all.failed)
		result = msc_nomem(err);
	if (run->report->discard)
		run->report->discard(run);
	msc_report_forget(&run->all);
	free(run->state);
	run->state = NULL;
	if (result == 0 && (fflush(run->out) || ferror(run->out)))
		return msc_fail_errno(err, MSC_E_IO, "cannot write the %s report",
				      run->report->name);
	return result;
}

int msc_exit_status(enum msc_code code)
{
	switch (code) {
	case MSC_OK:
		return MSCOPE_PASSED;
	case MSC_E_USAGE:
	case MSC_E_REFUSED:
		return MSCOPE_USAGE;
	case MSC_E_NOTFOUND:
	case MSC_E_ACCESS:
	case MSC_E_BUSY:
	case MSC_E_DEVICE:
	case MSC_E_TIMEOUT:
	case MSC_E_GONE:
	case MSC_E_UNSUPPORTED:
		return MSCOPE_TARGET;
	case MSC_E_INTERRUPTED: /* what was asked for has not passed */
		return MSCOPE_FAILED;
	case MSC_E_IO:
	case MSC_E_FORMAT:
		return MSCOPE_FILE;
	case MSC_E_UNDECIDED:
		return MSCOPE_NO_VERDICT;
	case MSC_E_NOMEM:
	case MSC_E_INTERNAL:
		break;
	}
	return MSCOPE_INTERNAL;
}

/* ---- text ---------------------------------------------------------------------------------- */

static bool is_control(uint32_t point)
{
	return point < 0x20 || (point >= 0x7f && point < 0xa0);
}

/* What stands for a character; the first column is the character. */
static const char *const escapes[][12] = {
	[MSC_PLAIN] = { NULL },
	[MSC_XML] = { "&&amp;", "<&lt;", ">&gt;", "\"&quot;", NULL },
	[MSC_TAP] = { "#\\#", "\\\\\\", NULL },
	[MSC_MARKDOWN] = { "\\\\\\", "`\\`", "*\\*", "_\\_", "[\\[", "]\\]", "<&lt;", ">&gt;",
			   "&&amp;", "|\\|", "~\\~", NULL },
	/* actions/toolkit, command.ts: escapeData() and escapeProperty(). */
	[MSC_GITHUB] = { "%%25", NULL },
	[MSC_GITHUB_PROPERTY] = { "%%25", ":%3A", ",%2C", NULL },
	[MSC_LAVA] = { "<&lt;", NULL },
};

static void put_escaped(FILE *out, enum msc_escape how, char c)
{
	for (const char *const *e = escapes[how]; *e; e++)
		if (**e == c) {
			fputs(*e + 1, out);
			return;
		}
	putc(c, out);
}

/* What is shown of the character at text, and how long that is. Returns the length of the character. */
static size_t plain(const char *text, const char **shown, size_t *len)
{
	uint32_t point;
	size_t n = msc_utf8_decode(text, &point);

	*shown = text;
	*len = n;
	if (n == 1 && (*text == '\n' || *text == '\t' || *text == '\r')) {
		*shown = " ";
	} else if (n == 0 || is_control(point)) {
		*shown = "\xef\xbf\xbd";
		*len = 3;
	}
	return n ? n : 1;
}

static void put_bytes(FILE *out, enum msc_escape how, const char *text, size_t len)
{
	const char *end = text + len, *shown;
	size_t n;

	while (text < end) {
		text += plain(text, &shown, &n);
		if (n == 1)
			put_escaped(out, how, *shown);
		else
			fwrite(shown, 1, n, out);
	}
}

size_t msc_plain(char *buf, const char *text)
{
	const char *shown;
	char *at = buf;
	size_t n;

	while (*text) {
		text += plain(text, &shown, &n);
		memcpy(at, shown, n);
		at += n;
	}
	*at = '\0';
	return (size_t)(at - buf);
}

void msc_put(FILE *out, enum msc_escape how, const char *text)
{
	put_bytes(out, how, text, strlen(text));
}

/* Columns of the next word, and its length in bytes. */
static unsigned measure(const char *word, size_t *len)
{
	unsigned columns = 0;

	*len = strcspn(word, BLANK);
	for (size_t i = 0; i < *len; i++)
		columns += ((uint8_t)word[i] & 0xc0) != 0x80;
	return columns;
}

unsigned msc_columns(void)
{
	const char *columns = getenv("COLUMNS");
	unsigned long n;
	char *end;

	if (!columns || !isdigit((uint8_t)*columns))
		return WIDTH;
	n = strtoul(columns, &end, 10);
	return *end                     ? WIDTH
	       : n == 0 || n > UINT_MAX ? UINT_MAX
	       : n < NARROWEST          ? NARROWEST
					: (unsigned)n;
}

unsigned msc_put_wrapped_to(FILE *out, unsigned width, unsigned column, unsigned indent,
			    const char *text)
{
	const unsigned end = width - 1;
	bool first = true;

	for (const char *word = text + strspn(text, BLANK); *word; word += strspn(word, BLANK)) {
		size_t len;
		unsigned columns = measure(word, &len);

		if (column > indent && column + !first + columns > end) {
			fprintf(out, "\n%*s", (int)indent, "");
			column = indent;
		} else if (!first) {
			putc(' ', out);
			column++;
		}
		put_bytes(out, MSC_PLAIN, word, len);
		column += columns;
		first = false;
		word += len;
	}
	return column;
}

unsigned msc_put_wrapped(FILE *out, unsigned column, unsigned indent, const char *text)
{
	return msc_put_wrapped_to(out, msc_columns(), column, indent, text);
}

void msc_put_word(FILE *out, const char *word)
{
	bool plain = *word != '\0';

	for (const char *p = word; *p; p++)
		plain = plain && (isalnum((unsigned char)*p) || strchr("_@%+=:,./-", *p));
	if (plain) {
		fputs(word, out);
		return;
	}
	putc('\'', out);
	for (; *word; word++)
		fputs(*word == '\'' ? "'\\''" : (char[]){ *word, '\0' }, out);
	putc('\'', out);
}

unsigned msc_put_beside(FILE *out, unsigned at, unsigned column, unsigned indent, const char *text)
{
	size_t len;

	if (column + measure(text + strspn(text, BLANK), &len) > msc_columns() - 1 &&
	    column > indent) {
		fprintf(out, "\n%*s", (int)indent, "");
		return msc_put_wrapped(out, indent, indent, text);
	}
	fprintf(out, "%*s", (int)(column - at), "");
	return msc_put_wrapped(out, column, indent, text);
}
