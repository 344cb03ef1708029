/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A simulated computer: its tasks, its time, its memory, its disks. Several can
 * exist; one runs at a time, and others stand still.
 */
#ifndef MACHINE_H
#define MACHINE_H

#include "kernel.h"
#include "platter.h"

enum { MACHINE_TASKS = 256 };

struct machine {
	u64 random;			/* generator's state */
	u64 now;			/* ms */
	u64 steps;
	bool in_haste;			/* no time passes while there is work to do */
	unsigned int quantum;		/* places to pass between preemptions, at most */
	unsigned int patience;		/* turns of others that a grace period takes, at most */
	unsigned int nomem;		/* allocations that may fail do, in 1000 */
	struct task_struct *running;	/* NULL: the scheduler */
	struct task_struct *tasks[MACHINE_TASKS];	/* alive */
	unsigned int ntasks;
	struct task_struct *free_tasks;
	struct timer_list *timers;
	struct work_struct *works;	/* pending, in their order */
	wait_queue_head_t work_wait, exit_wait;
	u64 grace;			/* RCU */
	struct list_head memory;
	u32 *pages;			/* numbers */
	unsigned int npages, pages_room;
	struct request *requests;	/* of all disks, in flight */
	unsigned int nrequests;
	u64 user_sectors;
	/* Between two steps of a disk: a good place for a power cut. */
	void (*on_disk_event)(struct machine *m);
	void *owner;
};

extern struct machine *machine;		/* that runs */

struct machine *machine_new(u64 seed);

/* The power goes: whatever it was doing, all its memory is given back. */
void machine_free(struct machine *m);

/* Is anything left that its driver allocated? */
bool machine_leaks(const struct machine *m);

/* Run @fn as a task until it returns, and everything else meanwhile. */
void machine_run(struct machine *m, int (*fn)(void *), void *data);

/* A task beside the others, started at once. */
struct task_struct *machine_spawn(int (*fn)(void *), void *data);

/* An interrupt: @fn in a context that must not sleep, some time soon. */
void machine_interrupt(void (*fn)(void *), void *data);

void sleep_ms(u64 ms);

/* Any number below @n, which is not 0. */
static inline u64 random_below(u64 n)
{
	return sim_random() % n;
}

static inline bool chance(unsigned int in_1000)
{
	return random_below(1000) < in_1000;
}

/* Where it never does, no luck is drawn: scripts find again what they found. */
static inline bool happens(unsigned int in_1000)
{
	return in_1000 && chance(in_1000);
}

/* Set by main. */
extern bool verbose;

#endif
