// SPDX-License-Identifier: GPL-2.0-only
/*
 * Disks with caches, and the block layer above them.
 */
#include "machine.h"

enum {
	SECTOR = 512,
	DILIGENCE = 30,			/* of lazy disks, in 1000 */
};

/* --- what sectors can hold ------------------------------------------------- */

static u8 (*contents)[SECTOR];
static u64 ncontents, contents_room;

const u8 *content(u64 number)
{
	static const u8 zeros[SECTOR];

	return number ? contents[number - 1] : zeros;
}

static bool is_zero(const void *bytes)
{
	return !memcmp(bytes, content(0), SECTOR);
}

u64 content_number(const void *bytes)
{
	if (is_zero(bytes))
		return 0;
	if (ncontents == contents_room) {
		contents_room = 2 * contents_room + 1024;
		contents = realloc(contents, contents_room * SECTOR);
	}
	memcpy(contents[ncontents], bytes, SECTOR);
	return ++ncontents;
}

u64 content_mark(void)
{
	return ncontents;
}

void content_release(u64 mark)
{
	ncontents = mark;
}

/* --- a disk ------------------------------------------------------------------- */

struct platter *platter_new(struct machine *m, unsigned int nr, u32 sectors, u32 data_from)
{
	struct platter *p = calloc(1, sizeof(*p));

	p->machine = m;
	p->nr = nr;
	p->sectors = sectors;
	p->data_from = data_from;
	p->bdev.bd_dev = MKDEV(8, nr);
	p->bdev.bd_disk = &p->disk;
	p->bdev.platter = p;
	p->disk.part0 = &p->bdev;
	p->media = calloc(3 * sectors, sizeof(*p->media));
	p->cache = p->media + sectors;
	p->media_done = p->cache + sectors;
	return p;
}

void platter_free(struct platter *p)
{
	if (!p)
		return;
	free(p->media);
	free(p->versions);
	free(p->bad);
	free(p);
}

void platter_put(struct platter *p, u32 sector, u64 value)
{
	p->media[sector] = p->cache[sector] = value;
}

void platter_spoil(struct platter *p, u32 sector)
{
	if (!p->bad)
		p->bad = calloc(p->sectors, sizeof(*p->bad));
	p->nbad += !p->bad[sector];
	p->bad[sector] = true;
}

bool platter_is_bad(const struct platter *p, u32 sector, u32 n)
{
	return p->nbad && memchr(p->bad + sector, true, n);
}

bool platter_fault_is_due(const struct platter *p)
{
	return p->dead || p->write_errors || p->flush_errors;
}

void platter_mend(struct platter *p)
{
	p->dead = false;
	p->write_errors = p->write_spared = p->flush_errors = 0;
}

static void add_version(struct platter *p, u32 sector, u64 value, const struct request *by)
{
	if (p->nversions == p->room) {
		p->room = 2 * p->room + 64;
		p->versions = realloc(p->versions, p->room * sizeof(*p->versions));
	}
	p->versions[p->nversions++] = (struct version){ sector, value, 0, by };
}

static void drop_version(struct platter *p, unsigned int i)
{
	p->versions[i] = p->versions[--p->nversions];
}

/* All that had completed by @until is on the medium. */
static void harden(struct platter *p, u64 until)
{
	unsigned int i = 0;

	while (i < p->nversions) {
		struct version *v = &p->versions[i];

		if (!v->done || v->done > until) {
			i++;
			continue;
		}
		if (v->done > p->media_done[v->sector]) {
			p->media_done[v->sector] = v->done;
			p->media[v->sector] = v->value;
		}
		drop_version(p, i);
	}
}

/* What was newer than the medium, in any order: the last one stays. */
static void survive(u64 *to, const struct platter *from, enum surviving surviving)
{
	unsigned int i, n = from->nversions, at;

	if (surviving == KEEP_NONE || !n)
		return;
	at = surviving == KEEP_ANY ? random_below(n) : 0;
	for (i = 0; i < n; i++, at = at + 1 == n ? 0 : at + 1)
		if (surviving == KEEP_ALL ? !from->versions[at].done : chance(500))
			to[from->versions[at].sector] = from->versions[at].value;
}

struct platter *platter_cut(const struct platter *from, struct machine *m,
			    enum surviving surviving)
{
	struct platter *p = platter_new(m, from->nr, from->sectors, from->data_from);
	size_t bytes = from->sectors * sizeof(*p->media);
	u32 i;

	memcpy(p->media, surviving == KEEP_ALL ? from->cache : from->media, bytes);
	survive(p->media, from, surviving);
	memcpy(p->cache, p->media, bytes);
	p->has_fua = from->has_fua;
	p->lazy = from->lazy;
	p->no_zeroes = from->no_zeroes;
	p->zeroes = from->zeroes;
	for (i = 0; from->nbad && i < from->sectors; i++)
		if (from->bad[i])
			platter_spoil(p, i);
	return p;
}

void platter_lose_power(struct platter *p, enum surviving surviving)
{
	size_t bytes = p->sectors * sizeof(*p->media);

	if (surviving == KEEP_ALL)
		memcpy(p->media, p->cache, bytes);
	survive(p->media, p, surviving);
	memcpy(p->cache, p->media, bytes);
	memset(p->media_done, 0, bytes);
	p->nversions = 0;
}

void platter_write_cached(struct platter *p, u32 sector, const void *bytes)
{
	u64 value = content_number(bytes);

	add_version(p, sector, value, NULL);
	p->versions[p->nversions - 1].done = ++p->clock;
	p->cache[sector] = value;
}

/* --- requests --------------------------------------------------------------------- */

enum phase { PHASE_PREFLUSH, PHASE_DATA, PHASE_POSTFLUSH, PHASE_END };

struct request {
	struct platter *platter;
	struct bio *bio;
	enum phase phase;
	bool started;			/* what the phase does is in flight */
	u64 clock;			/* when a flush was sent */
	u64 *values;			/* written */
	struct request *next;
};

bool platter_is_busy(const struct platter *p)
{
	const struct request *r = p->machine->requests;

	while (r && r->platter != p)
		r = r->next;
	return r;
}

void platter_forget_requests(struct machine *m)
{
	m->requests = NULL;
	m->nrequests = 0;
}

static bool wants(const struct request *r, enum phase phase)
{
	const struct bio *bio = r->bio;

	switch (phase) {
	case PHASE_PREFLUSH:
		return bio->bi_opf & REQ_PREFLUSH;
	case PHASE_DATA:
		return bio_sectors(bio);
	case PHASE_POSTFLUSH:
		return bio->bi_opf & REQ_FUA && bio_sectors(bio) &&
		       !r->platter->has_fua;
	default:
		return true;
	}
}

static void next_phase(struct request *r)
{
	do {
		r->phase++;
	} while (!wants(r, r->phase));
	r->started = false;
}

/* @fn for the bytes of each sector of @bio; NULL: it has none, they are to be zeroes. */
static void each_sector(struct bio *bio, void (*fn)(struct request *r, u32 i, void *bytes),
			struct request *r)
{
	u32 i = 0, n = bio_sectors(bio), at;
	struct bio_vec *v;

	for (; bio_op(bio) == REQ_OP_WRITE_ZEROES && i < n; i++)
		fn(r, i, NULL);
	for (v = bio->bi_io_vec; i < n; v++)
		for (at = 0; at < v->bv_len && i < n; at += SECTOR, i++)
			fn(r, i, (char *)page_address(v->bv_page) + v->bv_offset + at);
}

static u32 first_sector(const struct request *r)
{
	return r->bio->bi_iter.bi_sector;
}

static void sector_take(struct request *r, u32 i, void *bytes)
{
	struct platter *p = r->platter;
	u32 sector = first_sector(r) + i;

	if (!bytes)
		r->values[i] = p->zeroes(sector, p->machine->owner);
	else if (sector >= p->data_from)
		r->values[i] = *(u64 *)bytes;
	else if (!memcmp(bytes, content(p->cache[sector]), SECTOR))
		r->values[i] = p->cache[sector];
	else
		r->values[i] = content_number(bytes);
}

/* While a disk reads what it is to write, nobody may change that. */
static void sector_compare(struct request *r, u32 i, void *bytes)
{
	u32 sector = first_sector(r) + i;

	if (!bytes)
		return;
	if (sector >= r->platter->data_from ? r->values[i] != *(u64 *)bytes :
	    memcmp(bytes, content(r->values[i]), SECTOR))
		sim_fail("disk %u sector %u: changed while it was being written",
			 r->platter->nr, sector);
}

static void sector_give(struct request *r, u32 i, void *bytes)
{
	u64 value = r->platter->cache[first_sector(r) + i];

	if (first_sector(r) + i < r->platter->data_from) {
		memcpy(bytes, content(value), SECTOR);
		return;
	}
	memset(bytes, 0, SECTOR);
	*(u64 *)bytes = value;
}

static void start_write(struct request *r)
{
	u32 i, n = bio_sectors(r->bio);

	each_sector(r->bio, sector_take, r);
	for (i = 0; i < n; i++)
		add_version(r->platter, first_sector(r) + i, r->values[i], r);
	r->platter->writes++;
}

static void start_phase(struct request *r)
{
	r->started = true;
	if (r->phase != PHASE_DATA)
		r->clock = r->platter->clock;
	else if (op_is_write(r->bio->bi_opf))
		start_write(r);
}

/* Of a write that fails the medium may have any part, or none. */
static void fail_write(struct request *r)
{
	struct platter *p = r->platter;
	unsigned int i = 0;

	while (i < p->nversions) {
		struct version *v = &p->versions[i];

		if (v->by != r) {
			i++;
		} else if (chance(500)) {
			drop_version(p, i);
		} else {
			v->done = ++p->clock;
			v->by = NULL;
			p->cache[v->sector] = v->value;
		}
	}
}

static void end_write(struct request *r)
{
	struct platter *p = r->platter;
	bool fua = r->bio->bi_opf & REQ_FUA && p->has_fua;
	u64 done = ++p->clock;
	unsigned int i;

	each_sector(r->bio, sector_compare, r);
	for (i = 0; i < p->nversions; i++) {
		struct version *v = &p->versions[i];

		if (v->by != r)
			continue;
		v->done = done;
		v->by = NULL;
		p->cache[v->sector] = v->value;
		if (platter_is_bad(p, v->sector, 1)) {
			p->bad[v->sector] = false;
			p->nbad--;
		}
		if (fua) {
			p->media[v->sector] = v->value;
			p->media_done[v->sector] = done;
		}
	}
	if (!fua)
		return;
	/* Whatever completed there before is overwritten, on the medium too. */
	for (i = 0; i < p->nversions;) {
		struct version *v = &p->versions[i];

		if (v->done && v->done <= p->media_done[v->sector])
			drop_version(p, i);
		else
			i++;
	}
}

bool platter_write_fails(struct platter *p)
{
	if (!p->write_errors)
		return false;
	if (p->write_spared) {
		p->write_spared--;
		return false;
	}
	p->write_errors--;
	return true;
}

static void refuse_write(struct request *r)
{
	struct platter *p = r->platter;
	unsigned int i = 0;

	while (i < p->nversions)
		if (p->versions[i].by == r)
			drop_version(p, i);
		else
			i++;
}

static blk_status_t write_ends(struct request *r)
{
	struct platter *p = r->platter;

	if (p->no_zeroes && bio_op(r->bio) == REQ_OP_WRITE_ZEROES) {
		refuse_write(r);
		return BLK_STS_NOTSUPP;
	}
	if (p->dead || platter_write_fails(p)) {
		fail_write(r);
		return BLK_STS_IOERR;
	}
	end_write(r);
	return BLK_STS_OK;
}

static blk_status_t read_ends(struct request *r)
{
	struct platter *p = r->platter;

	if (p->dead || platter_is_bad(p, first_sector(r), bio_sectors(r->bio)))
		return BLK_STS_IOERR;
	each_sector(r->bio, sector_give, r);
	p->reads++;
	return BLK_STS_OK;
}

static blk_status_t flush_ends(struct request *r)
{
	struct platter *p = r->platter;

	if (p->dead)
		return BLK_STS_IOERR;
	if (p->flush_errors) {
		p->flush_errors--;
		return BLK_STS_IOERR;
	}
	harden(p, r->clock);
	p->flushes++;
	return BLK_STS_OK;
}

static blk_status_t end_phase(struct request *r)
{
	if (r->phase != PHASE_DATA)
		return flush_ends(r);
	return op_is_write(r->bio->bi_opf) ? write_ends(r) : read_ends(r);
}

static void bio_interrupt(void *data)
{
	bio_endio(data);
}

static void finish(struct request *r, blk_status_t status)
{
	struct machine *m = r->platter->machine;
	struct request **at = &m->requests;
	struct bio *bio = r->bio;

	while (*at != r)
		at = &(*at)->next;
	*at = r->next;
	m->nrequests--;
	bio->bi_status = status;
	sim_free(r->values);
	sim_free(r);
	machine_interrupt(bio_interrupt, bio);
}

bool platter_step(struct machine *m, unsigned int n, bool must)
{
	struct request *r = m->requests;
	blk_status_t status;

	while (n--)
		r = r->next;
	if (r->platter->lazy && !must && !chance(DILIGENCE))
		return false;
	if (!r->started) {
		start_phase(r);
		return true;
	}
	status = end_phase(r);
	next_phase(r);
	if (status || r->phase == PHASE_END)
		finish(r, status);
	return true;
}

void submit_bio(struct bio *bio)
{
	struct platter *p = bio->bi_bdev->platter;
	struct machine *m = p->machine;
	struct request *r = sim_alloc(sizeof(*r), GFP_ATOMIC, true);
	u32 n = bio_sectors(bio);

	preempt_point();
	sim_check(bio->bi_iter.bi_sector + n <= p->sectors);
	r->platter = p;
	r->bio = bio;
	r->values = sim_alloc(n * sizeof(*r->values), GFP_ATOMIC, false);
	r->phase = PHASE_PREFLUSH;
	if (!wants(r, r->phase))
		next_phase(r);
	if (p->on_write && n && op_is_write(bio->bi_opf))
		p->on_write(p, first_sector(r), n, m->owner);
	r->next = m->requests;
	m->requests = r;
	m->nrequests++;
}

/* --- bios ------------------------------------------------------------------------------ */

void bio_list_add(struct bio_list *l, struct bio *bio)
{
	bio->bi_next = NULL;
	if (l->tail)
		l->tail->bi_next = bio;
	else
		l->head = bio;
	l->tail = bio;
}

void bio_list_merge(struct bio_list *l, struct bio_list *more)
{
	if (!more->head)
		return;
	if (l->tail)
		l->tail->bi_next = more->head;
	else
		l->head = more->head;
	l->tail = more->tail;
}

struct bio *bio_list_pop(struct bio_list *l)
{
	struct bio *bio = l->head;

	if (!bio)
		return NULL;
	l->head = bio->bi_next;
	if (!l->head)
		l->tail = NULL;
	bio->bi_next = NULL;
	return bio;
}

void bio_init(struct bio *bio, struct block_device *bdev, struct bio_vec *vec,
	      unsigned short n, blk_opf_t opf)
{
	*bio = (struct bio){ .bi_bdev = bdev, .bi_io_vec = vec, .bi_opf = opf };
}

int bio_init_clone(struct block_device *bdev, struct bio *bio, struct bio *from, gfp_t gfp)
{
	bio_init(bio, bdev, from->bi_io_vec, 0, from->bi_opf);
	bio->bi_vcnt = from->bi_vcnt;
	bio->bi_iter = from->bi_iter;
	return 0;
}

void __bio_add_page(struct bio *bio, struct page *page, unsigned int len, unsigned int at)
{
	bio->bi_io_vec[bio->bi_vcnt++] = (struct bio_vec){ page, len, at };
	bio->bi_iter.bi_size += len;
}

static char *bio_byte(struct bio *bio, unsigned int at, unsigned int *room)
{
	struct bio_vec *v = bio->bi_io_vec;

	for (; at >= v->bv_len; v++)
		at -= v->bv_len;
	*room = v->bv_len - at;
	return (char *)page_address(v->bv_page) + v->bv_offset + at;
}

void bio_copy_data(struct bio *to, struct bio *from)
{
	unsigned int at, n, room_to, room_from;

	for (at = 0; at < from->bi_iter.bi_size; at += n) {
		char *dst = bio_byte(to, at, &room_to);
		char *src = bio_byte(from, at, &room_from);

		n = min3(room_to, room_from, from->bi_iter.bi_size - at);
		memcpy(dst, src, n);
	}
}

/* Where the iterator is, as the bio's own says how long it is. */
struct bio_vec bio_iter_iovec(struct bio *bio, struct bvec_iter iter)
{
	struct bio_vec vec;
	char *byte = bio_byte(bio, bio->bi_iter.bi_size - iter.bi_size, &vec.bv_len);

	vec.bv_page = virt_to_page(byte);
	vec.bv_offset = offset_in_page(byte);
	vec.bv_len = min(vec.bv_len, iter.bi_size);
	return vec;
}

void bio_advance_iter(struct bio *bio, struct bvec_iter *iter, unsigned int bytes)
{
	iter->bi_sector += bytes >> SECTOR_SHIFT;
	iter->bi_size -= bytes;
}

void memcpy_to_bvec(struct bio_vec *vec, const char *from)
{
	memcpy((char *)page_address(vec->bv_page) + vec->bv_offset, from, vec->bv_len);
}

void bio_endio(struct bio *bio)
{
	bio->bi_end_io(bio);
}

void bio_end_with(struct bio *bio, blk_status_t status)
{
	bio->bi_status = status;
	bio_endio(bio);
}

int blk_status_to_errno(blk_status_t status)
{
	return status == BLK_STS_OK ? 0 : status == BLK_STS_AGAIN ? -EAGAIN : -EIO;
}

static void wait_end_io(struct bio *bio)
{
	complete(bio->bi_private);
}

int submit_bio_wait(struct bio *bio)
{
	struct completion done = COMPLETION_INITIALIZER_ONSTACK(done);

	bio->bi_private = &done;
	bio->bi_end_io = wait_end_io;
	submit_bio(bio);
	wait_for_completion(&done);
	return blk_status_to_errno(bio->bi_status);
}

int blkdev_issue_flush(struct block_device *bdev)
{
	struct bio bio;

	bio_init(&bio, bdev, NULL, 0, REQ_OP_WRITE | REQ_PREFLUSH);
	return submit_bio_wait(&bio);
}

int bdev_rw_virt(struct block_device *bdev, sector_t sector, void *data, size_t len,
		 blk_opf_t op)
{
	struct bio_vec v;
	struct bio bio;

	bio_init(&bio, bdev, &v, 1, op);
	bio.bi_iter.bi_sector = sector;
	__bio_add_page(&bio, virt_to_page(data), len, offset_in_page(data));
	return submit_bio_wait(&bio);
}

unsigned int bdev_write_zeroes_sectors(struct block_device *bdev)
{
	return bdev->platter->no_zeroes ? 0 : 8;
}

sector_t bdev_nr_sectors(struct block_device *bdev)
{
	return bdev->platter->sectors;
}
