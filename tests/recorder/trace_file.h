/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the recorder saw, in the one order in which it saw it: a header, then
 * events. Native byte order: written and read on one machine.
 */
#ifndef TRACE_FILE_H
#define TRACE_FILE_H

#include <stdint.h>

enum { TRACE_SECTOR = 512, TRACE_DEVICES = 8 };

struct trace_device {
	char name[24];
	uint64_t bytes;
	uint64_t with_data;	/* data follows its writes, not only its hashes */
};

struct trace_header {
	char magic[8];		/* TRACE_MAGIC */
	uint64_t devices;
	struct trace_device device[TRACE_DEVICES];
};

#define TRACE_MAGIC "mdbtrace"

enum trace_what {
	TRACE_WRITE = 1,	/* arrived, from here on it may be on the medium */
	TRACE_FLUSH,		/* arrived */
	TRACE_DONE,		/* the answer to the request of that id was sent */
};

/*
 * A write is followed by the hash of each of its sectors (8 bytes; all zeros
 * hash to 0), and then, on a device with_data, by its bytes.
 */
struct trace_event {
	uint64_t ns;
	uint64_t id;
	uint64_t offset;
	uint32_t bytes;
	uint8_t what;
	uint8_t device;
	uint8_t fua;		/* of a write: durable when done */
	uint8_t error;		/* of what is done: it failed */
};

static inline uint64_t trace_hash(const void *sector)
{
	const uint64_t *word = sector;
	uint64_t any = 0, h = 0x9e3779b97f4a7c15ull;

	for (int i = 0; i < TRACE_SECTOR / 8; i++) {
		any |= word[i];
		h = (h ^ word[i]) * 0xff51afd7ed558ccdull;
		h ^= h >> 32;
	}
	return any ? h : 0;
}

#endif
