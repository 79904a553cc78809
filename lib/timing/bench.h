/* SPDX-License-Identifier: BSD-2-Clause */
/* Throughput and latency: the same command over and over, every sample kept. */
#ifndef MSC_TIMING_BENCH_H
#define MSC_TIMING_BENCH_H

#include "base/rng.h"
#include "medium/medium.h"
#include "stats/stats.h"

/* Mixed: one of two rows of the same run, which reads and writes by turns at random. */
enum msc_bench_op {
	MSC_BENCH_READ,
	MSC_BENCH_WRITE,
	MSC_BENCH_MIXED_READ,
	MSC_BENCH_MIXED_WRITE
};
/* Kernel: through the host's own driver, by a block device as msc_block_measure does, or by whole
 * commands. */
enum msc_bench_mode {
	MSC_BENCH_SERIAL,
	MSC_BENCH_QUEUED,
	MSC_BENCH_KERNEL
};
enum msc_bench_order {
	MSC_BENCH_SEQUENTIAL,
	MSC_BENCH_RANDOM
};
/* NULL-terminated, in the order of the values. */
extern const char *const msc_bench_op_names[];
extern const char *const msc_bench_mode_names[];
extern const char *const msc_bench_order_names[];

/* One command: CBW submitted to CSW seen, and its phases, each from the end of the one before, so
 * that they add up. The kernel shows no phases: they are 0. */
struct msc_bench_sample {
	int64_t ns, cbw_ns, data_ns, csw_ns;
};

/* One size of one operation in one mode. */
struct msc_bench_run {
	enum msc_bench_op op;
	enum msc_bench_mode mode;
	enum msc_bench_order order;
	uint32_t blocks, block_size;
	struct msc_bench_sample *sample; /* of each command after the warm-up */
	uint32_t samples, room;
	int64_t naks;	     /* of all samples; -1: they cannot be seen */
	int64_t elapsed_ns; /* of all samples, with the time between them, less what was not timed */
	int64_t host_cpu_ns; /* used by this process meanwhile; -1: it says nothing (simulated) */
	double device_cpu;   /* 0 to 1; below 0: unknown */
	bool clumped;	     /* and so measured clumped_count times */

	/* msc_bench_conclude: of the median sample, and its 95 % interval; low 0: too few samples. What is
	 * shown of them is for msc_bench_rate to say. */
	double median_ns, bytes_per_second, low, high;
};

/* What the times depend on, beside the device itself. */
struct msc_bench_host {
	char system[128]; /* "Linux 6.1.0-18-amd64 x86_64"; empty: simulated */
	char cpu[96];
};

struct msc_bench {
	struct msc_device device;
	struct msc_bench_host host;
	char clock[16]; /* whose timestamps: "virtual", "libusb", "usbip", "usbmon", "kernel" */
	struct msc_bench_run *run;
	size_t n_runs;
	bool queued_tried, queued_works;
	char queued_why[512]; /* why not */
	bool payload_seen, pattern_known; /* all bytes of all payloads were the same: */
	uint8_t pattern;
	char warning[448]; /* why the figures are not what they seem; empty: nothing known */
	uint32_t left_out[MSC_LINE_POINTS_MAX]; /* sizes for which there are too few blocks */
	size_t n_left_out;
	uint64_t room;	   /* so many blocks there are */
	char failure[512]; /* what the device did that ended the bench early; empty: nothing */
};

/* Another clock than the session's: timestamps of the host controller's driver, for one. */
struct msc_bench_clock {
	const char *name;
	void *state;
	int (*start)(void *state, struct msc_err *); /* before a command */
	int (*stop)(void *state, struct msc_bench_sample *, struct msc_err *); /* after it */
};

/* The kernel's USB monitor as a clock, for a real device. Close it in any case. */
int msc_bench_usbmon(const struct msc_device *, struct msc_bench_clock *,
		     struct msc_err *) MSC_MUST_CHECK;
void msc_bench_usbmon_close(struct msc_bench_clock *);

#define MSC_BENCH_BYTES_MAX (4u << 20) /* of one command: more cannot be queued */

/* What happened to data that was to be read back, in words: buf of size. */
typedef void msc_bench_story_fn(void *user, char *buf, size_t size, const uint8_t *got,
				const uint8_t *want, size_t len, uint64_t lba, uint32_t block_size);

struct msc_bench_options {
	enum msc_bench_op op; /* READ or WRITE */
	bool mixed;	      /* with WRITE: half of the commands read, at random */
	bool verify; /* with WRITE: what was written is read back and compared, outside of the time */
	msc_bench_story_fn *story; /* of what differs; may be NULL */
	bool serial, queued;
	enum msc_bench_order order;
	const uint32_t *blocks; /* sizes, in blocks per command */
	size_t n_blocks;
	uint32_t warm_up;    /* commands before the first sample, of each size */
	uint32_t count;	     /* samples of each size, at most; 0: as many as fit in duration_ns */
	uint32_t clumped_count; /* as many instead, of times in clumps (stats/change.h); 0: count */
	double clumps;		/* further apart than this share of the median */
	int64_t duration_ns; /* of each size, at most, but always one sample; 0: no limit */
	uint64_t first_lba, span; /* the part of the medium that is used; span 0: up to its end */
	uint8_t lun;
	uint64_t seed; /* of the random order */
	uint8_t fill;  /* bytes that are written; reads take what is there */
	struct msc_medium *medium; /* of writes: they stay within its scratch, which is saved */
	const struct msc_bench_clock *clock; /* NULL: the session's */
	void (*progress)(void *user, const char *text); /* may be NULL */
	bool (*stop)(void *user); /* msc_block_measure asks it between commands; may be NULL */
	void *user;
};

/* The caller has opened the session (queued, when o->queued), knows the unit (msc_session_learn)
 * and may write if op does. A device that fails a command ends the bench with what there is and the
 * reason in failure. -1 (the device has gone, the user stopped it) leaves what there is, too.
 * bench begins zeroed and is freed by the caller in any case. */
int msc_bench_measure(struct msc_session *, const struct msc_bench_options *, struct msc_bench *,
		      struct msc_err *) MSC_MUST_CHECK;
/* Finds out whether the queued mode works, for b->queued_*, unless that is known already.
 * msc_bench_measure does it by itself when o->queued. */
int msc_bench_try_queued(struct msc_session *, struct msc_bench *, struct msc_err *) MSC_MUST_CHECK;
/* Frees the runs; the struct is empty afterwards. */
void msc_bench_free(struct msc_bench *);

/* The kernel's path: O_DIRECT reads of a block device such as /dev/sda. options as above, less
 * serial, queued, lun and clock. */
int msc_block_measure(const char *path, const struct msc_bench_options *, struct msc_bench *,
		      struct msc_err *) MSC_MUST_CHECK;

/* Bytes a second. */
struct msc_bench_rate {
	double median, low, high; /* low 0: too few samples for an interval */
};
/* That of a run; false: no samples, or more than a bus of the device's speed carries, so that the bytes did
 * not cross one (an emulated controller, a device behind USB/IP) or the clock is wrong. */
bool msc_bench_rate(const struct msc_bench *, const struct msc_bench_run *,
		    struct msc_bench_rate *);

/* The cost model of the runs with this op and mode; false: fewer than two sizes, or one of the runs has no
 * rate. */
bool msc_bench_model(const struct msc_bench *, enum msc_bench_op, enum msc_bench_mode,
		     struct msc_line *);
/* The run of the same operation, mode, order and size; NULL: there is none. */
const struct msc_bench_run *msc_bench_find(const struct msc_bench *, const struct msc_bench_run *);
/* "read/serial/64"; random order is named, sequential is not. Returns buf (64 bytes). */
char *msc_bench_run_name(char *buf, size_t size, const struct msc_bench_run *);

/* Bytes a second with the time between the commands, over elapsed_ns; 0: no samples. What the clock
 * does not see (usbmon: the way to this program) is in here, and not in bytes_per_second. */
double msc_bench_sustained(const struct msc_bench_run *);

/* ---- for those who fill in a bench ----------------------------------------------------------- */

/* A new last run with these properties, without samples; NULL: out of memory. */
struct msc_bench_run *msc_bench_add_run(struct msc_bench *, const struct msc_bench_run *like,
					struct msc_err *);
int msc_bench_add_sample(struct msc_bench_run *, const struct msc_bench_sample *,
			 struct msc_err *) MSC_MUST_CHECK;
/* The times as doubles, for the statistics; free() them. NULL: out of memory. */
double *msc_bench_times(const struct msc_bench_run *, struct msc_err *);
int msc_bench_conclude(struct msc_bench_run *, struct msc_err *) MSC_MUST_CHECK;
/* Checks the sizes against what a command can carry, and against the medium: those for which it is too
 * small are in bench->left_out afterwards, and fails when that is all of them. */
int msc_bench_check_sizes(const struct msc_bench_options *, uint32_t block_size, uint64_t blocks,
			  struct msc_bench *, struct msc_err *) MSC_MUST_CHECK;
/* Is not in bench->left_out. */
bool msc_bench_has_size(const struct msc_bench *, uint32_t blocks);
/* Calls o->progress, when there is one: of the run, and how much of it is done. */
struct msc_bench_progress {
	struct msc_real_clock clock;
	int64_t began_ns, told_ns;
	unsigned run, runs; /* the one under way, from 1 on */
};
void msc_bench_progress_begin(struct msc_bench_progress *, const struct msc_bench_options *,
			      unsigned modes, const struct msc_bench *);
/* Of a run that begins, and after each of its commands. elapsed_ns: of the target's clock. */
void msc_bench_progress_tell(struct msc_bench_progress *, const struct msc_bench_options *,
			     const struct msc_bench_run *, bool begins, uint32_t samples,
			     int64_t elapsed_ns);
/* For clumped, by o->clumps. */
int msc_bench_find_clumps(const struct msc_bench_options *, struct msc_bench_run *,
			  struct msc_err *) MSC_MUST_CHECK;
/* The run has as many samples, or has lasted as long, as the options ask for. */
bool msc_bench_enough(const struct msc_bench_options *, const struct msc_bench_run *,
		      int64_t elapsed_ns);
/* Adds to b->warning how many of the runs have no rate, and why. */
void msc_bench_tell_impossible(struct msc_bench *);
/* Takes the bytes of a payload into account for bench->pattern. */
void msc_bench_see_payload(struct msc_bench *, const uint8_t *data, size_t len);
void msc_bench_host_of(struct msc_bench_host *);

/* Where the next command goes. */
struct msc_bench_walk {
	enum msc_bench_order order;
	uint64_t first, span, next;
	struct msc_rng rng;
};
void msc_bench_walk_begin(struct msc_bench_walk *, const struct msc_bench_options *,
			  uint64_t blocks_of_medium);
uint64_t msc_bench_walk_next(struct msc_bench_walk *, uint32_t blocks);

#endif
