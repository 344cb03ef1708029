/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Trace points, mdbitmap:*, for every change of state. Any context. A call is
 * trace_NAME(), and costs a branch that is never taken while nobody listens.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM mdbitmap

#if !defined(TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define TRACE_H

#include <linux/tracepoint.h>

#include "array.h"
#include "leg.h"
#include "resync.h"

#ifndef TRACE_ONCE
#define TRACE_ONCE
static inline const char *trace_action(enum sync_action action)
{
	return action < SYNC_ACTIONS ? sync_action_names[action] : "?";
}
#endif

TRACE_EVENT(array_mode,		/* the words of array_state */
	TP_PROTO(struct array *a, const char *from, const char *to),
	TP_ARGS(a, from, to),
	TP_STRUCT__entry(
		__string(name, array_name(a))
		__string(from, from)
		__string(to, to)
	),
	TP_fast_assign(
		trace_assign_str(name, array_name(a));
		trace_assign_str(from, from);
		trace_assign_str(to, to);
	),
	TP_printk("%s: %s -> %s", __get_str(name), __get_str(from), __get_str(to))
);

DECLARE_EVENT_CLASS(leg_event,
	TP_PROTO(struct leg *leg, const char *why),
	TP_ARGS(leg, why),
	TP_STRUCT__entry(
		__string(name, array_name(leg->array))
		__string(member, leg->kname)
		__string(why, why)
		__field(int, number)
		__field(int, slot)
	),
	TP_fast_assign(
		trace_assign_str(name, array_name(leg->array));
		trace_assign_str(member, leg->kname);
		trace_assign_str(why, why);
		__entry->number = leg->number;
		__entry->slot = leg->slot;
	),
	TP_printk("%s: %s number %d slot %d: %s", __get_str(name),
		  __get_str(member), __entry->number, __entry->slot, __get_str(why))
);

DEFINE_EVENT(leg_event, leg_failed,
	TP_PROTO(struct leg *leg, const char *why), TP_ARGS(leg, why));
DEFINE_EVENT(leg_event, leg_added,
	TP_PROTO(struct leg *leg, const char *why), TP_ARGS(leg, why));
DEFINE_EVENT(leg_event, leg_removed,
	TP_PROTO(struct leg *leg, const char *why), TP_ARGS(leg, why));
DEFINE_EVENT(leg_event, leg_in_sync,	/* its recovery has ended */
	TP_PROTO(struct leg *leg, const char *why), TP_ARGS(leg, why));

TRACE_EVENT(sync_start,
	TP_PROTO(struct array *a, enum sync_action action, sector_t sector),
	TP_ARGS(a, action, sector),
	TP_STRUCT__entry(
		__string(name, array_name(a))
		__string(action, trace_action(action))
		__field(sector_t, sector)
	),
	TP_fast_assign(
		trace_assign_str(name, array_name(a));
		trace_assign_str(action, trace_action(action));
		__entry->sector = sector;
	),
	TP_printk("%s: %s from %llu", __get_str(name), __get_str(action),
		  (unsigned long long)__entry->sector)
);

TRACE_EVENT(sync_end,		/* error 0: it came to its end */
	TP_PROTO(struct array *a, enum sync_action action, sector_t sector, int error),
	TP_ARGS(a, action, sector, error),
	TP_STRUCT__entry(
		__string(name, array_name(a))
		__string(action, trace_action(action))
		__field(sector_t, sector)
		__field(int, error)
	),
	TP_fast_assign(
		trace_assign_str(name, array_name(a));
		trace_assign_str(action, trace_action(action));
		__entry->sector = sector;
		__entry->error = error;
	),
	TP_printk("%s: %s to %llu error %d", __get_str(name), __get_str(action),
		  (unsigned long long)__entry->sector, __entry->error)
);

TRACE_EVENT(super_write,	/* the members' superblocks are on the members */
	TP_PROTO(struct array *a, u64 events, int error),
	TP_ARGS(a, events, error),
	TP_STRUCT__entry(
		__string(name, array_name(a))
		__field(u64, events)
		__field(bool, in_sync)
		__field(int, error)
	),
	TP_fast_assign(
		trace_assign_str(name, array_name(a));
		__entry->events = events;
		__entry->in_sync = a->in_sync;
		__entry->error = error;
	),
	TP_printk("%s: events %llu %s error %d", __get_str(name), __entry->events,
		  __entry->in_sync ? "clean" : "dirty", __entry->error)
);

TRACE_EVENT(bitmap_super_write,	/* the bitmap's superblock, before those */
	TP_PROTO(struct array *a, u64 events, int error),
	TP_ARGS(a, events, error),
	TP_STRUCT__entry(
		__string(name, array_name(a))
		__field(u64, events)
		__field(int, error)
	),
	TP_fast_assign(
		trace_assign_str(name, array_name(a));
		__entry->events = events;
		__entry->error = error;
	),
	TP_printk("%s: events %llu error %d", __get_str(name), __entry->events,
		  __entry->error)
);

TRACE_EVENT(commit_begin,
	TP_PROTO(struct array *a, u64 generation, u64 bits),
	TP_ARGS(a, generation, bits),
	TP_STRUCT__entry(
		__string(name, array_name(a))
		__field(u64, generation)
		__field(u64, bits)
	),
	TP_fast_assign(
		trace_assign_str(name, array_name(a));
		__entry->generation = generation;
		__entry->bits = bits;
	),
	TP_printk("%s: generation %llu bits %llu", __get_str(name),
		  __entry->generation, __entry->bits)
);

TRACE_EVENT(commit_end,		/* error 0: durable */
	TP_PROTO(struct array *a, u64 generation, u64 us, int error),
	TP_ARGS(a, generation, us, error),
	TP_STRUCT__entry(
		__string(name, array_name(a))
		__field(u64, generation)
		__field(u64, us)
		__field(int, error)
	),
	TP_fast_assign(
		trace_assign_str(name, array_name(a));
		__entry->generation = generation;
		__entry->us = us;
		__entry->error = error;
	),
	TP_printk("%s: generation %llu %llu us error %d", __get_str(name),
		  __entry->generation, __entry->us, __entry->error)
);

TRACE_EVENT(sweep,		/* dirty: chunks whose bits stay */
	TP_PROTO(struct array *a, u64 number, u64 cleared, u64 dirty),
	TP_ARGS(a, number, cleared, dirty),
	TP_STRUCT__entry(
		__string(name, array_name(a))
		__field(u64, number)
		__field(u64, cleared)
		__field(u64, dirty)
	),
	TP_fast_assign(
		trace_assign_str(name, array_name(a));
		__entry->number = number;
		__entry->cleared = cleared;
		__entry->dirty = dirty;
	),
	TP_printk("%s: number %llu cleared %llu dirty %llu", __get_str(name),
		  __entry->number, __entry->cleared, __entry->dirty)
);

TRACE_EVENT(store_failed,
	TP_PROTO(struct array *a, int error),
	TP_ARGS(a, error),
	TP_STRUCT__entry(
		__string(name, array_name(a))
		__field(int, error)
	),
	TP_fast_assign(
		trace_assign_str(name, array_name(a));
		__entry->error = error;
	),
	TP_printk("%s: error %d", __get_str(name), __entry->error)
);

TRACE_EVENT(bio_parked,		/* waits for a gate to open */
	TP_PROTO(struct array *a, struct bio *bio, const char *why),
	TP_ARGS(a, bio, why),
	TP_STRUCT__entry(
		__string(name, array_name(a))
		__string(why, why)
		__field(sector_t, sector)
		__field(unsigned int, sectors)
		__field(bool, write)
	),
	TP_fast_assign(
		trace_assign_str(name, array_name(a));
		trace_assign_str(why, why);
		__entry->sector = bio->bi_iter.bi_sector;
		__entry->sectors = bio_sectors(bio);
		__entry->write = op_is_write(bio_op(bio));
	),
	TP_printk("%s: %s %llu + %u: %s", __get_str(name),
		  __entry->write ? "write" : "read",
		  (unsigned long long)__entry->sector, __entry->sectors,
		  __get_str(why))
);

#endif

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
