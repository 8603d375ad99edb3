/*
 * Final states and how often each was seen.
 */
#ifndef LKMM_HISTOGRAM_H
#define LKMM_HISTOGRAM_H

#include "harness.h"

/* A table of states, each with its count; open addressing. */
struct lkmm_histogram {
	int64_t *states;
	uint64_t *counts;
	uint32_t capacity;
	uint32_t used;
	/* Instances that the filter drops. */
	uint64_t filtered;
	/* Where the last state was found: the next one is often the same. */
	uint32_t last;
	int64_t *state;
};

struct lkmm_histogram lkmm_histogram_new(void);
void lkmm_count(struct lkmm_histogram *histogram, char *const *cells, int64_t *const *registers, uint32_t from, uint32_t to);
int lkmm_report(const struct lkmm_histogram *histograms, double seconds);

#endif
