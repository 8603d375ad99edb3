/*
 * Counting final states, and telling them as litmus7 does. A state that the model forbids is told when it is first seen, and again at the end.
 */
#include "histogram.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t columns(void)
{
	return (size_t)lkmm_test.columns;
}

static void *zeros(size_t count, size_t size)
{
	void *memory = calloc(count + 1, size);
	if (memory == NULL) {
		fprintf(stderr, "%s: no memory for final states\n", lkmm_test.name);
		exit(2);
	}
	return memory;
}

struct lkmm_histogram lkmm_histogram_new(void)
{
	struct lkmm_histogram histogram = { .capacity = 64 };
	histogram.states = zeros(histogram.capacity * columns(), sizeof(int64_t));
	histogram.counts = zeros(histogram.capacity, sizeof(uint64_t));
	histogram.state = zeros(columns(), sizeof(int64_t));
	return histogram;
}

static int same(const int64_t *a, const int64_t *b)
{
	for (size_t i = 0; i < columns(); i++)
		if (a[i] != b[i])
			return 0;
	return 1;
}

/* What the model says of a state. */
static enum lkmm_answer answer(const int64_t *state)
{
	for (int i = 0; i < lkmm_test.states_count; i++) {
		const int64_t *known = &lkmm_test.states[(size_t)i * columns()];
		size_t column = 0;
		while (column < columns() && (known[column] == state[column] || known[column] == LKMM_ANY))
			column++;
		if (column == columns())
			return (enum lkmm_answer)lkmm_test.answers[i];
	}
	return LKMM_FORBIDDEN;
}

static void print_value(FILE *out, const struct lkmm_column *column, int64_t value)
{
	if (value == LKMM_ANY) {
		fprintf(out, "any");
	} else if (value >= (int64_t)1 << 39) {
		int64_t location = ((value + ((int64_t)1 << 39)) >> 40) - 1, offset = value - LKMM_ADDRESS(location, 0);
		if (location >= lkmm_test.locations)
			fprintf(out, "(an address out of all locations)");
		else if (offset == 0)
			fprintf(out, "%s", lkmm_test.location_names[location]);
		else
			fprintf(out, "%s+%" PRId64, lkmm_test.location_names[location], offset);
	} else {
		uint64_t bits = (uint64_t)value << (64 - column->bits);
		if (column->is_signed)
			fprintf(out, "%" PRId64, (int64_t)bits >> (64 - column->bits));
		else
			fprintf(out, "%" PRIu64, bits >> (64 - column->bits));
	}
}

static void print_state(FILE *out, const int64_t *state)
{
	for (size_t i = 0; i < columns(); i++) {
		const struct lkmm_column *column = &lkmm_test.column[i];
		if (column->element == 0)
			fprintf(out, "%s%s=%s", i > 0 ? " " : "", column->name, column->elements > 0 ? "{" : "");
		else
			fprintf(out, ",");
		print_value(out, column, state[i]);
		if (column->elements == 0)
			fprintf(out, ";");
		else if (column->element == column->elements - 1)
			fprintf(out, "};");
	}
}

/* Tells at once of a state that the model forbids. Several threads may do so at the same time. */
static void tell(const int64_t *state)
{
	static int told;
	if (lkmm_test.unjudged != NULL || answer(state) != LKMM_FORBIDDEN || __atomic_fetch_add(&told, 1, __ATOMIC_RELAXED) >= 16)
		return;
	flockfile(stderr);
	fprintf(stderr, "%s: SEEN, and forbidden by %s: ", lkmm_test.name, lkmm_test.model);
	print_state(stderr, state);
	fprintf(stderr, "\n");
	funlockfile(stderr);
}

static uint32_t find(const struct lkmm_histogram *histogram, const int64_t *state)
{
	uint64_t hash = 0;
	for (size_t i = 0; i < columns(); i++)
		hash = (hash ^ (uint64_t)state[i]) * 0x9e3779b97f4a7c15u, hash ^= hash >> 32;
	uint32_t at = (uint32_t)hash & (histogram->capacity - 1);
	while (histogram->counts[at] != 0 && !same(&histogram->states[at * columns()], state))
		at = (at + 1) & (histogram->capacity - 1);
	return at;
}

static void add(struct lkmm_histogram *histogram, const int64_t *state, uint64_t count, int is_new);

static void grow(struct lkmm_histogram *histogram)
{
	struct lkmm_histogram old = *histogram;
	histogram->capacity *= 2;
	histogram->used = 0;
	histogram->states = zeros(histogram->capacity * columns(), sizeof(int64_t));
	histogram->counts = zeros(histogram->capacity, sizeof(uint64_t));
	for (uint32_t i = 0; i < old.capacity; i++)
		if (old.counts[i] != 0)
			add(histogram, &old.states[i * columns()], old.counts[i], 0);
	free(old.states);
	free(old.counts);
}

static void add(struct lkmm_histogram *histogram, const int64_t *state, uint64_t count, int is_new)
{
	uint32_t at = find(histogram, state);
	if (histogram->counts[at] == 0) {
		if (2 * histogram->used >= histogram->capacity) {
			grow(histogram);
			at = find(histogram, state);
		}
		memcpy(&histogram->states[at * columns()], state, columns() * sizeof *state);
		histogram->used++;
		if (is_new)
			tell(state);
	}
	histogram->counts[at] += count;
	histogram->last = at;
}

void lkmm_count(struct lkmm_histogram *histogram, char *const *cells, int64_t *const *registers, uint32_t from, uint32_t to)
{
	int64_t *state = histogram->state;
	int64_t *rows[LKMM_MAX_THREADS];
	for (uint32_t i = from; i < to; i++) {
		for (int t = 0; t < lkmm_test.threads; t++)
			rows[t] = &registers[t][(size_t)i * (size_t)lkmm_test.registers[t]];
		char *const *row = &cells[(size_t)i * (size_t)lkmm_test.locations];
		if (!lkmm_test.filter(row, rows)) {
			histogram->filtered++;
			continue;
		}
		lkmm_test.observe(row, rows, state);
		if (histogram->counts[histogram->last] != 0 && same(&histogram->states[histogram->last * columns()], state))
			histogram->counts[histogram->last]++;
		else
			add(histogram, state, 1, 1);
	}
}

static const struct lkmm_histogram *sorted;

static int compare(const void *a, const void *b)
{
	const int64_t *left = &sorted->states[*(const uint32_t *)a * columns()];
	const int64_t *right = &sorted->states[*(const uint32_t *)b * columns()];
	for (size_t i = 0; i < columns(); i++)
		if (left[i] != right[i])
			return left[i] < right[i] ? -1 : 1;
	return 0;
}

/* States that are told at the top: those of one answer. Yields how many there are. */
static uint32_t tell_all(const struct lkmm_histogram *all, const uint32_t *order, enum lkmm_answer which, const char *text)
{
	uint32_t found = 0;
	for (uint32_t i = 0; i < all->used; i++) {
		const int64_t *state = &all->states[order[i] * columns()];
		if (answer(state) != which)
			continue;
		if (found++ == 0)
			printf("%s\n", text);
		printf("  %" PRIu64 " times: ", all->counts[order[i]]);
		print_state(stdout, state);
		printf("\n");
	}
	return found;
}

/* States that the model allows and that were not seen. */
static void tell_unseen(const struct lkmm_histogram *all)
{
	int unseen = 0, most = 32;
	for (int i = 0; i < lkmm_test.states_count; i++) {
		const int64_t *state = &lkmm_test.states[(size_t)i * columns()];
		int any = 0;
		for (size_t column = 0; column < columns(); column++)
			any |= state[column] == LKMM_ANY;
		if (lkmm_test.answers[i] != LKMM_ALLOWED || any || all->counts[find(all, state)] != 0)
			continue;
		if (unseen++ == 0)
			printf("Allowed by %s, and not seen:\n", lkmm_test.model);
		if (unseen <= most) {
			printf("  ");
			print_state(stdout, state);
			printf("\n");
		}
	}
	if (unseen > most)
		printf("  and %d more\n", unseen - most);
}

int lkmm_report(const struct lkmm_histogram *histograms, double seconds)
{
	struct lkmm_histogram all = lkmm_histogram_new();
	uint64_t positive = 0, negative = 0;
	for (int t = 0; t < lkmm_test.threads; t++) {
		for (uint32_t i = 0; i < histograms[t].capacity; i++)
			if (histograms[t].counts[i] != 0)
				add(&all, &histograms[t].states[i * columns()], histograms[t].counts[i], 0);
		all.filtered += histograms[t].filtered;
	}
	uint32_t *order = zeros(all.used, sizeof *order), forbidden = 0;
	for (uint32_t i = 0, n = 0; i < all.capacity; i++)
		if (all.counts[i] != 0)
			order[n++] = i;
	sorted = &all;
	qsort(order, all.used, sizeof *order, compare);

	if (lkmm_test.unjudged == NULL) {
		char text[256];
		snprintf(text, sizeof text, "SEEN, and forbidden by %s:", lkmm_test.model);
		forbidden = tell_all(&all, order, LKMM_FORBIDDEN, text);
		tell_all(&all, order, LKMM_OBSERVED,
			 "Seen, and forbidden only if dependencies count that a compiler may drop (lkmm check --deps both):");
	} else {
		printf("Not judged by %s: %s\n", lkmm_test.model, lkmm_test.unjudged);
	}
	printf("Test %s %s\nHistogram (%" PRIu32 " states)\n", lkmm_test.name, lkmm_test.kind, all.used);
	for (uint32_t i = 0; i < all.used; i++) {
		const int64_t *state = &all.states[order[i] * columns()];
		uint64_t count = all.counts[order[i]];
		int holds = lkmm_test.holds(state);
		*(holds ? &positive : &negative) += count;
		printf("%-8" PRIu64 "%c>", count, holds ? '*' : ':');
		print_state(stdout, state);
		printf("\n");
	}
	/* As in litmus7: a witness of `~exists` is a state against it. */
	int is_negated = lkmm_test.quantifier[0] == '~', is_forall = lkmm_test.quantifier[0] == 'f';
	int ok = is_negated ? positive == 0 : is_forall ? negative == 0 : positive > 0;
	printf("%s\n\nWitnesses\nPositive: %" PRIu64 ", Negative: %" PRIu64 "\n", ok ? "Ok" : "No", is_negated ? negative : positive,
	       is_negated ? positive : negative);
	printf("Condition %s is %svalidated\n", lkmm_test.condition, ok ? "" : "NOT ");
	if (all.filtered > 0)
		printf("Filtered %" PRIu64 "\n", all.filtered);
	uint64_t rounds = positive + negative + all.filtered;
	printf("Observation %s %s %" PRIu64 " %" PRIu64 "\n", lkmm_test.name,
	       positive == 0 ? "Never" :
	       negative == 0 ? "Always" :
			       "Sometimes",
	       positive, negative);
	if (lkmm_test.unjudged == NULL)
		tell_unseen(&all);
	printf("Rounds %s %" PRIu64 ", %.0f a second, %d threads\nTime %s %.2f\n\n", lkmm_test.name, rounds, (double)rounds / seconds,
	       lkmm_test.threads, lkmm_test.name, seconds);
	fflush(stdout);
	return forbidden > 0 ? 1 : 0;
}
