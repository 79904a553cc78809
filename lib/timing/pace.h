/* SPDX-License-Identifier: BSD-2-Clause */
/* Pacing: where the time of a read goes, and what to do about it.
 *
 * Two halves that meet in plain data. The probe (pace_probe.c, probe.c) drives a device and keeps
 * times in a struct msc_pace_samples. The analysis (msc_pace_analyse) is a function of those
 * samples and nothing else: it needs no device, so samples from anywhere serve it.
 *
 * Strobed measurements begin at instants spread evenly over the host's frame, as a sampling
 * oscilloscope does it: where the host controller rounds every completion up to a frame boundary,
 * the mean over many such starts is exact but for half a frame. docs/pacing.md has the equations.
 */
#ifndef MSC_TIMING_PACE_H
#define MSC_TIMING_PACE_H

#include "medium/medium.h"
#include "timing/writing.h"

/* ---- samples: all times are the target's clock, ns ------------------------------------------- */

enum msc_pace_set {
	MSC_PACE_SERIAL,  /* one command right after the other, phase after phase: as drivers do */
	MSC_PACE_QUEUED,  /* one right after the other, CBW, data and CSW submitted together */
	MSC_PACE_STROBED, /* alone, at instants spread over the frame; queued where that works */
	MSC_PACE_SETS,
};
extern const char *const msc_pace_set_names[MSC_PACE_SETS];

/* One command: READ(10), or TEST UNIT READY when blocks is 0. */
struct msc_pace_command {
	enum msc_pace_set set;
	uint32_t blocks;
	int64_t began_ns;		/* CBW submitted */
	int64_t cbw_ns, data_ns, csw_ns; /* when software knew that each phase had ended */
	int64_t naks;			/* of all transfers; -1: cannot be seen */
};

/* One READ(10) whose data phase was cut into pieces, all submitted at once, so that the arrival of
 * each is seen. */
struct msc_pace_stream {
	uint32_t blocks;
	bool queued;
	bool paused;	    /* the host stopped after the first block, and resumed at resumed_ns */
	int64_t resumed_ns;
	int64_t began_ns, cbw_ns, asked_ns, status_ns, csw_ns; /* CBW submitted, seen; first data
						submitted; CSW submitted, seen */
	size_t pieces;
	int64_t *seen_ns;   /* of each piece */
	int32_t *naks;	    /* of each piece; -1 */
	int32_t csw_naks;
};

/* GET_STATUS(device). */
struct msc_pace_request {
	bool busy; /* while a bulk read was under way */
	int64_t began_ns, ended_ns;
};

struct msc_pace_write {
	uint32_t blocks;
	int64_t ns; /* CBW submitted to CSW seen */
};

#define MSC_PACE_MISSING_MAX 12

struct msc_pace_samples {
	enum msc_speed speed;
	uint32_t block_size, packet; /* bytes */
	char warning[448]; /* why wMaxPacketSize is not what the speed wants; empty: it is */
	uint32_t piece; /* of a long read: a packet of the speed's size, or a block for a host that is slow to
			   submit; 0: blocks are not whole packets, and there are no long reads */
	bool queued_works;
	char queued_why[128];
	char host[64];	       /* host controller; empty: unknown */
	bool translated;       /* a hub's translator is between it and the device */
	uint64_t payload_bits; /* of the blocks in `payload_blocks`, stuffed bits included */
	uint64_t payload_blocks;
	struct msc_pace_command *commands;
	size_t n_commands, room_commands;
	struct msc_pace_stream *streams;
	size_t n_streams, room_streams;
	struct msc_pace_request *requests;
	size_t n_requests, room_requests;
	struct msc_pace_write *writes;
	size_t n_writes, room_writes;
	struct msc_pace_written *written; /* of --op write */
	size_t n_written, room_written;
	bool syncs; /* the device knows SYNCHRONIZE CACHE */
	struct msc_pace_stream picture; /* pieces 0: none was taken */
	/* Of a capture (pace_capture.h): */
	bool captured;
	bool bus; /* its times are those of packets, and no host rounds them */
	int64_t *acts; /* then: when the host went on, after it knew that something had ended */
	size_t n_acts, room_acts;
	char left_out[MSC_PACE_MISSING_MAX][160]; /* what is in the capture and not in here */
	size_t n_left_out;
	uint32_t failures; /* exchanges that did not work, and are not among the samples */
	char failure[512]; /* why measuring ended early; empty: it did not */
};

void msc_pace_samples_free(struct msc_pace_samples *);
/* Append a zeroed element; NULL: out of memory. */
struct msc_pace_command *msc_pace_add_command(struct msc_pace_samples *);
struct msc_pace_stream *msc_pace_add_stream(struct msc_pace_samples *, size_t pieces);
void msc_pace_drop_stream(struct msc_pace_samples *); /* the last */
struct msc_pace_request *msc_pace_add_request(struct msc_pace_samples *);
struct msc_pace_write *msc_pace_add_write(struct msc_pace_samples *);
struct msc_pace_written *msc_pace_add_written(struct msc_pace_samples *);
int64_t *msc_pace_add_act(struct msc_pace_samples *);
/* Counts the bits of blocks that were read, stuffed ones too. */
void msc_pace_weigh(struct msc_pace_samples *, const uint8_t *data, size_t len, uint32_t blocks);
/* Where wMaxPacketSize is smaller than the speed wants, and blocks came quicker than such packets can carry
 * them, the wire has those of the speed: `packet` becomes that. */
void msc_pace_settle_packet(struct msc_pace_samples *);

/* ---- the probe ------------------------------------------------------------------------------- */

#define MSC_PACE_SIZES_MAX 16
#define MSC_PACE_REQUESTS_LEAST \
	8 /* to endpoint 0, idle and during reads, for anything to be told */

struct msc_pace_options {
	bool serial, queued; /* which of the two the diagnosis is about; at least one */
	uint32_t blocks[MSC_PACE_SIZES_MAX]; /* sizes; n_blocks 0: chosen for the speed */
	size_t n_blocks;
	uint32_t count;	     /* commands of each size and set; 0: 16, fewer of slow ones */
	uint64_t first_lba;
	uint8_t lun;
	int64_t timeout_ns;  /* for each phase; 0: 5 s */
	bool (*stop)(void *user);
	void (*progress)(void *user, const char *text); /* may be NULL */
	void *user;
};

/* Measures reads. The session is open and the unit known (msc_session_learn). Reads only; nothing
 * is pending when it returns, and the device has been brought back after whatever failed. A device
 * that cannot read or hangs ends it early: out->failure says how, and what was measured is kept. */
int msc_pace_probe(struct msc_session *, const struct msc_pace_options *, struct msc_pace_samples *,
		   struct msc_err *) MSC_MUST_CHECK;

/* Writes `data` (blocks of them) to lba over and over, in pieces of up to 8 blocks, until enough is
 * known of its pauses or the time is over. The caller has saved the range, may write, and checks it
 * afterwards. */
int msc_pace_probe_writes(struct msc_session *, const struct msc_pace_options *, uint64_t lba,
			  uint32_t blocks, const uint8_t *data, struct msc_pace_samples *,
			  struct msc_err *) MSC_MUST_CHECK;

/* Measures writes within the scratch of the medium, which has been saved and is put back by who called
 * msc_medium_begin. In place of msc_pace_probe; the same holds of failures. */
#define MSC_WRITING_SCRATCH 2560 /* blocks that it needs for all that it sends */
int msc_pace_probe_writing(struct msc_session *, const struct msc_pace_options *,
			   struct msc_medium *, struct msc_pace_samples *,
			   struct msc_err *) MSC_MUST_CHECK;

/* ---- the analysis ---------------------------------------------------------------------------- */

/* Something periodic that events keep to. */
struct msc_pace_lock {
	bool locked; /* set by who knows what it takes */
	double period_ns, phase_ns; /* events are at phase + k * period */
	double resultant;	    /* mean resultant length, 0 to 1 */
	double chance;		    /* probability of one at least so long if there were no lock */
	size_t events;
};

enum msc_pace_clock { MSC_PACE_CLOCK_NONE, MSC_PACE_CLOCK_HOST, MSC_PACE_CLOCK_DEVICE,
		      MSC_PACE_CLOCK_UNKNOWN };
enum msc_pace_naks { MSC_PACE_NAKS_NONE, MSC_PACE_NAKS_INFERRED, MSC_PACE_NAKS_BUS };

/* One size in the three ways of sending it; times below 0 were not measured. */
struct msc_pace_size {
	uint32_t blocks;
	size_t count[MSC_PACE_SETS];
	double median_ns[MSC_PACE_SETS], mean_ns[MSC_PACE_SETS];
	double cbw_ns[2], data_ns[2], csw_ns[2]; /* medians; of SERIAL and QUEUED only */
	double true_ns; /* without the host: from the strobed ones */
	double bus_ns;	/* of all its packets */
	double host_ns[2]; /* what SERIAL and QUEUED cost above true_ns */
};

enum msc_diagnosis_id {
	MSC_DIAG_MEDIUM_IN_INTERRUPT,
	MSC_DIAG_SINGLE_BUFFERED,
	MSC_DIAG_TICK_BOUND,
	MSC_DIAG_PACKET_BY_PACKET,
	MSC_DIAG_SMALL_PACKETS,
	MSC_DIAG_HOST_LIMITED, /* it takes fewer packets a frame than fit */
	MSC_DIAG_HOST_PACED,
	MSC_DIAG_PER_COMMAND_COST,
	MSC_DIAG_WRITE_PAUSES,
	MSC_DIAG_PAGE_MERGE, /* these four of writes alone */
	MSC_DIAG_SMALL_BUFFER,
	MSC_DIAG_BLOCK_BY_BLOCK,
	MSC_DIAG_POLLING,
	MSC_DIAG_MEDIUM_BOUND, /* from here on limits, not faults */
	MSC_DIAG_BUS_BOUND,
	MSC_DIAGS,
};
extern const char *const msc_diagnosis_ids[MSC_DIAGS];

/* How sure the evidence allows to be of a cause. */
enum msc_pace_sure {
	MSC_PACE_SHOWN,	   /* a probe made for it shows it, beyond chance */
	MSC_PACE_LIKELY, /* it fits best; something else that fits is named in the evidence or untold */
	MSC_PACE_POSSIBLE, /* too little was measured to exclude what is usual besides */
};
extern const char *const msc_pace_sures[]; /* "shown", ... */

struct msc_diagnosis {
	enum msc_diagnosis_id id;
	bool write;	    /* about writes; all others are about reads */
	enum msc_pace_sure sure;
	bool tied;	    /* with the first: which of the two saves more cannot be told */
	double share;	    /* of the time of the commands that are diagnosed */
	double saves_least, saves_most; /* of the same, when it alone is mended */
	double cost_ns;	    /* per command of the largest size */
	int rank;	    /* causes are listed by rank, from 0 on, */
	double weight;	    /* and those of a rank the heaviest first, or the surest */
	char evidence[640], advice[640];
};

/* A host that takes fewer packets a frame or microframe than fit. Times are per block, ns. */
struct msc_pace_limited {
	uint32_t packets; /* a frame; 0: it does not */
	double full;	  /* share of frames with so many, of those with any */
	double least_ns,
		most_ns; /* in which it does not ask, because its frame has had all its packets */
	double within_ns; /* of it, between packets of one block: these are ready */
	double ready; /* share of pauses after which the host found the next chunk ready; below 0: unknown */
};

struct msc_pace {
	enum msc_speed speed;
	uint32_t block_size, packet; /* bytes */
	bool serial, queued; /* what the diagnosis is about */
	bool queued_works;
	char queued_why[128];

	struct msc_pace_size sizes[MSC_PACE_SIZES_MAX + 1]; /* ascending; blocks 0: no data */
	size_t n_sizes;

	struct msc_pace_lock host; /* completions, to the host's frame */
	struct msc_pace_lock tick; /* arrivals of data in a long read, to the device's tick */
	bool rhythm; /* the reads of a capture began in one, so that these cannot be told */
	struct msc_pace_lock wake; /* arrivals of the first block, to the same or another */
	struct msc_pace_lock
		handed; /* where those keep to none: of the block handed over after a pause */
	enum msc_pace_clock tick_clock;
	bool drift_known;
	double drift_ppm, drift_error_ppm; /* of the device's tick against the host's frame */
	double midframe; /* share of polls that were answered within the frame; below 0: unknown */

	double piece_ns;	/* one piece of a long read on the wire */
	double nak_period_ns;	/* one refused poll; 0: cannot be seen */

	/* reads, per block, without the host; below 0: could not be told */
	double bus_ns;		/* on the wire */
	double alone_ns;	/* the same, if nothing but the wire delayed a packet */
	double large_bus_ns; /* bus_ns, if packets were as large as this speed allows */
	double fed_ns; /* between its packets, where the device has none ready; 0: not seen */
	struct msc_pace_limited limited;
	double path_more_ns; /* what each packet takes beyond its own time, because a hub's translator
				   passes it on and other devices are served between; 0: no such hub is known */
	double block_ns;	/* from one to the next, in a long read */
	double first_ns;	/* CBW taken to the first packet */
	double medium_ns;	/* what the device needs for one */
	double mended_least_ns, mended_most_ns; /* block_ns with every fault mended */
	bool beats_bus; /* commands took less than their bytes need on a bus of this speed: there is none */
	bool blurred;		/* the host was too slow to see when packets arrived */
	double overlap;		/* of medium and bus, 0 to 1, as far as the first block tells */
	uint32_t chunk;		/* blocks that come together; 0: could not be told */
	uint32_t ready; /* blocks that come promptly after a pause of the host; 0: not told */
	uint32_t buffers;	/* of a chunk each; 0: not told; 2 may be more */
	bool buffers_unseen; /* one or two look alike: what tells them apart is below what the host shows */
	double moderation_ns; /* by which the host reports packets late, together; 0: it does not */
	uint32_t resumed;	/* long reads with a pause */
	double after_pause_ns[4]; /* from resuming to block 1; from there to blocks 2, 3, 4 */
	double per_command_ns, per_byte_ns, worst_residual; /* time = a + n / rate */

	/* endpoint 0 */
	size_t requests_idle, requests_busy;
	double request_idle_ns, request_busy_ns, request_extra_ns, request_error_ns,
		request_worst_ns;
	double blocked_ns;	/* how long at a time endpoint 0 is not served; 0: not seen */

	enum msc_pace_naks naks_source;
	int64_t naks;		/* of all streams; -1 */
	double naks_per_block, nak_ns; /* time in which the bus is refused, per block */

	uint32_t writes, write_pauses;
	double write_ns, write_pause_ns, write_pause_share; /* medians; share of the writing time */
	struct msc_writing writing; /* of --op write: then all causes are about writes */

	struct msc_diagnosis diagnosis[MSC_DIAGS];
	size_t n_diagnosis;
	char untold[256];	/* why there is none, or what could not be told; empty: nothing */
	/* Of a capture: which evidence is not in it, and what cannot be told for want of that. */
	bool captured, bus;
	char missing[MSC_PACE_MISSING_MAX][160];
	size_t n_missing;
};

/* A pure function. Anything missing in the samples is left unknown in the result. */
int msc_pace_analyse(const struct msc_pace_samples *, const struct msc_pace_options *,
		     struct msc_pace *, struct msc_err *) MSC_MUST_CHECK;

/* ---- the parts of the analysis; each has unit tests of its own ------------------------------- */

/* lock.c: an event is known to lie within half_ns of at_ns, and belongs to a group of events that
 * share their beginning. */
struct msc_event_time {
	double at_ns, half_ns;
	size_t group;
};
/* Looks for a period between the two. */
int msc_find_lock(const struct msc_event_time *, size_t n, double shortest_ns, double longest_ns,
		  struct msc_pace_lock *, struct msc_err *) MSC_MUST_CHECK;
/* Lock to a period that is known to within `ppm`. */
void msc_test_lock(const struct msc_event_time *, size_t n, double period_ns, double ppm,
		   struct msc_pace_lock *);

/* diagnose.c: fills in diagnosis[] from the rest. */
void msc_pace_diagnose(struct msc_pace *);

/* pace_sizes.c: what the bus needs for a command: its CBW, so many blocks, its CSW. */
double msc_pace_wire_ns(const struct msc_pace *, uint32_t blocks);

/* write_costs.c: fills in writing from the samples, when the frame of the host and the sizes are known. */
int msc_writing_analyse(const struct msc_pace_samples *, struct msc_pace *,
			struct msc_err *) MSC_MUST_CHECK;
/* write_causes.c: fills in diagnosis[] from that. */
void msc_writing_diagnose(struct msc_pace *);

/* ---- the oscilloscope picture: timeline.c ---------------------------------------------------- */

enum msc_lane { MSC_LANE_HOST, MSC_LANE_BUS, MSC_LANE_MEDIUM, MSC_LANE_TICKS, MSC_LANES };
enum msc_span_kind {
	MSC_SPAN_CBW, /* on the bus; in the host's lane: a transfer from submitted to seen */
	MSC_SPAN_DATA,
	MSC_SPAN_CSW,
	MSC_SPAN_ALL,	/* the host's lane: all three at once */
	MSC_SPAN_NAK,	/* the host asks, and the device has nothing yet */
	MSC_SPAN_WAIT,	/* it is over, and the host will know at the end of the frame */
	MSC_SPAN_WORKS, /* the medium's lane: the device fetches what it was asked for; with a second
			   buffer also while it sends what it has */
	MSC_SPAN_TICK,	/* the lane of ticks: one of the device's, of no length */
};
struct msc_span {
	enum msc_lane lane;
	enum msc_span_kind kind;
	double from_ns, to_ns; /* since the CBW was submitted */
};
#define MSC_SPANS_MAX 512
struct msc_timeline {
	struct msc_span span[MSC_SPANS_MAX]; /* what does not fit is left out */
	size_t n;
	double end_ns;
	uint32_t blocks;
	bool queued;
	double carries_ns, asks_ns, waits_ns; /* of the bus: packets; refused ones; MSC_SPAN_WAIT */
	bool overlaps; /* the device has a second buffer, so the medium's lane is drawn through */
	bool exact; /* places on the bus are seen; else they are reckoned from frames and NAKs */
};
/* false: there is nothing to show. */
bool msc_timeline_of(const struct msc_pace_stream *, const struct msc_pace *,
		     struct msc_timeline *);

#endif
