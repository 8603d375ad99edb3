/*
 * What a test and the harness know of each other.
 *
 * The harness runs instances of the test, batch by batch. An instance has a cell for each location, and a row of final registers for each thread.
 * All threads run the instances of a batch in the same order and start each of them at the same time, as nearly as can be:
 *
 * - they meet before each (each writes how far it is into a line of its own, and waits for the others' lines), or
 * - they meet before some dozens of them and agree on a time, and each then starts by the clock.
 *
 * Then a thread may wait for some turns more. Which of these, where the cells lie and who initialises them is chosen anew for each
 * batch: each machine, and each test, shows most under other conditions.
 */
#ifndef LKMM_HARNESS_H
#define LKMM_HARNESS_H

#include <stddef.h>
#include <stdint.h>
#include "kernel.h"

#define LKMM_MAX_THREADS 64

/* How far a thread is, for the others to look at. */
struct lkmm_flag {
	volatile uint64_t ticket;
	volatile uint64_t time;
	char padding[112];
};
extern struct lkmm_flag lkmm_flags[LKMM_MAX_THREADS];

/* A thread of the harness, and what it is to do with a batch. */
struct lkmm_thread {
	int number;
	int threads;
	uint64_t ticket;
	uint64_t random;
	/* Instances, and their cells, one row each. */
	uint32_t instances;
	char **cells;
	/* Final registers, one row an instance. */
	int64_t *registers;
	/* 0: the threads meet before each instance. Otherwise: by the clock, so many ticks apart. */
	uint32_t interval;
	/* Turns that a thread may wait before it starts: some bits. */
	uint32_t delay;
	uint64_t start;
};

static inline void lkmm_wait_for(uint64_t ticket, const struct lkmm_flag *flag)
{
	uint32_t turns = 0;
	while (__atomic_load_n(&flag->ticket, __ATOMIC_ACQUIRE) < ticket)
		lkmm_turn(&turns);
}

/* Waits until all threads are here. */
static inline __attribute__((always_inline)) void lkmm_meet(struct lkmm_thread *t, int threads)
{
	uint64_t ticket = ++t->ticket;
	__atomic_store_n(&lkmm_flags[t->number].ticket, ticket, __ATOMIC_RELEASE);
	for (int i = 0; i < threads; i++) {
		if (i != t->number)
			lkmm_wait_for(ticket, &lkmm_flags[i]);
	}
}

#define LKMM_CLOCKED 64

/* Waits for the time at which an instance starts. */
static inline __attribute__((always_inline)) void lkmm_start(struct lkmm_thread *t, uint32_t instance, int threads)
{
	if (t->interval != 0) {
		if (instance % LKMM_CLOCKED == 0) {
			lkmm_flags[t->number].time = lkmm_clock() + 4 * t->interval;
			lkmm_meet(t, threads);
			uint64_t latest = 0;
			for (int i = 0; i < threads; i++) {
				uint64_t time = lkmm_flags[i].time;
				latest = time > latest ? time : latest;
			}
			t->start = latest;
		} else {
			t->start += t->interval;
		}
		while ((int64_t)(lkmm_clock() - t->start) < 0)
			;
	} else {
		lkmm_meet(t, threads);
	}
	if (t->delay != 0) {
		t->random = t->random * 6364136223846793005u + 1442695040888963407u;
		for (uint32_t turns = t->random >> 33 & t->delay; turns > 0; turns--)
			barrier();
	}
	barrier();
}

/* Has a value at hand before an instance starts, as nothing else may be done then. */
#define LKMM_AT_HAND(value) __asm__ __volatile__("" : "+r"(value))

/* How integers of an observable are shown. */
struct lkmm_column {
	const char *name;
	int bits;
	int is_signed;
	/* Elements of an array that is shown as a whole: their number, and the index of this one. Otherwise 0. */
	int elements;
	int element;
};

/* What the model says of a state. */
enum lkmm_answer {
	LKMM_FORBIDDEN = 0,
	LKMM_ALLOWED = 1,
	/* Allowed if only those dependencies count that show when the test is run. */
	LKMM_OBSERVED = 2,
};

/* The test, as the generated part defines it. */
struct lkmm_test {
	const char *name;
	const char *kind;
	const char *quantifier;
	const char *condition;
	const char *model;
	/* Why the model does not judge what is seen; NULL if it does. */
	const char *unjudged;
	int threads;
	int locations;
	/* Bytes of each location, multiples of 4. */
	const uint32_t *sizes;
	/* Registers of each thread. */
	const int *registers;
	int columns;
	const struct lkmm_column *column;
	/* Values of a state, and an answer, for each state of the model. */
	const int64_t *states;
	const int *answers;
	int states_count;
	const char *const *location_names;
	/* Runs a thread's part of a batch. */
	void (*const *run)(struct lkmm_thread *);
	void (*initialise)(char *const *cells);
	/* The final values of an instance. */
	void (*observe)(char *const *cells, int64_t *const *registers, int64_t *state);
	/* Does an instance count? */
	int (*filter)(char *const *cells, int64_t *const *registers);
	int (*holds)(const int64_t *state);
};
extern const struct lkmm_test lkmm_test;

/* A value of a state that stands for any (out of thin air). */
#define LKMM_ANY INT64_MIN

/* An address as a value of a state. */
#define LKMM_ADDRESS(location, offset) ((((int64_t)(location) + 1) << 40) + (offset))

int lkmm_harness(int argc, char **argv);

#endif
