// SPDX-License-Identifier: GPL-2.0-only
/*
 * The scheduler of the crash simulator, and what it gives the driver: tasks as
 * coroutines, locks, waiting, timers, works, memory. What runs next is random.
 */
#include <setjmp.h>
#include <sys/mman.h>
#include <ucontext.h>
#include "machine.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
enum { STACK_BYTES = 256 << 10 };
#else
#define ASAN_POISON_MEMORY_REGION(p, n) ((void)(p))
#define ASAN_UNPOISON_MEMORY_REGION(p, n) ((void)(p))
enum { STACK_BYTES = 64 << 10 };
#endif

enum {
	STEPS_MAX = 20000000,		/* more is a hang */
	TIME_PASSES = 4,		/* in 1000 steps, though there is work to do */
	PAGES = 1 << 16,
	FILL_MAX = 1024,		/* bytes of fresh or freed memory that are spoilt */
};

struct machine *machine;
unsigned int preempt_budget = UINT_MAX;
bool verbose;

/* --- luck ------------------------------------------------------------------ */

u64 sim_random(void)
{
	u64 z = machine->random += 0x9e3779b97f4a7c15ULL;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

void get_random_bytes(void *p, size_t n)
{
	u8 *bytes = p;

	while (n--)
		*bytes++ = sim_random();
}

void sim_log(const char *fmt, ...)
{
	va_list ap;

	if (!verbose)
		return;
	printf("# [%8llu] ", machine ? machine->now : 0);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
}

/* Names are for people. */
void sim_ignore(const char *fmt, ...)
{
}

/* --- coroutines --------------------------------------------------------------- */

struct coroutine {
	jmp_buf env;
	ucontext_t context;
	bool entered;			/* env is good */
	struct task_struct *task;
	struct coroutine *next;
	void *fake;			/* the sanitizer's */
	char *stack;
};

static struct coroutine *free_coroutines;
static jmp_buf scheduler;

#ifdef __SANITIZE_ADDRESS__
static const void *main_stack;
static size_t main_stack_bytes;
static void *main_fake;
#endif

static void leave_coroutine(struct coroutine *c)
{
#ifdef __SANITIZE_ADDRESS__
	__sanitizer_start_switch_fiber(&c->fake, main_stack, main_stack_bytes);
#endif
	if (!_setjmp(c->env))
		_longjmp(scheduler, 1);
#ifdef __SANITIZE_ADDRESS__
	__sanitizer_finish_switch_fiber(machine->running->stack->fake,
					&main_stack, &main_stack_bytes);
#endif
}

static struct coroutine *entering;

static void coroutine_main(void)
{
	struct coroutine *c = entering;

#ifdef __SANITIZE_ADDRESS__
	__sanitizer_finish_switch_fiber(NULL, &main_stack, &main_stack_bytes);
#endif
	for (;;) {
		c->task->body(c->task);
		c->task->state = TASK_DEAD;
		leave_coroutine(c);
	}
}

static void enter_coroutine(struct coroutine *c)
{
	if (!_setjmp(scheduler)) {
#ifdef __SANITIZE_ADDRESS__
		__sanitizer_start_switch_fiber(&main_fake, c->stack, STACK_BYTES);
#endif
		if (c->entered)
			_longjmp(c->env, 1);
		c->entered = true;
		entering = c;
		setcontext(&c->context);
	}
#ifdef __SANITIZE_ADDRESS__
	__sanitizer_finish_switch_fiber(main_fake, NULL, NULL);
#endif
}

static struct coroutine *coroutine_get(struct task_struct *t)
{
	struct coroutine *c = free_coroutines;

	if (c) {
		free_coroutines = c->next;
	} else {
		c = calloc(1, sizeof(*c));
		c->stack = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	}
	c->task = t;
	if (c->entered)
		return c;
	getcontext(&c->context);
	c->context.uc_stack.ss_sp = c->stack;
	c->context.uc_stack.ss_size = STACK_BYTES;
	c->context.uc_link = NULL;
	makecontext(&c->context, coroutine_main, 0);
	return c;
}

/* @over: it waits for its next task. Otherwise what it was doing is forgotten. */
static void coroutine_put(struct coroutine *c, bool over)
{
	if (!over) {
		c->entered = false;
		c->fake = NULL;
		ASAN_UNPOISON_MEMORY_REGION(c->stack, STACK_BYTES);
	}
	c->next = free_coroutines;
	free_coroutines = c;
}

/* --- tasks ------------------------------------------------------------------------ */

struct task_struct *current_task(void)
{
	return machine->running;
}

static struct task_struct *task_new(void (*body)(struct task_struct *), void *data)
{
	struct machine *m = machine;
	struct task_struct *t = m->free_tasks;

	if (t)
		m->free_tasks = t->next;
	else
		t = malloc(sizeof(*t));
	memset(t, 0, sizeof(*t));
	t->machine = m;
	t->body = body;
	t->data = data;
	t->state = TASK_READY;
	if (m->ntasks == MACHINE_TASKS)
		sim_fail("too many tasks");
	t->index = m->ntasks;
	m->tasks[m->ntasks++] = t;
	return t;
}

static void task_unlist(struct task_struct *t)
{
	struct machine *m = t->machine;
	struct task_struct *last = m->tasks[--m->ntasks];

	m->tasks[t->index] = last;
	last->index = t->index;
}

void get_task_struct(struct task_struct *t)
{
	t->refs++;
}

void put_task_struct(struct task_struct *t)
{
	if (t->refs--)
		return;
	t->next = t->machine->free_tasks;
	t->machine->free_tasks = t;
}

static void switch_out(void)
{
	struct task_struct *t = machine->running;

	leave_coroutine(t->stack);
	preempt_budget = 1 + random_below(machine->quantum);
}

void preempt_now(void)
{
	if (!machine || !machine->running)
		preempt_budget = UINT_MAX;
	else
		switch_out();
}

void might_sleep_here(const char *where)
{
	struct task_struct *t = current;

	if (t->irq || t->spins || t->rcu)
		sim_fail("%s sleeps in atomic context", where);
	preempt_point();
}

static void wake_waiters(wait_queue_head_t *wq);

static void task_over(struct task_struct *t)
{
	struct machine *m = t->machine;
	bool thread = t->threadfn;

	if (t->spins || t->rcu)
		sim_fail("a task ends with a lock held");
	coroutine_put(t->stack, true);
	t->stack = NULL;
	task_unlist(t);
	if (thread && !t->detached)
		wake_waiters(&m->exit_wait);
	else
		put_task_struct(t);
}

static bool is_runnable(const struct task_struct *t)
{
	return t->state == TASK_READY && !(t->blocked_on && *t->blocked_on);
}

static void task_run(struct task_struct *t)
{
	struct machine *m = machine;

	if (!t->stack)
		t->stack = coroutine_get(t);
	t->blocked_on = NULL;
	m->running = t;
	preempt_budget = 1 + random_below(m->quantum);
	enter_coroutine(t->stack);
	m->running = NULL;
	preempt_budget = UINT_MAX;
	if (t->state == TASK_DEAD)
		task_over(t);
}

static void thread_body(struct task_struct *t)
{
	t->threadfn(t->data);
}

struct task_struct *sim_kthread(int (*fn)(void *), void *data)
{
	struct task_struct *t = task_new(thread_body, data);

	t->threadfn = fn;
	t->state = TASK_NEW;
	return t;
}

static void task_wake(struct task_struct *t)
{
	t->woken = true;
	if (t->state == TASK_BLOCKED)
		t->state = TASK_READY;
}

void wake_up_process(struct task_struct *t)
{
	if (t->state == TASK_NEW)
		t->state = TASK_READY;
	else
		task_wake(t);
}

int kthread_stop(struct task_struct *t)
{
	t->should_stop = true;
	if (t->state == TASK_NEW) {
		t->state = TASK_DEAD;
		task_unlist(t);
	} else {
		task_wake(t);
	}
	wait_event(machine->exit_wait, t->state == TASK_DEAD && !t->stack);
	put_task_struct(t);
	return 0;
}

struct task_struct *machine_spawn(int (*fn)(void *), void *data)
{
	struct task_struct *t = sim_kthread(fn, data);

	t->state = TASK_READY;
	t->detached = true;
	return t;
}

struct interrupt {
	void (*fn)(void *);
	void *data;
};

static void interrupt_body(struct task_struct *t)
{
	struct interrupt irq = *(struct interrupt *)t->data;

	sim_free(t->data);
	t->data = irq.data;
	irq.fn(irq.data);
}

void machine_interrupt(void (*fn)(void *), void *data)
{
	struct interrupt *irq = sim_alloc(sizeof(*irq), GFP_ATOMIC, false);

	irq->fn = fn;
	irq->data = data;
	task_new(interrupt_body, irq)->irq = true;
}

/* --- locks ---------------------------------------------------------------------------- */

/* The pointer itself says who holds it: NULL is free. */
static void lock_owner(struct task_struct **owner)
{
	if (*owner == current)
		sim_fail("a lock is taken twice");
	while (*owner) {
		current->blocked_on = (const void *const *)owner;
		switch_out();
	}
	*owner = current;
}

static void unlock_owner(struct task_struct **owner)
{
	if (*owner != current)
		sim_fail("a lock is released that is not held");
	*owner = NULL;
}

void spin_lock(spinlock_t *l)
{
	preempt_point();
	lock_owner(&l->owner);
	current->spins++;
}

void spin_unlock(spinlock_t *l)
{
	unlock_owner(&l->owner);
	current->spins--;
	preempt_point();
}

void mutex_lock(struct mutex *l)
{
	might_sleep();
	lock_owner(&l->owner);
}

bool mutex_trylock(struct mutex *l)
{
	preempt_point();
	if (l->owner)
		return false;
	l->owner = current;
	return true;
}

void mutex_unlock(struct mutex *l)
{
	unlock_owner(&l->owner);
	preempt_point();
}

/* --- RCU -------------------------------------------------------------------------------- */

void rcu_read_lock(void)
{
	preempt_point();
	if (!current->rcu++)
		current->rcu_since = machine->grace;
}

void rcu_read_unlock(void)
{
	current->rcu--;
	preempt_point();
}

bool rcu_held(void)
{
	return current->rcu > 0;
}

static bool has_readers(const struct machine *m, u64 grace)
{
	unsigned int i;

	for (i = 0; i < m->ntasks; i++)
		if (m->tasks[i]->rcu && m->tasks[i]->rcu_since < grace)
			return true;
	return false;
}

void synchronize_rcu(void)
{
	unsigned int n = machine->patience ? random_below(machine->patience) : 0;
	u64 grace = ++machine->grace;

	might_sleep();
	while (n--)
		switch_out();
	while (has_readers(machine, grace))
		switch_out();
}

/* --- waiting ------------------------------------------------------------------------------ */

static void wake_waiters(wait_queue_head_t *wq)
{
	struct task_struct *t;

	for (t = wq->waiters; t; t = t->next_waiter)
		task_wake(t);
}

void wake_up(wait_queue_head_t *wq)
{
	preempt_point();
	wake_waiters(wq);
}

void wait_begin(wait_queue_head_t *wq)
{
	struct task_struct *t = current;

	if (t->waits)
		sim_fail("a task waits while it waits");
	t->woken = false;
	t->waits = wq;
	t->next_waiter = wq->waiters;
	wq->waiters = t;
}

bool wait_sleep(u64 until)
{
	struct task_struct *t = current;

	if (!t->woken) {
		if (until && machine->now >= until)
			return false;
		t->state = TASK_BLOCKED;
		t->wake_at = until;
		switch_out();
		t->wake_at = 0;
	}
	if (!t->woken)
		return false;
	t->woken = false;
	return true;
}

void wait_end(wait_queue_head_t *wq)
{
	struct task_struct *t = current, **at = &wq->waiters;

	while (*at != t)
		at = &(*at)->next_waiter;
	*at = t->next_waiter;
	t->waits = NULL;
}

void complete(struct completion *c)
{
	preempt_point();
	/* The one who waits may be gone with it as soon as he can run. */
	c->done = true;
	wake_waiters(&c->wait);
}

void wait_for_completion(struct completion *c)
{
	wait_event(c->wait, c->done);
}

/* --- time ----------------------------------------------------------------------------------- */

/* No two machines have the same microseconds; and what luck comes next stays as it was. */
void ktime_get_real_ts64(struct timespec64 *now)
{
	u64 us = machine->now * 1000 + (machine->random >> 13) % 1000;

	now->tv_sec = 1700000000 + us / 1000000;
	now->tv_nsec = us % 1000000 * 1000;
}

u64 sim_now(void)
{
	return machine->now;
}

void sleep_ms(u64 ms)
{
	wait_queue_head_t none = { NULL };

	wait_begin(&none);
	wait_sleep(machine->now + ms);
	wait_end(&none);
}

void schedule_timeout_uninterruptible(u64 ms)
{
	might_sleep();
	sleep_ms(ms);
}

static bool timer_unlist(struct timer_list *t)
{
	struct timer_list **at = &machine->timers;

	if (!t->armed)
		return false;
	while (*at != t)
		at = &(*at)->next;
	*at = t->next;
	t->armed = false;
	return true;
}

void mod_timer(struct timer_list *t, u64 expires)
{
	preempt_point();
	timer_unlist(t);
	t->expires = expires;
	t->armed = true;
	t->next = machine->timers;
	machine->timers = t;
}

void hrtimer_fires(struct timer_list *t)
{
	struct hrtimer *timer = container_of(t, struct hrtimer, timer);

	timer->function(timer);
}

static bool is_task_with(const void *data)
{
	unsigned int i;

	for (i = 0; i < machine->ntasks; i++)
		if (machine->tasks[i]->irq && machine->tasks[i]->data == data)
			return true;
	return false;
}

void timer_delete_sync(struct timer_list *t)
{
	preempt_point();
	timer_unlist(t);
	while (is_task_with(t))
		switch_out();
}

static void timer_interrupt(struct task_struct *t)
{
	struct timer_list *timer = t->data;

	timer->function(timer);
}

static void timer_fire(struct timer_list *t)
{
	timer_unlist(t);
	if (t->function == delayed_work_timer)
		t->function(t);
	else
		task_new(timer_interrupt, t)->irq = true;
}

/* When the next thing happens by itself; 0: never. */
static u64 next_time(const struct machine *m)
{
	const struct timer_list *t;
	u64 at = 0;
	unsigned int i;

	for (t = m->timers; t; t = t->next)
		if (!at || t->expires < at)
			at = t->expires;
	for (i = 0; i < m->ntasks; i++) {
		const struct task_struct *task = m->tasks[i];

		if (task->state == TASK_BLOCKED && task->wake_at &&
		    (!at || task->wake_at < at))
			at = task->wake_at;
	}
	return at;
}

static bool pass_time(struct machine *m)
{
	u64 at = next_time(m);
	struct timer_list *t, *next;
	unsigned int i;

	if (!at)
		return false;
	m->now = max(m->now, at);
	for (t = m->timers; t; t = next) {
		next = t->next;
		if (t->expires <= m->now)
			timer_fire(t);
	}
	for (i = 0; i < m->ntasks; i++)
		if (m->tasks[i]->state == TASK_BLOCKED && m->tasks[i]->wake_at &&
		    m->tasks[i]->wake_at <= m->now)
			m->tasks[i]->state = TASK_READY;
	return true;
}

/* --- works -------------------------------------------------------------------------------------- */

struct workqueue_struct *sim_workqueue(void)
{
	return sim_alloc(sizeof(struct workqueue_struct), GFP_KERNEL, true);
}

/* It may be gone by the time it has run: its address says which it was. */
static bool work_runs(const struct work_struct *w)
{
	unsigned int i;

	for (i = 0; i < machine->ntasks; i++)
		if (machine->tasks[i]->work == w)
			return true;
	return false;
}

static void work_enlist(struct work_struct *w)
{
	struct work_struct **at = &machine->works;

	while (*at)
		at = &(*at)->next;
	w->next = NULL;
	*at = w;
}

static bool work_unlist(struct work_struct *w)
{
	struct work_struct **at = &machine->works;

	while (*at && *at != w)
		at = &(*at)->next;
	if (!*at)
		return false;
	*at = w->next;
	return true;
}

static void work_count(struct workqueue_struct *wq, int n)
{
	if (wq)
		wq->works += n;
}

bool queue_work(struct workqueue_struct *wq, struct work_struct *w)
{
	preempt_point();
	if (w->pending)
		return false;
	w->pending = true;
	w->wq = wq;
	work_count(wq, 1);
	work_enlist(w);
	return true;
}

void delayed_work_timer(struct timer_list *t)
{
	work_enlist(&container_of(t, struct delayed_work, timer)->work);
}

bool queue_delayed_work(struct workqueue_struct *wq, struct delayed_work *d, u64 ms)
{
	preempt_point();
	if (!ms)
		return queue_work(wq, &d->work);
	if (d->work.pending)
		return false;
	d->work.pending = true;
	d->work.wq = wq;
	work_count(wq, 1);
	d->timer.expires = machine->now + ms;
	d->timer.armed = true;
	d->timer.next = machine->timers;
	machine->timers = &d->timer;
	return true;
}

static bool work_cancel(struct work_struct *w)
{
	if (!w->pending || !work_unlist(w))
		return false;
	w->pending = false;
	work_count(w->wq, -1);
	return true;
}

bool cancel_delayed_work(struct delayed_work *d)
{
	preempt_point();
	if (!timer_unlist(&d->timer))
		return work_cancel(&d->work);
	d->work.pending = false;
	work_count(d->work.wq, -1);
	return true;
}

void mod_delayed_work(struct workqueue_struct *wq, struct delayed_work *d, u64 ms)
{
	cancel_delayed_work(d);
	queue_delayed_work(wq, d, ms);
}

void cancel_work_sync(struct work_struct *w)
{
	might_sleep();
	work_cancel(w);
	wait_event(machine->work_wait, !work_runs(w));
	/* It may have queued itself again. */
	work_cancel(w);
}

void cancel_delayed_work_sync(struct delayed_work *d)
{
	do {
		cancel_delayed_work(d);
		cancel_work_sync(&d->work);
	} while (d->work.pending);
}

void flush_work(struct work_struct *w)
{
	might_sleep();
	wait_event(machine->work_wait, !w->pending && !work_runs(w));
}

void destroy_workqueue(struct workqueue_struct *wq)
{
	wait_event(machine->work_wait, !wq->works);
	sim_free(wq);
}

static void work_body(struct task_struct *t)
{
	struct workqueue_struct *wq = t->work->wq;

	t->work->func(t->work);
	t->work = NULL;
	work_count(wq, -1);
	wake_waiters(&t->machine->work_wait);
}

static void work_start(struct work_struct *w)
{
	work_unlist(w);
	w->pending = false;
	task_new(work_body, NULL)->work = w;
}

/* --- references ------------------------------------------------------------------------------------ */

void percpu_ref_get(struct percpu_ref *r)
{
	preempt_point();
	r->n++;
}

bool percpu_ref_tryget_live(struct percpu_ref *r)
{
	preempt_point();
	if (r->dying)
		return false;
	r->n++;
	return true;
}

void percpu_ref_put(struct percpu_ref *r)
{
	preempt_point();
	if (r->n <= 0)
		sim_fail("a reference is put that is not held");
	if (!--r->n)
		r->release(r);
}

void percpu_ref_kill(struct percpu_ref *r)
{
	preempt_point();
	sim_check(!r->dying);
	r->dying = true;
	percpu_ref_put(r);
}

void percpu_ref_reinit(struct percpu_ref *r)
{
	sim_check(!r->n && r->dying);
	r->n = 1;
	r->dying = false;
	preempt_point();
}

/* --- memory ------------------------------------------------------------------------------------------ */

struct allocation {
	struct list_head list;
	size_t bytes;
	size_t pad;
};

static bool is_refused(gfp_t gfp)
{
	return gfp & (__GFP_NOWARN | GFP_NOWAIT) && machine->nomem &&
	       chance(machine->nomem);
}

void *sim_alloc(size_t bytes, gfp_t gfp, bool zero)
{
	struct allocation *a;

	if (is_refused(gfp))
		return NULL;
	if (gfp & (GFP_KERNEL | GFP_NOIO) && machine->running)
		might_sleep();
	a = zero ? calloc(1, sizeof(*a) + bytes) : malloc(sizeof(*a) + bytes);
	if (!zero && bytes <= FILL_MAX)
		memset(a + 1, 0xa5, bytes);
	a->bytes = bytes;
	list_add(&a->list, &machine->memory);
	return a + 1;
}

void sim_free(const void *p)
{
	struct allocation *a;

	if (!p)
		return;
	a = (struct allocation *)p - 1;
	list_del(&a->list);
	if (a->bytes <= FILL_MAX)
		memset(a, 0x6b, sizeof(*a) + a->bytes);
	free(a);
}

struct kmem_cache *sim_cache(size_t bytes)
{
	struct kmem_cache *cache = malloc(sizeof(*cache));

	cache->bytes = bytes;
	return cache;
}

static char *page_base;
static u32 free_pages[PAGES], nfree_pages;
static u32 page_place[PAGES];		/* in its machine's table */

static void pages_init(void)
{
	page_base = mmap(NULL, (size_t)PAGES * PAGE_SIZE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	for (nfree_pages = 0; nfree_pages < PAGES; nfree_pages++)
		free_pages[nfree_pages] = PAGES - 1 - nfree_pages;
}

static void *page_of_number(u32 n)
{
	return page_base + (size_t)n * PAGE_SIZE;
}

void *sim_page(gfp_t gfp, bool zero)
{
	struct machine *m = machine;
	void *page;
	u32 n;

	if (is_refused(gfp))
		return NULL;
	if (!page_base)
		pages_init();
	if (!nfree_pages)
		sim_fail("out of pages");
	n = free_pages[--nfree_pages];
	if (m->npages == m->pages_room) {
		m->pages_room = 2 * m->pages_room + 64;
		m->pages = realloc(m->pages, m->pages_room * sizeof(*m->pages));
	}
	page_place[n] = m->npages;
	m->pages[m->npages++] = n;
	page = page_of_number(n);
	ASAN_UNPOISON_MEMORY_REGION(page, PAGE_SIZE);
	if (zero)
		memset(page, 0, PAGE_SIZE);
	return page;
}

static void page_release(u32 n)
{
	free_pages[nfree_pages++] = n;
	ASAN_POISON_MEMORY_REGION(page_of_number(n), PAGE_SIZE);
}

void sim_page_free(void *page)
{
	struct machine *m = machine;
	u32 n, last;

	if (!page)
		return;
	n = ((char *)page - page_base) / PAGE_SIZE;
	last = m->pages[--m->npages];
	m->pages[page_place[n]] = last;
	page_place[last] = page_place[n];
	/* Whoever still looks at it shall notice. */
	memset(page, 0x6b, 64);
	page_release(n);
}

void *memchr_inv(const void *p, int c, size_t n)
{
	const u8 *at = p;

	for (; n; n--, at++)
		if (*at != (u8)c)
			return (void *)at;
	return NULL;
}

/* --- machines -------------------------------------------------------------------------------------------- */

struct machine *machine_new(u64 seed)
{
	struct machine *m = calloc(1, sizeof(*m));

	m->random = seed;
	m->now = 1000;
	m->quantum = 40;
	INIT_LIST_HEAD(&m->memory);
	return m;
}

bool machine_leaks(const struct machine *m)
{
	return !list_empty(&m->memory) || m->npages;
}

static void free_all_tasks(struct machine *m)
{
	struct task_struct *t;

	while (m->ntasks) {
		t = m->tasks[--m->ntasks];
		if (t->stack)
			coroutine_put(t->stack, false);
		free(t);
	}
	while ((t = m->free_tasks)) {
		m->free_tasks = t->next;
		free(t);
	}
}

void machine_free(struct machine *m)
{
	struct machine *was = machine;
	struct allocation *a, *next;

	machine = m;
	free_all_tasks(m);
	platter_forget_requests(m);
	list_for_each_entry_safe(a, next, &m->memory, list)
		free(a);
	while (m->npages)
		page_release(m->pages[--m->npages]);
	free(m->pages);
	free(m);
	machine = was == m ? NULL : was;
}

/* The @n-th of those that can go on, counted from a random one. */
static struct task_struct *pick_task(struct machine *m)
{
	unsigned int i, from = random_below(m->ntasks);

	for (i = 0; i < m->ntasks; i++) {
		struct task_struct *t = m->tasks[(from + i) % m->ntasks];

		if (is_runnable(t))
			return t;
	}
	return NULL;
}

static struct work_struct *pick_work(struct machine *m)
{
	struct work_struct *w, *found = NULL;

	for (w = m->works; w; w = w->next) {
		if (work_runs(w))
			continue;
		found = w;
		if (chance(700))
			break;
	}
	return found;
}

static bool step_work(struct machine *m)
{
	struct work_struct *w = pick_work(m);

	if (w)
		work_start(w);
	return w;
}

static bool step_disk(struct machine *m, bool must)
{
	if (!m->nrequests || !platter_step(m, random_below(m->nrequests), must))
		return false;
	if (m->on_disk_event)
		m->on_disk_event(m);
	return true;
}

static bool step_task(struct machine *m)
{
	struct task_struct *t = m->ntasks ? pick_task(m) : NULL;

	if (t)
		task_run(t);
	return t;
}

/* False: nothing will ever happen again. */
static bool machine_step(struct machine *m)
{
	if (++m->steps > STEPS_MAX)
		sim_fail("no end in sight");
	if (!m->in_haste && chance(TIME_PASSES) && pass_time(m))
		return true;
	if (m->nrequests && chance(300) && step_disk(m, false))
		return true;
	if (m->works && chance(500) && step_work(m))
		return true;
	return step_task(m) || step_disk(m, chance(500)) || step_work(m) ||
	       pass_time(m) || step_disk(m, true);
}

struct run {
	int (*fn)(void *);
	void *data;
	bool over;
};

static int run_main(void *data)
{
	struct run *run = data;

	run->fn(run->data);
	run->over = true;
	return 0;
}

static void show_tasks(const struct machine *m)
{
	unsigned int i;

	for (i = 0; i < m->ntasks; i++)
		printf("# task %u state %d lock %p waits %p work %p\n", i,
		       m->tasks[i]->state, (void *)m->tasks[i]->blocked_on,
		       (void *)m->tasks[i]->waits, (void *)m->tasks[i]->work);
}

void machine_run(struct machine *m, int (*fn)(void *), void *data)
{
	struct machine *was = machine;
	struct run run = { .fn = fn, .data = data };
	struct task_struct *t;

	machine = m;
	t = machine_spawn(run_main, &run);
	t->detached = false;
	while (!run.over || t->stack)
		if (!machine_step(m)) {
			show_tasks(m);
			sim_fail("everybody waits, and nothing will happen");
		}
	put_task_struct(t);
	machine = was;
}
