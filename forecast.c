// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the drivers will copy. Stock md: md-abi.md 4.5, 4.6, 5.9
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "trust.h"

typedef unsigned long long ull;

/*
 * md marks a set bit as needed when its chunk ends at or behind the
 * checkpoint; this is the first such chunk. md-abi.md 4.6
 */
static uint64_t first_needed(const struct image *image, uint64_t checkpoint)
{
	return checkpoint ? (checkpoint - 1) / (image->sb.chunk_bytes / SECTOR_BYTES) : 0;
}

static int dirty_bytes(struct image *image, uint64_t start, uint64_t *bytes)
{
	uint64_t end;
	int ret;

	*bytes = 0;
	while ((ret = image_next_range(image, &start, &end)) > 0) {
		*bytes += image_chunk_range_bytes(image, start, end);
		start = end;
	}
	return ret;
}

static void __attribute__((format(printf, 2, 3)))
because(struct forecast *out, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(out->why, sizeof(out->why), format, args);
	va_end(args);
}

/* Every chunk from @start on, in the size of the array and not of the file. */
static uint64_t all_bytes(const struct image *image, const struct trust_target *t,
			  uint64_t start)
{
	uint64_t sectors = t->sync_sectors ? t->sync_sectors : image->sb.sync_sectors;
	uint64_t before = start * image->sb.chunk_bytes, all = sectors * SECTOR_BYTES;

	return all > before ? all - before : 0;
}

static const char *why_set_bits(const struct image *image, const struct trust_target *t)
{
	return trust_is_bare(image, t) ?
	       "without metadata the bits alone tell where the members differ: the chunks whose bit is set are copied" :
	       "the array is not in sync: the chunks whose bit is set are copied";
}

/* An array that owes a resync: the set bits from the checkpoint on. */
static int forecast_resync(struct image *image, const struct trust_target *t,
			   struct forecast *out)
{
	uint64_t start = first_needed(image, t->resync_sector);

	if (trust_is_stale(image, t)) {
		out->full = true;
		out->bytes = all_bytes(image, t, start);
		because(out, "the array is not in sync and the bitmap is stale: every chunk is copied");
		return 0;
	}
	/* Bits before the checkpoint then wait for a member that is away. */
	if (t->degraded && image->sb.events_cleared != t->events)
		start = 0;
	because(out, "%s", why_set_bits(image, t));
	return dirty_bytes(image, start, &out->bytes);
}

/*
 * mdbitmap.ko: a bitmap that is current is believed, also where the members
 * claim to be in sync; one that is not says nothing, so that they decide.
 */
static int forecast_ours(struct image *image, const struct trust_target *t,
			 struct forecast *out)
{
	if (t->clean && t->running && !t->degraded) {
		because(out, "a clean stop leaves no bit set");
		return 0;
	}
	if (t->clean && t->has_array && !t->persistent) {
		because(out, "the members are taken for identical: the bitmap starts clear");
		return 0;
	}
	if (trust_is_stale(image, t) && t->clean) {
		because(out, "the members are in sync and the bitmap is stale: it starts clear");
		return 0;
	}
	if (trust_is_stale(image, t)) {
		out->full = true;
		out->bytes = all_bytes(image, t, 0);
		because(out, "the array is not in sync and the bitmap is stale: every chunk is copied");
		return 0;
	}
	because(out, "%s", t->clean ? "a current bitmap is believed: the chunks whose bit is set are copied, though the members say that they are in sync" :
		why_set_bits(image, t));
	return dirty_bytes(image, 0, &out->bytes);
}

int forecast_assembly(struct image *image, const struct trust_target *t,
		      struct forecast *out)
{
	memset(out, 0, sizeof(*out));
	if (t->has_array && t->degraded && t->in_sync == 1) {
		because(out, "one member alone has nothing to copy to; its set bits wait for the others");
		return 0;
	}
	if (trust_is_ours(t))
		return forecast_ours(image, t, out);
	if (t->clean) {
		because(out, "the members are in sync: md lets the set bits expire and copies nothing%s",
			t->degraded ? " until a missing member returns" : "");
		return 0;
	}
	return forecast_resync(image, t, out);
}

static int recover_by_bitmap(struct image *image, const struct trust_target *t,
			     struct forecast *out)
{
	uint64_t bytes = all_bytes(image, t, 0);
	bool stale = trust_is_stale(image, t);
	int err = stale ? 0 : dirty_bytes(image, 0, &bytes);

	out->bytes += bytes;
	out->full |= stale;
	because(out, stale ? "a member is recovered and the bitmap is stale: every chunk is copied to it" :
		"a member is recovered: the chunks whose bit is set are copied to it");
	return err;
}

int forecast_recovery(struct image *image, const struct trust_target *t,
		      const struct member_super *ms, struct forecast *out)
{
	if (!(ms->features & MEMBER_FEATURE_RECOVERY_OFFSET))
		return 0;
	if (ms->features & MEMBER_FEATURE_RECOVERY_BITMAP && !trust_is_ours(t))
		return recover_by_bitmap(image, t, out);
	if (ms->recovery_sector >= ms->size_sectors)
		return 0;
	out->bytes += (ms->size_sectors - ms->recovery_sector) * SECTOR_BYTES;
	out->full = true;
	because(out, "a member is rebuilt, whatever the bitmap says");
	return 0;
}

static int in_full(const struct member_super *array, struct forecast *out)
{
	out->full = true;
	out->bytes = array->size_sectors * SECTOR_BYTES;
	return 0;
}

/* Are the old contents of @joining of no use? @out: why. */
static bool must_rebuild(const struct image *bitmap, const struct member_super *array,
			 const struct member_super *joining, struct forecast *out)
{
	if (memcmp(array->uuid, joining->uuid, UUID_BYTES)) {
		because(out, "it belongs to another array");
	} else if (joining->role >= array->raid_disks) {
		because(out, "it held no slot of the array before");
	} else if (joining->features & MEMBER_FEATURE_RECOVERY_OFFSET &&
		   !(joining->features & MEMBER_FEATURE_RECOVERY_BITMAP)) {
		because(out, "it was itself being rebuilt when it left");
	} else if (!bitmap && joining->events < array->events) {
		because(out, "no bitmap recorded what it missed: its events are %llu, the array's %llu",
			(ull)joining->events, (ull)array->events);
	} else if (bitmap && joining->events < bitmap->sb.events_cleared) {
		because(out, "it left at events %llu, and bits of writes since then were cleared up to events %llu",
			(ull)joining->events, (ull)bitmap->sb.events_cleared);
	} else {
		return false;
	}
	return true;
}

int forecast_re_add(struct image *bitmap, const struct member_super *array,
		    const struct member_super *joining, struct forecast *out)
{
	memset(out, 0, sizeof(*out));
	if (must_rebuild(bitmap, array, joining, out))
		return in_full(array, out);
	if (!bitmap) {
		because(out, "its events are the array's: it missed nothing");
		return 0;
	}
	because(out, "it left at events %llu, and no bit set since then (events_cleared %llu) was cleared: only dirty chunks are copied",
		(ull)joining->events, (ull)bitmap->sb.events_cleared);
	return dirty_bytes(bitmap, 0, &out->bytes);
}
