// SPDX-License-Identifier: GPL-2.0-only
/*
 * stamper [OPTION...] ARRAY WITNESS: write blocks of 4 KiB to ARRAY, each with
 * the number of its write in every sector, and tell WITNESS which of them were
 * acknowledged as durable: so that who looks at both after a power cut knows
 * what must be there (tests/recorder/cuts_file.h).
 *
 *	-f N	the first write's number (1)
 *	-n N	that many writes (1000), at random blocks, never one block twice at once
 *	-a B,N	N blocks from block B on (all)
 *	-d N	at most N at once (8)
 *	-k N	a flush after about N writes (16)
 *	-u P	P percent of the writes are FUA: acknowledged alone (0)
 *	-p MS	after a burst of -k writes wait so long before the flush (0)
 *	-s N	seed (1)
 *	-m N	what the scenario does, from now on: MAY_BE_..., added up (0)
 *
 * A flush comes while writes are under way half of the time; it answers for
 * those that were over before it was asked for.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../recorder/cuts_file.h"

enum { DEPTH_MAX = 64 };

static struct option_values {
	unsigned int first, writes, area, blocks, depth, every, fua, pause_ms, seed, mark;
} opt = { .first = 1, .writes = 1000, .depth = 8, .every = 16, .seed = 1 };

static struct slot {
	struct iocb iocb;
	struct ack what;
	bool busy, fua;
	uint8_t *data;
} slots[DEPTH_MAX];

static int array, witness_fd;
static unsigned int busy;
static aio_context_t context;
static uint64_t state, records, record_count;

/* Answered, and not yet told the witness: durable after the next flush. */
static struct ack *answered;
static unsigned int answered_count;

static void fail(const char *what)
{
	fprintf(stderr, "stamper: %s: %m\n", what);
	exit(1);
}

static uint64_t draw(uint64_t below)
{
	return scramble(state++) % below;
}

/* --- the witness ---------------------------------------------------------- */

/* Where a record lies does not matter: it is what arrives that is looked at. */
static void tell(const struct ack *acks, unsigned int count)
{
	static struct witness record __attribute__((aligned(BLOCK)));

	record = (struct witness){
		.magic = WITNESS_MAGIC, .flags = opt.mark, .count = count,
	};
	memcpy(record.acks, acks, count * sizeof(*acks));
	if (pwrite(witness_fd, &record, sizeof(record),
		   record_count++ % records * SECTOR) != sizeof(record))
		fail("witness");
}

static void tell_all(unsigned int count)
{
	for (unsigned int at = 0; at < count; at += WITNESS_ACKS)
		tell(answered + at, count - at < WITNESS_ACKS ? count - at : WITNESS_ACKS);
	answered_count -= count;
	memmove(answered, answered + count, answered_count * sizeof(*answered));
}

/* --- writes --------------------------------------------------------------- */

static bool under_way(uint32_t block)
{
	for (unsigned int i = 0; i < opt.depth; i++)
		if (slots[i].busy && slots[i].what.block == block)
			return true;
	return false;
}

static struct slot *free_slot(void)
{
	for (unsigned int i = 0; i < opt.depth; i++)
		if (!slots[i].busy)
			return &slots[i];
	return NULL;
}

static void submit(uint32_t number)
{
	struct slot *s = free_slot();
	struct iocb *list = &s->iocb;
	uint32_t block;

	do
		block = opt.area + draw(opt.blocks);
	while (under_way(block));
	s->what = (struct ack){ number, block };
	s->fua = draw(100) < opt.fua;
	s->busy = true;
	busy++;
	for (uint32_t i = 0; i < BLOCK_SECTORS; i++)
		stamp_fill((struct stamp *)s->data + i, number, block, i, opt.seed);
	s->iocb = (struct iocb){
		.aio_data = s - slots, .aio_lio_opcode = IOCB_CMD_PWRITE,
		.aio_fildes = array, .aio_buf = (uintptr_t)s->data,
		.aio_nbytes = BLOCK, .aio_offset = (int64_t)block * BLOCK,
		.aio_rw_flags = s->fua ? RWF_DSYNC : 0,
	};
	if (syscall(SYS_io_submit, context, 1, &list) != 1)
		fail("io_submit");
}

/* Wait until no more than @most are under way. */
static void reap(unsigned int most)
{
	struct io_event e;

	while (busy > most) {
		struct slot *s;

		if (syscall(SYS_io_getevents, context, 1, 1, &e, NULL) != 1)
			fail("io_getevents");
		s = &slots[e.data];
		if (e.res != BLOCK) {
			errno = -e.res;
			fail("write");
		}
		s->busy = false;
		busy--;
		if (s->fua)
			tell(&s->what, 1);
		else
			answered[answered_count++] = s->what;
	}
}

static void flush(void)
{
	unsigned int before;

	if (draw(2))
		reap(0);
	before = answered_count;
	if (fdatasync(array))
		fail("fdatasync");
	tell_all(before);
}

static void run(void)
{
	for (unsigned int i = 0; i < opt.writes; i++) {
		reap(opt.depth - 1);
		submit(opt.first + i);
		if (draw(opt.every))
			continue;
		if (opt.pause_ms) {
			reap(0);
			usleep(1000 * opt.pause_ms);
		}
		flush();
	}
	reap(0);
	flush();
}

/* --- start ---------------------------------------------------------------- */

static void read_options(int argc, char **argv)
{
	int c;

	while ((c = getopt(argc, argv, "f:n:a:d:k:u:p:s:m:")) != -1) {
		unsigned int *to = c == 'f' ? &opt.first : c == 'n' ? &opt.writes :
			c == 'd' ? &opt.depth : c == 'k' ? &opt.every :
			c == 'u' ? &opt.fua : c == 'p' ? &opt.pause_ms :
			c == 's' ? &opt.seed : c == 'm' ? &opt.mark : &opt.area;
		char *rest;

		if (c == '?')
			exit(2);
		*to = strtoul(optarg, &rest, 0);
		if (c == 'a' && *rest == ',')
			opt.blocks = strtoul(rest + 1, NULL, 0);
	}
	if (argc - optind != 2 || !opt.depth || opt.depth > DEPTH_MAX || !opt.every)
		exit(2);
}

static uint64_t open_device(const char *path, int *fd)
{
	uint64_t bytes;

	*fd = open(path, O_RDWR | O_DIRECT);
	if (*fd < 0 || ioctl(*fd, BLKGETSIZE64, &bytes))
		fail(path);
	return bytes;
}

int main(int argc, char **argv)
{
	read_options(argc, argv);
	state = scramble(opt.seed) ^ scramble(opt.first);
	uint64_t blocks = open_device(argv[optind], &array) / BLOCK;

	records = open_device(argv[optind + 1], &witness_fd) / SECTOR;
	if (!opt.blocks)
		opt.blocks = blocks - opt.area;
	if (opt.area + opt.blocks > blocks || opt.blocks < 2 * opt.depth)
		exit(2);
	answered = calloc(opt.writes + 1, sizeof(*answered));
	for (unsigned int i = 0; i < opt.depth; i++)
		if (posix_memalign((void **)&slots[i].data, BLOCK, BLOCK))
			fail("memory");
	if (!answered || syscall(SYS_io_setup, DEPTH_MAX, &context))
		fail("io_setup");
	tell(NULL, 0);
	run();
	return 0;
}
