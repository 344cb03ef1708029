// SPDX-License-Identifier: GPL-2.0-only
#include <inttypes.h>
#include "outcome.h"
#include "report.h"

static int print_json(const struct outcome *out, uint64_t chunks, bool dry_run)
{
	const struct bitmap_super *sb = out->sb;
	struct json_object *o = json_start(out->mode);

	json_text(o, "file", out->path);
	json_flag(o, "dry_run", dry_run);
	json_u64(o, "version", sb->version);
	json_text(o, "uuid", uuid_text(sb->uuid));
	json_u64(o, "events", sb->events);
	json_u64(o, "events_cleared", sb->events_cleared);
	json_u64(o, "sync_size_sectors", sb->sync_sectors);
	json_u64(o, "chunk_bytes", sb->chunk_bytes);
	json_u64(o, "delay_seconds", sb->delay_s);
	json_u64(o, "write_behind_requests", sb->write_behind);
	json_u64(o, "chunks", chunks);
	json_u64(o, "dirty_chunks", out->dirty);
	return json_finish(o);
}

int outcome_print(const struct outcome *out, const struct request *rq)
{
	const struct bitmap_super *sb = out->sb;
	uint64_t chunks = bitmap_bits(sb->sync_sectors, sb->chunk_bytes);
	char dirty[40];

	if (rq->json)
		return print_json(out, chunks, rq->dry_run);
	if (rq->quiet)
		return 0;
	if (!out->dirty || out->dirty == chunks)
		snprintf(dirty, sizeof(dirty), "all %s", out->dirty ? "dirty" : "clear");
	else
		snprintf(dirty, sizeof(dirty), "%" PRIu64 " dirty", out->dirty);
	if (rq->dry_run)
		printf("would %s ", out->verb);
	printf("%s: %s in %s of %s, %s\n", safe(out->path),
	       human(sb->sync_sectors * SECTOR_BYTES), plural(chunks, "chunk"),
	       human(sb->chunk_bytes), dirty);
	return 0;
}
