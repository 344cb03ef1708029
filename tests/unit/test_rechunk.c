// SPDX-License-Identifier: GPL-2.0-only
/*
 * Bitmaps of another geometry, and several in one, against a model that
 * knows bytes of the array only.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include "unit.h"
#include "options.h"
#include "rechunk.h"
#include "report.h"

static u64 seed = 0x72656368;

static u64 next_random(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static u64 below(u64 n)
{
	return next_random() % n;
}

/* One byte per chunk, 1 dirty. */
struct model {
	u64 sectors, chunk, bits;
	u8 *dirty;
};

static struct model model_new(u64 sectors, u64 chunk)
{
	struct model m = { sectors, chunk, 0, NULL };

	m.bits = (sectors * 512 + chunk - 1) / chunk;
	m.dirty = calloc(m.bits, 1);
	return m;
}

static struct model model_random(u64 sectors, u64 chunk)
{
	struct model m = model_new(sectors, chunk);
	u64 kind = below(4), i, j, n;

	if (kind < 3 && m.bits < 100000) {
		for (i = 0; i < m.bits; i++)
			m.dirty[i] = kind == 0 ? below(2) : kind == 1 ? !below(50) :
								!!below(50);
		return m;
	}
	for (n = below(40); n; n--) {
		i = below(m.bits);
		for (j = below(3) ? 1 : 1 + below(m.bits / 4 + 1); j && i < m.bits; j--)
			m.dirty[i++] = 1;
	}
	m.dirty[m.bits - 1] |= below(2);
	m.dirty[0] |= below(2);
	return m;
}

/* Every byte that was dirty and is still there makes its chunk dirty. */
static void model_add(struct model *to, const struct model *from)
{
	u64 i, j, start, end;

	for (i = 0; i < from->bits; i++) {
		if (!from->dirty[i])
			continue;
		start = i * from->chunk;
		end = start + from->chunk;
		if (end > from->sectors * 512)
			end = from->sectors * 512;
		for (j = start / to->chunk; j < to->bits && j * to->chunk < end; j++)
			to->dirty[j] = 1;
	}
}

static char *path_of(const char *name)
{
	static char path[4][64];
	static unsigned int n;

	snprintf(path[n % 4], sizeof(path[0]), "./%s", name);
	return path[n++ % 4];
}

static void write_model(const char *name, const struct model *m, u64 events)
{
	u8 *bits = calloc(bits_bytes(m->bits), 1);
	struct image_writer *w;
	struct bitmap_super sb;
	u64 i;

	bitmap_super_init(&sb);
	sb.sync_sectors = m->sectors;
	sb.chunk_bytes = m->chunk;
	sb.events = events;
	sb.events_cleared = events / 2;
	sb.write_behind = 77;
	sb.delay_s = 11;
	memset(sb.uuid, 0x5a, sizeof(sb.uuid));
	for (i = 0; i < m->bits; i++)
		if (m->dirty[i])
			bits_set(bits, i, i + 1);
	unlink(path_of(name));
	assert_int_equal(image_writer_start(path_of(name), NULL, &sb, &w), 0);
	assert_int_equal(image_writer_bits(w, bits, m->bits), 0);
	assert_int_equal(image_writer_finish(w), 0);
	free(bits);
}

static void compare(const u8 *bits, u64 first, u64 n, const struct model *m)
{
	u64 i;

	for (i = 0; i < n; i++)
		if (bits_test(bits, i) != m->dirty[first + i])
			break;
	if (i == n)
		return;
	print_error("chunk %llu of %llu (%llu bytes, %llu sectors) should be %d\n",
		    (unsigned long long)(first + i), (unsigned long long)m->bits,
		    (unsigned long long)m->chunk, (unsigned long long)m->sectors,
		    m->dirty[first + i]);
	assert_true(false);
}

static void check_file(const char *name, const struct model *m, u64 events)
{
	u8 *bits = malloc(bits_bytes(m->bits));
	struct image *image;

	assert_int_equal(image_open(path_of(name), IMAGE_FILE, &image), 0);
	assert_int_equal(image->sb.version, 4);
	assert_int_equal(image->sb.sync_sectors, m->sectors);
	assert_int_equal(image->sb.chunk_bytes, m->chunk);
	assert_int_equal(image->sb.events, events);
	assert_int_equal(image->sb.events_cleared, events / 2);
	assert_int_equal(image->sb.delay_s, 11);
	assert_int_equal(image->sb.write_behind, 77);
	assert_int_equal(image->sb.uuid[15], 0x5a);
	assert_int_equal(image->bits, m->bits);
	assert_int_equal(image_read_bits(image, 0, m->bits, bits), 0);
	compare(bits, 0, m->bits, m);
	image_close(image);
	free(bits);
}

/* ---- rechunk.c itself, step by step ---- */

static void check_rechunk(u64 sectors, u64 from, u64 to)
{
	struct model old = model_random(sectors, from), new = model_new(sectors, to);
	struct rechunk r;
	struct image *image;
	u64 at, n;
	u8 *bits;

	model_add(&new, &old);
	write_model("a", &old, 4);
	assert_int_equal(image_open(path_of("a"), IMAGE_FILE, &image), 0);
	assert_int_equal(rechunk_start(image, to, &r), 0);
	assert_int_equal(r.bits, new.bits);
	bits = malloc(r.step / 8);
	for (at = 0; at < r.bits; at += n) {
		n = r.bits - at < r.step ? r.bits - at : r.step;
		memset(bits, 0, r.step / 8);
		assert_int_equal(rechunk_or(&r, at, n, bits), 0);
		compare(bits, at, n, &new);
	}
	memset(bits, 0, r.step / 8);
	assert_int_equal(rechunk_or(&r, r.bits + r.step, 8, bits), 0);
	assert_int_equal(bits[0], 0);
	rechunk_end(&r);
	image_close(image);
	free(bits);
	free(old.dirty);
	free(new.dirty);
}

static void any_chunk_size_becomes_any_other_without_loss(void **state)
{
	int round;

	for (round = 0; round < 150; round++) {
		u64 from = 512ULL << below(10), to = 512ULL << below(10);

		check_rechunk(1 + below(20000), from, to);
	}
}

static void chunks_larger_than_the_array_are_no_special_case(void **state)
{
	int round;

	for (round = 0; round < 60; round++)
		check_rechunk(1 + below(500), 512ULL << below(23), 512ULL << below(23));
}

static void windows_join_without_a_seam(void **state)
{
	const u64 sectors = (3ULL << 23) / 2 + 12345;	/* bits at 512 bytes */

	check_rechunk(sectors, 512, 1024);
	check_rechunk(sectors, 1024, 512);
	check_rechunk(sectors, 512, 512);
	check_rechunk(sectors, 512, 512ULL << 12);
	check_rechunk(sectors, 512ULL << 12, 512);
	check_rechunk(sectors, 512ULL << 22, 512);
	check_rechunk((5ULL << 23) + 777, 512, 512ULL << 22);
	check_rechunk((5ULL << 23) + 777, 512ULL << 22, 512);
}

/* ---- the modes ---- */

static struct request request_for(enum mode mode, char **args, size_t count)
{
	struct request rq = { .mode = mode, .args = args, .arg_count = count,
			      .quiet = true };

	return rq;
}

static int run_on(int (*mode)(const struct request *), enum mode id, const char *name,
		  u64 bytes, bool clean)
{
	char *args[] = { path_of(name) }, word[32];
	struct request rq = request_for(id, args, 1);

	snprintf(word, sizeof(word), "%lluB", (unsigned long long)bytes);
	if (id == MODE_resize)
		rq.size = word;
	else
		rq.bitmap_chunk = word;
	rq.clean = clean;
	return mode(&rq);
}

static void rechunk_there_and_back_keeps_every_dirty_byte(void **state)
{
	int round;

	for (round = 0; round < 60; round++) {
		u64 sectors = 512 + below(60000);
		u64 from = 4096ULL << below(6), to = 4096ULL << below(6);
		struct model m = model_random(sectors, from), there, back;

		there = model_new(sectors, to);
		back = model_new(sectors, from);
		model_add(&there, &m);
		model_add(&back, &there);
		write_model("a", &m, 8);
		assert_int_equal(run_on(mode_rechunk, MODE_rechunk, "a", to, false), 0);
		check_file("a", &there, 8);
		assert_int_equal(run_on(mode_rechunk, MODE_rechunk, "a", from, false), 0);
		check_file("a", &back, 8);
		free(m.dirty);
		free(there.dirty);
		free(back.dirty);
	}
}

/* All of the space that is new is dirty, unless it is said to be clean. */
static void model_grow(struct model *to, u64 old_sectors)
{
	u64 i;

	for (i = 0; i < to->bits; i++)
		if ((i + 1) * to->chunk > old_sectors * 512)
			to->dirty[i] = 1;
}

static void resize_keeps_what_stays_and_dirties_what_is_new(void **state)
{
	int round;

	for (round = 0; round < 100; round++) {
		u64 old = 1 + below(60000), new = 1 + below(60000);
		u64 chunk = 4096ULL << below(4);
		struct model m = model_random(old, chunk), want = model_new(new, chunk);
		bool clean = below(2);

		memcpy(want.dirty, m.dirty, m.bits < want.bits ? m.bits : want.bits);
		if (new > old && !clean)
			model_grow(&want, old);
		write_model("a", &m, 8);
		assert_int_equal(run_on(mode_resize, MODE_resize, "a", new * 512, clean), 0);
		check_file("a", &want, 8);
		free(m.dirty);
		free(want.dirty);
	}
}

static void check_merge(u64 sectors, size_t inputs, u64 out_chunk)
{
	static char out[] = "./out";
	char *args[5] = { out }, word[32];
	static char names[4][4] = { "i0", "i1", "i2", "i3" };
	struct request rq = request_for(MODE_merge, args, inputs + 1);
	struct model in[4], want;
	u64 finest = 1ULL << 31;
	size_t i;

	for (i = 0; i < inputs; i++) {
		in[i] = model_random(sectors, 4096ULL << below(5));
		finest = in[i].chunk < finest ? in[i].chunk : finest;
		write_model(names[i], &in[i], i == inputs / 2 ? 90 : 10 + i);
		args[i + 1] = names[i];
	}
	if (out_chunk) {
		snprintf(word, sizeof(word), "%lluB", (unsigned long long)out_chunk);
		rq.bitmap_chunk = word;
	}
	want = model_new(sectors, out_chunk ? out_chunk : finest);
	for (i = 0; i < inputs; i++) {
		model_add(&want, &in[i]);
		free(in[i].dirty);
	}
	unlink(path_of("out"));
	assert_int_equal(mode_merge(&rq), 0);
	check_file("out", &want, 90);
	free(want.dirty);
}

static void merge_is_the_or_of_bitmaps_of_any_chunk_size(void **state)
{
	int round;

	for (round = 0; round < 60; round++)
		check_merge(512 + below(60000), 1 + below(4),
			    below(2) ? 0 : 4096ULL << below(5));
	check_merge((1ULL << 27) + 4711, 2, 0);
}

/* KiB by which the peak grew. */
static long peak_kib(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_maxrss;
}

static void make_large(const char *name, u64 chunk)
{
	struct image_writer *w;
	struct bitmap_super sb;

	bitmap_super_init(&sb);
	sb.chunk_bytes = chunk;
	sb.sync_sectors = (1ULL << 29) * 8;	/* 2^29 chunks of 4 KiB: 64 MiB */
	unlink(path_of(name));
	assert_int_equal(image_writer_start(path_of(name), NULL, &sb, &w), 0);
	assert_int_equal(image_writer_fill(w, true), 0);
	assert_int_equal(image_writer_finish(w), 0);
}

static void memory_does_not_grow_with_the_bitmap(void **state)
{
	char out[] = "./out", a[] = "./a", b[] = "./b", *args[] = { out, a, b };
	struct request rq = request_for(MODE_merge, args, 3);
	long before = peak_kib();

	make_large("a", 4096);
	make_large("b", 8192);
	rq.force = true;
	assert_int_equal(mode_merge(&rq), 0);
	assert_int_equal(run_on(mode_rechunk, MODE_rechunk, "a", 65536, false), 0);
	assert_int_equal(run_on(mode_rechunk, MODE_rechunk, "a", 4096, false), 0);
	assert_int_equal(run_on(mode_resize, MODE_resize, "b", 1ULL << 40, false), 0);
	assert_in_range(peak_kib() - before, 0, 32 * 1024);
}

/* ---- */

static char directory[] = "/tmp/test_rechunk.XXXXXX";

static int make_directory(void **state)
{
	style.quiet = true;
	return !mkdtemp(directory) || chdir(directory);
}

static int remove_directory(void **state)
{
	static const char *const names[] = { "a", "b", "out", "i0", "i1", "i2", "i3" };
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(*names); i++)
		unlink(names[i]);
	/* Fails, and the test with it, if a temporary file was left behind. */
	return rmdir(directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_does_not_grow_with_the_bitmap),
		cmocka_unit_test(any_chunk_size_becomes_any_other_without_loss),
		cmocka_unit_test(chunks_larger_than_the_array_are_no_special_case),
		cmocka_unit_test(windows_join_without_a_seam),
		cmocka_unit_test(rechunk_there_and_back_keeps_every_dirty_byte),
		cmocka_unit_test(resize_keeps_what_stays_and_dirties_what_is_new),
		cmocka_unit_test(merge_is_the_or_of_bitmaps_of_any_chunk_size),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
