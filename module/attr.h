/* SPDX-License-Identifier: GPL-2.0-only */
/* sysfs: md/, md/bitmap/, md/dev-XXX/. md-abi.md 7. */
#ifndef ATTR_H
#define ATTR_H

#include "array.h"

/*
 * Adding and removing may be done with a->lock and a->roster_lock held: no show
 * or store waits for them while it keeps the file from being removed. They
 * allocate with GFP_KERNEL: with the array suspended only inside a
 * memalloc_noio scope.
 */
int attr_add_array(struct array *a);	/* "md" below the disk; keeps a reference */
void attr_remove_array(struct array *a);
void attr_init_leg(struct leg *leg);	/* kobject_init(): once, at allocation; its release is leg_free() */
int attr_add_leg(struct leg *leg);	/* dev-XXX, link "block" */
void attr_remove_leg(struct leg *leg);	/* harmless if it was not added */
void attr_link_slot(struct leg *leg);	/* rdN -> dev-XXX; failure is logged only */
void attr_unlink_slot(struct leg *leg);	/* while leg->slot is still set */
int attr_add_running(struct array *a);	/* sync_action and its like; while running */
void attr_remove_running(struct array *a);

/* poll()ers of array_state, sync_action, sync_completed, a member's state. Any context. */
void attr_notify_state(struct array *a);
void attr_notify_action(struct array *a);
void attr_notify_completed(struct array *a);
void attr_notify_degraded(struct array *a);		/* any context */
void attr_notify_leg(struct leg *leg);

/* The word of md/array_state. */
const char *attr_array_state(struct array *a);

#endif
