// SPDX-License-Identifier: GPL-2.0-only
/*
 * --check: may the bitmap be trusted, why, and what will the next assembly
 * therefore do.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include "image.h"
#include "options.h"
#include "report.h"
#include "sysfs.h"
#include "trust.h"

enum { CASES_MAX = 2 };

#define OUR_NODE "/dev/mdb0"		/* any of mdbitmap.ko's */

/* One way for the next assembly to come about. */
struct prospect {
	const char *when;	/* "" if there is but one */
	const char *key;
	bool clean;
	struct forecast forecast;
	bool either;		/* which driver is not known: */
	struct forecast ours;	/* mdbitmap.ko's, the other one is stock md's */
};

struct check {
	struct image *image;
	struct trust_target target;
	struct mdarray *array;		/* --for, if it is one */
	struct member *member;		/* --for, if it is one */
	struct findings findings;
	struct findings plan;		/* and what the next assembly asks, too */
	bool readable;			/* dirty and prospects are known */
	uint64_t dirty_chunks, dirty_bytes;
	struct prospect prospects[CASES_MAX];
	size_t prospect_count;
};

static const struct {
	const char *word, *key;
	enum paint paint;
} weights[] = {
	[FINDING_GOOD] = { "ok", "good", PAINT_GOOD },
	[FINDING_NOTICE] = { "note", "notice", PAINT_BOLD },
	[FINDING_ATTENTION] = { "attention", "attention", PAINT_WARN },
	[FINDING_BAD] = { "bad", "bad", PAINT_BAD },
};

/* ---- finding out ---- */

static bool is_member_path(const char *word)
{
	struct stat st;
	char name[64];

	if (stat(word, &st))
		return false;
	return !S_ISBLK(st.st_mode) || sysfs_name(st.st_rdev, name) ||
	       !sysfs_md_exists(name);
}

static int find_target(const struct request *rq, struct check *c)
{
	int err;

	if (!rq->for_dev) {
		if (c->image->member)
			trust_target_from_member(&c->target, c->image->path,
						 &c->image->member->super);
		return 0;
	}
	if (is_member_path(rq->for_dev)) {
		err = member_open(rq->for_dev, &c->member);
		if (!err)
			trust_target_from_member(&c->target, rq->for_dev,
						 &c->member->super);
		return err;
	}
	err = mdarray_open(rq->for_dev, O_RDONLY, &c->array);
	if (!err)
		trust_target_from_array(&c->target, c->array);
	return err;
}

static int count_dirty(struct check *c)
{
	uint64_t start = 0, end;
	int ret;

	while ((ret = image_next_range(c->image, &start, &end)) > 0) {
		c->dirty_chunks += end - start;
		c->dirty_bytes += image_chunk_range_bytes(c->image, start, end);
		start = end;
	}
	return ret;
}

/*
 * The superblocks tell how a stopped array was stopped; else it is open. Without
 * metadata it makes no difference.
 */
static void list_prospects(struct check *c)
{
	const struct trust_target *t = &c->target;
	bool bare = trust_is_bare(c->image, t);

	if (bare || (t->has_array && (!t->running || !t->clean))) {
		c->prospects[0] = (struct prospect){ .when = "", .key = "now",
						   .clean = !bare && t->clean };
		c->prospect_count = 1;
		return;
	}
	c->prospects[0] = (struct prospect){ .when = "after a clean stop: ",
					   .key = "after_clean_stop", .clean = true };
	c->prospects[1] = (struct prospect){ .when = "after a crash: ",
					   .key = "after_crash" };
	c->prospect_count = 2;
}

/* What is owed to the member that was asked about counts, too. */
static int forecast_next(const struct check *c, const struct trust_target *t,
			 struct forecast *out)
{
	const struct member *member = c->member ? c->member : c->image->member;
	int err = forecast_assembly(c->image, t, out);

	return err || !member ? err :
	       forecast_recovery(c->image, t, &member->super, out);
}

static int forecast_prospects(struct check *c)
{
	struct trust_target t = c->target;
	size_t i;
	int err = 0;

	list_prospects(c);
	for (i = 0; !err && i < c->prospect_count; i++) {
		struct prospect *o = &c->prospects[i];

		t.clean = o->clean;
		t.driver = c->target.driver;
		o->either = !t.driver && (!t.has_array || t.mirror);
		err = forecast_next(c, &t, &o->forecast);
		if (err || !o->either)
			continue;
		t.driver = driver_of_word(OUR_NODE);
		err = forecast_next(c, &t, &o->ours);
	}
	return err;
}

static int look(struct check *c)
{
	int err = trust_judge(c->image, &c->target, &c->findings);

	c->target.use = TRUST_PLAN;
	if (!err)
		err = trust_judge(c->image, &c->target, &c->plan);
	if (err || c->image->check_error)
		return err;
	c->readable = true;
	err = count_dirty(c);
	return err ? err : forecast_prospects(c);
}

/* ---- saying ---- */

/* A member is away, and the bits keep what it misses. */
static bool owes_member(const struct check *c)
{
	return c->target.has_array && c->target.degraded && c->dirty_bytes;
}

/*
 * Is there something to copy for certain? Of an array that runs in sync only
 * a crash would copy; where nothing is known of the array, dirty is dirty.
 */
static bool owes_copy(const struct check *c)
{
	size_t i;

	if (owes_member(c))
		return true;
	if (c->target.running && c->target.clean)
		return false;
	for (i = 0; i < c->prospect_count; i++)
		if (c->prospects[i].forecast.bytes)
			return true;
	return false;
}

/* A bitmap that is well, but that no assembly takes, needs attention. */
static enum finding_weight worst_weight(const struct check *c)
{
	enum finding_weight worst = findings_worst(&c->findings);

	return worst < FINDING_ATTENTION && findings_refusal(&c->plan, false) ?
	       FINDING_ATTENTION : worst;
}

static enum exit_code verdict(const struct check *c)
{
	switch (worst_weight(c)) {
	case FINDING_BAD:
		return EXIT_CORRUPT;
	case FINDING_ATTENTION:
		return EXIT_ATTENTION;
	default:
		return owes_copy(c) ? EXIT_ATTENTION : EXIT_DONE;
	}
}

/* " (uuid, size)": the topics of that weight. */
static void print_topics(const struct findings *f, enum finding_weight weight)
{
	const char *before = " (";
	size_t i;

	for (i = 0; i < f->count; i++)
		if (f->list[i].weight == weight) {
			printf("%s%s", before, f->list[i].topic);
			before = ", ";
		}
	printf(")\n");
}

static void print_verdict(const struct check *c)
{
	enum finding_weight worst = worst_weight(c);

	printf("verdict: %s", paint(weights[worst].paint));
	if (worst == FINDING_BAD)
		printf("not to be trusted%s", paint(PAINT_NONE));
	else if (worst == FINDING_ATTENTION)
		printf("usable, but needs attention%s", paint(PAINT_NONE));
	else
		printf("to be trusted%s%s\n", paint(PAINT_NONE),
		       owes_copy(c) ? ", with chunks to copy" : "");
	if (findings_worst(&c->findings) == worst && worst >= FINDING_ATTENTION)
		print_topics(&c->findings, worst);
	else if (worst >= FINDING_ATTENTION)
		print_topics(&c->plan, FINDING_BAD);
}

static void print_forecast(const char *when, const char *driver,
			   const struct forecast *f)
{
	printf("next assembly: %s%scopies %s: %s\n", when, driver,
	       f->bytes ? human(f->bytes) : "nothing", f->why);
}

static void print_next(const struct check *c)
{
	const struct finding *refusal = findings_refusal(&c->plan, true);
	const struct finding *forcible = findings_refusal(&c->plan, false);
	size_t i;

	if (refusal) {
		printf("next assembly: refused, because of its %s\n", refusal->topic);
		return;
	}
	if (forcible)
		printf("next assembly: refused without --force, because of its %s; with it:\n",
		       forcible->topic);
	for (i = 0; i < c->prospect_count; i++) {
		const struct prospect *o = &c->prospects[i];

		print_forecast(o->when, "", &o->forecast);
		if (o->either && o->ours.bytes != o->forecast.bytes)
			print_forecast(o->when, "with mdbitmap.ko ", &o->ours);
	}
	if (owes_member(c))
		printf("a member that returns: gets %s, or all if its events are below %llu\n",
		       human(c->dirty_bytes),
		       (unsigned long long)c->image->sb.events_cleared);
}

static void print_text(const struct check *c)
{
	size_t i;

	for (i = 0; i < c->findings.count; i++) {
		const struct finding *f = &c->findings.list[i];

		if (style.quiet && f->weight == FINDING_GOOD)
			continue;
		printf("%s%-9s%s  %-14s  %s\n", paint(weights[f->weight].paint),
		       weights[f->weight].word, paint(PAINT_NONE), f->topic,
		       safe(f->text));
	}
	if (c->readable)
		printf("dirty: %llu of %s, %s\n", (unsigned long long)c->dirty_chunks,
		       plural(c->image->bits, "chunk"), human(c->dirty_bytes));
	print_verdict(c);
	print_next(c);
}

static void json_findings(struct json_object *o, const struct findings *f)
{
	struct json_object *list = json_list(o, "findings"), *item;
	size_t i;

	for (i = 0; i < f->count; i++) {
		item = json_object_new_object();
		json_text(item, "topic", f->list[i].topic);
		json_text(item, "weight", weights[f->list[i].weight].key);
		json_flag(item, "forcible", f->list[i].forcible);
		json_text(item, "reason", f->list[i].text);
		json_object_array_add(list, item);
	}
}

static void json_bitmap(struct json_object *o, const struct check *c)
{
	const struct bitmap_super *sb = &c->image->sb;

	o = json_child(o, "bitmap");
	json_u64(o, "version", sb->version);
	json_text(o, "uuid", uuid_text(sb->uuid));
	json_u64(o, "events", sb->events);
	json_u64(o, "events_cleared", sb->events_cleared);
	json_u64(o, "state", sb->state);
	json_u64(o, "room_bytes", c->image->room_bytes);
	if (!c->readable)
		return;
	json_u64(o, "needed_bytes", bitmap_bytes(sb));
	json_u64(o, "chunk_bytes", sb->chunk_bytes);
	json_u64(o, "sync_size_bytes", sb->sync_sectors * SECTOR_BYTES);
	json_u64(o, "chunks", c->image->bits);
	json_u64(o, "present_chunks", c->image->bits_present);
	json_u64(o, "dirty_chunks", c->dirty_chunks);
	json_u64(o, "dirty_bytes", c->dirty_bytes);
}

static void json_target(struct json_object *o, const struct check *c)
{
	const struct trust_target *t = &c->target;

	if (!t->has_array) {
		json_text(o, "array", NULL);
		return;
	}
	o = json_child(o, "array");
	json_text(o, "name", t->name);
	json_flag(o, "persistent", t->persistent);
	json_flag(o, "running", t->running);
	json_text(o, "uuid", t->persistent ? uuid_text(t->uuid) : NULL);
	if (t->persistent && !t->events_unknown)
		json_u64(o, "events", t->events);
	else
		json_text(o, "events", NULL);
	json_u64(o, "sync_size_bytes", t->sync_sectors * SECTOR_BYTES);
	json_flag(o, "clean", t->clean);
	json_flag(o, "degraded", t->degraded);
}

static void json_forecast(struct json_object *o, const struct forecast *f)
{
	json_u64(o, "copy_bytes", f->bytes);
	json_flag(o, "full", f->full);
	json_text(o, "reason", f->why);
}

static void json_next(struct json_object *o, const struct check *c)
{
	const struct finding *refusal = findings_refusal(&c->plan, true);
	const struct finding *forcible = findings_refusal(&c->plan, false);
	struct json_object *child;
	size_t i;

	o = json_child(o, "next_assembly");
	json_flag(o, "refused", refusal);
	json_flag(o, "needs_force", !refusal && forcible);
	json_text(o, "refusal", forcible ? forcible->text : NULL);
	for (i = 0; !refusal && i < c->prospect_count; i++) {
		child = json_child(o, c->prospects[i].key);
		json_forecast(child, &c->prospects[i].forecast);
		if (c->prospects[i].either)
			json_forecast(json_child(child, "mdbitmap_ko"),
				      &c->prospects[i].ours);
	}
	if (refusal || !owes_member(c))
		return;
	child = json_child(o, "member_that_returns");
	json_u64(child, "copy_bytes", c->dirty_bytes);
	json_u64(child, "least_events", c->image->sb.events_cleared);
}

static int print_json(const struct check *c)
{
	static const char *const words[] = {
		[EXIT_DONE] = "trusted",
		[EXIT_ATTENTION] = "attention",
		[EXIT_CORRUPT] = "not trusted",
	};
	struct json_object *o = json_start("check");

	json_text(o, "file", c->image->path);
	json_text(o, "verdict", words[verdict(c)]);
	json_findings(o, &c->findings);
	json_bitmap(o, c);
	json_target(o, c);
	json_next(o, c);
	return json_finish(o);
}

int mode_check(const struct request *rq)
{
	enum image_byte_order order;
	struct check c = { 0 };
	int ret = parse_byte_order(rq->byte_order, &order);

	if (!ret)
		ret = image_open(rq->args[0], IMAGE_FAULTY_OK | IMAGE_SHORT_OK, &c.image);
	if (!ret) {
		c.image->order = order;
		ret = find_target(rq, &c);
	}
	if (!ret)
		ret = look(&c);
	if (!ret && rq->json)
		ret = print_json(&c);
	else if (!ret)
		print_text(&c);
	if (!ret)
		ret = verdict(&c);
	mdarray_close(c.array);
	member_free(c.member);
	image_close(c.image);
	return ret;
}
