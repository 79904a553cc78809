/* SPDX-License-Identifier: BSD-2-Clause */
/* Any bytes as the documents that "mscope report" reads, with a NUL between two; what can be read becomes a page. */
#include <stdlib.h>
#include <string.h>

#include "fuzz_file.h"
#include "report/html.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define DOCUMENTS 4

static json_t *read_one(const uint8_t *data, size_t size)
{
	struct fuzz_file f = fuzz_file(data, size);
	struct msc_err err = MSC_ERR_INIT;
	json_t *document = msc_html_read(f.path, &err);

	if (!document && !*err.msg)
		abort(); /* a refusal without a word */
	close(f.fd);
	return document;
}

static void write_page(const struct msc_html_file *files, size_t n)
{
	static const char *const argv[] = { "mscope", "report", NULL };
	const struct msc_report_context context = { .argv = argv };
	struct msc_err err = MSC_ERR_INIT;
	size_t len = 0;
	char *page = NULL;
	FILE *f = open_memstream(&page, &len);

	if (!f)
		return;
	if (msc_html_write(f, files, n, &context, &err) < 0 && !*err.msg)
		abort();
	fclose(f);
	free(page);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct msc_html_file files[DOCUMENTS];
	const uint8_t *end = data + size;
	size_t n = 0;

	while (n < DOCUMENTS && data < end) {
		const uint8_t *nul = memchr(data, '\0', (size_t)(end - data));
		json_t *document = read_one(data, (size_t)((nul ? nul : end) - data));

		if (document)
			files[n++] = (struct msc_html_file){ "fuzz.json", document };
		data = nul ? nul + 1 : end;
	}
	if (n)
		write_page(files, n);
	while (n)
		json_decref(files[--n].document);
	return 0;
}
