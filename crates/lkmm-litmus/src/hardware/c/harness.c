/*
 * The harness: threads, batches, and where cells lie. What came of it is told by histogram.c.
 */
#define _GNU_SOURCE
#include "histogram.h"
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* How long nothing may move before the test is told to hang, in seconds. */
#define PATIENCE 20

struct lkmm_flag lkmm_flags[LKMM_MAX_THREADS] __attribute__((aligned(128)));
struct lkmm_reader lkmm_readers[LKMM_MAX_THREADS] __attribute__((aligned(128)));
_Thread_local int lkmm_number;

enum affinity { NOWHERE, RANDOM, IN_ORDER, LISTED };

static struct {
	double seconds;
	enum affinity affinity;
	int cpus[LKMM_MAX_THREADS];
	int cpus_count;
	uint32_t instances;
	uint64_t seed;
	/* For measurements: -1 is any. */
	int layout, order, start, delay;
} options = { 1.0, RANDOM, { 0 }, 0, 0, 0, -1, -1, -1, -1 };

/* What a batch is like. The first thread chooses, the others read it when they have met. */
static struct {
	volatile int stopped;
	int layout;
	/* Which thread initialises the cells; all of them if there is none of that number. */
	int initialiser;
	uint32_t interval;
	uint32_t delay;
	uint32_t *order;
	int placement;
} batch;

static char *arena;
static char **cells;
static int64_t *registers[LKMM_MAX_THREADS];
static int available[CPU_SETSIZE];
static int available_count;
static struct lkmm_histogram histograms[LKMM_MAX_THREADS];
static uint32_t yield_after;
/* Of the clock that instances may start by, in a nanosecond; 0 if it is too slow for that. */
static double ticks;

static double now(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static uint64_t next_random(uint64_t *random)
{
	*random ^= *random << 13;
	*random ^= *random >> 7;
	*random ^= *random << 17;
	return *random;
}

void lkmm_patience(uint32_t turns)
{
	if (turns >= yield_after)
		sched_yield();
	else
		lkmm_relax();
}

void synchronize_rcu(void)
{
	smp_mb();
	for (int i = 0; i < lkmm_test.threads; i++) {
		uint64_t count = __atomic_load_n(&lkmm_readers[i].count, __ATOMIC_ACQUIRE);
		uint32_t turns = 0;
		while (count % 2 == 1 && __atomic_load_n(&lkmm_readers[i].count, __ATOMIC_ACQUIRE) == count)
			lkmm_turn(&turns);
	}
	smp_mb();
}

/* Where cells lie. Each is a way to share cache lines, or not to. */
enum layout {
	/* A line for each cell, those of an instance next to each other. */
	OWN_LINES,
	/* Two lines for each cell: some machines fetch lines in pairs. */
	PAIRS_OF_LINES,
	/* A row for each location, in which cells are as close as can be. */
	CLOSE,
	/* The cells of an instance in as few lines as can be. */
	TOGETHER,
	LAYOUTS
};

#define LINE 64u

static uint32_t round_up(uint32_t bytes, uint32_t to)
{
	return (bytes + to - 1) / to * to;
}

static uint32_t stride(int layout)
{
	uint32_t bytes = 0;
	for (int i = 0; i < lkmm_test.locations; i++) {
		uint32_t size = lkmm_test.sizes[i];
		bytes += layout == OWN_LINES ? round_up(size, LINE) : layout == PAIRS_OF_LINES ? round_up(size, 2 * LINE) : size;
	}
	return layout == TOGETHER ? round_up(bytes, LINE) : bytes;
}

/* Lays out some of the instances of a batch, and initialises them. */
static void lay_out(uint32_t from, uint32_t to)
{
	uint32_t all = options.instances, apart = stride(batch.layout);
	for (uint32_t i = from; i < to; i++) {
		char **row = &cells[(size_t)i * (size_t)lkmm_test.locations];
		size_t place = batch.order[i];
		char *at = arena + (batch.layout == CLOSE ? 0 : place * apart);
		for (int l = 0; l < lkmm_test.locations; l++) {
			uint32_t size = lkmm_test.sizes[l];
			if (batch.layout == CLOSE) {
				row[l] = at + place * size;
				at += round_up(all * size, LINE);
			} else {
				row[l] = at;
				at += batch.layout == OWN_LINES	       ? round_up(size, LINE) :
				      batch.layout == PAIRS_OF_LINES ? round_up(size, 2 * LINE) :
								       size;
			}
		}
		lkmm_test.initialise(row);
	}
}

static void shuffle(uint64_t *random, int how)
{
	uint32_t all = options.instances;
	for (uint32_t i = 0; i < all; i++)
		batch.order[i] = how == 1 ? all - 1 - i : i;
	/* In blocks, so that what machines fetch ahead is sometimes right. */
	uint32_t block = how == 2 ? 16 : how == 3 ? all : 1;
	for (uint32_t start = 0; start < all; start += block) {
		uint32_t length = all - start < block ? all - start : block;
		for (uint32_t i = length; i > 1; i--) {
			uint32_t j = (uint32_t)(next_random(random) % i), other = batch.order[start + j];
			batch.order[start + j] = batch.order[start + i - 1];
			batch.order[start + i - 1] = other;
		}
	}
}

/* What the next batch is like. */
static void choose(struct lkmm_thread *t, uint64_t number)
{
	static const uint32_t delays[] = { 0, 0, 0, 3, 15, 63 };
	/* In nanoseconds. */
	static const uint32_t intervals[] = { 0, 70, 90, 110, 130, 200 };
	batch.layout = options.layout >= 0 ? options.layout : (int)(next_random(&t->random) % LAYOUTS);
	batch.initialiser = (int)(next_random(&t->random) % (uint64_t)(t->threads + 2));
	batch.delay = delays[options.delay >= 0 ? options.delay : (int)(next_random(&t->random) % 6)];
	uint32_t interval = intervals[options.start >= 0 ? options.start : (int)(next_random(&t->random) % 6)];
	batch.interval = t->threads <= available_count ? (uint32_t)(interval * ticks) : 0;
	if (number % 16 == 0)
		shuffle(&t->random, options.order >= 0 ? options.order : (int)(next_random(&t->random) % 4));
	batch.placement = (int)(next_random(&t->random) % (uint64_t)available_count);
}

/* Puts a thread on its CPU. */
static void settle(const struct lkmm_thread *t)
{
	int cpu;
	if (options.affinity == LISTED)
		cpu = options.cpus[t->number % options.cpus_count];
	else if (options.affinity == IN_ORDER)
		cpu = available[t->number % available_count];
	else if (options.affinity == RANDOM)
		cpu = available[(t->number + batch.placement) % available_count];
	else
		return;
#ifdef __linux__
	cpu_set_t set;
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	/* It may be forbidden; then the thread runs where it runs. */
	(void)sched_setaffinity(0, sizeof set, &set);
#else
	(void)cpu;
#endif
}

static void *work(void *argument)
{
	struct lkmm_thread *t = argument;
	double start = now();
	lkmm_number = t->number;
	for (uint64_t number = 0;; number++) {
		if (t->number == 0) {
			batch.stopped = now() - start >= options.seconds;
			choose(t, number);
		}
		lkmm_meet(t, t->threads);
		if (batch.stopped)
			return NULL;
		if (number % 64 == 0)
			settle(t);
		t->interval = batch.interval;
		t->delay = batch.delay;
		uint32_t all = options.instances, share = (all + (uint32_t)t->threads - 1) / (uint32_t)t->threads;
		uint32_t from = share * (uint32_t)t->number, to = from + share;
		from = from < all ? from : all;
		to = to < all ? to : all;
		if (batch.initialiser >= t->threads)
			lay_out(from, to);
		else if (batch.initialiser == t->number)
			lay_out(0, all);
		lkmm_meet(t, t->threads);
		lkmm_test.run[t->number](t);
		lkmm_meet(t, t->threads);
		lkmm_count(&histograms[t->number], cells, registers, from, to);
		lkmm_meet(t, t->threads);
	}
}

/* Waits for the threads, and ends the process if they hang. */
static void watch(pthread_t *threads)
{
	uint64_t before = 0;
	double moved = now();
	for (;;) {
		struct timespec pause = { 0, 20000000 };
		nanosleep(&pause, NULL);
		if (batch.stopped)
			break;
		uint64_t sum = 0;
		for (int i = 0; i < lkmm_test.threads; i++)
			sum += lkmm_flags[i].ticket;
		if (sum != before) {
			before = sum;
			moved = now();
		} else if (now() - moved > PATIENCE) {
			fprintf(stderr,
				"%s: hangs: a round has not ended for %d s; does a loop wait for what never comes, or threads for "
				"each other?\n",
				lkmm_test.name, PATIENCE);
			exit(3);
		}
	}
	for (int i = 0; i < lkmm_test.threads; i++)
		pthread_join(threads[i], NULL);
}

static void find_cpus(void)
{
#ifdef __linux__
	cpu_set_t set;
	if (sched_getaffinity(0, sizeof set, &set) == 0) {
		for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
			if (CPU_ISSET(cpu, &set))
				available[available_count++] = cpu;
	}
#endif
	if (available_count == 0) {
		long count = sysconf(_SC_NPROCESSORS_ONLN);
		while (available_count < count && available_count < CPU_SETSIZE) {
			available[available_count] = available_count;
			available_count++;
		}
	}
}

/* Are the CPUs that were listed there, and for this program? */
static int has_listed(void)
{
	for (int i = 0; i < options.cpus_count; i++) {
		int at = 0;
		while (at < available_count && available[at] != options.cpus[i])
			at++;
		if (at == available_count) {
			fprintf(stderr, "%s: there is no CPU %d for this program\n", lkmm_test.name, options.cpus[i]);
			return 0;
		}
	}
	return 1;
}

static void measure_clock(void)
{
	double start = now(), end = start;
	uint64_t before = lkmm_clock();
	while (end - start < 0.002)
		end = now();
	ticks = (double)(lkmm_clock() - before) / (end - start) / 1e9;
	if (ticks < 0.2)
		ticks = 0;
}

static int usage(const char *program)
{
	fprintf(stderr,
		"usage: %s [--seconds N] [--affinity random|order|none|CPU,CPU,…] [--instances N] [--seed N]\n"
		"\n"
		"Runs litmus test %s again and again, and counts its final states.\n"
		"Exit codes: 0 if the model allows all of them, 1 if it forbids one, 2 for wrong arguments, 3 if the test hangs.\n",
		program, lkmm_test.name);
	return 2;
}

static int affinity(const char *text)
{
	if (strcmp(text, "random") == 0 || strcmp(text, "none") == 0 || strcmp(text, "order") == 0) {
		options.affinity = text[0] == 'r' ? RANDOM : text[0] == 'n' ? NOWHERE : IN_ORDER;
		return 1;
	}
	options.affinity = LISTED;
	while (options.cpus_count < LKMM_MAX_THREADS) {
		char *end;
		long cpu = strtol(text, &end, 10);
		if (end == text || cpu < 0 || cpu >= CPU_SETSIZE)
			return 0;
		options.cpus[options.cpus_count++] = (int)cpu;
		if (*end == '\0')
			return 1;
		if (*end != ',')
			return 0;
		text = end + 1;
	}
	return 0;
}

static int number(const char *text, int *to)
{
	char *end;
	long value = strtol(text, &end, 10);
	*to = (int)value;
	return end != text && *end == '\0' && value >= 0 && value < 1 << 24;
}

static int parse(int argc, char **argv)
{
	for (int i = 1; i < argc; i += 2) {
		const char *name = argv[i], *value = i + 1 < argc ? argv[i + 1] : "";
		char *end;
		int read = 1, given = 0;
		if (strcmp(name, "--seconds") == 0) {
			options.seconds = strtod(value, &end);
			read = end != value && *end == '\0' && options.seconds > 0;
		} else if (strcmp(name, "--affinity") == 0) {
			read = affinity(value);
		} else if (strcmp(name, "--instances") == 0) {
			read = number(value, &given) && given > 0;
			options.instances = (uint32_t)given;
		} else if (strcmp(name, "--seed") == 0) {
			read = number(value, &given);
			options.seed = (uint64_t)given;
		} else if (strcmp(name, "--layout") == 0) {
			read = number(value, &options.layout) && options.layout < LAYOUTS;
		} else if (strcmp(name, "--order") == 0) {
			read = number(value, &options.order) && options.order < 4;
		} else if (strcmp(name, "--start") == 0) {
			read = number(value, &options.start) && options.start < 6;
		} else if (strcmp(name, "--delay") == 0) {
			read = number(value, &options.delay) && options.delay < 6;
		} else {
			read = 0;
		}
		if (!read)
			return 0;
	}
	return 1;
}

static void *allocate(size_t bytes)
{
	void *memory = NULL;
	if (posix_memalign(&memory, 4096, bytes) != 0) {
		fprintf(stderr, "%s: no memory for %zu bytes; name fewer --instances\n", lkmm_test.name, bytes);
		exit(2);
	}
	memset(memory, 0, bytes);
	return memory;
}

int lkmm_harness(int argc, char **argv)
{
	static struct lkmm_thread threads[LKMM_MAX_THREADS];
	pthread_t handles[LKMM_MAX_THREADS];
	if (!parse(argc, argv))
		return usage(argc > 0 ? argv[0] : "run");
	find_cpus();
	if (!has_listed())
		return 2;
	measure_clock();
	yield_after = lkmm_test.threads <= available_count ? 4096 : 260;
	uint32_t widest = stride(PAIRS_OF_LINES);
	if (options.instances == 0) {
		/* So many that they stay in a cache of the second level. */
		options.instances = (256 << 10) / (widest + 64) & ~63u;
		options.instances = options.instances < 64 ? 64 : options.instances;
	}
	size_t all = options.instances;
	arena = allocate(all * widest + (size_t)lkmm_test.locations * LINE + 4096);
	cells = allocate(all * (size_t)lkmm_test.locations * sizeof *cells + sizeof *cells);
	batch.order = allocate(all * sizeof *batch.order);
	uint64_t seed = options.seed != 0 ? options.seed : (uint64_t)time(NULL) * 1000003u + (uint64_t)getpid();
	for (int i = 0; i < lkmm_test.threads; i++) {
		registers[i] = allocate(all * (size_t)(lkmm_test.registers[i] + 1) * sizeof **registers);
		histograms[i] = lkmm_histogram_new();
		threads[i] = (struct lkmm_thread){ .number = i,
						   .threads = lkmm_test.threads,
						   .random = (seed + (uint64_t)i) * 0x9e3779b97f4a7c15u | 1,
						   .instances = options.instances,
						   .cells = cells,
						   .registers = registers[i] };
	}
	double start = now();
	for (int i = 0; i < lkmm_test.threads; i++) {
		if (pthread_create(&handles[i], NULL, work, &threads[i]) != 0) {
			fprintf(stderr, "%s: cannot start a thread\n", lkmm_test.name);
			exit(2);
		}
	}
	watch(handles);
	return lkmm_report(histograms, now() - start);
}

#ifdef LKMM_MAIN
int main(int argc, char **argv)
{
	return lkmm_harness(argc, argv);
}
#endif
