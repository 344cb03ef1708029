/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A disk with a cache: what a write has completed is in the cache, and on the
 * medium only after a flush that was submitted later, or by FUA. At a power cut
 * each sector keeps what the medium has, or any newer write that is in the
 * cache or in flight. A sector's content is one number: of array data the first
 * eight bytes, of all else the number of its 512 bytes in a table.
 */
#ifndef PLATTER_H
#define PLATTER_H

#include "kernel.h"

struct version {			/* newer than the medium's, maybe */
	u32 sector;
	u64 value;
	u64 done;			/* when it completed; 0: in flight */
	const struct request *by;
};

struct platter {
	struct machine *machine;
	struct gendisk disk;
	struct block_device bdev;
	unsigned int nr;
	u32 sectors, data_from;		/* from there on it holds array data */
	bool has_fua;
	bool lazy;			/* takes its time */
	bool dead;			/* every request fails */
	bool no_zeroes;			/* refuses to write zeroes */
	unsigned int write_errors;	/* so many writes fail, */
	unsigned int write_spared;	/* after so many that do not */
	unsigned int flush_errors;	/* so many flushes fail */
	bool *bad;			/* by sector: cannot be read until it is written; or NULL */
	unsigned int nbad;
	u64 *media, *cache;
	u64 *media_done;		/* when what the medium has completed */
	struct version *versions;
	unsigned int nversions, room;
	u64 clock;			/* completions */
	u64 writes, flushes, reads;
	/* Told of every write that was submitted to array data. */
	void (*on_write)(struct platter *p, u32 sector, u32 n, void *owner);
	/* What zeroes that are written now are held to be: who wrote them can be told. */
	u64 (*zeroes)(u32 sector, void *owner);
};

enum surviving {			/* of what is not on the medium */
	KEEP_ALL,
	KEEP_NONE,
	KEEP_ANY,			/* each sector's own luck */
};

struct platter *platter_new(struct machine *m, unsigned int nr, u32 sectors, u32 data_from);
void platter_free(struct platter *p);

/* What of @from a power cut leaves, in @m. */
struct platter *platter_cut(const struct platter *from, struct machine *m,
			    enum surviving surviving);

/* The same to a disk that was taken out and comes back. Nothing in flight. */
void platter_lose_power(struct platter *p, enum surviving surviving);

bool platter_write_fails(struct platter *p);	/* the one that ends now */
bool platter_fault_is_due(const struct platter *p);
void platter_mend(struct platter *p);		/* no more faults, but for sectors that are bad */
bool platter_is_busy(const struct platter *p);	/* requests are in flight */

/* As if it had always been there. */
void platter_put(struct platter *p, u32 sector, u64 value);
void platter_spoil(struct platter *p, u32 sector);	/* it is bad */
bool platter_is_bad(const struct platter *p, u32 sector, u32 n);	/* any of them */

/* Into the cache at once: a page of a file that will be written some time. */
void platter_write_cached(struct platter *p, u32 sector, const void *bytes);

/* The scheduler's: one of the requests in flight takes a step, if its disk likes to. */
bool platter_step(struct machine *m, unsigned int n, bool must);
void platter_forget_requests(struct machine *m);

/* The table of sectors: 0 is zeros. */
u64 content_number(const void *bytes);
const u8 *content(u64 number);
u64 content_mark(void);
void content_release(u64 mark);		/* forget those from @mark on */

#endif
