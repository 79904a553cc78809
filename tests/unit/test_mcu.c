/* SPDX-License-Identifier: BSD-2-Clause */
/* The simulated processor: interrupts that occupy it, tasks that they delay, exact times. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "sim/device.h"

/* A trace of who ran when, in virtual microseconds. */
struct trace {
	char text[1024];
	size_t used;
	struct sema *go;
};

static struct trace *tracing; /* the test's, not the model's */

static void note(struct mcu *m, const char *what)
{
	struct trace *t = tracing;
	int n = snprintf(t->text + t->used, sizeof t->text - t->used, "%s@%lld ", what,
			 (long long)(mcu_now(m) / MSC_US));

	t->used += (size_t)n;
}

static struct sim_device *power_on(void (*start)(struct mcu *), struct trace *t)
{
	static struct mcu_vectors vectors;
	struct sim_device_config c = { .name = "trace",
				       .vectors = &vectors,
				       .speed = MSC_SPEED_HIGH };
	struct msc_err err = MSC_ERR_INIT;
	struct sim_device *d;

	vectors.start = start;
	memset(t, 0, sizeof *t);
	tracing = t;
	d = sim_device_new(&c, &err);
	assert_non_null(d);
	return d;
}

static void run(struct sim_device *d, int64_t ns)
{
	static const bool never = false;

	sim_run(sim_device_sim(d), &never, sim_now(sim_device_sim(d)) + ns);
}

static void slow_irq(struct mcu *m, void *name)
{
	note(m, name);
	mcu_spin(m, 800 * MSC_US);
	note(m, "end");
}

static void start_irqs(struct mcu *m)
{
	mcu_timer(m, 100 * MSC_US, slow_irq, "a");
	mcu_timer(m, 200 * MSC_US, slow_irq, "b"); /* has to wait for a */
	mcu_timer(m, 100 * MSC_US, slow_irq, "c"); /* queued between the two */
}

static void interrupts_wait_in_order(void **state)
{
	struct trace t;
	struct sim_device *d = power_on(start_irqs, &t);

	(void)state;
	run(d, 10 * MSC_MS);
	/* 1 us of entry each: a at 101, busy until 901; c at 902; b at 1703 */
	assert_string_equal(t.text, "a@101 end@901 c@902 end@1702 b@1703 end@2503 ");
	assert_true(sim_device_cpu_load(d) > 0.2402 && sim_device_cpu_load(d) < 0.2404 + 1);
	sim_device_free(d);
}

static void worker(struct mcu *m)
{
	note(m, "work");
	mcu_spin(m, 500 * MSC_US);
	note(m, "done");
	task_sleep(m, 1 * MSC_MS);
	note(m, "awake");
	for (;;)
		sema_take(m, tracing->go);
}

static void start_worker(struct mcu *m)
{
	tracing->go = sema_new(m);
	task_start(m, "worker", 1, worker);
	mcu_timer(m, 100 * MSC_US, slow_irq, "irq");
}

static void an_interrupt_delays_a_task(void **state)
{
	struct trace t;
	struct sim_device *d = power_on(start_worker, &t);

	(void)state;
	run(d, 10 * MSC_MS);
	/* 2 us to switch to it; 500 us of work with 801 us of interrupt in between */
	assert_string_equal(t.text, "work@2 irq@101 end@901 done@1303 awake@2303 ");
	sim_device_free(d);
}

static void high(struct mcu *m)
{
	for (;;) {
		sema_take(m, tracing->go);
		note(m, "high");
	}
}

static void low(struct mcu *m)
{
	note(m, "low");
	mcu_spin(m, 300 * MSC_US);
	note(m, "gives");
	sema_give(m, tracing->go);
	mcu_spin(m, 10 * MSC_US);
	note(m, "low");
	for (;;)
		task_sleep(m, MSC_S);
}

static void give_irq(struct mcu *m, void *unused)
{
	(void)unused;
	sema_give(m, tracing->go);
}

static void start_two(struct mcu *m)
{
	tracing->go = sema_new(m);
	task_start(m, "low", 1, low);
	task_start(m, "high", 2, high);
	mcu_timer(m, 100 * MSC_US, give_irq, NULL);
}

static void priority_preempts(void **state)
{
	struct trace t;
	struct sim_device *d = power_on(start_two, &t);

	(void)state;
	run(d, 10 * MSC_MS);
	assert_string_equal(t.text, "low@4 high@103 gives@309 high@311 low@323 ");
	sim_device_free(d);
}

/* As a small operating system: what an interrupt wakes waits for the tick, unless it asks. */
static void yielding_irq(struct mcu *m, void *unused)
{
	give_irq(m, unused);
	task_yield(m);
}

static void start_tick(struct mcu *m)
{
	tracing->go = sema_new(m);
	task_tick(m, MSC_MS);
	task_start(m, "high", 2, high);
	mcu_timer(m, 300 * MSC_US, give_irq, NULL);
	mcu_timer(m, 2300 * MSC_US, yielding_irq, NULL);
}

static void woken_tasks_wait_for_the_tick(void **state)
{
	struct trace t;
	struct sim_device *d = power_on(start_tick, &t);

	(void)state;
	run(d, 10 * MSC_MS);
	assert_string_equal(t.text, "high@1000 high@2301 ");
	sim_device_free(d);
}

/* A queue keeps its order, says when it is full, and wakes who waits for it. */
static struct queue *numbers;

static void reader(struct mcu *m)
{
	for (;;) {
		int n;

		queue_receive(m, numbers, &n);
		note(m, n == 1 ? "one" : n == 2 ? "two" : "three");
		mcu_spin(m, 10 * MSC_US);
	}
}

static void send_irq(struct mcu *m, void *unused)
{
	(void)unused;
	assert_true(queue_send(m, numbers, &(int){ 1 }));
	assert_true(queue_send(m, numbers, &(int){ 2 }));
	assert_false(queue_send(m, numbers, &(int){ 3 }));
}

static void start_queue(struct mcu *m)
{
	numbers = queue_new(m, 2, sizeof(int));
	task_start(m, "reader", 1, reader);
	mcu_timer(m, 100 * MSC_US, send_irq, NULL);
	mcu_timer(m, 200 * MSC_US, send_irq, NULL);
}

static void a_queue_keeps_its_order(void **state)
{
	struct trace t;
	struct sim_device *d = power_on(start_queue, &t);

	(void)state;
	run(d, 10 * MSC_MS);
	assert_string_equal(t.text, "one@101 two@111 one@201 two@211 ");
	sim_device_free(d);
}

/* With a time of its own every switch costs it, the idle task's too: six of them here. */
static void start_switches(struct mcu *m)
{
	task_switch_time(m, 50 * MSC_US);
	tracing->go = sema_new(m);
	task_start(m, "high", 2, high);
	mcu_timer(m, 1 * MSC_MS, give_irq, NULL);
	mcu_timer(m, 2 * MSC_MS, give_irq, NULL);
}

static void a_switch_takes_its_time(void **state)
{
	struct trace t;
	struct sim_device *d = power_on(start_switches, &t);

	(void)state;
	run(d, 10 * MSC_MS);
	assert_string_equal(t.text, "high@1051 high@2051 ");
	assert_float_equal(sim_device_cpu_load(d), (6 * 50 + 2 * 1) / 10000.0, 1e-9);
	sim_device_free(d);
}

/* The tick begins when it is asked for, not with the run. */
static void late_tick(struct mcu *m, void *unused)
{
	(void)unused;
	task_tick(m, MSC_MS);
}

static void start_late_tick(struct mcu *m)
{
	tracing->go = sema_new(m);
	task_start(m, "high", 2, high);
	mcu_timer(m, 399 * MSC_US, late_tick, NULL);
	mcu_timer(m, 600 * MSC_US, give_irq, NULL);
}

static void a_tick_has_a_phase(void **state)
{
	struct trace t;
	struct sim_device *d = power_on(start_late_tick, &t);

	(void)state;
	run(d, 10 * MSC_MS);
	assert_string_equal(t.text, "high@1400 ");
	sim_device_free(d);
}

static void misplaced(struct mcu *m)
{
	task_sleep(m, 1);
}

static void a_task_call_outside_of_a_task_is_named(void **state)
{
	static struct mcu_vectors vectors = { .start = misplaced };
	struct sim_device_config c = { .name = "wrong",
				       .vectors = &vectors,
				       .speed = MSC_SPEED_HIGH };
	struct msc_err err = MSC_ERR_INIT;

	(void)state;
	assert_null(sim_device_new(&c, &err));
	assert_int_equal(err.code, MSC_E_INTERNAL);
	assert_string_equal(err.msg, "the firmware model 'wrong' misused its hardware: "
				     "task_sleep: called outside of a task");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(interrupts_wait_in_order),
		cmocka_unit_test(an_interrupt_delays_a_task),
		cmocka_unit_test(priority_preempts),
		cmocka_unit_test(woken_tasks_wait_for_the_tick),
		cmocka_unit_test(a_queue_keeps_its_order),
		cmocka_unit_test(a_switch_takes_its_time),
		cmocka_unit_test(a_tick_has_a_phase),
		cmocka_unit_test(a_task_call_outside_of_a_task_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
