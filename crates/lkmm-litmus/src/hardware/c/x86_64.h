/*
 * The primitives of the machine on x86-64.
 *
 * Loads are acquires and stores are releases already, so only the compiler has to be kept in order. What the machine reorders is a
 * store with a later load; a locked instruction forbids that, and is a full barrier.
 */

#define smp_mb() __asm__ __volatile__("lock; addl $0,-4(%%rsp)" ::: "memory", "cc")
#define smp_rmb() barrier()
#define smp_wmb() barrier()
#define smp_mb__before_atomic() barrier()
#define smp_mb__after_atomic() barrier()
#define smp_mb__after_spinlock() barrier()
#define smp_mb__after_unlock_lock() barrier()

#define LKMM_SIZED(size, type, suffix)                                                                                 \
	static inline type lkmm_load_acquire##size(type *p)                                                            \
	{                                                                                                              \
		type value = *(volatile type *)p;                                                                      \
		barrier();                                                                                             \
		return value;                                                                                          \
	}                                                                                                              \
	static inline void lkmm_store_release##size(type *p, type value)                                               \
	{                                                                                                              \
		barrier();                                                                                             \
		*(volatile type *)p = value;                                                                           \
	}                                                                                                              \
	static inline type lkmm_xchg##size(type *p, type value)                                                        \
	{                                                                                                              \
		__asm__ __volatile__("xchg" suffix " %0, %1" : "+r"(value), "+m"(*p) : : "memory");                    \
		return value;                                                                                          \
	}                                                                                                              \
	static inline type lkmm_cmpxchg##size(type *p, type old, type value)                                           \
	{                                                                                                              \
		__asm__ __volatile__("lock; cmpxchg" suffix " %2, %1"                                                  \
				     : "+a"(old), "+m"(*p)                                                             \
				     : "r"(value)                                                                      \
				     : "memory", "cc");                                                                \
		return old;                                                                                            \
	}                                                                                                              \
	static inline type lkmm_fetch_add##size(type *p, type value)                                                   \
	{                                                                                                              \
		__asm__ __volatile__("lock; xadd" suffix " %0, %1" : "+r"(value), "+m"(*p) : : "memory", "cc");        \
		return value;                                                                                          \
	}                                                                                                              \
	/* All of them are fully ordered. */                                                                           \
	static inline type lkmm_xchg_relaxed##size(type *p, type v) { return lkmm_xchg##size(p, v); }                  \
	static inline type lkmm_xchg_acquire##size(type *p, type v) { return lkmm_xchg##size(p, v); }                  \
	static inline type lkmm_xchg_release##size(type *p, type v) { return lkmm_xchg##size(p, v); }                  \
	static inline type lkmm_cmpxchg_relaxed##size(type *p, type o, type v) { return lkmm_cmpxchg##size(p, o, v); } \
	static inline type lkmm_cmpxchg_acquire##size(type *p, type o, type v) { return lkmm_cmpxchg##size(p, o, v); } \
	static inline type lkmm_cmpxchg_release##size(type *p, type o, type v) { return lkmm_cmpxchg##size(p, o, v); } \
	static inline type lkmm_fetch_add_relaxed##size(type *p, type v) { return lkmm_fetch_add##size(p, v); }        \
	static inline type lkmm_fetch_add_acquire##size(type *p, type v) { return lkmm_fetch_add##size(p, v); }        \
	static inline type lkmm_fetch_add_release##size(type *p, type v) { return lkmm_fetch_add##size(p, v); }

LKMM_SIZED(4, int32_t, "l")
LKMM_SIZED(8, int64_t, "q")
#undef LKMM_SIZED

/* An addition that returns nothing. */
static inline void lkmm_add4(int32_t *p, int32_t value)
{
	__asm__ __volatile__("lock; addl %1, %0" : "+m"(*p) : "ir"(value) : "memory", "cc");
}

static inline void lkmm_relax(void)
{
	__asm__ __volatile__("pause" ::: "memory");
}

/* The time stamp counter: some billions a second, the same on all CPUs. */
static inline uint64_t lkmm_clock(void)
{
	uint32_t low, high;
	__asm__ __volatile__("rdtsc" : "=a"(low), "=d"(high));
	return (uint64_t)high << 32 | low;
}
