/*
 * The kernel's primitives, on real machines.
 *
 * Processes are compiled to calls of what is defined here. All values are of 64 bits, numbers among them extended by their sign, and the
 * number at the end of a name is the size of the location in bytes: 4 for a number, 8 for an address. What differs from machine to machine is in
 * the header that is included; the rest of this file is the same for all of them.
 */
#ifndef LKMM_KERNEL_H
#define LKMM_KERNEL_H

#include <stdint.h>

#define barrier() __asm__ __volatile__("" ::: "memory")

#if defined(__x86_64__)
#include "x86_64.h"
#elif defined(__aarch64__)
#include "aarch64.h"
#elif defined(__riscv) && __riscv_xlen == 64
#include "riscv64.h"
#else
#error "hardware runs know x86-64, aarch64 and riscv64 only"
#endif

#define PLAIN_READ4(p) ((int64_t) * (int32_t *)(p))
#define PLAIN_READ8(p) (*(int64_t *)(p))
#define PLAIN_WRITE4(p, v) (*(int32_t *)(p) = (int32_t)(v))
#define PLAIN_WRITE8(p, v) (*(int64_t *)(p) = (v))
#define READ_ONCE4(p) ((int64_t) * (volatile int32_t *)(p))
#define READ_ONCE8(p) (*(volatile int64_t *)(p))
#define WRITE_ONCE4(p, v) (*(volatile int32_t *)(p) = (int32_t)(v))
#define WRITE_ONCE8(p, v) (*(volatile int64_t *)(p) = (v))

/* The primitives with a size, for addresses and values that are 64 bits wide. */
#define LKMM_PRIMITIVES(size, type)                                                                                    \
	static inline int64_t smp_load_acquire##size(int64_t p) { return lkmm_load_acquire##size((type *)p); }         \
	static inline void smp_store_release##size(int64_t p, int64_t v)                                               \
	{                                                                                                              \
		lkmm_store_release##size((type *)p, (type)v);                                                          \
	}                                                                                                              \
	LKMM_ORDERING(size, type, )                                                                                    \
	LKMM_ORDERING(size, type, _relaxed)                                                                            \
	LKMM_ORDERING(size, type, _acquire)                                                                            \
	LKMM_ORDERING(size, type, _release)

#define LKMM_ORDERING(size, type, ordering)                                                                            \
	static inline int64_t xchg##ordering##size(int64_t p, int64_t v)                                               \
	{                                                                                                              \
		return lkmm_xchg##ordering##size((type *)p, (type)v);                                                  \
	}                                                                                                              \
	static inline int64_t cmpxchg##ordering##size(int64_t p, int64_t old, int64_t v)                               \
	{                                                                                                              \
		return lkmm_cmpxchg##ordering##size((type *)p, (type)old, (type)v);                                    \
	}                                                                                                              \
	static inline int64_t atomic_fetch_add##ordering##size(int64_t v, int64_t p)                                   \
	{                                                                                                              \
		return lkmm_fetch_add##ordering##size((type *)p, (type)v);                                             \
	}                                                                                                              \
	static inline int64_t atomic_add_return##ordering##size(int64_t v, int64_t p)                                  \
	{                                                                                                              \
		return (type)((uint64_t)lkmm_fetch_add##ordering##size((type *)p, (type)v) + (uint64_t)v);             \
	}

LKMM_PRIMITIVES(4, int32_t)
LKMM_PRIMITIVES(8, int64_t)

static inline void atomic_add(int64_t v, int64_t p)
{
	lkmm_add4((int32_t *)p, (int32_t)v);
}

/* Yields the value that it found; it is ordered only if it added. */
static inline int64_t atomic_fetch_add_unless(int64_t p, int64_t add, int64_t unless)
{
	int32_t old = *(volatile int32_t *)p;
	while (old != (int32_t)unless) {
		int32_t found = lkmm_cmpxchg4((int32_t *)p, old, (int32_t)((uint32_t)old + (uint32_t)add));
		if (found == old)
			break;
		old = found;
	}
	return old;
}

/* Of a sum, what 32 bits hold. */
#define LKMM_INT(v) ((int64_t)(int32_t)(v))

/* What a loop does that waits: after some turns, it lets others run. */
void lkmm_patience(uint32_t turns);
static inline void lkmm_turn(uint32_t *turns)
{
	if (++*turns >= 256)
		lkmm_patience(*turns);
}

/* A spinlock is a word that is 1 when it is held, as in crate lkmm. Who takes it acquires, who frees it releases. */
static inline int64_t spin_trylock(int64_t p)
{
	return lkmm_cmpxchg_acquire4((int32_t *)p, 0, 1) == 0;
}

static inline int64_t spin_is_locked(int64_t p)
{
	return *(volatile int32_t *)p != 0;
}

static inline void spin_lock(int64_t p)
{
	uint32_t turns = 0;
	while (!spin_trylock(p)) {
		while (spin_is_locked(p)) {
			lkmm_turn(&turns);
		}
	}
}

static inline void spin_unlock(int64_t p)
{
	lkmm_store_release4((int32_t *)p, 0);
}

/*
 * RCU: each thread has a counter of its own, odd while it is in a reader. A reader makes its counter odd and then has a barrier, before it reads
 * anything. A grace period has a barrier and then looks at all counters. So of a reader that a grace period finds no trace of, the barriers
 * order the reads after all that came before the grace period. Of each other one it waits for the end, whose release its own
 * reads acquire.
 */
struct lkmm_reader {
	uint64_t count;
	uint64_t nested;
	char padding[112];
};
extern struct lkmm_reader lkmm_readers[];
extern _Thread_local int lkmm_number;
void synchronize_rcu(void);

static inline void rcu_read_lock(void)
{
	struct lkmm_reader *reader = &lkmm_readers[lkmm_number];
	if (reader->nested++ == 0) {
		__atomic_store_n(&reader->count, reader->count + 1, __ATOMIC_RELAXED);
		smp_mb();
	}
}

static inline void rcu_read_unlock(void)
{
	struct lkmm_reader *reader = &lkmm_readers[lkmm_number];
	if (--reader->nested == 0)
		__atomic_store_n(&reader->count, reader->count + 1, __ATOMIC_RELEASE);
}

/*
 * SRCU: a domain counts its readers, fully ordered; a grace period waits until there are none. (Readers that begin later may make it wait
 * longer, but each test has few.) The index of a reader is 0, so that it may end in another thread.
 */
static inline int64_t srcu_read_lock(int64_t domain)
{
	lkmm_fetch_add4((int32_t *)domain, 1);
	smp_mb();
	return 0;
}

static inline void srcu_read_unlock(int64_t domain, int64_t index)
{
	(void)index;
	smp_mb();
	lkmm_fetch_add4((int32_t *)domain, -1);
}

#define smp_mb__after_srcu_read_unlock() smp_mb()

static inline void synchronize_srcu(int64_t domain)
{
	uint32_t turns = 0;
	smp_mb();
	while (*(volatile int32_t *)domain != 0)
		lkmm_turn(&turns);
	smp_mb();
}

#endif
