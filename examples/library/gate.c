/* SPDX-License-Identifier: BSD-2-Clause */
/* A bring-up test of your own in C, with libmscope: who is there, one command, and a part of the conformance
 * suite as a gate. The exit status is the library's, which is that of the program mscope.
 *
 *	cc gate.c $(pkg-config --cflags --libs mscope) -o gate
 *	./gate sim:reference 'bot.case0*'
 *	./gate usb:0525:a4a5
 */
#include <mscope.h>
#include <stdio.h>
#include <string.h>

/* What failed; the names of verdicts are those of mscope.result/1. A JSON library would read more of it. */
static int on_case(void *user, const char *json)
{
	unsigned *failed = user;

	if (strstr(json, "\"verdict\": \"fail\"")) {
		const char *name = strstr(json, "\"name\": \"");
		int len = name ? (int)strcspn(name + 9, "\"") : 0;

		printf("failed: %.*s\n", len, name ? name + 9 : "");
		++*failed;
	}
	return 0; /* anything else would end the run here */
}

/* INQUIRY: whatever the device is, it must answer this. */
static int inquire(struct mscope *m)
{
	static const uint8_t cdb[] = { 0x12, 0, 0, 0, 36, 0 };
	char data[36] = "", *exchange;
	int status = mscope_send(m, 0, cdb, sizeof cdb, data, sizeof data, NULL, 0, &exchange);

	mscope_free(exchange);
	if (status == MSCOPE_PASSED)
		printf("unit 0: %.8s %.16s\n", data + 8, data + 16);
	return status;
}

int main(int argc, char **argv)
{
	const char *selected[] = { argc > 2 ? argv[2] : "*", NULL };
	unsigned failed = 0;
	const struct mscope_check options = { .select = selected,
					      .done = on_case,
					      .user = &failed };
	struct mscope *m;
	char *result = NULL;
	int status;

	if (argc < 2) {
		fprintf(stderr, "usage: gate TARGET [SCENARIOS]\n");
		return MSCOPE_USAGE;
	}
	status = mscope_open(&m, argv[1], 0); /* nothing is written to it */
	if (status == MSCOPE_PASSED)
		status = inquire(m);
	if (status == MSCOPE_PASSED)
		status = mscope_check(m, &options, &result);
	if (status > MSCOPE_FAILED)
		fprintf(stderr, "gate: %s\n", mscope_error(m));
	else
		printf("%u failed, by mscope %s\n", failed, mscope_version());
	mscope_free(result);
	mscope_close(m);
	return status;
}
