// SPDX-License-Identifier: GPL-2.0-only
/*
 * Superblocks written anew from what an array knows, for any array: they say
 * what the array knows, their checksum is right, bytes that are not ours
 * survive, and a refusal changes nothing.
 *
 * Input: format and what lies behind the superblock, the array, a member after
 * the other; the superblock is one of make_super.h, the rest of the input
 * written over it or not.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "fuzz.h"
#include "module/core/member_super_disk.h"
#include "module/core/member_super_update.h"
#include "tests/unit/make_super.h"

enum { DISKS_MAX = 40, LEVEL_MIRROR = 1 };

static const unsigned int made_as[MEMBER_FORMATS] = {
	[MEMBER_1_1] = 1, [MEMBER_1_2] = 2, [MEMBER_1_0] = 0, [MEMBER_0_90] = 3,
};

struct given {
	enum member_format format;
	struct member_update u;
	struct member_update_disk disks[DISKS_MAX];
	u32 self;
};

static bool known(const struct given *g, u32 count, u32 number)
{
	u32 i;

	for (i = 0; i < count; i++)
		if (g->disks[i].number == number)
			return true;
	return false;
}

static bool taken(const struct given *g, u32 count, u16 role)
{
	u32 i;

	for (i = 0; i < count; i++)
		if (g->disks[i].role == role)
			return true;
	return false;
}

/* As an array has them: numbers are unique, and slots are taken once. */
static void take_disk(struct fuzz_in *in, struct given *g, u32 i)
{
	struct member_update_disk *d = &g->disks[i];
	u8 how = fuzz_number(in, 1);

	d->number = fuzz_below(in, how & 128 ? 4000 : 30);
	while (known(g, i, d->number))
		d->number++;
	d->role = how & 3 && g->u.raid_disks ? fuzz_below(in, g->u.raid_disks) :
		  how & 4 ? MEMBER_ROLE_FAULTY : MEMBER_ROLE_SPARE;
	if (taken(g, i, d->role))
		d->role = MEMBER_ROLE_SPARE;
	d->devflags = how >> 3 & 3;
	d->recovery_by_bitmap = how & 64;
	d->recovery_sector = how & 32 ? fuzz_below(in, g->u.size_sectors) : MEMBER_IN_SYNC;
	d->corrected_reads = how;
	d->major = 8;
	d->minor = i;
}

static void take_array(struct fuzz_in *in, struct given *g)
{
	struct member_update *u = &g->u;
	u32 i;

	u->events = fuzz_number(in, 8) & MEMBER_EVENTS_MAX;
	u->utime = fuzz_number(in, 8);
	u->resync_sector = fuzz_number(in, 1) & 1 ? MEMBER_IN_SYNC : fuzz_number(in, 5);
	u->level = LEVEL_MIRROR;
	u->raid_disks = fuzz_below(in, 33);
	u->size_sectors = fuzz_below(in, SIZE_SECTORS + 1) & ~1ULL;
	u->ndisks = 1 + fuzz_below(in, DISKS_MAX);
	u->disks = g->disks;
	for (i = 0; i < u->ndisks; i++)
		take_disk(in, g, i);
	g->self = fuzz_below(in, u->ndisks);
}

static u16 role_said(const struct given *g, const struct member_update_disk *d)
{
	/* 0.90 has no slot for a member that is being rebuilt. */
	if (g->format == MEMBER_0_90 && d->role < MEMBER_ROLE_MAX &&
	    d->recovery_sector != MEMBER_IN_SYNC)
		return MEMBER_ROLE_SPARE;
	return d->role;
}

static void check_disks(const struct given *g, const struct member_super *ms)
{
	const struct member_update_disk *self = &g->disks[g->self];
	u32 i, said = 0;

	for (i = 0; i < g->u.ndisks; i++) {
		const struct member_update_disk *d = &g->disks[i];

		must(d->number < ms->max_devices || d->role == MEMBER_ROLE_SPARE);
		if (d->number < ms->max_devices)
			must(ms->roles[d->number] == role_said(g, d));
	}
	for (i = 0; i < ms->max_devices; i++)
		said += ms->roles[i] < MEMBER_ROLE_MAX;
	for (i = 0; i < g->u.ndisks; i++)
		said -= role_said(g, &g->disks[i]) < MEMBER_ROLE_MAX;
	must(!said);
	must(ms->number == self->number && ms->role == role_said(g, self));
	must(ms->devflags == self->devflags);
	if (g->format == MEMBER_0_90)
		return;
	must(!!(ms->features & MEMBER_FEATURE_RECOVERY_OFFSET) ==
	     (self->role < MEMBER_ROLE_MAX && self->recovery_sector != MEMBER_IN_SYNC));
	if (ms->features & MEMBER_FEATURE_RECOVERY_OFFSET)
		must(ms->recovery_sector == self->recovery_sector);
}

static void check_array(const struct given *g, const struct member_super *ms)
{
	u64 resync = g->u.resync_sector;

	if (g->format == MEMBER_0_90 && resync != MEMBER_IN_SYNC && resync > UINT32_MAX)
		resync = UINT32_MAX;
	must(ms->events == g->u.events && ms->resync_sector == resync);
	must(ms->level == g->u.level && ms->raid_disks == g->u.raid_disks);
	must(ms->size_sectors == g->u.size_sectors && !ms->has_bitmap);
	must(ms->utime == (g->format == MEMBER_0_90 ? (u32)member_seconds(g->u.utime) : g->u.utime));
}

/* The head's fields that no update is about, and 1.x's bytes behind the roles. */
static void check_kept(const struct given *g, const u8 *old, const u8 *new)
{
	if (g->format == MEMBER_0_90) {
		must(!memcmp(old, new, V0_LEVEL));
		must(!memcmp(old + V0_UUID1, new + V0_UUID1, 12));
		return;
	}
	must(!memcmp(old, new, 8) && !memcmp(old + 12, new + 12, 60));
	must(!memcmp(old + 96, new + 96, 56));
	must(!memcmp(old + 168, new + 168, 16));
	must(!memcmp(old + 185, new + 185, 7));
	must(!memcmp(old + 224, new + 224, 32));
}

/* A table of roles that has grown stops short of what lies behind it. */
static void check_room(const struct member_super *before, const u8 *raw)
{
	u64 end = before->super_sector + member_super_v1_sectors(get32(raw, 220));
	s32 log = (s32)get32(raw, offsetof(struct member_super_disk, bblog_offset));

	if (before->format == MEMBER_0_90)
		return;
	if (before->has_bitmap && (u64)before->bitmap_sector >= before->super_sector)
		must((u64)before->bitmap_sector >= end);
	if (before->features & MEMBER_FEATURE_BAD_BLOCKS && log > 0)
		must(before->super_sector + (u32)log >= end);
	must(before->format == MEMBER_1_0 || before->data_sector >= end);
}

static void check_update(const struct given *g, const u8 *old, u64 device)
{
	struct member_super before, ms;
	struct fault fault = { 0 };
	u8 raw[SUPER_BYTES], again[SUPER_BYTES];
	int err;

	if (member_super_decode(&before, g->format, old, device, &fault))
		return;
	memcpy(raw, old, sizeof(raw));
	err = member_super_update(raw, g->format, &g->u, g->self);
	must(!err || err == -ENOSPC || err == -EINVAL);
	if (err) {
		must(!memcmp(raw, old, sizeof(raw)));
		return;
	}
	check_kept(g, old, raw);
	check_room(&before, raw);
	memcpy(again, raw, sizeof(raw));
	seal_super(again, made_as[g->format]);
	must(!memcmp(again, raw, sizeof(raw)));
	must(!member_super_update(again, g->format, &g->u, g->self));
	must(!memcmp(again, raw, sizeof(raw)));
	must(member_super_bytes(raw, g->format) <= SUPER_BYTES);
	err = member_super_decode(&ms, g->format, raw, device, &fault);
	/* An array without slots, or larger than this member, is told so. */
	if (err) {
		must(err == -EUCLEAN && (!g->u.raid_disks ||
					 g->u.size_sectors > before.data_sectors));
		return;
	}
	check_array(g, &ms);
	check_disks(g, &ms);
}

/* 0.90's own numbers: of the slots, then all others; unique and within it. */
static void number_v0(struct given *g)
{
	struct member_update_disk old[DISKS_MAX];
	u32 i, j;

	memcpy(old, g->disks, sizeof(old));
	if (member_update_number_v0(g->disks, g->u.ndisks, g->u.raid_disks)) {
		must(!memcmp(old, g->disks, sizeof(old)));
		return;
	}
	for (i = 0; i < g->u.ndisks; i++) {
		must(g->disks[i].number < V0_DEVICES);
		for (j = 0; j < i; j++)
			must(g->disks[i].number != g->disks[j].number);
	}
}

/* Something behind the superblock, not far: an internal bitmap, a log. */
static void announce(u8 *raw, u8 how, struct fuzz_in *in)
{
	u32 features = 0;

	if (how & 8) {
		features |= MEMBER_FEATURE_BITMAP;
		put32(raw, offsetof(struct member_super_disk, bitmap_offset),
		      (s32)fuzz_below(in, 24) - 8);
	}
	if (how & 16) {
		features |= MEMBER_FEATURE_BAD_BLOCKS;
		put16(raw, offsetof(struct member_super_disk, bblog_size), 1);
		put32(raw, offsetof(struct member_super_disk, bblog_offset),
		      (s32)fuzz_below(in, 24) - 8);
	}
	if (how & 32)
		put64(raw, offsetof(struct member_super_disk, data_offset),
		      fuzz_below(in, 24));
	put32(raw, offsetof(struct member_super_disk, feature_map), features);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_in in = { data, size };
	u8 how = fuzz_number(&in, 1), raw[SUPER_BYTES] = { 0 };
	struct given g = { .format = how % MEMBER_FORMATS };

	take_array(&in, &g);
	if (g.format == MEMBER_0_90)
		number_v0(&g);
	make_super(raw, made_as[g.format], DEVICE_SECTORS);
	if (g.format != MEMBER_0_90)
		announce(raw, how, &in);
	if (how & 4)
		memcpy(raw + 96, in.data, in.left < 4000 ? in.left : 4000);
	seal_super(raw, made_as[g.format]);
	check_update(&g, raw, DEVICE_SECTORS);
	return 0;
}
