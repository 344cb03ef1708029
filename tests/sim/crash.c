// SPDX-License-Identifier: GPL-2.0-only
/*
 * Power cuts: the machine that runs is left alone; what its disks would hold is
 * given to another one, which assembles the array and must find it as promised.
 */
#include "rig.h"
#include "module/core/bitmap_super.h"
#include "module/core/bits.h"
#include "module/intent_impl.h"
#include "module/leg.h"

u64 crashes;

enum {
	PAIRS = 3,			/* of three members */
	DEPTH_MAX = 2,			/* a cut in the recovery of another */
};

struct judgement {
	struct rig *rig;
	u8 *differ;			/* by chunk: a bit for each pair that does */
	u8 *dirty;			/* by chunk: bit set when the array had started */
	u8 *file;			/* bytes of the bitmap file before that */
	bool full_sync;			/* of some member, whatever the bits say; or bad sectors mended */
};

/* --- before the array starts ------------------------------------------------- */

static const u64 *data(const struct rig *rig, unsigned int nr)
{
	return rig->member[nr]->cache + DATA_FROM;
}

static unsigned int pair(unsigned int i, unsigned int j)
{
	return i + j - 1;
}

static void note_pair(struct judgement *j, unsigned int x, unsigned int y)
{
	const u64 *a = data(j->rig, x), *b = data(j->rig, y);
	u32 i;

	if (!memcmp(a, b, j->rig->sectors * sizeof(*a)))
		return;
	for (i = 0; i < j->rig->sectors; i++)
		if (a[i] != b[i])
			j->differ[i / j->rig->config.chunk_sectors] |= 1 << pair(x, y);
}

static void each_pair(struct judgement *j,
		      void (*fn)(struct judgement *j, unsigned int x, unsigned int y))
{
	unsigned int x, y;

	for (y = 1; y < j->rig->config.members; y++)
		for (x = 0; x < y; x++)
			fn(j, x, y);
}

static void note_copied(struct platter *p, u32 sector, u32 n, void *owner)
{
	struct rig *rig = owner;

	for (; n; n--, sector++)
		if (sector >= DATA_FROM)
			rig->copied[(sector - DATA_FROM) / rig->config.chunk_sectors] = 1;
}

static bool read_super(const struct rig *rig, unsigned int i, struct member_super *ms)
{
	u8 raw[MEMBER_SUPER_BYTES] = { 0 };

	memcpy(raw, content(rig->member[i]->media[0]), 512);
	return !member_super_decode(ms, MEMBER_1_1, raw, rig->member[i]->sectors, NULL);
}

static void log_member(const struct rig *rig, unsigned int i)
{
	struct member_super ms;

	if (!read_super(rig, i, &ms))
		return;
	sim_log("member %u: events %llu role %d resync %lld features %u recovery %llu roles %d %d %d\n",
		i, ms.events, (s16)ms.role, (s64)ms.resync_sector, ms.features,
		ms.recovery_sector, (s16)ms.roles[0], (s16)ms.roles[1], (s16)ms.roles[2]);
}

static void log_cut(const struct rig *rig)
{
	struct bitmap_super sb;
	unsigned int i;

	sim_log("power cut %llu\n", crashes);
	for (i = 0; i < rig->config.members; i++)
		log_member(rig, i);
	bitmap_super_decode(&sb, (const void *)content(rig->store->media[0]));
	sim_log("bitmap: events %llu cleared %llu state %u\n", sb.events,
		sb.events_cleared, sb.state);
}

static u8 *read_file(const struct rig *rig)
{
	u8 *bytes = malloc(rig->store->sectors * 512);
	u32 i;

	for (i = 0; i < rig->store->sectors; i++)
		memcpy(bytes + i * 512, content(rig->store->media[i]), 512);
	return bytes;
}

static void judgement_begin(struct judgement *j)
{
	struct rig *rig = j->rig;
	unsigned int i;

	j->differ = calloc(2, rig->config.chunks);
	j->dirty = j->differ + rig->config.chunks;
	rig->copied = calloc(1, rig->config.chunks);
	rig->judgement = j;
	for (i = 0; i < rig->config.members; i++)
		rig->member[i]->on_write = note_copied;
}

static void judgement_restart(struct judgement *j)
{
	memset(j->differ, 0, 2 * j->rig->config.chunks);
	memset(j->rig->copied, 0, j->rig->config.chunks);
	free(j->file);
	j->file = j->rig->config.believed ? read_file(j->rig) : NULL;
	j->full_sync = rig_any_is_bad(j->rig, 0, j->rig->sectors);
	each_pair(j, note_pair);
}

/* --- when it has started ------------------------------------------------------- */

/* I1 */
static void judge_pair(struct judgement *j, unsigned int x, unsigned int y)
{
	u32 i;

	if (!rig_in_sync(j->rig, x) || !rig_in_sync(j->rig, y))
		return;
	for (i = 0; i < j->rig->config.chunks; i++)
		if (j->differ[i] & 1 << pair(x, y) && !j->dirty[i])
			sim_fail("I1: members %u and %u differ in chunk %u, whose bit is clear",
				 x, y, i);
}

static void note_bits(struct judgement *j)
{
	struct leg *leg;
	u32 i;

	for (i = 0; i < j->rig->config.chunks; i++)
		j->dirty[i] = chunk_test_bit(j->rig->a->intent, i);
	list_for_each_entry(leg, &j->rig->a->legs, list)
		j->full_sync |= !test_bit(LEG_IN_SYNC, &leg->flags);
}

/* P5, the other way round: a file that is not stale is believed. */
static void judge_file(const struct judgement *j)
{
	const u8 *bits = j->file + BITMAP_SUPER_BYTES;
	u32 i;

	for (i = 0; i < j->rig->config.chunks; i++)
		if (j->dirty[i] != bits_test(bits, i))
			sim_fail("P5: the bit of chunk %u is %d at the start, and %d in the file",
				 i, j->dirty[i], !j->dirty[i]);
}

/* Without its bitmap the superblocks alone say what is synced. */
static void judge_start(struct rig *rig)
{
	struct judgement *j = rig->judgement;

	if (rig->unlogged) {
		j->full_sync = true;
		return;
	}
	note_bits(j);
	if (rig->config.believed)
		judge_file(j);
	each_pair(j, judge_pair);
}

/* --- when it has been synced ------------------------------------------------------ */

/* I4 */
void crash_judge_equal(struct rig *rig)
{
	unsigned int i, first = MEMBERS_MAX;
	u32 s;

	for (i = 0; i < rig->config.members; i++) {
		if (!rig_in_sync(rig, i))
			continue;
		if (first == MEMBERS_MAX)
			first = i;
		for (s = 0; memcmp(data(rig, first), data(rig, i),
				   rig->sectors * sizeof(u64)) && s < rig->sectors; s++)
			if (data(rig, first)[s] != data(rig, i)[s])
				sim_fail("I4: members %u and %u differ in sector %u after the sync",
					 first, i, s);
	}
	if (first == MEMBERS_MAX)
		sim_fail("no member is in sync");
	for (s = 0; s < rig->sectors; s++)
		load_judge(rig, s, data(rig, first)[s], "I2");
}

/* P7 */
static void judge_copied(struct judgement *j)
{
	u32 i;

	for (i = 0; !j->full_sync && i < j->rig->config.chunks; i++)
		if (j->rig->copied[i] && !j->dirty[i])
			sim_fail("chunk %u was copied, and its bit was clear", i);
}

static void bring_back(struct rig *rig)
{
	bool any = false, bad = rig_any_is_bad(rig, 0, rig->sectors);
	unsigned int i;

	for (i = 0; i < rig->config.members; i++) {
		if (rig_is_attached(rig, i))
			continue;
		rig_add(rig, i);
		any = true;
	}
	if (!any)
		return;
	load_wait(rig);
	rig_wait_syncs(rig);
	/* Who cannot be read in full cannot be copied in full. */
	if (!rig_healthy(rig) && !bad)
		sim_fail("all members are there, and the array is degraded");
	crash_judge_equal(rig);
}

/* --- when it has been stopped ------------------------------------------------------- */

static u64 file_bits(const struct rig *rig, struct bitmap_super *sb)
{
	u8 *bytes = read_file(rig);
	u64 n;

	bitmap_super_decode(sb, (const void *)bytes);
	n = bits_count(bytes + BITMAP_SUPER_BYTES, rig->config.chunks);
	free(bytes);
	return n;
}

/* I12 */
static void stop_and_judge(struct rig *rig)
{
	bool healthy = rig_healthy(rig) && rig->a->intent &&
		       !intent_failed(rig->a->intent);

	rig_stop(rig);
	if (healthy)
		crash_judge_stopped(rig);
	if (machine_leaks(rig->m) && !rig->loads)
		rig->leaks = true;
}

void crash_judge_stopped(struct rig *rig)
{
	struct bitmap_super sb;
	u64 n = file_bits(rig, &sb);

	if (n)
		sim_fail("I12: %llu bits are set after a clean stop", n);
	if (sb.state & BITMAP_STALE)
		sim_fail("I12: the bitmap is stale after a clean stop");
}

/* --- one power cut --------------------------------------------------------------------- */

static void read_some(struct rig *rig)
{
	unsigned int i;
	u32 sector = random_below(rig->sectors);

	for (i = 0; i < 6; i++) {
		u32 n = chance(500) ? 1 : 1 + random_below(8);

		load_read(rig, sector, min(n, rig->sectors - sector));
		if (chance(300))
			sector = random_below(rig->sectors);
	}
}

static bool start(struct judgement *j)
{
	struct rig *rig = j->rig;
	bool started;

	if (verbose)
		log_cut(rig);
	judgement_restart(j);
	rig->unlogged = happens(rig->config.unlogged);
	rig->m->in_haste = true;
	started = rig_start(rig);
	rig->m->in_haste = false;
	return started;
}

/* In the middle of what is synced, if it is not done by then. */
static void stop_halfway(struct judgement *j)
{
	struct rig *rig = j->rig;

	rig_limit_syncs(rig, 1 + random_below(rig->sectors));
	sleep_ms(random_below(300));
	rig_stop(rig);
	judge_copied(j);
}

static bool start_and_again(struct judgement *j)
{
	if (!start(j))
		return false;
	if (!happens(j->rig->config.halfway))
		return true;
	stop_halfway(j);
	return start(j);
}

static void on_last_disk_event(struct machine *m)
{
	struct rig *rig = m->owner;

	if (--rig->cut_in)
		return;
	m->on_disk_event = NULL;
	crash_here(rig, 2);
}

/* Somewhere in what is synced now, if it is long enough. */
static void cut_again(struct rig *rig)
{
	rig->cut_in = 1 + random_below(60);
	rig->m->on_disk_event = on_last_disk_event;
}

static void sync_and_judge(struct judgement *j)
{
	struct rig *rig = j->rig;

	if (rig->depth < DEPTH_MAX && happens(rig->config.nested))
		cut_again(rig);
	if (chance(200))
		read_some(rig);
	rig_wait_syncs(rig);
	judge_copied(j);
	crash_judge_equal(rig);
	rig->m->on_disk_event = NULL;
}

static void use_again(struct rig *rig)
{
	if (happens(rig->config.used))
		load_start(rig, 1 + random_below(2), 1 + random_below(8));
	if (chance(500))
		bring_back(rig);
	load_wait(rig);
	rig_wait_syncs(rig);
	if (chance(300))
		stop_and_judge(rig);
}

static int recover(void *arg)
{
	struct judgement *j = arg;

	judgement_begin(j);
	j->rig->on_start = judge_start;
	if (start_and_again(j)) {
		sync_and_judge(j);
		use_again(j->rig);
	}
	free(j->differ);
	free(j->file);
	return 0;
}

/*
 * If every slot has a member that knows itself in sync by the newest count, any
 * one of these may be lost with the power. Sometimes it is. With write-behind
 * the one that is not behind may have the only copy.
 */
static void lose_one(struct rig *rig)
{
	unsigned int i, n = 0, settled[MEMBERS_MAX];
	struct member_super ms;
	u64 newest = 0;

	if (rig->config.lossy) {
		if (chance(600))
			rig->absent = 1 + random_below((1 << rig->config.members) - 2);
		return;
	}
	for (i = 0; i < rig->config.members; i++)
		if (read_super(rig, i, &ms))
			newest = max(newest, ms.events);
	for (i = 0; i < rig->config.members; i++)
		if (read_super(rig, i, &ms) && ms.events == newest &&
		    ms.role < rig_slots(rig) &&
		    !(ms.features & MEMBER_FEATURE_RECOVERY_OFFSET))
			settled[n++] = i;
	if (n == rig_slots(rig) && !rig->config.behind && chance(150))
		rig->absent = 1 << settled[random_below(n)];
}

static void crash(struct rig *from)
{
	u64 mark = content_mark();
	struct rig *rig = rig_cut(from, sim_random());
	struct judgement j = { .rig = rig };

	crashes++;
	rig->depth = from->depth + 1;
	machine = rig->m;
	lose_one(rig);
	machine = from->m;
	machine_run(rig->m, recover, &j);
	if (rig->leaks && machine_leaks(rig->m))
		sim_fail("memory is left when the array is gone");
	rig_free(rig);
	content_release(mark);
}

void crash_here(struct rig *rig, unsigned int times)
{
	while (times--)
		crash(rig);
}

static void on_disk_event(struct machine *m)
{
	struct rig *rig = m->owner;

	if (--rig->cut_in)
		return;
	rig->cut_in = 1 + random_below(2 * rig->config.cut - 1);
	crash_here(rig, rig->config.tries);
}

void crash_arm(struct rig *rig)
{
	rig->cut_in = 1 + random_below(2 * rig->config.cut - 1);
	rig->m->on_disk_event = on_disk_event;
}
