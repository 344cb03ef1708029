/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Inside the array; for array.c, gate.c, super.c, roster.c, launch.c and
 * manager.c only.
 */
#ifndef ARRAY_IMPL_H
#define ARRAY_IMPL_H

#include "array.h"
#include "leg.h"

/* --- array.c -------------------------------------------------------------- */

/* As empty as a fresh one. lock held, no members. */
void array_reset(struct array *a);

/* --- gate.c --------------------------------------------------------------- */

int gate_init(struct array *a);
void gate_exit(struct array *a);
void gate_park_work(struct work_struct *work);
void gate_safemode(struct timer_list *timer);

/* The manager: the timer may have fired; record "clean" if nobody writes. */
void gate_look_for_clean(struct array *a);

/* --- super.c -------------------------------------------------------------- */

/* Room to describe @legs members in superblocks. May sleep. */
int super_reserve(struct array *a, unsigned int legs);

/* --- roster.c ------------------------------------------------------------- */

/* RUN_ARRAY with members that have superblocks: what array is it, and who is in which slot? lock held. */
int roster_analyse(struct array *a);

/* Take @leg off the list and close it. lock held, not super_lock; no slot has it. */
void roster_drop(struct array *a, struct leg *leg);

/* Bits go that nobody has copied: who is not in sync cannot come back by them. lock held. */
void roster_forget(struct array *a);

/* The manager, lock held: members whose failure is recorded leave their slots. */
void roster_retire(struct array *a);

/* --- manager.c ------------------------------------------------------------ */

struct task_struct *manager_create(struct array *a);

/* What I/O waits for: failed I/O finished, a failed store dealt with, superblocks written. */
void manager_serve(struct array *a);

/* --- launch.c ------------------------------------------------------------- */

/* The mode is @mode from now on; the manager may call it without lock. */
void launch_set_mode(struct array *a, enum array_mode mode);

/* Forget the file that keeps the bitmap. lock held; the engine is gone. */
void launch_drop_file(struct array *a);

#endif
