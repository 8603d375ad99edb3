/*
 * The primitives of the machine on aarch64.
 *
 * Acquires are LDAR and releases STLR. Read-modify-writes are the instructions of ARMv8.1 where the compiler may use them
 * (CFLAGS=-march=armv8.1-a), or else loops of exclusive loads and stores; of these, one that is fully ordered ends in a barrier,
 * for an LDAXR and an STLXR alone let later accesses in between.
 */

#define smp_mb() __asm__ __volatile__("dmb ish" ::: "memory")
#define smp_rmb() __asm__ __volatile__("dmb ishld" ::: "memory")
#define smp_wmb() __asm__ __volatile__("dmb ishst" ::: "memory")
#define smp_mb__before_atomic() smp_mb()
#define smp_mb__after_atomic() smp_mb()
#define smp_mb__after_spinlock() smp_mb()
/* A lock is an LDAXR, an unlock an STLR, and these two are not reordered. */
#define smp_mb__after_unlock_lock() barrier()

#define LKMM_SIZED(size, type, w)                                                                                      \
	static inline type lkmm_load_acquire##size(type *p)                                                            \
	{                                                                                                              \
		type value;                                                                                            \
		__asm__ __volatile__("ldar %" w "0, %1" : "=r"(value) : "Q"(*p) : "memory");                           \
		return value;                                                                                          \
	}                                                                                                              \
	static inline void lkmm_store_release##size(type *p, type value)                                               \
	{                                                                                                              \
		__asm__ __volatile__("stlr %" w "1, %0" : "=Q"(*p) : "r"(value) : "memory");                           \
	}

LKMM_SIZED(4, int32_t, "w")
LKMM_SIZED(8, int64_t, "x")
#undef LKMM_SIZED

#ifdef __ARM_FEATURE_ATOMICS

#define LKMM_RMW(size, type, w, ordering, suffix)                                                                      \
	static inline type lkmm_xchg##ordering##size(type *p, type value)                                              \
	{                                                                                                              \
		type old;                                                                                              \
		__asm__ __volatile__("swp" suffix " %" w "2, %" w "0, %1"                                              \
				     : "=&r"(old), "+Q"(*p)                                                            \
				     : "r"(value)                                                                      \
				     : "memory");                                                                      \
		return old;                                                                                            \
	}                                                                                                              \
	static inline type lkmm_cmpxchg##ordering##size(type *p, type old, type value)                                 \
	{                                                                                                              \
		__asm__ __volatile__("cas" suffix " %" w "0, %" w "2, %1"                                              \
				     : "+&r"(old), "+Q"(*p)                                                            \
				     : "r"(value)                                                                      \
				     : "memory");                                                                      \
		return old;                                                                                            \
	}                                                                                                              \
	static inline type lkmm_fetch_add##ordering##size(type *p, type value)                                         \
	{                                                                                                              \
		type old;                                                                                              \
		__asm__ __volatile__("ldadd" suffix " %" w "2, %" w "0, %1"                                            \
				     : "=&r"(old), "+Q"(*p)                                                            \
				     : "r"(value)                                                                      \
				     : "memory");                                                                      \
		return old;                                                                                            \
	}

#define LKMM_ORDERED(size, type, w)                                                                                    \
	LKMM_RMW(size, type, w, , "al")                                                                                \
	LKMM_RMW(size, type, w, _relaxed, "")                                                                          \
	LKMM_RMW(size, type, w, _acquire, "a")                                                                         \
	LKMM_RMW(size, type, w, _release, "l")

static inline void lkmm_add4(int32_t *p, int32_t value)
{
	__asm__ __volatile__("stadd %w1, %0" : "+Q"(*p) : "r"(value) : "memory");
}

#else

#define LKMM_RMW(size, type, w, ordering, load, store, after)                                                          \
	static inline type lkmm_xchg##ordering##size(type *p, type value)                                              \
	{                                                                                                              \
		type old;                                                                                              \
		int32_t failed;                                                                                        \
		__asm__ __volatile__("1:	" load " %" w "0, %2\n"                                                \
				     "	" store " %w1, %" w "3, %2\n"                                                  \
				     "	cbnz %w1, 1b\n"                                                                \
				     "	" after                                                                        \
				     : "=&r"(old), "=&r"(failed), "+Q"(*p)                                             \
				     : "r"(value)                                                                      \
				     : "memory");                                                                      \
		return old;                                                                                            \
	}                                                                                                              \
	static inline type lkmm_cmpxchg##ordering##size(type *p, type expected, type value)                            \
	{                                                                                                              \
		type old;                                                                                              \
		int32_t failed;                                                                                        \
		__asm__ __volatile__("1:	" load " %" w "0, %2\n"                                                \
				     "	cmp %" w "0, %" w "3\n"                                                        \
				     "	b.ne 2f\n"                                                                     \
				     "	" store " %w1, %" w "4, %2\n"                                                  \
				     "	cbnz %w1, 1b\n"                                                                \
				     "	" after "\n"                                                                   \
				     "2:"                                                                              \
				     : "=&r"(old), "=&r"(failed), "+Q"(*p)                                             \
				     : "r"(expected), "r"(value)                                                       \
				     : "memory", "cc");                                                                \
		return old;                                                                                            \
	}                                                                                                              \
	static inline type lkmm_fetch_add##ordering##size(type *p, type value)                                         \
	{                                                                                                              \
		type old, sum;                                                                                         \
		int32_t failed;                                                                                        \
		__asm__ __volatile__("1:	" load " %" w "0, %3\n"                                                \
				     "	add %" w "2, %" w "0, %" w "4\n"                                               \
				     "	" store " %w1, %" w "2, %3\n"                                                  \
				     "	cbnz %w1, 1b\n"                                                                \
				     "	" after                                                                        \
				     : "=&r"(old), "=&r"(failed), "=&r"(sum), "+Q"(*p)                                 \
				     : "r"(value)                                                                      \
				     : "memory");                                                                      \
		return old;                                                                                            \
	}

#define LKMM_ORDERED(size, type, w)                                                                                    \
	LKMM_RMW(size, type, w, , "ldxr", "stlxr", "dmb ish")                                                          \
	LKMM_RMW(size, type, w, _relaxed, "ldxr", "stxr", "")                                                          \
	LKMM_RMW(size, type, w, _acquire, "ldaxr", "stxr", "")                                                         \
	LKMM_RMW(size, type, w, _release, "ldxr", "stlxr", "")

#define LKMM_ADDS_BY_FETCHING 1

#endif

LKMM_ORDERED(4, int32_t, "w")
LKMM_ORDERED(8, int64_t, "x")
#undef LKMM_ORDERED
#undef LKMM_RMW

#ifdef LKMM_ADDS_BY_FETCHING
static inline void lkmm_add4(int32_t *p, int32_t value)
{
	lkmm_fetch_add_relaxed4(p, value);
}
#endif

static inline void lkmm_relax(void)
{
	__asm__ __volatile__("yield" ::: "memory");
}

/* The virtual counter: a thousand million a second since ARMv8.6, and less before. */
static inline uint64_t lkmm_clock(void)
{
	uint64_t now;
	__asm__ __volatile__("mrs %0, cntvct_el0" : "=r"(now));
	return now;
}
