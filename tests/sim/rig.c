// SPDX-License-Identifier: GPL-2.0-only
/*
 * Arrays made, assembled as mdadm would, and what administrators do to them.
 */
#include "rig.h"
#include "module/core/bitmap_super.h"
#include "module/intent.h"
#include "module/leg.h"
#include "module/resync_impl.h"
#include "tests/unit/make_super.h"

extern const struct file_operations rig_file_operations;

enum { SECTOR = 512, BLOCK_SECTORS = 8, POLL_MS = 50 };

/* --- disks ------------------------------------------------------------------ */

static struct rig *rig_alloc(const struct config *config, u64 seed)
{
	struct rig *rig = calloc(1, sizeof(*rig));

	rig->config = *config;
	rig->sectors = config->chunks * config->chunk_sectors;
	rig->m = machine_new(seed);
	rig->m->quantum = config->quantum;
	rig->m->patience = config->patience;
	rig->m->owner = rig;
	rig->promises = calloc(rig->sectors, sizeof(*rig->promises));
	return rig;
}

void rig_free(struct rig *rig)
{
	unsigned int i;

	machine_free(rig->m);
	for (i = 0; i < MEMBERS_MAX; i++) {
		platter_free(rig->member[i]);
		platter_free(rig->snapshot[i]);
	}
	platter_free(rig->store);
	free(rig->promises);
	free(rig->copied);
	free(rig);
}

static void put_bytes(struct platter *p, const u8 *bytes, u32 sectors)
{
	u32 i;

	for (i = 0; i < sectors; i++)
		platter_put(p, i, content_number(bytes + i * SECTOR));
}

/* As if it wrote what a write of data would have. */
static u64 zeroes(u32 sector, void *owner)
{
	struct rig *rig = owner;

	sector -= DATA_FROM;
	return rig->promises[sector].issued << VALUE_SHIFT | sector;
}

static struct platter *make_member(struct rig *rig, unsigned int nr)
{
	u32 sectors = DATA_FROM + rig->sectors, i;
	struct platter *p = platter_new(rig->m, nr, sectors, DATA_FROM);
	u8 raw[SUPER_BYTES];

	make_v1(raw, 1, sectors);
	put64(raw, 80, rig->sectors);
	put32(raw, 92, rig_slots(rig));
	put64(raw, 128, DATA_FROM);
	put64(raw, 136, rig->sectors);
	put32(raw, 160, nr);
	raw[168] = nr + 1;
	raw[184] = nr >= rig->config.members - rig->config.mostly;
	for (i = 0; i < MAX_DEV; i++)
		put16(raw, 256 + 2 * i, i < rig_slots(rig) ? i : 0xffff);
	seal_v1(raw);
	put_bytes(p, raw, 1);
	for (i = 0; i < rig->sectors; i++)
		platter_put(p, DATA_FROM + i, i);
	p->has_fua = rig->config.fua;
	p->lazy = rig->config.lazy > 1 ||
		  (rig->config.lazy && nr == rig->config.members - 1);
	p->zeroes = zeroes;
	return p;
}

static struct platter *make_store(struct rig *rig)
{
	struct bitmap_super sb;
	u8 bytes[SECTOR] = { 0 };
	struct platter *p;
	u32 sectors, i;

	bitmap_super_init(&sb);
	for (i = 0; i < UUID_BYTES; i++)
		sb.uuid[i] = i + 1;
	sb.events = sb.events_cleared = 42;
	sb.chunk_bytes = (u64)rig->config.chunk_sectors * SECTOR;
	sb.sync_sectors = rig->sectors;
	sb.write_behind = rig->config.behind;
	bitmap_super_encode((struct bitmap_super_disk *)bytes, &sb);
	sectors = round_up(bitmap_bytes(&sb), SECTOR * BLOCK_SECTORS) / SECTOR;
	p = platter_new(rig->m, MEMBERS_MAX, sectors, sectors);
	put_bytes(p, bytes, 1);
	p->has_fua = rig->config.fua;
	p->lazy = rig->config.lazy > 2;
	return p;
}

static void make_file(struct rig *rig)
{
	struct file *file = &rig->file;

	file->f_op = &rig_file_operations;
	file->f_mode = rig->config.direct ? FMODE_CAN_ODIRECT : 0;
	file->platter = rig->store;
	file->inode.i_mode = rig->config.blockdev ? S_IFBLK : S_IFREG;
	file->inode.i_size = (loff_t)rig->store->sectors * SECTOR;
	file->inode.i_sb = &file->sb;
	file->mapping.host = &file->inode;
}

struct rig *rig_new(const struct config *config, u64 seed)
{
	struct rig *rig = rig_alloc(config, seed);
	unsigned int i;

	for (i = 0; i < config->members; i++)
		rig->member[i] = make_member(rig, i);
	rig->store = make_store(rig);
	make_file(rig);
	return rig;
}

struct rig *rig_cut(const struct rig *from, u64 seed)
{
	struct rig *rig = rig_alloc(&from->config, seed);
	unsigned int luck = random_below(4), i;

	/* All, none, some, or each disk as it comes. */
	for (i = 0; i < from->config.members; i++)
		rig->member[i] = platter_cut(from->member[i], rig->m,
					     luck < 3 ? luck : random_below(3));
	rig->store = platter_cut(from->store, rig->m, luck < 3 ? luck : random_below(3));
	memcpy(rig->promises, from->promises, rig->sectors * sizeof(*rig->promises));
	rig->numbers = from->numbers;
	for (i = 0; i < rig->sectors; i++) {
		rig->promises[i].busy = false;
		rig->promises[i].known = 0;
		rig->promises[i].acked = rig->promises[i].durable;
	}
	make_file(rig);
	return rig;
}

/* --- assembly ------------------------------------------------------------------ */

static void must(int err, const char *what)
{
	if (err)
		sim_fail("%s: error %d", what, err);
}

static mdu_disk_info_t disk_info(unsigned int nr)
{
	return (mdu_disk_info_t){ .major = 8, .minor = nr, .raid_disk = -1 };
}

static void add_all(struct rig *rig)
{
	static const u8 orders[][MEMBERS_MAX] = {
		{ 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 }, { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 },
	};
	unsigned int left_out = rig->absent | rig->config.without, n;

	for (n = 0; n < MEMBERS_MAX; n++) {
		unsigned int nr = orders[rig->config.order][n];
		mdu_disk_info_t info = disk_info(nr);

		if (nr < rig->config.members && !(left_out & 1 << nr))
			must(array_add_disk(rig->a, &info), "ADD_NEW_DISK");
	}
}

static void set_options(struct rig *rig)
{
	struct intent *in = rig->a->intent;

	intent_set_budget(in, (u64)rig->config.budget * rig->config.chunk_sectors * SECTOR);
	if (rig->config.delay_ms)
		intent_set_delay(in, rig->config.delay_ms);
}

static void drop_microseconds(struct platter *p)
{
	u8 raw[SUPER_BYTES] = { 0 };

	memcpy(raw, content(p->media[0]), SECTOR);
	memset(raw + 192 + 5, 0, 3); /* utime, above 40 bits of seconds */
	seal_v1(raw);
	put_bytes(p, raw, 1);
}

static void give_up(struct rig *rig)
{
	array_stop(rig->a, false);
	array_unlock(rig->a);
	array_put(rig->a);
	rig->a = NULL;
}

bool rig_start(struct rig *rig)
{
	mdu_array_info_t info = { .major_version = 1, .minor_version = 1 };
	unsigned int i;
	int err;

	for (i = 0; !rig->config.microseconds && i < rig->config.members; i++)
		drop_microseconds(rig->member[i]);
	rig->a = array_alloc();
	array_lock(rig->a);
	must(array_set_info(rig->a, &info), "SET_ARRAY_INFO");
	add_all(rig);
	if (!rig->unlogged)
		must(array_set_bitmap(rig->a, 3), "SET_BITMAP_FILE");
	err = array_run(rig->a, ARRAY_RW);
	if (err && rig->config.lossy) {
		give_up(rig);
		return false;
	}
	must(err, "RUN_ARRAY");
	/* Else nobody's events tell how old it is, as without metadata. */
	rig->a->persistent = rig->config.persistent;
	/* As long as we hold the array no sync starts. */
	if (rig->on_start)
		rig->on_start(rig);
	array_unlock(rig->a);
	rig->m->nomem = rig->config.nomem;
	return true;
}

void rig_stop(struct rig *rig)
{
	rig->m->nomem = 0;
	array_lock(rig->a);
	give_up(rig);
}

/* --- administration ---------------------------------------------------------------- */

/*
 * Or a write is under way, and owes a sync when its last member has ended. All at one
 * moment: a sync that starts or ends moves from one flag to another, and the manager
 * who looks for what is owed holds it, and the lock.
 */
static bool is_syncing(struct array *a)
{
	const unsigned long owed = 1UL << ARRAY_SYNC_NEEDED | 1UL << ARRAY_SUPER_DIRTY |
		1UL << ARRAY_CHUNK_OWED;
	bool syncing;

	array_lock(a);
	syncing = a->flags & owed || a->resync->flags & 1UL << RESYNC_RUNNING ||
		  a->manager_wake || a->write_behind.v || a->active.n > 1;
	array_unlock(a);
	return syncing;
}

bool rig_broken(const struct rig *rig)
{
	return rig->a && rig->a->flags & 1UL << ARRAY_BROKEN;
}

/* Whatever holds syncs up. */
static void let_sync(struct array *a)
{
	a->sync_max = NO_SECTOR;
	if (a->mode == ARRAY_READ_AUTO)
		array_become_rw(a);
	if (a->flags & 1UL << ARRAY_SYNC_FROZEN)
		resync_thaw(a);
}

void rig_wait_syncs(struct rig *rig)
{
	let_sync(rig->a);
	while (is_syncing(rig->a) && !rig_broken(rig))
		sleep_ms(POLL_MS);
}

static bool is_recorded(struct array *a)
{
	const unsigned long owed = 1UL << ARRAY_CHUNK_OWED | 1UL << ARRAY_SUPER_DIRTY |
		1UL << ARRAY_SUPER_CLEAN;
	bool recorded;

	array_lock(a);
	mutex_lock(&a->super_lock);
	recorded = !(a->flags & owed);
	mutex_unlock(&a->super_lock);
	array_unlock(a);
	return recorded;
}

void rig_wait_recorded(struct rig *rig)
{
	unsigned int tries = 1000;

	while (!is_recorded(rig->a) && --tries)
		sleep_ms(POLL_MS);
}

static struct leg *leg_of(struct rig *rig, unsigned int nr)
{
	return array_find_leg(rig->a, MKDEV(8, nr));
}

bool rig_is_attached(struct rig *rig, unsigned int nr)
{
	return leg_of(rig, nr);
}

bool rig_in_sync(struct rig *rig, unsigned int nr)
{
	struct leg *leg = leg_of(rig, nr);

	return leg && leg_in_sync(leg);
}

bool rig_is_faulty(struct rig *rig, unsigned int nr)
{
	struct leg *leg = leg_of(rig, nr);

	return leg && test_bit(LEG_FAULTY, &leg->flags);
}

bool rig_any_is_bad(const struct rig *rig, u32 sector, u32 n)
{
	unsigned int i;

	for (i = 0; i < rig->config.members; i++)
		if (platter_is_bad(rig->member[i], DATA_FROM + sector, n))
			return true;
	return false;
}

unsigned int rig_slots(const struct rig *rig)
{
	return rig->config.members - rig->config.spares;
}

bool rig_healthy(struct rig *rig)
{
	unsigned int i, n = 0;

	for (i = 0; i < rig->config.members; i++)
		n += rig_in_sync(rig, i);
	return n == rig_slots(rig);
}

void rig_fail(struct rig *rig, unsigned int nr)
{
	array_set_faulty(rig->a, MKDEV(8, nr));
}

/* Once its failure is recorded; what hangs on to it ends first. */
void rig_remove(struct rig *rig, unsigned int nr)
{
	int err;

	if (!rig_is_faulty(rig, nr))
		return;
	do {
		array_lock(rig->a);
		err = array_hot_remove(rig->a, MKDEV(8, nr));
		array_unlock(rig->a);
		if (err)
			sleep_ms(POLL_MS);
	} while (err);
}

void rig_add(struct rig *rig, unsigned int nr)
{
	mdu_disk_info_t info = disk_info(nr);

	if (rig_is_attached(rig, nr))
		return;
	array_lock(rig->a);
	must(array_add_disk(rig->a, &info), "ADD_NEW_DISK to a running array");
	array_unlock(rig->a);
}

void rig_re_add(struct rig *rig, unsigned int nr)
{
	struct leg *leg;

	array_lock(rig->a);
	leg = leg_of(rig, nr);
	if (leg)
		array_re_add(rig->a, leg);
	array_unlock(rig->a);
}

void rig_detach(struct rig *rig)
{
	array_lock(rig->a);
	array_become_rw(rig->a);
	array_set_bitmap(rig->a, -1);
	array_unlock(rig->a);
}

void rig_attach(struct rig *rig)
{
	int err;

	array_lock(rig->a);
	array_become_rw(rig->a);
	err = array_set_bitmap(rig->a, 3);
	if (!err)
		set_options(rig);
	array_unlock(rig->a);
}

void rig_set_options(struct rig *rig)
{
	array_lock(rig->a);
	if (rig->a->intent)
		set_options(rig);
	array_unlock(rig->a);
}

void rig_mark(struct rig *rig, u32 chunk, u32 chunks)
{
	struct array *a = rig->a;

	chunk %= rig->config.chunks;
	chunks = min(chunks, rig->config.chunks - chunk);
	array_lock(a);
	array_become_rw(a);
	if (a->intent && a->mode == ARRAY_RW) {
		intent_mark(a->intent, chunk, chunk + chunks - 1);
		set_bit(ARRAY_CHUNK_OWED, &a->flags);
	}
	resync_look_for_owed(a);
	set_bit(ARRAY_SYNC_NEEDED, &a->flags);
	array_wake(a);
	array_unlock(a);
}

static bool refuses_zeroes(const struct rig *rig)
{
	unsigned int i;

	for (i = 0; i < rig->config.members; i++)
		if (rig->member[i]->no_zeroes)
			return true;
	return false;
}

static void request_sync(struct rig *rig, enum sync_action action)
{
	array_lock(rig->a);
	resync_request(rig->a, action);
	array_unlock(rig->a);
}

void rig_repair(struct rig *rig)
{
	request_sync(rig, SYNC_REPAIR);
}

/* A write that one member refuses and others do not may differ until it is synced. */
void rig_check(struct rig *rig)
{
	request_sync(rig, SYNC_CHECK);
	rig_wait_syncs(rig);
	if (rig->a->mismatches.v && !refuses_zeroes(rig))
		sim_fail("a check finds %lld sectors that differ", rig->a->mismatches.v);
}

void rig_limit_syncs(struct rig *rig, u32 sector)
{
	WRITE_ONCE(rig->a->sync_max, sector ? sector : NO_SECTOR);
}

void rig_freeze(struct rig *rig)
{
	array_lock(rig->a);
	resync_stop(rig->a, true);
	array_unlock(rig->a);
}

void rig_reactivate(struct rig *rig)
{
	rig->m->nomem = 0;
	array_lock(rig->a);
	array_stop(rig->a, true);
	must(array_run(rig->a, ARRAY_RW), "active again");
	array_unlock(rig->a);
	rig->m->nomem = rig->config.nomem;
}

void rig_make_readonly(struct rig *rig)
{
	array_lock(rig->a);
	array_stop_ro(rig->a);
	array_unlock(rig->a);
}

void rig_make_writable(struct rig *rig)
{
	array_lock(rig->a);
	array_restart_rw(rig->a);
	array_unlock(rig->a);
}

void rig_make_read_auto(struct rig *rig)
{
	array_lock(rig->a);
	array_stop_ro(rig->a);
	if (!array_may_restart(rig->a))
		array_set_mode(rig->a, ARRAY_READ_AUTO);
	array_unlock(rig->a);
}

/* --- members of the past ------------------------------------------------------------- */

void rig_snapshot(struct rig *rig)
{
	unsigned int i;

	for (i = 0; i < rig->config.members; i++) {
		platter_free(rig->snapshot[i]);
		rig->snapshot[i] = platter_cut(rig->member[i], rig->m, random_below(3));
	}
}

void rig_roll_back(struct rig *rig)
{
	u32 i;

	for (i = 0; i < rig->config.members && rig->snapshot[i]; i++) {
		if (rig->config.without & 1 << i)
			continue;
		platter_free(rig->member[i]);
		rig->member[i] = rig->snapshot[i];
		rig->snapshot[i] = NULL;
	}
	for (i = 0; i < rig->sectors; i++)
		rig->promises[i].known = 0;
}
