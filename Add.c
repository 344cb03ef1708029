// SPDX-License-Identifier: GPL-2.0-only
/*
 * --add and --re-add: members into a running array, with a prediction of
 * what md will copy to them.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "hold.h"
#include "join.h"
#include "options.h"
#include "probe.h"
#include "report.h"
#include "spare.h"
#include "sysfs.h"

/* ---- no recovery between the first and the last one ---- */

struct pause {
	const char *array;
	bool ours;			/* to be undone by us */
	sigset_t signals;
};

/*
 * All members that join together are rebuilt in one pass. A signal has to
 * wait: nobody else would thaw the array.
 */
static void pause_recovery(struct pause *p, const char *array)
{
	char action[32];

	hold_start(&p->signals);
	p->array = array;
	p->ours = !sysfs_md_read(array, "sync_action", action, sizeof(action)) &&
		  !strcmp(action, "idle") &&
		  !sysfs_md_write(array, "sync_action", "frozen");
}

static int resume_recovery(struct pause *p)
{
	int err = p->ours ? sysfs_md_write(p->array, "sync_action", "idle") : 0;

	hold_end(&p->signals);
	if (err)
		return fail_errno(err, "%s: stays frozen, nothing is rebuilt until idle is written to its sync_action",
				  p->array);
	return 0;
}

/* ---- words ---- */

/* What is copied: "12 chunks, 768 KiB", "64 MiB, in full", "nothing". */
static const char *amount(const struct joiner *j, const struct team *team)
{
	static char text[128];
	uint64_t all = team->array->component_sectors * SECTOR_BYTES;

	if (j->waits)
		snprintf(text, sizeof(text), "nothing yet, as a spare");
	else if (!j->re_add || j->forecast.full)
		snprintf(text, sizeof(text), "%s, all of it", human(all));
	else if (!j->forecast.bytes)
		snprintf(text, sizeof(text), "nothing");
	else
		snprintf(text, sizeof(text), "%s, %s", plural(j->chunks, "chunk"),
			 human(j->forecast.bytes));
	return text;
}

static const char *why(const struct joiner *j)
{
	return *j->forecast.why ? j->forecast.why : "it is new to the array";
}

static void print_prediction(const struct request *rq, const struct joiner *j,
			     const struct team *team)
{
	if (j->re_add && j->forecast.full)
		printf("%s: must be rebuilt in full, %s: %s\n", safe(j->path),
		       human(j->forecast.bytes), why(j));
	else
		printf("%s: %s copy %s: %s\n", safe(j->path),
		       rq->dry_run ? "would" : "will", amount(j, team), why(j));
}

static void json_prediction(struct json_object *list, const struct joiner *j,
			    const struct team *team)
{
	struct json_object *o = json_object_new_object();
	bool full = !j->re_add || j->forecast.full;

	json_text(o, "member", j->path);
	json_flag(o, "re_add", j->re_add && !j->forecast.full);
	json_flag(o, "full", full);
	json_u64(o, "copy_bytes", !full ? j->forecast.bytes :
		 j->waits ? 0 : team->array->component_sectors * SECTOR_BYTES);
	if (!full)
		json_u64(o, "copy_chunks", j->chunks);
	json_text(o, "why", why(j));
	json_object_array_add(list, o);
}

static int report(const struct request *rq, const struct joiner *j, size_t count,
		  const struct team *team)
{
	struct json_object *o, *list;
	size_t i;

	if (!rq->json) {
		for (i = 0; i < count; i++)
			print_prediction(rq, &j[i], team);
		return report_flush();
	}
	o = json_start(rq->mode == MODE_add ? "add" : "re-add");
	json_flag(o, "dry_run", rq->dry_run);
	json_text(o, "array", team->array->node);
	list = json_list(o, "members");
	for (i = 0; i < count; i++)
		json_prediction(list, &j[i], team);
	return json_finish(o);
}

/* ---- may they join? ---- */

/* Whose old contents md would trust, or merely take for trusted. */
static int check_full(const struct joiner *j)
{
	if (!j->forecast.full)
		return 0;
	return fail(-ESTALE, "%s cannot be re-added: %s; use --add, it is rebuilt in full",
		    safe(j->path), j->forecast.why);
}

static int prepare_re_add(const struct request *rq, struct joiner *j, struct team *team)
{
	int err = joiner_forecast(j, team);

	j->re_add = true;
	if (err || j->forecast.full)
		return err;
	if (!team->free_slots)
		return fail(-EBUSY, "%s is complete, no slot is free for %s; --add makes it "
			    "a spare", safe(team->array->node), safe(j->path));
	team->free_slots--;
	return 0;
}

/* As mdadm does: a former member is re-added, if that saves anything. */
static bool try_re_add(struct joiner *j, struct team *team)
{
	if (!j->has_super || !team->free_slots || joiner_number_taken(j, team))
		return false;
	if (joiner_forecast(j, team)) {
		snprintf(j->forecast.why, sizeof(j->forecast.why), "%s", fail_text());
		fail_clear();
		return false;
	}
	if (j->forecast.full)
		return false;
	team->free_slots--;
	return j->re_add = true;
}

static int ask_about_contents(const struct request *rq, const struct joiner *j,
			      const struct team *team)
{
	char *type = NULL;
	int err;

	if (j->diverged && rq->dry_run)
		note("%s holds writes that no other member has: they would be lost, and --yes be needed",
		     safe(j->path));
	else if (j->diverged)
		return confirm(rq->yes, "%s holds writes that no other member of %s has, and they will be lost. Add it?",
			       safe(j->path), safe(team->array->node));
	if (j->has_super)
		return 0;
	err = probe_content(j->path, &type);
	if (err || !type)
		return err;
	if (rq->dry_run)
		note("%s holds %s: it would be overwritten, and --yes be needed",
		     safe(j->path), safe(type));
	else
		err = confirm(rq->yes, "%s holds %s, which will be overwritten. Add it to %s?",
			      safe(j->path), safe(type), safe(team->array->node));
	free(type);
	return err;
}

static int prepare_add(const struct request *rq, struct joiner *j, struct team *team)
{
	int err;

	if (j->attached)
		return fail(-EEXIST, "%s is in %s still, as faulty: --re-add it, or --remove "
			    "it first", safe(j->path), safe(team->array->node));
	if (try_re_add(j, team))
		return 0;
	j->waits = !team->free_slots;
	if (team->free_slots)
		team->free_slots--;
	err = spare_check_size(j->path, j->device_sectors, team->sample,
			       team->array->component_sectors);
	return err ? err : ask_about_contents(rq, j, team);
}

static int prepare(const struct request *rq, struct joiner *list, struct team *team)
{
	size_t i, k, count = rq->arg_count - 1;
	int err = 0;

	for (i = 0; !err && i < count; i++) {
		list[i].write_mostly = i + 1 >= rq->write_mostly_from;
		err = joiner_open(&list[i], team, rq->args[i + 1]);
		for (k = 0; !err && k < i; k++)
			if (list[k].dev == list[i].dev)
				err = fail(-EINVAL, "%s is named twice",
					   safe(list[i].path));
		if (!err)
			err = rq->mode == MODE_add ? prepare_add(rq, &list[i], team) :
						     prepare_re_add(rq, &list[i], team);
	}
	return err;
}

/* ---- in they go ---- */

/* --add: a former member that md does not take back is made a new one. */
static int join_one(const struct request *rq, struct joiner *j, struct team *team)
{
	int err;

	if (!j->re_add)
		return joiner_add(j, team);
	err = joiner_re_add(j, team);
	if (err != -ESTALE || rq->mode != MODE_add)
		return err;
	fail_clear();
	note("%s was not taken back: it is rebuilt in full", safe(j->path));
	j->re_add = false;
	return joiner_add(j, team);
}

static int join_all(const struct request *rq, struct joiner *list, struct team *team)
{
	struct pause pause;
	size_t i, done;
	int err = 0, thaw;

	for (i = 0; i < rq->arg_count - 1; i++)
		joiner_settle(&list[i], team);
	pause_recovery(&pause, team->array->name);
	for (done = 0; !err && done < rq->arg_count - 1; done += !err)
		err = join_one(rq, &list[done], team);
	thaw = resume_recovery(&pause);
	for (i = 0; i < done; i++)
		note("%s: %s is %s", safe(team->array->node), safe(list[i].path),
		     list[i].re_add ? "back" : "added");
	return err ? err : thaw;
}

static int check_all(const struct joiner *list, size_t count)
{
	size_t i;
	int err = 0;

	for (i = 0; !err && i < count; i++)
		if (list[i].re_add)
			err = check_full(&list[i]);
	return err;
}

/* The prediction first: it is also the answer when nothing can be done. */
static int join(const struct request *rq)
{
	size_t count = rq->arg_count - 1;
	struct joiner *list = calloc(count, sizeof(*list));
	struct team team;
	int err = list ? team_open(rq->args[0], &team) : fail(-ENOMEM, "out of memory");

	if (err) {
		free(list);
		return err;
	}
	team.joiners = list;
	team.joiner_count = count;
	err = prepare(rq, list, &team);
	if (!err)
		err = report(rq, list, count, &team);
	if (!err)
		err = check_all(list, count);
	if (!err && !rq->dry_run)
		err = join_all(rq, list, &team);
	team_close(&team);
	free(list);
	return err;
}

int mode_add(const struct request *rq)
{
	return join(rq);
}

int mode_re_add(const struct request *rq)
{
	return join(rq);
}
