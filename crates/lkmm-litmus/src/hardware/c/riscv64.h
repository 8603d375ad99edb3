/*
 * The primitives of the machine on riscv64.
 *
 * Acquires and releases are accesses with a fence behind or before them. Of read-modify-writes, one that is fully ordered is an instruction with both
 * bits, and cmpxchg() a loop that ends in a fence.
 */

#define smp_mb() __asm__ __volatile__("fence rw, rw" ::: "memory")
#define smp_rmb() __asm__ __volatile__("fence r, r" ::: "memory")
#define smp_wmb() __asm__ __volatile__("fence w, w" ::: "memory")
#define smp_mb__before_atomic() smp_mb()
#define smp_mb__after_atomic() smp_mb()
#define smp_mb__after_spinlock() smp_mb()
#define smp_mb__after_unlock_lock() smp_mb()

#define LKMM_ACQUIRE_FENCE "	fence r, rw\n"
#define LKMM_RELEASE_FENCE "	fence rw, w\n"
#define LKMM_FULL_FENCE "	fence rw, rw\n"

#define LKMM_RMW(size, type, width, ordering, before, bits, after, store_bits, cas_after)                              \
	static inline type lkmm_xchg##ordering##size(type *p, type value)                                              \
	{                                                                                                              \
		type old;                                                                                              \
		__asm__ __volatile__(before "	amoswap." width bits " %0, %2, %1\n" after                             \
				     : "=r"(old), "+A"(*p)                                                             \
				     : "r"(value)                                                                      \
				     : "memory");                                                                      \
		return old;                                                                                            \
	}                                                                                                              \
	static inline type lkmm_fetch_add##ordering##size(type *p, type value)                                         \
	{                                                                                                              \
		type old;                                                                                              \
		__asm__ __volatile__(before "	amoadd." width bits " %0, %2, %1\n" after                              \
				     : "=r"(old), "+A"(*p)                                                             \
				     : "r"(value)                                                                      \
				     : "memory");                                                                      \
		return old;                                                                                            \
	}                                                                                                              \
	static inline type lkmm_cmpxchg##ordering##size(type *p, type expected, type value)                            \
	{                                                                                                              \
		type old;                                                                                              \
		int64_t failed;                                                                                        \
		__asm__ __volatile__(before "1:	lr." width " %0, %2\n"                                                 \
				     "	bne %0, %3, 2f\n"                                                              \
				     "	sc." width store_bits " %1, %4, %2\n"                                          \
				     "	bnez %1, 1b\n" cas_after "2:"                                                  \
				     : "=&r"(old), "=&r"(failed), "+A"(*p)                                             \
				     : "r"((int64_t)expected), "r"(value)                                              \
				     : "memory");                                                                      \
		return old;                                                                                            \
	}

#define LKMM_SIZED(size, type, width)                                                                                  \
	static inline type lkmm_load_acquire##size(type *p)                                                            \
	{                                                                                                              \
		type value = *(volatile type *)p;                                                                      \
		__asm__ __volatile__(LKMM_ACQUIRE_FENCE ::: "memory");                                                 \
		return value;                                                                                          \
	}                                                                                                              \
	static inline void lkmm_store_release##size(type *p, type value)                                               \
	{                                                                                                              \
		__asm__ __volatile__(LKMM_RELEASE_FENCE ::: "memory");                                                 \
		*(volatile type *)p = value;                                                                           \
	}                                                                                                              \
	LKMM_RMW(size, type, width, , "", ".aqrl", "", ".rl", LKMM_FULL_FENCE)                                         \
	LKMM_RMW(size, type, width, _relaxed, "", "", "", "", "")                                                      \
	LKMM_RMW(size, type, width, _acquire, "", "", LKMM_ACQUIRE_FENCE, "", LKMM_ACQUIRE_FENCE)                      \
	LKMM_RMW(size, type, width, _release, LKMM_RELEASE_FENCE, "", "", "", "")

LKMM_SIZED(4, int32_t, "w")
LKMM_SIZED(8, int64_t, "d")
#undef LKMM_SIZED
#undef LKMM_RMW

static inline void lkmm_add4(int32_t *p, int32_t value)
{
	__asm__ __volatile__("amoadd.w zero, %1, %0" : "+A"(*p) : "r"(value) : "memory");
}

static inline void lkmm_relax(void)
{
	__asm__ __volatile__("nop" ::: "memory");
}

/* There is none that would be fast enough. */
static inline uint64_t lkmm_clock(void)
{
	return 0;
}
