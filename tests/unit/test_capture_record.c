/* SPDX-License-Identifier: BSD-2-Clause */
/* What is recorded decodes to what happened: every scenario on every model, serial and queued, written
 * down and read again, gives the exchanges that the run itself saw, each with its NAKs; the same rules
 * find something in it.
 *
 * A capture does not say what a host meant, and so:
 *
 *	a transfer that belongs to no exchange, on purpose, is taken for a part of the one before, or
 *	begins one: exchanges that such a transfer follows are compared by their CBW alone, and one that
 *	is not in the run has such a transfer for its CBW
 *	usbmon has no NAKs
 *	an exchange is over with its CSW: when that came where data was due, the transfer which had been
 *	submitted for it early is taken back after the end, and what NAKs it got are nobody's
 *
 * Times are not compared: the packets' are the bus's, the run's are software's. */
/* link: -lpcap */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <setjmp.h>

#include <pcap/pcap.h>
#include <cmocka.h>

#include "capture/capture.h"
#include "capture/packets.h"
#include "capture/recorder.h"
#include "judge/judge.h"
#include "run/run.h"

/* Bytes of a transfer in a file, at most: the end of a longer one is not there. */
#define WRITTEN (256u << 10)

/* An exchange as far as both sides must agree. */
struct seen {
	uint8_t wrapper[MSC_CBW_LEN];
	size_t wrapper_len, data_len, status_len;
	size_t data_kept;
	uint64_t data_hash; /* of data_kept bytes */
	uint8_t status[MSC_CSW_LEN];
	bool answered, csw_in_data;
	bool bare; /* what followed belongs to no exchange */
	int64_t naks;
	int64_t began_ns, ended_ns;
};

struct seen_list {
	struct seen *list;
	size_t count, room;
	size_t findings;
	size_t by_rule[512], muted[512]; /* of what a run does for itself, and does not judge */
};

static void see_naks(struct seen *s, const struct msc_exchange *x)
{
	bool early = x->dir == MSC_DIR_IN && !x->data_len && x->have_csw;

	for (size_t i = 0; i < x->n_steps; i++) {
		if (early && x->steps[i].kind == MSC_STEP_CSW &&
		    x->steps[i].outcome == MSC_OUT_CANCELLED)
			continue;
		if (x->steps[i].naks < 0 && x->steps[i].kind != MSC_STEP_CLEAR_HALT)
			s->naks = -1;
		if (s->naks >= 0 && x->steps[i].kind != MSC_STEP_CLEAR_HALT)
			s->naks += x->steps[i].naks;
	}
}

static void see(struct seen_list *l, const struct msc_record *r)
{
	const struct msc_exchange *x = &r->u.exchange;
	struct seen *s;

	if (r->kind != MSC_RECORD_EXCHANGE)
		return;
	if (l->count == l->room) {
		l->room = l->room * 2 + 256;
		l->list = realloc(l->list, l->room * sizeof *l->list);
		assert_non_null(l->list);
	}
	s = &l->list[l->count++];
	*s = (struct seen){ .wrapper_len = x->wrapper_len,
			    .data_len = x->data_len,
			    .data_kept = x->data_kept,
			    .data_hash = msc_log_hash(x->data, x->data_kept),
			    .status_len = x->status_len,
			    .answered = x->answered,
			    .csw_in_data = x->csw_in_data,
			    .began_ns = r->began_ns,
			    .ended_ns = r->ended_ns };
	if (x->wrapper_len)
		memcpy(s->wrapper, x->wrapper,
		       x->wrapper_len < MSC_CBW_LEN ? x->wrapper_len : MSC_CBW_LEN);
	if (x->status_len)
		memcpy(s->status, x->status,
		       x->status_len < MSC_CSW_LEN ? x->status_len : MSC_CSW_LEN);
	see_naks(s, x);
}

static void judge(struct seen_list *l, const struct msc_record *r)
{
	struct msc_findings f = { 0 };
	struct msc_err err = MSC_ERR_INIT;

	assert_int_equal(msc_judge(r, MSC_PROFILE_SPEC, &f, &err), 0);
	l->findings += f.count;
	for (size_t i = 0; i < f.count; i++)
		for (size_t n = 0; n < msc_rule_count; n++)
			(r->muted ? l->muted : l->by_rule)[n] += msc_rules[n] == f.list[i].rule;
	msc_findings_clear(&f);
}

/* ---- a live run --------------------------------------------------------------------------- */

struct live {
	struct seen_list all;
	struct msc_assembler *assembler;
	char *file;
	size_t size;
	bool bare;
	uint64_t sent[4096]; /* to no exchange */
	size_t n_sent;
};

static void on_live(void *user, const struct msc_record *r)
{
	struct live *l = user;

	see(&l->all, r);
	judge(&l->all, r);
}

static void on_entry(void *user, const struct msc_log_entry *e)
{
	struct live *l = user;
	const struct msc_transfer *t = &e->u.transfer;
	struct msc_err err = MSC_ERR_INIT;

	if (e->what == MSC_ENTRY_NOTE && e->u.note.kind == MSC_NOTE_BARE) {
		l->bare = true;
		if (l->all.count)
			l->all.list[l->all.count - 1].bare = true;
	} else if (e->what == MSC_ENTRY_TRANSFER && t->ep && t->ended) {
		if (l->bare && !(t->ep & MSC_EP_IN) && l->n_sent < MSC_COUNT(l->sent))
			l->sent[l->n_sent++] = msc_log_hash(t->data, t->kept);
		l->bare = false;
	}
	assert_int_equal(msc_assemble(l->assembler, e, &err), 0);
}

static void on_event(void *user, const struct msc_event *e)
{
	(void)user;
	(void)e;
}

static void run_live(struct live *l, const char *name, bool queued, bool transfers)
{
	char dir[] = "/tmp/mscope-record-XXXXXX";
	struct msc_open_options open = { .allow_writes = true };
	const struct msc_run_options o = { .profile = MSC_PROFILE_SPEC,
					   .allow_writes = true,
					   .queued = queued,
					   .journal_dir = dir,
					   .event = on_event,
					   .wire = on_entry,
					   .wire_user = l };
	struct msc_scenarios all = { NULL };
	struct msc_err err = MSC_ERR_INIT;
	struct msc_recorder *r;
	struct msc_target *t;
	struct msc_summary summary;
	FILE *out;

	*l = (struct live){ .file = NULL };
	l->assembler = msc_assembler_new(on_live, l);
	out = open_memstream(&l->file, &l->size);
	assert_non_null(out);
	r = msc_recorder_new(out, &err);
	assert_non_null(r);
	if (transfers)
		msc_recorder_transfers(r);
	msc_recorder_prepare(r, &open);
	t = msc_target_open(name, &open, &err);
	if (!t || msc_recorder_attach(r, t, &err) || !mkdtemp(dir) ||
	    msc_scenarios_load_embedded(&all, &err) || msc_run(t, &all, &o, &summary, &err))
		fail_msg("%s: %s", name, err.msg);
	msc_target_close(t);
	assert_int_equal(msc_recorder_end(r, &err), 0);
	assert_int_equal(msc_assemble_end(l->assembler, &err), 0);
	fclose(out);
	msc_assembler_free(l->assembler);
	msc_scenarios_free(&all);
	rmdir(dir);
	assert_true(l->all.count > 100);
}

/* ---- the file ----------------------------------------------------------------------------- */

static void on_captured(void *user, const struct msc_talk *t, const struct msc_record *r)
{
	(void)t;
	see(user, r);
	judge(user, r);
}

static struct seen_list decode(const struct live *l)
{
	struct seen_list seen = { NULL };
	const struct msc_capture_options o = { .record = on_captured, .user = &seen };
	struct msc_err err = MSC_ERR_INIT;
	struct msc_capture *c = msc_capture_of(l->file, l->size, &o, &err);
	bool over = false;

	if (!c || msc_capture_read(c, SIZE_MAX, &over, &err) < 0)
		fail_msg("%s", err.msg);
	assert_true(over);
	msc_capture_close(c);
	return seen;
}

#define USBMON_LEN 64 /* bytes of the header of DLT_USB_LINUX_MMAPPED */

/* libpcap reads the same packets in it, at the same times. Where the file has not this machine's byte order
 * libpcap turns usbmon's header round, which msc_packets leaves to whoever reads it. */
static void others_read_it(const struct live *l, uint16_t link)
{
	FILE *in = fmemopen(l->file, l->size, "r");
	char why[PCAP_ERRBUF_SIZE];
	pcap_t *theirs =
		pcap_fopen_offline_with_tstamp_precision(in, PCAP_TSTAMP_PRECISION_NANO, why);
	struct msc_err err = MSC_ERR_INIT;
	struct msc_packets *ours = msc_packets_of(l->file, l->size, &err);
	struct pcap_pkthdr *head;
	struct msc_packet p;
	const uint8_t *data;
	size_t turned = 0;

	assert_non_null(theirs);
	assert_non_null(ours);
	if (link == DLT_USB_LINUX_MMAPPED && pcap_is_swapped(theirs))
		turned = USBMON_LEN;
	assert_int_equal(pcap_datalink(theirs), link);
	while (msc_packets_next(ours, &p, &err) == 1) {
		assert_int_equal(pcap_next_ex(theirs, &head, &data), 1);
		assert_int_equal(head->ts.tv_sec * INT64_C(1000000000) + head->ts.tv_usec, p.at_ns);
		assert_int_equal(head->len, p.len);
		assert_int_equal(head->caplen, p.kept);
		assert_true(p.kept >= turned);
		assert_memory_equal(data + turned, p.data + turned, p.kept - turned);
	}
	assert_int_equal(pcap_next_ex(theirs, &head, &data), PCAP_ERROR_BREAK);
	pcap_close(theirs); /* and in */
	msc_packets_close(ours);
}

/* ---- both --------------------------------------------------------------------------------- */

/* At high speed a CBW that is refused at once was never on the bus: the host asked with PING. One that
 * is too long may be refused after the first packets, and then the rest was not. */
static bool same_wrapper(const struct seen *a, const struct seen *b)
{
	if (!b->wrapper_len)
		return b->began_ns >= a->began_ns && b->began_ns <= a->ended_ns;
	if (a->wrapper_len > MSC_CBW_LEN && b->wrapper_len > MSC_CBW_LEN)
		return b->wrapper_len <= a->wrapper_len &&
		       !memcmp(a->wrapper, b->wrapper, MSC_CBW_LEN);
	return a->wrapper_len == b->wrapper_len && !memcmp(a->wrapper, b->wrapper, MSC_CBW_LEN);
}

static bool same(const struct seen *a, const struct seen *b, bool naks)
{
	bool cut = b->data_kept < a->data_kept && a->data_kept >= WRITTEN;

	return same_wrapper(a, b) && a->data_len == b->data_len &&
	       (cut || a->data_hash == b->data_hash) && a->status_len == b->status_len &&
	       !memcmp(a->status, b->status, MSC_CSW_LEN) && a->csw_in_data == b->csw_in_data &&
	       (!naks || a->naks == b->naks);
}

static void differ(const char *model, const char *why, const struct seen *a, const struct seen *b)
{
	const struct seen *both[] = { a, b };

	for (size_t i = 0; i < 2; i++) {
		const struct seen *s = both[i];

		if (s)
			print_message(
				"%s, at %lld ns: a CBW of %zu bytes, %02xh, tag %u; data %zu, "
				"status %zu bytes, %lld NAKs\n",
				i ? "in the file" : "in the run", (long long)s->began_ns,
				s->wrapper_len, s->wrapper[15], msc_get_le32(s->wrapper + 4),
				s->data_len, s->status_len, (long long)s->naks);
	}
	fail_msg("%s: %s", model, why);
}

/* What was only asked for with PING, and never sent, has no bytes on the bus. */
static bool was_sent_bare(const struct live *l, const struct seen *s)
{
	if (!s->wrapper_len)
		return true;
	for (size_t i = 0; i < l->n_sent; i++)
		if (s->wrapper_len <= MSC_CBW_LEN
			    ? l->sent[i] == msc_log_hash(s->wrapper, s->wrapper_len)
			    : true)
			return true;
	return false;
}

/* Where in the file the exchange of the run is; the number of those passed over must be explained. */
static size_t find(const char *model, const struct live *live, const struct seen_list *file,
		   size_t from, const struct seen *l)
{
	size_t found = from;

	while (found < file->count && !same_wrapper(l, &file->list[found]))
		found++;
	if (found == file->count)
		return SIZE_MAX;
	for (size_t at = from; from && at < found; at++)
		if (!was_sent_bare(live, &file->list[at]))
			differ(model, "an exchange that was not", NULL, &file->list[at]);
	return found;
}

static void compare(const char *model, const struct live *live, const struct seen_list *file,
		    bool naks)
{
	size_t at = 0, compared = 0;

	for (size_t n = 0; n < live->all.count; n++) {
		const struct seen *l = &live->all.list[n];
		size_t found = find(model, live, file, at, l);

		if (found == SIZE_MAX) {
			if (n && live->all.list[n - 1].bare)
				continue;
			differ(model, "an exchange is missing", l, NULL);
		}
		at = found + 1;
		if (l->bare)
			continue;
		compared++;
		if (!same(l, &file->list[found], naks))
			differ(model, "an exchange is not the same", l, &file->list[found]);
	}
	assert_true(compared > live->all.count * 9 / 10);
}

/* Of the enumeration, which a run does not look at, the file may tell more. */
static void compare_findings(const char *model, const struct seen_list *live,
			     const struct seen_list *file)
{
	for (size_t n = 0; n < msc_rule_count; n++) {
		bool control = msc_rules[n]->on == MSC_RECORD_CONTROL;
		size_t most = live->by_rule[n] + live->muted[n] + (control ? 1 : 0);

		/* A run leaves this one to its scenarios. */
		if (msc_rules[n] == &msc_rule_scsi_write_readback)
			continue;

		if (file->by_rule[n] > most || (live->by_rule[n] && !file->by_rule[n]))
			fail_msg("%s: %s is found %zu times, and %zu times in the run", model,
				 msc_rules[n]->id, file->by_rule[n], live->by_rule[n]);
	}
}

/* A hostile device that is wild breaks rules in commands whose intent only a scenario knows. */
static const char *const models[] = { "sim:reference",
				      "sim:reference,speed=full,host=uhci",
				      "sim:linux-gadget,speed=full",
				      "sim:stm32",
				      "sim:lsd",
				      "sim:recorded,capture=captures/gadget-full/capture.pcap",
				      "sim:hostile,wild=0,speed=full" };

static void recorded(bool transfers)
{
	struct live *live = malloc(sizeof *live);

	assert_non_null(live);
	for (size_t i = 0; i < 2 * MSC_COUNT(models); i++) {
		struct seen_list file;

		run_live(live, models[i / 2], i % 2, transfers);
		others_read_it(live, transfers ? MSC_LINK_USBMON_64
				     : strstr(models[i / 2], "full") ||
						     strstr(models[i / 2], "stm32") ||
						     strstr(models[i / 2], "lsd")
					     ? MSC_LINK_USB_FULL
					     : MSC_LINK_USB_HIGH);
		file = decode(live);
		compare(models[i / 2], live, &file, !transfers);
		compare_findings(models[i / 2], &live->all, &file);
		free(file.list);
		free(live->all.list);
		free(live->file);
	}
	free(live);
}

static void packets_are_the_run(void **state)
{
	(void)state;
	recorded(false);
}

static void transfers_are_the_run(void **state)
{
	(void)state;
	recorded(true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packets_are_the_run),
		cmocka_unit_test(transfers_are_the_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
