/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the driver's sources take from the kernel, for the crash simulator: they
 * are compiled as they are, with this included first. One thread, in which
 * tasks are coroutines; whatever another processor could see of a task, it may
 * be preempted before. Virtual time, seeded: the same seed, the same run.
 */
#ifndef KERNEL_H
#define KERNEL_H

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>
#include <linux/types.h>
#include <asm/byteorder.h>

/* The C library's name for something else. */
#define remove remove_member

#define __KERNEL__
#define CONFIG_X86 1
#define __rcu
#define __percpu
#define __force
#define IS_ENABLED(option) option
#define CONFIG_CPU_LITTLE_ENDIAN 1
#define THIS_MODULE NULL
#define EIOCBQUEUED 529

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s16 s16;
typedef __s32 s32;
typedef __s64 s64;
typedef u64 sector_t;
typedef s64 time64_t;
typedef s64 ktime_t;
typedef unsigned int gfp_t;
typedef unsigned int blk_opf_t;
typedef unsigned int blk_mode_t;
typedef unsigned int fmode_t;
typedef u8 blk_status_t;
#define U64_MAX UINT64_MAX
#define U32_MAX UINT32_MAX

/* --- the scheduler ------------------------------------------------------- */

struct machine;
struct wait_queue_head;

struct task_struct {
	unsigned int flags;
	bool should_stop;
	/* kernel.c's */
	struct machine *machine;
	void (*body)(struct task_struct *);
	int (*threadfn)(void *);
	void *data;
	struct coroutine *stack;
	enum { TASK_NEW, TASK_READY, TASK_BLOCKED, TASK_DEAD } state;
	const void *const *blocked_on;	/* ready, but not before this is NULL */
	bool irq;			/* must not sleep */
	bool detached;			/* nobody waits for its end */
	unsigned int spins;		/* spinlocks held */
	unsigned int rcu;		/* depth of read sections */
	u64 rcu_since;			/* machine's grace period when the first began */
	bool woken;
	u64 wake_at;			/* ms; 0: never */
	struct task_struct *next_waiter;
	struct wait_queue_head *waits;
	unsigned int refs, index;
	struct work_struct *work;
	struct task_struct *next;
};

extern unsigned int preempt_budget;	/* places to pass before the next preemption */
void preempt_now(void);
void might_sleep_here(const char *where);
struct task_struct *current_task(void);
void sim_fail(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));
void sim_log(const char *fmt, ...);
void sim_ignore(const char *fmt, ...);
u64 sim_random(void);

#define current current_task()
#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
#define might_sleep() might_sleep_here(__func__)
#define cond_resched() might_sleep()

/* Another processor may get here first. */
static inline void preempt_point(void)
{
	if (unlikely(!--preempt_budget))
		preempt_now();
}

#define sim_check(cond) \
	do { if (unlikely(!(cond))) sim_fail("%s:%d: %s", __FILE__, __LINE__, #cond); } while (0)
#define WARN_ON_ONCE(cond) \
	({ if (unlikely(cond)) sim_fail("%s:%d: warning: %s", __FILE__, __LINE__, #cond); false; })

/* --- memory as other processors see it ------------------------------------- */

#define READ_ONCE(x) ({ preempt_point(); *(const volatile __typeof__(x) *)&(x); })
#define WRITE_ONCE(x, v) \
	do { preempt_point(); *(volatile __typeof__(x) *)&(x) = (v); } while (0)
#define smp_store_release(p, v) WRITE_ONCE(*(p), v)
#define smp_mb() preempt_point()
#define smp_rmb() preempt_point()
#define smp_wmb() preempt_point()
#define smp_mb__after_atomic() preempt_point()
#define try_cmpxchg(p, old, new) ({					\
	preempt_point();						\
	bool swapped__ = *(p) == *(old);				\
	if (swapped__)							\
		*(p) = (new);						\
	else								\
		*(old) = *(p);						\
	swapped__; })

typedef struct { int v; } atomic_t;
typedef struct { s64 v; } atomic64_t;
#define atomic_read(a) READ_ONCE((a)->v)
#define atomic_set(a, n) WRITE_ONCE((a)->v, n)
#define atomic_inc(a) ({ preempt_point(); (void)++(a)->v; })
#define atomic_dec(a) ({ preempt_point(); (void)--(a)->v; })
#define atomic_add(n, a) ({ preempt_point(); (a)->v += (n); })
#define atomic_inc_return(a) ({ preempt_point(); ++(a)->v; })
#define atomic_dec_and_test(a) ({ preempt_point(); !--(a)->v; })
#define atomic64_set(a, n) WRITE_ONCE((a)->v, n)
#define atomic64_add(n, a) ({ preempt_point(); (a)->v += (n); })

static inline bool test_bit(unsigned int n, const unsigned long *p)
{
	preempt_point();
	return *p >> n & 1;
}

static inline void __set_bit(unsigned int n, unsigned long *p)
{
	*p |= 1UL << n;
}

static inline void set_bit(unsigned int n, unsigned long *p)
{
	preempt_point();
	*p |= 1UL << n;
}

static inline void clear_bit(unsigned int n, unsigned long *p)
{
	preempt_point();
	*p &= ~(1UL << n);
}

static inline void assign_bit(unsigned int n, unsigned long *p, bool value)
{
	if (value)
		set_bit(n, p);
	else
		clear_bit(n, p);
}

static inline bool test_and_set_bit(unsigned int n, unsigned long *p)
{
	bool was = test_bit(n, p);

	*p |= 1UL << n;
	return was;
}

static inline bool test_and_clear_bit(unsigned int n, unsigned long *p)
{
	bool was = test_bit(n, p);

	*p &= ~(1UL << n);
	return was;
}

/* --- arithmetic -------------------------------------------------------------- */

#define cpu_to_le16(x) htole16(x)
#define cpu_to_le32(x) htole32(x)
#define cpu_to_le64(x) htole64(x)
#define le16_to_cpu(x) le16toh(x)
#define le32_to_cpu(x) le32toh(x)
#define le64_to_cpu(x) le64toh(x)
#define min(a, b) ({ __auto_type a__ = (a); __auto_type b__ = (b); a__ < b__ ? a__ : b__; })
#define max(a, b) ({ __auto_type a__ = (a); __auto_type b__ = (b); a__ > b__ ? a__ : b__; })
#define min_t(t, a, b) min((t)(a), (t)(b))
#define min3(a, b, c) min(min(a, b), c)
#define clamp_t(t, v, lo, hi) max((t)(lo), min((t)(v), (t)(hi)))
#define DIV_ROUND_UP(a, b) (((a) + (b) - 1) / (b))
#define DIV_ROUND_UP_ULL DIV_ROUND_UP
#define round_up(x, to) (DIV_ROUND_UP(x, to) * (to))
#define round_down(x, to) ((x) / (to) * (to))
#define ilog2(x) (63 - __builtin_clzll(x))
#define fls64(x) ((x) ? ilog2(x) + 1 : 0)
#define __ffs64(x) __builtin_ctzll(x)
#define div64_u64(a, b) ((a) / (b))
#define div_u64(a, b) ((a) / (b))
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define container_of(p, type, member) ((type *)((char *)(p) - offsetof(type, member)))
#define struct_size(p, member, n) (sizeof(*(p)) + (n) * sizeof((p)->member[0]))
#define struct_size_t(type, member, n) struct_size((type *)NULL, member, n)
#define IS_ERR(p) ((uintptr_t)(p) >= (uintptr_t)-4095)
#define PTR_ERR(p) ((long)(p))
#define ERR_PTR(e) ((void *)(long)(e))
#define PTR_ERR_OR_ZERO(p) (IS_ERR(p) ? (int)PTR_ERR(p) : 0)

/* --- lists --------------------------------------------------------------------- */

struct list_head {
	struct list_head *next, *prev;
};

#define LIST_HEAD(name) struct list_head name = { &(name), &(name) }
#define INIT_LIST_HEAD(l) ((void)((l)->next = (l)->prev = (l)))
#define list_empty(l) ((l)->next == (l))
#define list_empty_careful(l) ({ preempt_point(); list_empty(l); })
#define list_first_entry_or_null(l, type, member) \
	(list_empty(l) ? NULL : container_of((l)->next, type, member))
#define list_for_each_entry(e, l, member)				\
	for (e = container_of((l)->next, __typeof__(*e), member);	\
	     &e->member != (l);						\
	     e = container_of(e->member.next, __typeof__(*e), member))
#define list_for_each_entry_safe(e, n, l, member)			\
	for (e = container_of((l)->next, __typeof__(*e), member),	\
	     n = container_of(e->member.next, __typeof__(*e), member);	\
	     &e->member != (l);						\
	     e = n, n = container_of(n->member.next, __typeof__(*n), member))

static inline void list_insert(struct list_head *e, struct list_head *prev,
			       struct list_head *next)
{
	e->prev = prev;
	e->next = next;
	prev->next = next->prev = e;
}

static inline void list_add(struct list_head *e, struct list_head *l)
{
	list_insert(e, l, l->next);
}

static inline void list_add_tail(struct list_head *e, struct list_head *l)
{
	list_insert(e, l->prev, l);
}

static inline void list_del(struct list_head *e)
{
	e->prev->next = e->next;
	e->next->prev = e->prev;
	e->next = e->prev = NULL;
}

static inline void list_del_init(struct list_head *e)
{
	list_del(e);
	INIT_LIST_HEAD(e);
}

static inline void list_splice(struct list_head *from, struct list_head *to)
{
	if (list_empty(from))
		return;
	from->next->prev = to;
	from->prev->next = to->next;
	to->next->prev = from->prev;
	to->next = from->next;
}

static inline void list_splice_init(struct list_head *from, struct list_head *to)
{
	list_splice(from, to);
	INIT_LIST_HEAD(from);
}

/* --- memory ---------------------------------------------------------------------- */

enum {
	PAGE_SHIFT = 12,
	PAGE_SIZE = 1 << PAGE_SHIFT,
	SECTOR_SHIFT = 9,
	SECTOR_SIZE = 1 << SECTOR_SHIFT,
};

enum {
	GFP_KERNEL = 1, GFP_NOIO = 2, GFP_ATOMIC = 4, GFP_NOWAIT = 8,
	__GFP_NOWARN = 16,	/* may fail, says the caller: and does */
	__GFP_ZERO = 32,
};

/* A page's struct is where its bytes are. */
struct page;

void *sim_alloc(size_t bytes, gfp_t gfp, bool zero);
void sim_free(const void *p);
void *sim_page(gfp_t gfp, bool zero);
void sim_page_free(void *page);

#define kmalloc(n, gfp) sim_alloc(n, gfp, false)
#define kzalloc(n, gfp) sim_alloc(n, gfp, true)
#define kcalloc(n, size, gfp) sim_alloc((size_t)(n) * (size), gfp, true)
#define kmalloc_array(n, size, gfp) sim_alloc((size_t)(n) * (size), gfp, false)
#define kvcalloc kcalloc
#define kvzalloc kzalloc
#define vzalloc(n) sim_alloc(n, GFP_KERNEL, true)
/* Only for what an array cannot be started without. */
#define __vmalloc(n, gfp) sim_alloc(n, (gfp) & ~__GFP_NOWARN, (gfp) & __GFP_ZERO)
#define kfree sim_free
#define kvfree sim_free
#define vfree sim_free
#define alloc_page(gfp) ((struct page *)sim_page(gfp, false))
#define get_zeroed_page(gfp) ((unsigned long)sim_page(gfp, true))
#define free_page(addr) sim_page_free((void *)(addr))
#define __free_page(page) sim_page_free(page)
#define page_address(page) ((void *)(page))
#define virt_to_page(p) ((struct page *)((uintptr_t)(p) & ~(uintptr_t)(PAGE_SIZE - 1)))
#define vmalloc_to_page virt_to_page
#define is_vmalloc_addr(p) false
#define offset_in_page(p) ((uintptr_t)(p) & (PAGE_SIZE - 1))
#define memalloc_noio_restore(flags) ((void)(flags))

static inline unsigned int memalloc_noio_save(void)
{
	return 0;
}

void *memchr_inv(const void *p, int c, size_t n);
#define strscpy(to, from, n) ((void)snprintf(to, n, "%s", from))
#define strreplace(s, from, to) ((void)(s))
void get_random_bytes(void *p, size_t n);

struct kmem_cache {
	size_t bytes;
};

struct kmem_cache *sim_cache(size_t bytes);
#define KMEM_CACHE(name, flags) sim_cache(sizeof(struct name))
#define kmem_cache_destroy(cache) free(cache)

typedef struct {
	size_t bytes;
} mempool_t;

static inline int mempool_init_kmalloc_pool(mempool_t *pool, unsigned int n, size_t bytes)
{
	pool->bytes = bytes;
	return 0;
}

#define mempool_init_slab_pool(pool, n, cache) \
	mempool_init_kmalloc_pool(pool, n, (cache)->bytes)
#define mempool_alloc(pool, gfp) sim_alloc((pool)->bytes, gfp, false)
#define mempool_free(p, pool) ((void)(pool), sim_free(p))
#define mempool_exit(pool) ((void)(pool))

/* Two processors; who counts may find himself on either. */
enum { SIM_CPUS = 2, SIM_CPU_STRIDE = 128 };
#define alloc_percpu(type) ((type *)sim_alloc(SIM_CPUS * SIM_CPU_STRIDE, GFP_KERNEL, true))
#define free_percpu sim_free
#define per_cpu_ptr(p, cpu) ((__typeof__(p))((char *)(p) + (cpu) * SIM_CPU_STRIDE))
#define for_each_possible_cpu(cpu) for (cpu = 0; cpu < SIM_CPUS; cpu++)
#define this_cpu_inc(x) \
	((void)++*per_cpu_ptr(&(x), preempt_budget % SIM_CPUS), preempt_point())

/* --- locks --------------------------------------------------------------------------- */

typedef struct spinlock {
	struct task_struct *owner;
} spinlock_t;

struct mutex {
	struct task_struct *owner;
};

#define DEFINE_MUTEX(name) struct mutex name
#define DEFINE_SPINLOCK(name) spinlock_t name
#define spin_lock_init(l) ((void)((l)->owner = NULL))
#define mutex_init(l) ((void)((l)->owner = NULL))
void spin_lock(spinlock_t *l);
void spin_unlock(spinlock_t *l);
void mutex_lock(struct mutex *l);
bool mutex_trylock(struct mutex *l);
void mutex_unlock(struct mutex *l);
#define mutex_lock_interruptible(l) (mutex_lock(l), 0)
#define spin_lock_irq spin_lock
#define spin_unlock_irq spin_unlock
#define spin_lock_irqsave(l, flags) ((flags) = 0, spin_lock(l))
#define spin_unlock_irqrestore(l, flags) ((void)(flags), spin_unlock(l))
#define cond_resched_lock(l) (spin_unlock(l), spin_lock(l))
#define lockdep_is_held(l) ((l)->owner == current)
#define lockdep_assert_held(l) sim_check(lockdep_is_held(l))

void rcu_read_lock(void);
void rcu_read_unlock(void);
void synchronize_rcu(void);
bool rcu_held(void);
#define rcu_dereference_check(p, held) \
	({ sim_check((held) || rcu_held()); READ_ONCE(p); })
#define rcu_dereference_protected(p, held) ({ sim_check(held); (p); })
#define rcu_access_pointer(p) READ_ONCE(p)
#define rcu_assign_pointer(p, v) WRITE_ONCE(p, v)
#define RCU_INIT_POINTER(p, v) WRITE_ONCE(p, v)

/* --- waiting ---------------------------------------------------------------------------- */

typedef struct wait_queue_head {
	struct task_struct *waiters;
} wait_queue_head_t;

#define DECLARE_WAIT_QUEUE_HEAD(name) wait_queue_head_t name
#define init_waitqueue_head(wq) ((void)((wq)->waiters = NULL))
#define wq_has_sleeper(wq) ({ preempt_point(); !!(wq)->waiters; })
void wake_up(wait_queue_head_t *wq);
#define wake_up_all wake_up

void wait_begin(wait_queue_head_t *wq);		/* from now on wake-ups are not lost */
bool wait_sleep(u64 until);			/* 0: no limit; false: time is up */
void wait_end(wait_queue_head_t *wq);

#define wait_event_until(wq, cond, limit) ({				\
	bool ok__;							\
	might_sleep();							\
	wait_begin(&(wq));						\
	while (!(ok__ = (cond)))					\
		if (!wait_sleep(limit)) {				\
			ok__ = (cond);					\
			break;						\
		}							\
	wait_end(&(wq));						\
	ok__; })
#define wait_event(wq, cond) ((void)wait_event_until(wq, cond, 0))
#define wait_event_idle wait_event
#define wait_event_timeout(wq, cond, t) ({				\
	u64 limit__ = jiffies + (t);					\
	wait_event_until(wq, cond, limit__) ?				\
		max((long)(limit__ - jiffies), 1L) : 0L; })

struct completion {
	bool done;
	wait_queue_head_t wait;
};

#define COMPLETION_INITIALIZER_ONSTACK(c) { .done = false }
#define init_completion(c) ((void)(*(c) = (struct completion){ .done = false }))
#define reinit_completion(c) ((void)((c)->done = false))
void complete(struct completion *c);
void wait_for_completion(struct completion *c);
#define wait_for_completion_io wait_for_completion

/* --- time ---------------------------------------------------------------------------------- */

enum { HZ = 1000 };
u64 sim_now(void);			/* ms */
#define jiffies sim_now()
#define msecs_to_jiffies(ms) ((unsigned long)(ms))
#define jiffies_to_msecs(j) ((unsigned long)(j))
#define time_after(a, b) ((s64)((b) - (a)) < 0)
#define ktime_get() ((ktime_t)sim_now() * 1000000)
#define ktime_us_delta(a, b) (((a) - (b)) / 1000)
#define ktime_get_ns() ((u64)ktime_get())
#define ns_to_ktime(ns) ((ktime_t)(ns))
#define ktime_get_real_seconds() ((time64_t)(1700000000 + sim_now() / 1000))
struct timespec64 {
	time64_t tv_sec;
	long tv_nsec;
};
void ktime_get_real_ts64(struct timespec64 *now);
void schedule_timeout_uninterruptible(u64 ms);

struct timer_list {
	void (*function)(struct timer_list *);
	u64 expires;
	bool armed;
	struct timer_list *next;
};

#define timer_setup(t, fn, flags) \
	((void)(*(t) = (struct timer_list){ .function = (fn) }))
#define timer_container_of(var, t, member) container_of(t, __typeof__(*var), member)
#define timer_pending(t) ({ preempt_point(); (t)->armed; })
void mod_timer(struct timer_list *t, u64 expires);
void timer_delete_sync(struct timer_list *t);

enum { NSEC_PER_USEC = 1000 };

/* In whole milliseconds, and one at least. */
enum hrtimer_restart { HRTIMER_NORESTART };

struct hrtimer {
	enum hrtimer_restart (*function)(struct hrtimer *);
	struct timer_list timer;
};

void hrtimer_fires(struct timer_list *t);
#define hrtimer_setup(t, fn, clock, mode) \
	((void)(*(t) = (struct hrtimer){ .function = (fn), .timer.function = hrtimer_fires }))
#define hrtimer_start(t, ns, mode) \
	mod_timer(&(t)->timer, jiffies + 1 + (u64)(ns) / 1000000)
#define hrtimer_active(t) timer_pending(&(t)->timer)
#define hrtimer_is_queued(t) timer_pending(&(t)->timer)
#define hrtimer_cancel(t) timer_delete_sync(&(t)->timer)
#define hrtimer_try_to_cancel(t) timer_delete_sync(&(t)->timer)

/* --- threads and works ------------------------------------------------------------------------ */

struct task_struct *sim_kthread(int (*fn)(void *), void *data);
#define kthread_create(fn, data, ...) (sim_ignore(__VA_ARGS__), sim_kthread(fn, data))
void wake_up_process(struct task_struct *t);
int kthread_stop(struct task_struct *t);
#define kthread_should_stop() READ_ONCE(current->should_stop)
void get_task_struct(struct task_struct *t);
void put_task_struct(struct task_struct *t);
enum { PF_LOCAL_THROTTLE = 1, PF_KTHREAD = 2 };
#define current_restore_flags(was, flag) \
	((void)(current->flags = (current->flags & ~(flag)) | (was)))

struct work_struct {
	void (*func)(struct work_struct *);
	bool pending, running;
	struct work_struct *next;
	struct workqueue_struct *wq;
};

struct delayed_work {
	struct work_struct work;
	struct timer_list timer;
	struct workqueue_struct *wq;
};

struct workqueue_struct {
	unsigned int works;		/* pending or running */
};

enum { WQ_MEM_RECLAIM = 1, WQ_UNBOUND = 2, WQ_HIGHPRI = 4 };
struct workqueue_struct *sim_workqueue(void);
#define alloc_workqueue(fmt, flags, max, ...) (sim_ignore(fmt, ##__VA_ARGS__), sim_workqueue())
void destroy_workqueue(struct workqueue_struct *wq);
void delayed_work_timer(struct timer_list *t);
#define INIT_WORK(w, fn) ((void)(*(w) = (struct work_struct){ .func = (fn) }))
#define INIT_WORK_ONSTACK INIT_WORK
#define destroy_work_on_stack(w) ((void)(w))
#define INIT_DELAYED_WORK(d, fn) \
	((void)(*(d) = (struct delayed_work){ .work.func = (fn), \
					      .timer.function = delayed_work_timer }))
#define to_delayed_work(w) container_of(w, struct delayed_work, work)
bool queue_work(struct workqueue_struct *wq, struct work_struct *w);
bool queue_delayed_work(struct workqueue_struct *wq, struct delayed_work *d, u64 ms);
void mod_delayed_work(struct workqueue_struct *wq, struct delayed_work *d, u64 ms);
bool cancel_delayed_work(struct delayed_work *d);
void cancel_delayed_work_sync(struct delayed_work *d);
void cancel_work_sync(struct work_struct *w);
void flush_work(struct work_struct *w);
#define schedule_delayed_work(d, ms) queue_delayed_work(NULL, d, ms)

/* --- references ---------------------------------------------------------------------------------- */

struct kref {
	unsigned int n;
};

#define kref_init(k) ((void)((k)->n = 1))
#define kref_get(k) ((void)(k)->n++)
#define kref_put(k, release) ((void)(--(k)->n || (release(k), 1)))

struct percpu_ref {
	long n;
	bool dying;
	void (*release)(struct percpu_ref *);
};

#define PERCPU_REF_ALLOW_REINIT 0
#define percpu_ref_init(r, fn, flags, gfp) \
	(*(r) = (struct percpu_ref){ .n = 1, .release = (fn) }, 0)
#define percpu_ref_exit(r) ((void)(r))
#define percpu_ref_is_zero(r) ({ preempt_point(); !(r)->n; })
#define percpu_ref_is_dying(r) READ_ONCE((r)->dying)
void percpu_ref_get(struct percpu_ref *r);
bool percpu_ref_tryget_live(struct percpu_ref *r);
void percpu_ref_put(struct percpu_ref *r);
void percpu_ref_kill(struct percpu_ref *r);
void percpu_ref_reinit(struct percpu_ref *r);

struct kobject {
	int unused;
};

struct kernfs_node;
void kobject_put(struct kobject *k);

/* --- an interval tree, as a list -------------------------------------------------------------------- */

struct rb_node {
	struct rb_node *next;
};

struct rb_root_cached {
	struct rb_node *first;
};

#define RB_ROOT_CACHED (struct rb_root_cached){ NULL }
#define INTERVAL_TREE_DEFINE(type, rb, itype, sub, START, LAST, scope, prefix) \
scope void prefix##_insert(type *n, struct rb_root_cached *tree)	\
{									\
	n->rb.next = tree->first;					\
	tree->first = &n->rb;						\
}									\
scope void prefix##_remove(type *n, struct rb_root_cached *tree)	\
{									\
	struct rb_node **at = &tree->first;				\
									\
	while (*at != &n->rb)						\
		at = &(*at)->next;					\
	*at = n->rb.next;						\
}									\
scope type *prefix##_iter_first(struct rb_root_cached *tree, itype first, itype last) \
{									\
	struct rb_node *at;						\
									\
	for (at = tree->first; at; at = at->next) {			\
		type *n = container_of(at, type, rb);			\
									\
		if (START(n) <= last && LAST(n) >= first)		\
			return n;					\
	}								\
	return NULL;							\
}

/* --- block layer: platter.c -------------------------------------------------------------------------- */

#define MAJOR(dev) ((unsigned int)((dev) >> 20))
#define MINOR(dev) ((unsigned int)((dev) & 0xfffff))
#define MKDEV(major, minor) ((dev_t)(major) << 20 | (minor))

enum {
	BLK_OPEN_READ = 1, BLK_OPEN_WRITE = 2,
};

enum {
	BLK_STS_OK, BLK_STS_NOTSUPP, BLK_STS_TARGET, BLK_STS_RESOURCE, BLK_STS_IOERR, BLK_STS_AGAIN,
};

enum req_op {
	REQ_OP_READ, REQ_OP_WRITE, REQ_OP_DISCARD = 3, REQ_OP_WRITE_ZEROES = 9,
	REQ_OP_MASK = 0xff,
	REQ_SYNC = 1 << 8, REQ_META = 1 << 9, REQ_PRIO = 1 << 10, REQ_FUA = 1 << 11,
	REQ_PREFLUSH = 1 << 12, REQ_IDLE = 1 << 13, REQ_BACKGROUND = 1 << 14,
	REQ_NOUNMAP = 1 << 15, REQ_NOWAIT = 1 << 16, REQ_RAHEAD = 1 << 17,
};

struct gendisk {
	char disk_name[32];
	void *private_data;
	struct block_device *part0;
};

struct block_device {
	dev_t bd_dev;
	struct gendisk *bd_disk;
	struct platter *platter;
	bool claimed;
};

struct bio_vec {
	struct page *bv_page;
	unsigned int bv_len, bv_offset;
};

struct bvec_iter {
	sector_t bi_sector;
	unsigned int bi_size;
};

struct bio;
typedef void bio_end_io_t(struct bio *);

struct bio {
	struct bio *bi_next;
	struct block_device *bi_bdev;
	blk_opf_t bi_opf;
	blk_status_t bi_status;
	struct bvec_iter bi_iter;
	bio_end_io_t *bi_end_io;
	void *bi_private;
	struct bio_vec *bi_io_vec;
	unsigned short bi_vcnt;
};

struct bio_list {
	struct bio *head, *tail;
};

struct blk_plug {
	int unused;
};

#define blk_start_plug(plug) ((void)(plug))
#define blk_finish_plug(plug) ((void)(plug))
#define bio_op(bio) ((bio)->bi_opf & REQ_OP_MASK)
#define op_is_write(opf) (!!((opf) & 1))
#define bio_sectors(bio) ((bio)->bi_iter.bi_size >> SECTOR_SHIFT)
#define bio_end_sector(bio) ((bio)->bi_iter.bi_sector + bio_sectors(bio))
#define bio_uninit(bio) ((void)(bio))
#define bio_list_init(l) ((void)((l)->head = (l)->tail = NULL))
#define bio_list_empty(l) ({ preempt_point(); !(l)->head; })
void bio_list_add(struct bio_list *l, struct bio *bio);
void bio_list_merge(struct bio_list *l, struct bio_list *more);
struct bio *bio_list_pop(struct bio_list *l);
void bio_init(struct bio *bio, struct block_device *bdev, struct bio_vec *vec,
	      unsigned short n, blk_opf_t opf);
int bio_init_clone(struct block_device *bdev, struct bio *bio, struct bio *from, gfp_t gfp);
void __bio_add_page(struct bio *bio, struct page *page, unsigned int len, unsigned int at);
void bio_copy_data(struct bio *to, struct bio *from);
struct bio_vec bio_iter_iovec(struct bio *bio, struct bvec_iter iter);
void bio_advance_iter(struct bio *bio, struct bvec_iter *iter, unsigned int bytes);
void memcpy_to_bvec(struct bio_vec *vec, const char *from);
void bio_endio(struct bio *bio);
void bio_end_with(struct bio *bio, blk_status_t status);
#define bio_io_error(bio) bio_end_with(bio, BLK_STS_IOERR)
#define bio_wouldblock_error(bio) bio_end_with(bio, BLK_STS_AGAIN)
#define bio_start_io_acct(bio) ((unsigned long)jiffies)
#define bio_end_io_acct(bio, start) ((void)(start))
void submit_bio(struct bio *bio);
#define submit_bio_noacct submit_bio
int submit_bio_wait(struct bio *bio);
int blk_status_to_errno(blk_status_t status);
int blkdev_issue_flush(struct block_device *bdev);
int bdev_rw_virt(struct block_device *bdev, sector_t sector, void *data, size_t len,
		 blk_opf_t op);
#define bvec_set_page(bv, page, len, at) \
	((void)(*(bv) = (struct bio_vec){ page, len, at }))
struct blk_holder_ops;
struct bdev_claim;
struct bdev_claim *bdev_claim(dev_t dev, blk_mode_t mode, void *holder,
			      const struct blk_holder_ops *ops);
struct block_device *bdev_claimed(struct bdev_claim *claim);
void bdev_unclaim(struct bdev_claim *claim);
sector_t bdev_nr_sectors(struct block_device *bdev);
#define bdev_read_only(bdev) ((void)(bdev), false)
unsigned int bdev_write_zeroes_sectors(struct block_device *bdev);
#define bdev_is_zoned(bdev) false
static inline bool bdev_rot(struct block_device *bdev)
{
	return false;
}

#define bdev_logical_block_size(bdev) ((void)(bdev), 512u)
#define sync_blockdev(bdev) ((void)(bdev))
#define invalidate_bdev(bdev) ((void)(bdev))
#define part_stat_read_accum(part, field) sim_user_sectors()
#define part_stat_local_read_cpu(part, field, cpu) 0L
u64 sim_user_sectors(void);

/* --- files: doors.c --------------------------------------------------------------------------------- */

enum {
	FMODE_CAN_ODIRECT = 1, IOCB_DIRECT = 1, IOCB_DSYNC = 2,
	ITER_DEST = 0, ITER_SOURCE = 1,
};

struct cred;
struct super_block {
	struct block_device *s_bdev;
};

struct inode {
	unsigned int i_mode;
	loff_t i_size;
	struct super_block *i_sb;
	struct address_space *i_mapping;
};

struct address_space {
	struct inode *host;
};

struct iov_iter {
	unsigned int dir;
	const struct bio_vec *vecs;
	unsigned int n;
	size_t bytes;
};

struct kiocb {
	struct file *ki_filp;
	loff_t ki_pos;
	int ki_flags;
	void (*ki_complete)(struct kiocb *iocb, long ret);
};

struct file_operations {
	ssize_t (*read_iter)(struct kiocb *iocb, struct iov_iter *iter);
	ssize_t (*write_iter)(struct kiocb *iocb, struct iov_iter *iter);
};

struct file {
	const struct file_operations *f_op;
	fmode_t f_mode;
	const struct cred *f_cred;
	loff_t f_pos;
	struct platter *platter;
	struct inode inode;
	struct super_block sb;
	struct address_space mapping;
};

#define iov_iter_bvec(it, d, v, nr, count) \
	((void)(*(it) = (struct iov_iter){ .dir = (d), .vecs = (v), .n = (nr), .bytes = (count) }))
#define override_creds(cred) (cred)
#define revert_creds(cred) ((void)(cred))
#define i_size_read(inode) ((inode)->i_size)
#define file_start_write(file) ((void)(file))
#define file_end_write(file) ((void)(file))
#define invalidate_inode_pages2(mapping) ((void)(mapping))
#define invalidate_inode_pages2_range(mapping, from, to) ((void)(mapping), (void)(from), (void)(to))
#define get_file(file) ((void)(file))
#define fput(file) ((void)(file))
struct file *fget(int fd);
int vfs_fsync_range(struct file *file, loff_t from, loff_t to, int datasync);
#define vfs_fsync(file, datasync) vfs_fsync_range(file, 0, LLONG_MAX, datasync)
#define vfs_llseek(file, pos, whence) ((file)->inode.i_size)

/* --- the rest -------------------------------------------------------------------------------------------- */

struct module;
#define module_param(name, type, mode) struct module
#define MODULE_PARM_DESC(name, text) struct module
#define try_module_get(m) true
#define module_put(m) ((void)0)
struct seq_file;
#define seq_printf(seq, ...) ((void)(seq))
#define seq_putc(seq, c) ((void)(seq), (void)(c))
#define pr_err(...) sim_log(__VA_ARGS__)
#define pr_warn(...) sim_log(__VA_ARGS__)
#define pr_info(...) sim_log(__VA_ARGS__)
#define pr_err_ratelimited pr_err
#define pr_warn_ratelimited pr_warn
#define pr_info_ratelimited pr_info
#define TRACE_EVENT(name, proto, ...) static inline void trace_##name(proto) { }
#define TP_PROTO(...) __VA_ARGS__
#define DECLARE_EVENT_CLASS(...) struct module
#define DEFINE_EVENT(class, name, proto, args) static inline void trace_##name(proto) { }

#endif
