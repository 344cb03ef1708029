/* SPDX-License-Identifier: GPL-2.0-only */
/* A script, taken apart; for script.c and invent.c only. */
#ifndef SIM_SCRIPT_H
#define SIM_SCRIPT_H

#include "rig.h"

enum verbs {
	WRITE, READ_VERB, FLUSH, LOAD, WAIT, SYNC, SETTLE, SLEEP, FAIL, BREAK, BREAK_FLUSH, KILL, SPOIL,
	REFUSE, REMOVE, LOSE, ADD, RE_ADD, STOREFAIL, DETACH, ATTACH, ATTACH_IN_VAIN, CHECK,
	REPAIR, RESTART, RESTART_UNLOGGED, ALONE, ALONE_UNLOGGED, SUBSET, PART, ADD_ALL,
	REACTIVATE, READ_ONLY, READ_AUTO, SYNC_MAX, FREEZE, FORGET, SNAPSHOT, ROLLBACK, BUDGET,
	MARK, ASK_FOR_CLEAN, POWERCUT, POWERCUT_UNLOGGED, CUTS, WITHOUT,
	VERBS,
};

enum { ACTIONS_MAX = 64, ARGS = 3 };

struct action;

struct verb {
	const char *name;
	unsigned int args;
	void (*run)(struct rig *rig, const struct action *a);
};

extern const struct verb verbs[VERBS];

struct action {
	const struct verb *verb;
	u32 args[ARGS];
	blk_opf_t flags;
};

struct script {
	u64 seed;
	unsigned int runs;		/* so many, each with the next seed */
	struct config config;
	unsigned int n;
	struct action actions[ACTIONS_MAX];
};

/* Nothing is done, of what is usual. */
struct script *script_new(void);

#endif
