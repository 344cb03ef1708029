/* SPDX-License-Identifier: GPL-2.0-only */
/* sysfs: md/, md/bitmap/, md/dev-XXX/. md-abi.md 7. */
#ifndef ATTR_H
#define ATTR_H

#include "array.h"

int attr_add_array(struct array *a);	/* "md" below the disk */
void attr_remove_array(struct array *a);
int attr_add_leg(struct leg *leg);	/* dev-XXX, link "block" */
void attr_remove_leg(struct leg *leg);
void attr_link_slot(struct leg *leg);	/* rdN -> dev-XXX */
void attr_unlink_slot(struct leg *leg);
int attr_add_running(struct array *a);	/* sync_action and its like; while running */
void attr_remove_running(struct array *a);

/* poll()ers of array_state, sync_action, sync_completed, a member's state. Any context. */
void attr_notify_state(struct array *a);
void attr_notify_action(struct array *a);
void attr_notify_completed(struct array *a);
void attr_notify_leg(struct leg *leg);

/* The word of md/array_state. */
const char *attr_array_state(struct array *a);

#endif
