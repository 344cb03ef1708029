// SPDX-License-Identifier: GPL-2.0-only
/*
 * Users of an array, who keep account of what they have been promised.
 */
#include "rig.h"

enum { SECTOR = 512, SPAN_MAX = 16 };	/* sectors */

/* --- what they were promised -------------------------------------------------- */

static u64 value_of(u64 number, u32 sector)
{
	return number << VALUE_SHIFT | sector;
}

void load_judge(const struct rig *rig, u32 sector, u64 value, const char *where)
{
	const struct promise *p = &rig->promises[sector];
	u64 number = value >> VALUE_SHIFT;

	if (rig->config.lossy)
		return;
	if (value != value_of(number, sector))
		sim_fail("%s: sector %u holds what was written elsewhere", where, sector);
	if (number < p->durable)
		sim_fail("%s: sector %u holds write %llu, but %llu was durable",
			 where, sector, number, p->durable);
	if (number > p->issued)
		sim_fail("%s: sector %u holds write %llu, which was never made",
			 where, sector, number);
}

static bool is_busy(const struct rig *rig, u32 sector, u32 n)
{
	while (n--)
		if (rig->promises[sector + n].busy)
			return true;
	return false;
}

static u64 begin_write(struct rig *rig, u32 sector, u32 n)
{
	u64 number = ++rig->numbers;

	while (n--) {
		struct promise *p = &rig->promises[sector + n];

		p->busy = true;
		p->issued = number;
		p->known = 0;
	}
	return number;
}

/* Not where the one that has it may not be able to read it: the others lag. */
static void make_durable(struct rig *rig, u32 sector, u64 number)
{
	struct promise *p = &rig->promises[sector];

	if (!rig->config.behind || !rig_any_is_bad(rig, sector, 1))
		p->durable = max(p->durable, number);
}

static void end_write(struct rig *rig, u32 sector, u32 n, bool ok, bool durable)
{
	while (n--) {
		struct promise *p = &rig->promises[sector + n];

		p->busy = false;
		if (!ok)
			continue;
		p->acked = p->issued;
		p->known = p->acked + 1;
		if (durable)
			make_durable(rig, sector + n, p->acked);
	}
}

/* What a flush that is sent now will make durable. */
static u64 *note_acked(const struct rig *rig)
{
	u64 *acked = sim_alloc(rig->sectors * sizeof(*acked), GFP_KERNEL, false);
	u32 i;

	for (i = 0; i < rig->sectors; i++)
		acked[i] = rig->promises[i].acked;
	return acked;
}

static void flushed(struct rig *rig, u64 *acked, bool ok)
{
	u32 i;

	for (i = 0; ok && i < rig->sectors; i++)
		make_durable(rig, i, acked[i]);
	sim_free(acked);
}

/* --- their I/O --------------------------------------------------------------------- */

struct user_io {
	struct bio bio;
	struct bio_vec vec[SPAN_MAX * SECTOR / PAGE_SIZE + 1];
	struct completion done;
};

static void io_end(struct bio *bio)
{
	complete(&container_of(bio, struct user_io, bio)->done);
}

static u64 *io_sector(struct user_io *io, u32 i)
{
	return (u64 *)((char *)page_address(io->vec[i * SECTOR / PAGE_SIZE].bv_page) +
		       i * SECTOR % PAGE_SIZE);
}

static struct user_io *io_new(u32 sector, u32 n, blk_opf_t opf)
{
	struct user_io *io = sim_alloc(sizeof(*io), GFP_KERNEL, true);
	u32 at;

	init_completion(&io->done);
	bio_init(&io->bio, NULL, io->vec, ARRAY_SIZE(io->vec), opf);
	for (at = 0; at < n * SECTOR; at += PAGE_SIZE)
		__bio_add_page(&io->bio, (struct page *)sim_page(GFP_KERNEL, true),
			       min((u32)PAGE_SIZE, n * SECTOR - at), 0);
	io->bio.bi_iter.bi_sector = sector;
	io->bio.bi_end_io = io_end;
	return io;
}

static bool io_submit(struct rig *rig, struct user_io *io)
{
	machine->user_sectors += bio_sectors(&io->bio);
	array_submit(rig->a, &io->bio);
	wait_for_completion(&io->done);
	return io->bio.bi_status == BLK_STS_OK;
}

static void io_free(struct user_io *io)
{
	unsigned int i;

	for (i = 0; i < io->bio.bi_vcnt; i++)
		sim_page_free(io->vec[i].bv_page);
	sim_free(io);
}

void load_write(struct rig *rig, u32 sector, u32 n, blk_opf_t flags)
{
	u64 *acked = flags & REQ_PREFLUSH ? note_acked(rig) : NULL;
	enum req_op op = happens(rig->config.zeroes) ? REQ_OP_WRITE_ZEROES : REQ_OP_WRITE;
	struct user_io *io = io_new(sector, n, op | flags);
	u64 number;
	bool ok;
	u32 i;

	while (is_busy(rig, sector, n))
		sleep_ms(1);
	number = begin_write(rig, sector, n);
	for (i = 0; i < n; i++)
		*io_sector(io, i) = value_of(number, sector + i);
	ok = io_submit(rig, io);
	end_write(rig, sector, n, ok, flags & REQ_FUA);
	if (acked)
		flushed(rig, acked, ok);
	io_free(io);
}

void load_flush(struct rig *rig)
{
	u64 *acked = note_acked(rig);
	struct user_io *io = io_new(0, 0, REQ_OP_WRITE | REQ_PREFLUSH);

	flushed(rig, acked, io_submit(rig, io));
	io_free(io);
}

/* P4: nobody wrote, so that what was read once is read again. */
static void judge_read(struct rig *rig, u32 sector, u64 value)
{
	struct promise *p = &rig->promises[sector];

	load_judge(rig, sector, value, "read");
	if (rig->config.lossy)
		return;
	if (p->known && value != value_of(p->known - 1, sector))
		sim_fail("read: sector %u holds write %llu, and %llu a moment ago",
			 sector, value >> VALUE_SHIFT, p->known - 1);
	p->known = (value >> VALUE_SHIFT) + 1;
}

/* By some member that all reads may be served from. */
static bool is_readable(struct rig *rig, u32 sector)
{
	unsigned int i;

	for (i = 0; i < rig->config.members; i++)
		if (rig_in_sync(rig, i) && !rig->member[i]->dead &&
		    !platter_is_bad(rig->member[i], DATA_FROM + sector, 1))
			return true;
	return false;
}

/* It need not have been when it was tried: what is bad may have been written meanwhile. */
static void judge_failed(struct rig *rig, u32 sector, u32 n)
{
	while (n && is_readable(rig, sector)) {
		sector++;
		n--;
	}
	if (!n && !rig_broken(rig))
		sim_fail("read: fails, though each sector can be read from some member");
}

void load_read(struct rig *rig, u32 sector, u32 n)
{
	struct user_io *io = io_new(sector, n, REQ_OP_READ);
	u64 issued[SPAN_MAX];
	bool busy[SPAN_MAX], ok;
	u32 i;

	for (i = 0; i < n; i++) {
		issued[i] = rig->promises[sector + i].issued;
		busy[i] = rig->promises[sector + i].busy;
	}
	ok = io_submit(rig, io);
	if (!ok)
		judge_failed(rig, sector, n);
	for (i = 0; ok && i < n; i++)
		if (!busy[i] && issued[i] == rig->promises[sector + i].issued)
			judge_read(rig, sector + i, *io_sector(io, i));
	io_free(io);
}

/* --- load ------------------------------------------------------------------------------ */

/* Some places are liked more than others. */
static u32 any_sector(const struct rig *rig, u32 n)
{
	u32 most = rig->sectors - n + 1;

	if (chance(600))
		most = min(most, 8 * rig->config.chunk_sectors);
	return random_below(most);
}

static blk_opf_t any_flags(const struct rig *rig)
{
	return (chance(150) ? REQ_FUA : 0) | (chance(100) ? REQ_PREFLUSH : 0) |
	       (happens(rig->config.nowait) ? REQ_NOWAIT : 0);
}

/* From one end of the array to the other, again and again. */
static u32 stream_sector(struct rig *rig, u32 n)
{
	u32 sector = rig->stream_at + n <= rig->sectors ? rig->stream_at : 0;

	rig->stream_at = sector + n;
	return sector;
}

static void do_anything(struct rig *rig)
{
	u32 n = 1 + random_below(chance(200) ? SPAN_MAX : 3);
	bool streams = rig->config.stream && chance(rig->config.stream);
	u32 sector = streams ? stream_sector(rig, n) : any_sector(rig, n);

	if (chance(100))
		sleep_ms(random_below(3000));
	else if (chance(100))
		load_flush(rig);
	else if (chance(200))
		load_read(rig, sector, n);
	else if (!is_busy(rig, sector, n))
		load_write(rig, sector, n, any_flags(rig));
}

struct load {
	struct rig *rig;
	unsigned int things;
};

static int load_main(void *data)
{
	struct load load = *(struct load *)data;

	sim_free(data);
	while (load.things-- && !load.rig->stopping)
		do_anything(load.rig);
	load.rig->loads--;
	wake_up(&load.rig->load_wait);
	return 0;
}

void load_start(struct rig *rig, unsigned int tasks, unsigned int things)
{
	while (tasks--) {
		struct load *load = sim_alloc(sizeof(*load), GFP_KERNEL, false);

		*load = (struct load){ rig, things };
		rig->loads++;
		machine_spawn(load_main, load);
	}
}

void load_wait(struct rig *rig)
{
	wait_event(rig->load_wait, !rig->loads);
}
