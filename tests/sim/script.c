// SPDX-License-Identifier: GPL-2.0-only
/*
 * What happens to an array, as text: a line "KEY VALUE" for each number of its
 * configuration, then a line for each thing that is done, in order. "seed N" is
 * where luck begins; "runs N": so often, each time from the next seed.
 * tests/sim/scenarios has examples; a run that fails prints its own.
 */
#include <ctype.h>
#include "script.h"
#include "module/array.h"
#include "module/intent.h"

/* --- what can be done ---------------------------------------------------------- */

static u32 bound(const struct rig *rig, u32 sector)
{
	return min(sector, rig->sectors - 1);
}

static void do_write(struct rig *rig, const struct action *a)
{
	u32 sector = bound(rig, a->args[0]);

	load_write(rig, sector, min(a->args[1], rig->sectors - sector), a->flags);
}

static void do_read(struct rig *rig, const struct action *a)
{
	u32 sector = bound(rig, a->args[0]);

	load_read(rig, sector, min(a->args[1], rig->sectors - sector));
}

static void do_flush(struct rig *rig, const struct action *a)
{
	load_flush(rig);
}

static void do_load(struct rig *rig, const struct action *a)
{
	load_start(rig, a->args[0], a->args[1]);
}

static void do_wait(struct rig *rig, const struct action *a)
{
	load_wait(rig);
}

static void do_sync(struct rig *rig, const struct action *a)
{
	rig_wait_syncs(rig);
}

static void do_settle(struct rig *rig, const struct action *a)
{
	rig_wait_recorded(rig);
}

static void do_sleep(struct rig *rig, const struct action *a)
{
	sleep_ms(a->args[0]);
}

static unsigned int member(const struct rig *rig, const struct action *a)
{
	return a->args[0] % rig->config.members;
}

static void do_fail(struct rig *rig, const struct action *a)
{
	rig_fail(rig, member(rig, a));
}

/* Of its writes, one fails. */
static void do_break(struct rig *rig, const struct action *a)
{
	rig->member[member(rig, a)]->write_spared = a->args[1];
	rig->member[member(rig, a)]->write_errors = 1;
}

static void do_break_flush(struct rig *rig, const struct action *a)
{
	rig->member[member(rig, a)]->flush_errors = 1;
}

static void do_kill(struct rig *rig, const struct action *a)
{
	rig->member[member(rig, a)]->dead = true;
}

/* Of writes that others lag with, what is there is lost: just that. */
static void do_spoil(struct rig *rig, const struct action *a)
{
	u32 sector = bound(rig, a->args[1]);

	platter_spoil(rig->member[member(rig, a)], DATA_FROM + sector);
	if (rig->config.behind)
		rig->promises[sector].durable = 0;
}

static void do_refuse(struct rig *rig, const struct action *a)
{
	rig->member[member(rig, a)]->no_zeroes = a->args[1];
}

static void do_remove(struct rig *rig, const struct action *a)
{
	rig_remove(rig, member(rig, a));
}

/* A member that has failed, or was taken out, is without power for a while. */
static void do_lose(struct rig *rig, const struct action *a)
{
	unsigned int nr = member(rig, a), tries;
	struct platter *p = rig->member[nr];

	for (tries = 100; platter_is_busy(p) && tries; tries--)
		sleep_ms(1);
	if (!platter_is_busy(p) && (!rig_is_attached(rig, nr) || rig_is_faulty(rig, nr)))
		platter_lose_power(p, random_below(3));
}

static void do_add(struct rig *rig, const struct action *a)
{
	platter_mend(rig->member[member(rig, a)]);
	rig_add(rig, member(rig, a));
}

static void do_re_add(struct rig *rig, const struct action *a)
{
	platter_mend(rig->member[member(rig, a)]);
	rig_re_add(rig, member(rig, a));
}

/* Of the writes of the bitmap, one fails. */
static void do_storefail(struct rig *rig, const struct action *a)
{
	rig->store->write_spared = a->args[0];
	rig->store->write_errors = 1;
}

static void do_detach(struct rig *rig, const struct action *a)
{
	rig_detach(rig);
}

static void do_attach(struct rig *rig, const struct action *a)
{
	rig->store->write_errors = 0;
	rig_attach(rig);
}

/* The first write of the bitmap is good, the next one fails. */
static void do_attach_in_vain(struct rig *rig, const struct action *a)
{
	rig->store->write_spared = 1;
	rig->store->write_errors = 1;
	rig_attach(rig);
	if (rig->a->intent)
		sim_fail("a bitmap that cannot be written is attached");
	sleep_ms(100);
	if (rig->a->mode != ARRAY_RW)
		sim_fail("a bitmap that could not be attached makes the array read-only");
}

static void do_check(struct rig *rig, const struct action *a)
{
	rig_check(rig);
}

static void stop(struct rig *rig)
{
	load_wait(rig);
	rig->store->write_errors = 0;
	rig_stop(rig);
}

/* Without those that are absent, if it can be. */
static void start(struct rig *rig, unsigned int absent, bool unlogged)
{
	unsigned int i;

	for (i = 0; i < rig->config.members; i++)
		rig->member[i]->dead = false;
	rig->absent = absent;
	rig->unlogged = unlogged;
	if (!rig_start(rig)) {
		rig->absent = 0;
		if (!rig_start(rig))
			sim_fail("all members are there, and the array is not started");
	}
	rig_set_options(rig);
	rig->absent = 0;
	rig->unlogged = false;
}

static void do_restart(struct rig *rig, const struct action *a)
{
	stop(rig);
	start(rig, 0, false);
}

/* Without the bitmap. */
static void do_restart_unlogged(struct rig *rig, const struct action *a)
{
	stop(rig);
	start(rig, 0, true);
}

/* Stop; start with one member alone. */
static void do_alone(struct rig *rig, const struct action *a)
{
	stop(rig);
	start(rig, ~(1U << member(rig, a)), false);
}

static void do_alone_unlogged(struct rig *rig, const struct action *a)
{
	stop(rig);
	start(rig, ~(1U << member(rig, a)), true);
}

/* Stop; start without some. */
static void do_subset(struct rig *rig, const struct action *a)
{
	stop(rig);
	start(rig, a->args[0], a->args[1]);
}

/* The N-th of those that are in sync, and counted around; MEMBERS_MAX: there is none. */
static unsigned int nth_in_sync(struct rig *rig, u32 nth)
{
	unsigned int i, n = 0, found[MEMBERS_MAX];

	for (i = 0; i < rig->config.members; i++)
		if (rig_in_sync(rig, i))
			found[n++] = i;
	return n ? found[nth % n] : MEMBERS_MAX;
}

/* Stop; start with one member alone that has everything. */
static void do_part(struct rig *rig, const struct action *a)
{
	unsigned int nr;

	load_wait(rig);
	if (rig->config.behind)
		rig_wait_syncs(rig);
	nr = nth_in_sync(rig, a->args[0]);
	if (nr == MEMBERS_MAX)
		return;
	stop(rig);
	start(rig, ~(1U << nr), a->args[1]);
}

static void do_add_all(struct rig *rig, const struct action *a)
{
	unsigned int i;

	for (i = 0; i < rig->config.members; i++) {
		if (rig_is_attached(rig, i))
			continue;
		platter_mend(rig->member[i]);
		rig_add(rig, i);
	}
}

static void do_reactivate(struct rig *rig, const struct action *a)
{
	load_wait(rig);
	rig->store->write_errors = 0;
	rig_reactivate(rig);
	rig_set_options(rig);
}

static void do_read_only(struct rig *rig, const struct action *a)
{
	rig_make_readonly(rig);
	sleep_ms(a->args[0]);
	rig_make_writable(rig);
}

static void do_read_auto(struct rig *rig, const struct action *a)
{
	if (!a->args[0])
		load_wait(rig);
	rig_make_read_auto(rig);
}

static void do_repair(struct rig *rig, const struct action *a)
{
	rig_repair(rig);
}

static void do_sync_max(struct rig *rig, const struct action *a)
{
	rig_limit_syncs(rig, a->args[0]);
}

static void do_freeze(struct rig *rig, const struct action *a)
{
	rig_freeze(rig);
}

/* It holds there what it did at first, and nobody knows. */
static void do_forget(struct rig *rig, const struct action *a)
{
	u32 sector = bound(rig, a->args[1]);

	platter_put(rig->member[member(rig, a)], DATA_FROM + sector, sector);
}

static void do_snapshot(struct rig *rig, const struct action *a)
{
	rig_snapshot(rig);
}

/* Stop; start with members of the past, and the bitmap of today. */
static void do_rollback(struct rig *rig, const struct action *a)
{
	stop(rig);
	rig_roll_back(rig);
	start(rig, 0, false);
}

static void do_budget(struct rig *rig, const struct action *a)
{
	rig->config.budget = a->args[0];
	rig_set_options(rig);
}

static void do_mark(struct rig *rig, const struct action *a)
{
	rig_mark(rig, a->args[0], a->args[1]);
}

/* While another task asks for "clean", superblocks are owed for a reason of their own. */
static int owe_meanwhile(void *data)
{
	struct rig *rig = rig_here();

	while (!rig->a->in_sync && !rig->asked)
		cond_resched();
	array_super_owed(rig->a);
	rig->loads--;
	wake_up(&rig->load_wait);
	return 0;
}

static bool is_writing(const struct array *a)
{
	return a->writes->started != a->writes->ended && !a->in_sync &&
	       !test_bit(ARRAY_SUPER_DIRTY, &a->flags) &&
	       !test_bit(ARRAY_SUPER_PENDING, &a->flags);
}

static void do_ask_for_clean(struct rig *rig, const struct action *a)
{
	unsigned int tries = 100000;

	array_lock(rig->a);
	while (!is_writing(rig->a) && --tries)
		cond_resched();
	rig->asked = false;
	rig->loads++;
	machine_spawn(owe_meanwhile, NULL);
	array_make_clean(rig->a);
	rig->asked = true;
	array_unlock(rig->a);
}

static void do_powercut(struct rig *rig, const struct action *a)
{
}

static void do_without(struct rig *rig, const struct action *a)
{
	rig->config.without = a->args[0];
}

static void do_cuts(struct rig *rig, const struct action *a)
{
	crash_arm(rig);
}

const struct verb verbs[VERBS] = {
	[WRITE] = { "write", 2, do_write },	/* SECTOR SECTORS [fua] [preflush] */
	[READ_VERB] = { "read", 2, do_read },
	[FLUSH] = { "flush", 0, do_flush },
	[LOAD] = { "load", 2, do_load },	/* TASKS THINGS: anything, in the background */
	[WAIT] = { "wait", 0, do_wait },	/* for that */
	[SYNC] = { "sync", 0, do_sync },	/* wait for syncs */
	[SETTLE] = { "settle", 0, do_settle },	/* wait for superblocks */
	[SLEEP] = { "sleep", 1, do_sleep },	/* MS */
	[FAIL] = { "fail", 1, do_fail },	/* MEMBER */
	[BREAK] = { "break", 2, do_break },	/* MEMBER [WRITES that are good before] */
	[BREAK_FLUSH] = { "break-flush", 1, do_break_flush },	/* MEMBER: the next one fails */
	[KILL] = { "kill", 1, do_kill },	/* MEMBER: nothing works, until it is added or a start */
	[SPOIL] = { "spoil", 2, do_spoil },	/* MEMBER SECTOR: not read, until it is written */
	[REFUSE] = { "refuse", 2, do_refuse },	/* MEMBER 0|1: does not write zeroes */
	[REMOVE] = { "remove", 1, do_remove },
	[LOSE] = { "lose", 1, do_lose },
	[ADD] = { "add", 1, do_add },
	[RE_ADD] = { "re-add", 1, do_re_add },
	[STOREFAIL] = { "storefail", 1, do_storefail },	/* [WRITES that are good before] */
	[DETACH] = { "detach", 0, do_detach },
	[ATTACH] = { "attach", 0, do_attach },
	[ATTACH_IN_VAIN] = { "attach-in-vain", 0, do_attach_in_vain },
	[CHECK] = { "check", 0, do_check },
	[REPAIR] = { "repair", 0, do_repair },
	[RESTART] = { "restart", 0, do_restart },
	[RESTART_UNLOGGED] = { "restart-unlogged", 0, do_restart_unlogged },	/* without the bitmap */
	[ALONE] = { "alone", 1, do_alone },	/* MEMBER: restart with it alone */
	[ALONE_UNLOGGED] = { "alone-unlogged", 1, do_alone_unlogged },
	[SUBSET] = { "subset", 2, do_subset },	/* MASK 0|1: restart without these; 1: unlogged */
	[PART] = { "part", 2, do_part },	/* N 0|1: with the N-th in sync alone; 1: unlogged */
	[ADD_ALL] = { "add-all", 0, do_add_all },	/* that are not there */
	[REACTIVATE] = { "reactivate", 0, do_reactivate },	/* inactive, and active again */
	[READ_ONLY] = { "read-only", 1, do_read_only },	/* for MS, and read-write again */
	[READ_AUTO] = { "read-auto", 1, do_read_auto },	/* [1: at once] until a write or "sync" */
	[SYNC_MAX] = { "sync-max", 1, do_sync_max },	/* SECTOR where syncs wait; 0: no more */
	[FREEZE] = { "freeze", 0, do_freeze },	/* no syncs, until "sync" or the next start */
	[FORGET] = { "forget", 2, do_forget },	/* MEMBER SECTOR */
	[SNAPSHOT] = { "snapshot", 0, do_snapshot },	/* of members, as a power cut leaves them */
	[ROLLBACK] = { "rollback", 0, do_rollback },	/* to it; the bitmap stays what it is */
	[BUDGET] = { "budget", 1, do_budget },	/* CHUNKS */
	[MARK] = { "mark", 2, do_mark },	/* CHUNK CHUNKS: members differ there */
	[ASK_FOR_CLEAN] = { "ask-for-clean", 0, do_ask_for_clean },	/* while a write is under way */
	[POWERCUT] = { "powercut", 0, do_powercut },	/* and go on with what is left */
	[POWERCUT_UNLOGGED] = { "powercut-unlogged", 0, do_powercut },	/* without the bitmap */
	[WITHOUT] = { "without", 1, do_without },	/* MASK of members, at each start from now on */
	[CUTS] = { "cuts", 0, do_cuts },	/* from here on: recoveries on the side */
};

/* --- configuration ----------------------------------------------------------------- */

static const struct {
	const char *name;
	size_t at;
	unsigned int usual, least, most;
} keys[] = {
#define KEY(field, ...) { #field, offsetof(struct config, field), __VA_ARGS__ }
	KEY(members, 2, 2, MEMBERS_MAX),
	KEY(spares, 0, 0, 1),
	KEY(chunks, 64, 1, 100000),
	KEY(chunk_sectors, 2, 1, 128),
	KEY(budget, 0, 0, 100000),
	KEY(delay_ms, 1000, 1, 100000),
	KEY(quantum, 40, 1, 100000),
	KEY(patience, 0, 0, 100000),
	KEY(nomem, 0, 0, 900),
	KEY(behind, 0, 0, 1000),
	KEY(mostly, 0, 0, MEMBERS_MAX - 1),
	KEY(fua, 1, 0, 1),
	KEY(direct, 1, 0, 1),
	KEY(blockdev, 0, 0, 1),
	KEY(stream, 0, 0, 1000),
	KEY(lazy, 0, 0, 3),
	KEY(zeroes, 0, 0, 1000),
	KEY(nowait, 0, 0, 1000),
	KEY(order, 0, 0, 5),
	KEY(lossy, 0, 0, 1),
	KEY(microseconds, 1, 0, 1),
	KEY(believed, 0, 0, 1),
	KEY(persistent, 1, 0, 1),
	KEY(unlogged, 0, 0, 1000),
	KEY(halfway, 0, 0, 1000),
	KEY(nested, 0, 0, 1000),
	KEY(used, 0, 0, 1000),
	KEY(cut, 1, 1, 100000),
	KEY(tries, 4, 1, 100000),
#undef KEY
};

static unsigned int *key_value(struct config *config, unsigned int i)
{
	return (unsigned int *)((char *)config + keys[i].at);
}

static void set_usual(struct config *config)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(keys); i++)
		*key_value(config, i) = keys[i].usual;
}

/* --- reading ---------------------------------------------------------------------------- */

static bool read_key(struct script *s, const char *word, const char *value)
{
	unsigned long n = strtoul(value, NULL, 0);
	unsigned int i;

	if (!strcmp(word, "seed")) {
		s->seed = strtoull(value, NULL, 0);
		return true;
	}
	if (!strcmp(word, "runs")) {
		s->runs = n;
		return n > 0;
	}
	for (i = 0; i < ARRAY_SIZE(keys); i++) {
		if (strcmp(word, keys[i].name))
			continue;
		if (n < keys[i].least || n > keys[i].most)
			return false;
		*key_value(&s->config, i) = n;
		return true;
	}
	return false;
}

static bool read_action(struct script *s, const char *word, char *rest)
{
	struct action *a = &s->actions[s->n];
	unsigned int i;

	for (i = 0; i < VERBS && strcmp(word, verbs[i].name); i++)
		;
	if (i == VERBS || s->n == ACTIONS_MAX)
		return false;
	a->verb = &verbs[i];
	for (i = 0; i < a->verb->args; i++)
		a->args[i] = strtoul(rest, &rest, 0);
	if (strstr(rest, "preflush"))
		a->flags |= REQ_PREFLUSH;
	if (strstr(rest, "fua"))
		a->flags |= REQ_FUA;
	s->n++;
	return true;
}

static bool read_line(struct script *s, char *line)
{
	char *word = strtok(line, " \t\n"), *rest;

	if (!word || *word == '#')
		return true;
	rest = strtok(NULL, "\n");
	return (rest && read_key(s, word, rest)) || read_action(s, word, rest ? rest : word + strlen(word));
}

struct script *script_new(void)
{
	struct script *s = calloc(1, sizeof(*s));

	s->seed = 1;
	s->runs = 1;
	set_usual(&s->config);
	return s;
}

struct script *script_read(const char *path)
{
	struct script *s = script_new();
	FILE *f = fopen(path, "r");
	unsigned int n = 0;
	char line[256];
	bool ok = f;

	while (ok && fgets(line, sizeof(line), f)) {
		n++;
		ok = read_line(s, line);
	}
	if (f)
		fclose(f);
	if (ok)
		return s;
	printf("# %s: line %u cannot be understood\n", path, n);
	script_free(s);
	return NULL;
}

void script_free(struct script *s)
{
	free(s);
}

void script_print(const struct script *s)
{
	unsigned int i, j;

	printf("# seed %llu\n", s->seed);
	for (i = 0; i < ARRAY_SIZE(keys); i++)
		printf("# %s %u\n", keys[i].name,
		       *key_value((struct config *)&s->config, i));
	for (i = 0; i < s->n; i++) {
		printf("# %s", s->actions[i].verb->name);
		for (j = 0; j < s->actions[i].verb->args; j++)
			printf(" %u", s->actions[i].args[j]);
		printf("%s%s\n", s->actions[i].flags & REQ_FUA ? " fua" : "",
		       s->actions[i].flags & REQ_PREFLUSH ? " preflush" : "");
	}
}

/* --- running -------------------------------------------------------------------------------- */

struct progress {
	const struct script *script;
	struct rig *rig;
	unsigned int next;
	bool cuts;			/* were asked for */
	bool unlogged;			/* the next start */
	bool over;
};

/* A disk that is to fail may do so while the array stops, which is degraded then. */
static bool fault_is_due(const struct rig *rig)
{
	unsigned int i;

	for (i = 0; i < rig->config.members; i++)
		if (platter_fault_is_due(rig->member[i]))
			return true;
	return platter_fault_is_due(rig->store);
}

static void end_well(struct rig *rig)
{
	bool judge;

	load_wait(rig);
	rig_wait_syncs(rig);
	judge = !rig_broken(rig);
	if (judge)
		crash_judge_equal(rig);
	judge &= rig_healthy(rig) && rig->a->intent && !intent_failed(rig->a->intent) &&
		 !fault_is_due(rig);
	rig_stop(rig);
	if (judge)
		crash_judge_stopped(rig);
}

/* Up to the next power cut, or to the end. */
static int run_actions(void *data)
{
	struct progress *p = data;
	const struct script *s = p->script;

	if (p->cuts)
		crash_arm(p->rig);
	start(p->rig, 0, p->unlogged);
	while (p->next < s->n) {
		const struct action *a = &s->actions[p->next++];

		if (rig_broken(p->rig))
			do_restart(p->rig, a);
		p->unlogged = a->verb == &verbs[POWERCUT_UNLOGGED];
		if (p->unlogged || a->verb == &verbs[POWERCUT])
			return 0;
		sim_log("--- %s %u\n", a->verb->name, a->args[0]);
		a->verb->run(p->rig, a);
		p->cuts |= a->verb == &verbs[CUTS];
	}
	p->over = true;
	end_well(p->rig);
	return 0;
}

static void go_on_without_power(struct progress *p)
{
	struct rig *was = p->rig;

	machine = was->m;
	p->rig = rig_cut(was, sim_random());
	machine = NULL;
	rig_free(was);
}

static void run_once(const struct script *s)
{
	struct progress p = { .script = s };

	content_release(0);
	p.rig = rig_new(&s->config, s->seed);
	for (;;) {
		machine_run(p.rig->m, run_actions, &p);
		if (p.over)
			break;
		go_on_without_power(&p);
	}
	rig_free(p.rig);
}

void script_run(struct script *s)
{
	for (; s->runs; s->runs--, s->seed++)
		run_once(s);
}
