/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which of the devices at hand form the array: pure, no I/O. md-abi.md 8.5
 */
#ifndef CHOOSE_H
#define CHOOSE_H

#include <stdbool.h>
#include <stddef.h>
#include "member.h"

enum choice {
	CHOICE_ACTIVE,		/* goes in, holds a slot */
	CHOICE_SPARE,
	CHOICE_BEHIND,		/* of the array, events more than one behind:
				 * may be re-added once it runs */
	CHOICE_FAULTY,		/* the freshest member calls it faulty */
	CHOICE_DUPLICATE,	/* another device holds its slot (or number) with
				 * newer events */
	CHOICE_DIVERGED,	/* it went on without the members chosen, and they
				 * without it: its writes are in nobody's bitmap,
				 * so it must not be re-added, only added anew */
};

struct candidate {
	struct member *member;
	enum choice choice;
	unsigned int slot;	/* CHOICE_ACTIVE; CHOICE_BEHIND: the one it held */
};

struct selection {
	struct candidate *candidates;	/* the caller's, filled in, same order */
	size_t count;
	size_t freshest;	/* index: highest events, not a spare */
	unsigned int active;	/* slots that candidates hold */
	unsigned int expected;	/* slots the freshest one holds to be working */
	unsigned int slots;	/* raid_disks */
};

/*
 * Judge all candidates. 0, or -errno after fail(): -ESTALE members of
 * different arrays (names both), -ENODEV no usable member, -EEXIST one
 * device twice. A journal device counts as a spare: it holds no slot.
 */
int choose_members(struct candidate *candidates, size_t count, struct selection *out);

const char *choice_text(enum choice choice);	/* "behind: events 5 < 9" needs numbers:
						 * the caller adds them */
#endif
