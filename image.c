// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <linux/major.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include "array.h"
#include "image.h"
#include "parse.h"
#include "report.h"

enum {
	ALIGN = 4096,		/* O_DIRECT: no device asks for more */
	BUFFER_BYTES = IMAGE_WINDOW_BYTES + 2 * ALIGN,
	HUGE_BYTES = 2 << 20,
};

/*
 * One window of the bitmap: the bytes [start, end) counted from the
 * superblock. Windows begin at multiples of IMAGE_WINDOW_BYTES.
 */
struct image_buffer {
	u8 *data;		/* aligned; as read */
	u8 *other;		/* v5: the same window of another slot */
	u8 *made;		/* v6: bits made of states */
	uint64_t start, end;	/* empty: start == end */
	int slot;		/* image->slot at that time */
	u8 *bits;		/* of the window */
};

int parse_byte_order(const char *word, enum image_byte_order *order)
{
	if (!word || !strcmp(word, "little"))
		*order = IMAGE_LITTLE_ENDIAN;
	else if (!strcmp(word, "big32"))
		*order = IMAGE_BIG_ENDIAN_32;
	else if (!strcmp(word, "big64"))
		*order = IMAGE_BIG_ENDIAN_64;
	else
		return fail(-EINVAL, "--byte-order=%s: little, big32 or big64", safe(word));
	return 0;
}

int image_select(struct image *image, const char *byte_order, const char *node)
{
	uint64_t slot;
	int err = 0;

	if (byte_order)
		err = parse_byte_order(byte_order, &image->order);
	if (err || !node)
		return err;
	if (image->sb.version != BITMAP_V5_CLUSTERED || !image->sb.nodes)
		return fail(-EINVAL, "--node: %s is not clustered: its bitmap is everybody's",
			    safe(image->path));
	err = parse_number("--node", node, 0, image->sb.nodes - 1, &slot);
	if (!err)
		image->slot = slot;
	return err;
}

static uint64_t align_down(uint64_t x)
{
	return x / ALIGN * ALIGN;
}

static uint64_t align_up(uint64_t x)
{
	return align_down(x + ALIGN - 1);
}

/* Read [offset, offset + bytes), as much as there is; the count or -errno. */
static ssize_t read_span(const struct image *image, u8 *to, uint64_t bytes, uint64_t offset)
{
	uint64_t done = 0;

	while (done < bytes) {
		ssize_t n = pread(image->fd, to + done, bytes - done, offset + done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EINVAL && fcntl(image->fd, F_GETFL) & O_DIRECT) {
			fcntl(image->fd, F_SETFL, 0);
			continue;
		}
		if (n < 0)
			return -errno;
		done += n;
		/* Off the grid is the end, and no place for a direct read. */
		if (!n || done % ALIGN)
			break;
	}
	return done;
}

/* Bytes of one bit group on disk: v3 of a big-endian host keeps words. */
static unsigned int word_bytes(const struct image *image)
{
	if (image->sb.version != BITMAP_V3_HOST_ENDIAN)
		return 1;
	return image->order == IMAGE_BIG_ENDIAN_32 ? 4 :
	       image->order == IMAGE_BIG_ENDIAN_64 ? 8 : 1;
}

/*
 * Bytes [start, end) from the superblock of slot @slot, into a buffer with
 * room for the alignment; *at points to the first of them.
 */
static int read_slot(struct image *image, unsigned int slot, u8 *buffer,
		     uint64_t start, uint64_t end, u8 **at)
{
	uint64_t from = image->base + start, lead;
	ssize_t n;

	if (slot)
		from += slot * bitmap_slot_bytes(&image->sb);
	lead = from - align_down(from);
	n = read_span(image, buffer, align_up(lead + end - start), from - lead);
	if (n < 0)
		return fail_errno(n, "%s: read at byte %llu", safe(image->path),
				  (unsigned long long)from);
	*at = buffer + lead;
	if ((uint64_t)n >= lead + end - start)
		return 0;
	if (slot)
		return fail(-EUCLEAN, "%s: truncated: the bits of node %u are not all there",
			    safe(image->path), slot);
	if (end > image->room_bytes)
		return fail(-EUCLEAN, "%s: truncated within a word of %u bytes; is the --byte-order right?",
			    safe(image->path), word_bytes(image));
	return fail(-EUCLEAN, "%s: became shorter while being read", safe(image->path));
}

/* End of the window that holds byte @start, if @limit is that of all windows. */
static uint64_t window_end(uint64_t start, uint64_t limit)
{
	uint64_t next = (start / IMAGE_WINDOW_BYTES + 1) * IMAGE_WINDOW_BYTES;

	return next < limit ? next : limit;
}

static bool lockless(const struct image *image)
{
	return image->sb.version == BITMAP_V6_LOCKLESS;
}

/* End of the bits (states) this file holds, in bytes from the superblock. */
static uint64_t bits_end(const struct image *image)
{
	uint64_t bytes = lockless(image) ? image->bits_present :
					   bits_bytes(image->bits_present);
	unsigned int word = word_bytes(image);

	return bitmap_head_bytes(&image->sb) + (bytes + word - 1) / word * word;
}

static int or_slots(struct image *image, u8 *bits, uint64_t start, uint64_t end)
{
	unsigned int slot;
	u8 *more;
	int err;

	for (slot = 1; slot < image->sb.nodes; slot++) {
		err = read_slot(image, slot, image->buffer->other, start, end, &more);
		if (err)
			return err;
		bits_or(bits, more, (end - start) * 8);
	}
	return 0;
}

static int make_buffer(struct image *image)
{
	struct image_buffer *b;

	if (image->buffer)
		return 0;
	b = image->buffer = calloc(1, sizeof(*b));
	if (!b)
		return fail(-ENOMEM, "out of memory");
	b->data = aligned_alloc(HUGE_BYTES, HUGE_BYTES);
	/* A read into one piece of memory is one request to the disk: it takes
	 * two thirds of the time of one into 256 scattered pages. */
	if (b->data && image->room_bytes > IMAGE_WINDOW_BYTES)
		madvise(b->data, HUGE_BYTES, MADV_HUGEPAGE);
	if (image->sb.nodes > 1)
		b->other = aligned_alloc(ALIGN, BUFFER_BYTES);
	if (lockless(image))
		b->made = malloc(bits_bytes(IMAGE_WINDOW_BYTES));
	if (!b->data || (image->sb.nodes > 1 && !b->other) ||
	    (lockless(image) && !b->made))
		return fail(-ENOMEM, "out of memory");
	return 0;
}

static void free_buffer(struct image_buffer *b)
{
	if (!b)
		return;
	free(b->data);
	free(b->other);
	free(b->made);
	free(b);
}

/* The window that holds byte @at, as bits. */
static int load_window(struct image *image, uint64_t at)
{
	uint64_t start = at / IMAGE_WINDOW_BYTES * IMAGE_WINDOW_BYTES;
	uint64_t end = window_end(start, bits_end(image));
	struct image_buffer *b = image->buffer;
	int err;

	if (!start)
		start = bitmap_head_bytes(&image->sb);
	b->start = b->end = 0;
	err = read_slot(image, image->slot > 0 ? image->slot : 0, b->data, start, end,
			&b->bits);
	if (!err && lockless(image)) {
		bits_from_states(b->made, b->bits, end - start);
		b->bits = b->made;
	} else if (!err && image->sb.nodes > 1 && image->slot < 0) {
		err = or_slots(image, b->bits, start, end);
	} else if (!err && word_bytes(image) > 1) {
		bits_from_big_endian(b->bits, end - start, word_bytes(image));
	}
	if (err)
		return err;
	b->start = start;
	b->end = end;
	b->slot = image->slot;
	return 0;
}

int image_view(struct image *image, uint64_t from, const u8 **bits,
	       uint64_t *first, uint64_t *count)
{
	uint64_t head = bitmap_head_bytes(&image->sb);
	unsigned int per_byte = lockless(image) ? 1 : 8;
	uint64_t at = head + from / per_byte;
	int err;

	*count = 0;
	*first = from / 8 * 8;
	if (image->check_error)
		return fail(image->check_error, "%s: its superblock is damaged",
			    safe(image->path));
	if (from >= image->bits_present)
		return 0;
	err = make_buffer(image);
	if (!err && (at < image->buffer->start || at >= image->buffer->end ||
		     image->slot != image->buffer->slot))
		err = load_window(image, at);
	if (err)
		return err;
	*bits = image->buffer->bits;
	*first = (image->buffer->start - head) * per_byte;
	*count = (image->buffer->end - image->buffer->start) * per_byte;
	if (*count > image->bits_present - *first)
		*count = image->bits_present - *first;
	return 0;
}

int image_read_bits(struct image *image, uint64_t first, uint64_t count, u8 *out)
{
	uint64_t done = 0, start, n;
	const u8 *bits;
	int err;

	memset(out, 0, bits_bytes(count));
	while (done < count) {
		err = image_view(image, first + done, &bits, &start, &n);
		if (err || !n)
			return err;
		n -= first + done - start;
		if (n > count - done)
			n = count - done;
		bits_or(out + done / 8, bits + (first + done - start) / 8, n);
		done += n;
	}
	return 0;
}

int image_count_dirty(struct image *image, uint64_t *dirty)
{
	uint64_t at = 0, first, count;
	const u8 *bits;
	int err;

	*dirty = 0;
	for (;;) {
		err = image_view(image, at, &bits, &first, &count);
		if (err || !count)
			return err;
		*dirty += bits_count(bits, count);
		at = first + count;
	}
}

/* First chunk at or after @from that is set (clear), or bits_present. */
static int next_chunk(struct image *image, uint64_t *from,
		      u64 (*next)(const u8 *, u64, u64))
{
	uint64_t first, count, hit;
	const u8 *bits;
	int err;

	for (;;) {
		err = image_view(image, *from, &bits, &first, &count);
		if (err || !count)
			return err;
		hit = next(bits, *from - first, count);
		*from = first + hit;
		if (hit < count)
			return 0;
	}
}

int image_next_range(struct image *image, uint64_t *start, uint64_t *end)
{
	int err = next_chunk(image, start, bits_next_set);

	if (err || *start >= image->bits_present)
		return err;
	*end = *start;
	err = next_chunk(image, end, bits_next_clear);
	return err ? err : 1;
}

int image_count_states(struct image *image, uint64_t counts[BITMAP_STATES])
{
	uint64_t at = bitmap_head_bytes(&image->sb), limit = bits_end(image), end, i;
	int err = make_buffer(image);
	u8 *states;

	memset(counts, 0, BITMAP_STATES * sizeof(*counts));
	for (; !err && at < limit; at = end) {
		end = window_end(at, limit);
		image->buffer->start = image->buffer->end = 0;
		err = read_slot(image, 0, image->buffer->data, at, end, &states);
		for (i = 0; !err && i < end - at; i++)
			counts[states[i] < BITMAP_STATES ? states[i] :
							   BITMAP_STATE_NEED_SYNC]++;
	}
	return err;
}

int image_raw(struct image *image, uint64_t from, const u8 **data, uint64_t *count)
{
	uint64_t limit = image->room_bytes, end = window_end(from, limit);
	u8 *at;
	int err;

	*count = 0;
	if (from >= limit)
		return 0;
	err = make_buffer(image);
	if (err)
		return err;
	image->buffer->start = image->buffer->end = 0;
	err = read_slot(image, 0, image->buffer->data, from, end, &at);
	if (err)
		return err;
	*data = at;
	*count = end - from;
	return 0;
}

uint64_t image_chunk_range_bytes(const struct image *image, uint64_t start, uint64_t end)
{
	uint64_t size = image->sb.sync_sectors * SECTOR_BYTES;
	uint64_t from = start * image->sb.chunk_bytes;
	uint64_t to = end * image->sb.chunk_bytes;

	if (to > size)
		to = size;
	return to > from ? to - from : 0;
}

/* The 256 bytes at @place of the file. 1: fewer are there. */
static int read_head(const struct image *image, uint64_t place,
		     struct bitmap_super_disk *raw)
{
	uint64_t lead = place % ALIGN;
	u8 *block = aligned_alloc(ALIGN, 2 * ALIGN);
	ssize_t n;

	if (!block)
		return fail(-ENOMEM, "out of memory");
	n = read_span(image, block, 2 * ALIGN, place - lead);
	if (n >= (ssize_t)(lead + sizeof(*raw)))
		memcpy(raw, block + lead, sizeof(*raw));
	free(block);
	if (n < 0)
		return fail_errno(n, "%s: read", safe(image->path));
	return n < (ssize_t)(lead + sizeof(*raw));
}

int image_slot_super(struct image *image, unsigned int slot, struct bitmap_super *sb)
{
	uint64_t place = image->base + slot * bitmap_slot_bytes(&image->sb);
	struct bitmap_super_disk raw;
	int ret = read_head(image, place, &raw);

	if (ret == 1)
		return fail(-EUCLEAN, "%s: truncated: the superblock of node %u is not there",
			    safe(image->path), slot);
	if (ret)
		return ret;
	bitmap_super_decode(sb, &raw);
	if (sb->magic != BITMAP_MAGIC)
		return fail(-EUCLEAN, "%s: node %u has no bitmap superblock: magic is %08x, must be %08x",
			    safe(image->path), slot, sb->magic, BITMAP_MAGIC);
	if (sb->version != image->sb.version || sb->chunk_bytes != image->sb.chunk_bytes ||
	    sb->sync_sectors != image->sb.sync_sectors)
		return fail(-EUCLEAN, "%s: version, chunk or size of node %u differ from node 0's",
			    safe(image->path), slot);
	return 0;
}

/* Superblock at image->base. 1: too short, or not the magic number. */
static int read_super(struct image *image)
{
	int ret = read_head(image, image->base, &image->raw);

	if (ret)
		return ret;
	bitmap_super_decode(&image->sb, &image->raw);
	return image->sb.magic != BITMAP_MAGIC;
}

static int size_of(struct image *image, uint64_t *bytes)
{
	if (S_ISREG(image->st.st_mode))
		*bytes = image->st.st_size;
	else if (ioctl(image->fd, BLKGETSIZE64, bytes))
		return fail_errno(-errno, "%s: size", safe(image->path));
	return 0;
}

static int not_a_bitmap(const struct image *image, unsigned int flags)
{
	const char *path = safe(image->path);

	if (S_ISBLK(image->st.st_mode) && major(image->st.st_rdev) == MD_MAJOR)
		return fail(-EMEDIUMTYPE, "%s: is an array; name one of its members, or use --detail", path);
	if (S_ISREG(image->st.st_mode) && image->st.st_size < BITMAP_SUPER_BYTES)
		return fail(-EMEDIUMTYPE, "%s: %lld bytes is too short for a bitmap", path,
			    (long long)image->st.st_size);
	if (flags & IMAGE_FILE)
		return fail(-EMEDIUMTYPE, "%s: is no bitmap file", path);
	return fail(-EMEDIUMTYPE, "%s: is neither a bitmap file nor a member of an array", path);
}

/* The internal bitmap of a member. 1: no member either. */
static int find_in_member(struct image *image)
{
	struct member *member = calloc(1, sizeof(*member));
	int ret;

	if (!member)
		return fail(-ENOMEM, "out of memory");
	ret = member_read(image->fd, image->path, member);
	if (ret) {
		free(member);
		return ret;
	}
	image->member = member;
	if (!member->super.has_bitmap)
		return fail(-EMEDIUMTYPE, "%s: member of an array without an internal bitmap",
			    safe(image->path));
	image->base = (uint64_t)member->super.bitmap_sector * SECTOR_BYTES;
	ret = read_super(image);
	if (ret == 1)
		return fail(-EUCLEAN, "%s: no bitmap superblock at sector %lld, where the member's superblock says",
			    safe(image->path), (long long)member->super.bitmap_sector);
	return ret;
}

static int find_super(struct image *image, unsigned int flags)
{
	bool file = S_ISREG(image->st.st_mode);
	int ret = 1;

	if (file || flags & IMAGE_FILE) {
		ret = read_super(image);
		if (ret <= 0)
			return ret;
	}
	if (!(flags & IMAGE_FILE))
		ret = find_in_member(image);
	if (ret == 1 && !file && !(flags & IMAGE_FILE))
		ret = read_super(image);	/* a raw device as the store */
	return ret == 1 ? not_a_bitmap(image, flags) : ret;
}

static int judge_slots(struct image *image)
{
	struct bitmap_super sb;
	unsigned int slot;
	int err = 0;

	for (slot = 1; !err && slot < image->sb.nodes; slot++)
		err = image_slot_super(image, slot, &sb);
	return err;
}

static int judge_super(struct image *image, unsigned int flags)
{
	const struct fault *f = &image->fault;
	uint64_t size, head, held;
	int err = size_of(image, &size);

	if (err)
		return err;
	image->room_bytes = size > image->base ? size - image->base : 0;
	image->check_error = bitmap_super_check(&image->sb, &image->fault);
	if (image->check_error && !(flags & IMAGE_FAULTY_OK))
		return fail(image->check_error, "%s: bitmap superblock: %s is %llu, must be %s",
			    safe(image->path), f->field, (unsigned long long)f->found,
			    f->expected);
	if (image->check_error)
		return 0;
	image->bits = bitmap_bits(image->sb.sync_sectors, image->sb.chunk_bytes);
	head = bitmap_head_bytes(&image->sb);
	held = image->room_bytes > head ? image->room_bytes - head : 0;
	if (!lockless(image))
		held = held > UINT64_MAX / 8 ? UINT64_MAX : held * 8;
	image->bits_present = held < image->bits ? held : image->bits;
	if (image->bits_present < image->bits && !(flags & IMAGE_SHORT_OK))
		return fail(-EUCLEAN, "%s: truncated: %llu bytes, its %llu chunks need %llu",
			    safe(image->path), (unsigned long long)image->room_bytes,
			    (unsigned long long)image->bits,
			    (unsigned long long)bitmap_bytes(&image->sb));
	return flags & IMAGE_FAULTY_OK ? 0 : judge_slots(image);
}

static int open_failed(const char *path, unsigned int flags)
{
	int err = -errno;

	if (err == -ELOOP && flags & IMAGE_FILE)
		return fail(err, "%s: is a symbolic link; name the file itself", safe(path));
	return fail_errno(err, "%s", safe(path));
}

static int open_fd(struct image *image, unsigned int flags)
{
	bool edit = (flags & IMAGE_EDIT) == IMAGE_EDIT;
	int how = O_CLOEXEC | O_NONBLOCK | (edit ? O_RDWR : O_RDONLY);

	if (flags & IMAGE_FILE)
		how |= O_NOFOLLOW;
	image->fd = open(image->path, how);
	if (image->fd < 0)
		return open_failed(image->path, flags);
	if (fstat(image->fd, &image->st))
		return fail_errno(-errno, "%s", safe(image->path));
	if (S_ISBLK(image->st.st_mode) ? edit : !S_ISREG(image->st.st_mode))
		return fail(-EMEDIUMTYPE, "%s: is not a regular file", safe(image->path));
	if (edit || fcntl(image->fd, F_SETFL, O_DIRECT)) {
		fcntl(image->fd, F_SETFL, 0);
		/* What stock md wrote is on the disk, not in the cache. */
		posix_fadvise(image->fd, 0, 0, POSIX_FADV_DONTNEED);
	}
	return 0;
}

/* Nobody else edits the file, no array uses it, and its name still means it. */
static int claim(struct image *image, unsigned int flags)
{
	const char *path = safe(image->path);
	struct stat now;
	char md[64];
	int ret;

	if (!(image->st.st_mode & 0200) && !(flags & IMAGE_FORCE))
		return fail(-EACCES, "%s: is read-only (mode %04o); chmod u+w, or --force",
			    path, image->st.st_mode & 07777);
	if (flock(image->fd, LOCK_EX | LOCK_NB))
		return errno == EWOULDBLOCK ?
			fail(-EBUSY, "%s: another program is editing it", path) :
			fail_errno(-errno, "%s: lock", path);
	if (lstat(image->path, &now) || now.st_ino != image->st.st_ino ||
	    now.st_dev != image->st.st_dev)
		return fail(-EBUSY, "%s: another program replaced it just now; try again", path);
	ret = array_uses_file(image->fd, md);
	if (ret == 1)
		return fail(-EBUSY, "%s: is attached to %s; --detach it first", path, md);
	if (ret < 0)
		return fail_errno(ret, "%s: cannot tell whether an array uses it", path);
	return 0;
}

static int check_editable(const struct image *image)
{
	u32 version = image->sb.version;

	if (version == BITMAP_V3_HOST_ENDIAN || version == BITMAP_V4)
		return 0;
	return fail(-EOPNOTSUPP, "%s: version %u bitmaps can be read, not edited",
		    safe(image->path), version);
}

int image_open(const char *path, unsigned int flags, struct image **out)
{
	struct image *image = calloc(1, sizeof(*image));
	bool edit = (flags & IMAGE_EDIT) == IMAGE_EDIT;
	int err;

	if (!image || !(image->path = strdup(path))) {
		free(image);
		return fail(-ENOMEM, "out of memory");
	}
	image->slot = -1;
	err = open_fd(image, flags);
	if (!err)
		err = find_super(image, flags);
	if (!err)
		err = judge_super(image, flags);
	if (!err && edit)
		err = claim(image, flags);
	if (!err && edit)
		err = check_editable(image);
	if (err) {
		image_close(image);
		return err;
	}
	*out = image;
	return 0;
}

void image_close(struct image *image)
{
	if (!image)
		return;
	free_buffer(image->buffer);
	if (image->fd >= 0)
		close(image->fd);
	member_free(image->member);
	free(image->path);
	free(image);
}

static int write_span(int fd, const u8 *from, uint64_t bytes, uint64_t offset)
{
	while (bytes) {
		ssize_t n = pwrite(fd, from, bytes, offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		from += n;
		bytes -= n;
		offset += n;
	}
	return 0;
}

/* Set or clear within the window at hand, and write the words it touches. */
static int edit_window(struct image *image, uint64_t from, uint64_t to, bool dirty)
{
	struct image_buffer *b = image->buffer;
	uint64_t first = from / 64 * 8, last = (to + 63) / 64 * 8;
	unsigned int word = word_bytes(image);
	int err;

	if (last > b->end - b->start)
		last = b->end - b->start;
	if (dirty)
		bits_set(b->bits, from, to);
	else
		bits_clear(b->bits, from, to);
	if (word > 1)
		bits_from_big_endian(b->bits + first, last - first, word);
	err = write_span(image->fd, b->bits + first, last - first,
			 image->base + b->start + first);
	if (word > 1)
		bits_from_big_endian(b->bits + first, last - first, word);
	if (err)
		return fail_errno(err, "%s: write", safe(image->path));
	return 0;
}

static void hold_signals(sigset_t *old)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, old);
}

int image_set_chunks(struct image *image, uint64_t start, uint64_t end, bool dirty)
{
	uint64_t first, count, to;
	const u8 *bits;
	sigset_t old;
	int err = 0;

	if (end > image->bits)
		end = image->bits;
	hold_signals(&old);
	while (!err && start < end) {
		err = image_view(image, start, &bits, &first, &count);
		if (err)
			break;
		to = end < first + count ? end : first + count;
		err = edit_window(image, start - first, to - first, dirty);
		start = to;
	}
	sigprocmask(SIG_SETMASK, &old, NULL);
	return err;
}

int image_write_super(struct image *image, const struct bitmap_super *sb)
{
	int err;

	bitmap_super_encode(&image->raw, sb);
	err = write_span(image->fd, (const u8 *)&image->raw, sizeof(image->raw), 0);
	if (err)
		return fail_errno(err, "%s: write", safe(image->path));
	image->sb = *sb;
	return 0;
}

int image_sync(struct image *image)
{
	if (fsync(image->fd))
		return fail_errno(-errno, "%s: fsync", safe(image->path));
	return 0;
}
