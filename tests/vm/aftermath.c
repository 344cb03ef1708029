// SPDX-License-Identifier: GPL-2.0-only
/*
 * aftermath PART PARTS BUNDLE STORE MEMBER...: for each power cut of this part of
 * the bundle (tests/recorder/cuts_file.h) let the disks be as it left them,
 * start the array md0 with its bitmap, the file /mnt/bitmap of the ext4 on
 * STORE, let it resync, stop it, and look:
 *
 *	the filesystem recovers the file, after e2fsck if its superblock was torn, and
 *	it is current
 *	the array starts with all its members; one that had just failed is re-added,
 *	one that had just come back is added
 *	what was acknowledged as durable is there, whole, and in its place
 *	what was read once is read again, before, during and after the resync
 *	nothing but chunks with a set bit is written to on the members
 *	the members are the same then; what they hold, one of them held before
 *	a check finds no difference, and no bit is left set
 *
 * In one program, because starting one costs more than all that under
 * emulation. Half of the arrays start read-only, so that the resync waits until
 * all has been read. Exit status 0 if all that holds for each cut.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/major.h>
#include <linux/raid/md_u.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../recorder/cuts_file.h"
#include "again.h"

enum {
	PAGE = 4096,		/* what is compared at once, */
	PIECE = 64 << 10,	/* and what is written */
	DATA_OFFSET = 1 << 20,	/* of the members, as the scenario makes them */
	BITS_OFFSET = 256,	/* in the bitmap file */
	STALE = 2,		/* in its state */
	PATIENCE_S = 60,
	SHOWN = 12,		/* violations of one cut */
	RECOVERY_OFFSET = 2,	/* in its features: it is being copied, from here on, */
	RECOVERY_BITMAP = 128,	/* and only where bits are set */
	SUPER_SECTORS = 256,	/* of a member, written by superblocks in a cut's time */
};

#define NODE "/dev/md0"
#define MD "/sys/block/md0/md/"
#define BITMAP "/mnt/bitmap"
#define SAID "/tmp/aftermath"	/* by the last program that was run */

struct disk {
	const char *path, *name;
	int fd;
	uint64_t bytes;
	uint8_t *cut;		/* as the cut left it */
	uint8_t *now;		/* what is on it */
	bool *changed;		/* per page: these may differ; if it was looked at, they do */
	uint64_t written;	/* sectors, before the array was started */
};

static struct disk disks[BUNDLE_DEVICES];	/* the store, and the members */
static unsigned int disk_count;
static FILE *bundle;
static struct cut cut;
static uint64_t seed, cut_count;

static uint32_t *required;	/* per block of the array: at least that write */
static uint8_t *seen, *again;	/* the array, read at first, and later */
static uint64_t array_bytes;

/*
 * Under emulation comparing costs more than reading. So it is known, and not
 * looked for: in which pages the cut left the members different; and of the array
 * after the last cut, which write each of its sectors was of.
 */
static bool *unequal;
static uint8_t *known;
static int64_t *known_number;

static uint8_t *bits;		/* the bitmap file before the array was started */
static long bits_bytes;
static uint64_t chunk_bytes;
static bool all_dirty, forced, in_full, looked;

/* What may be found, in words for the last line. */
enum kind { DIFFERS, LOST, UNSTABLE, NEEDLESS, NO_BITMAP, OTHER, KINDS };

static const char *const kind_words[] = {
	"members still differ", "what was acknowledged is lost", "what was read changes",
	"clean chunks are written", "the bitmap is stale or gone", "else",
};

static unsigned int violations, said;
static bool found[KINDS];	/* after this cut */
static struct {
	unsigned int cuts, differed, any_dirty, dirty, full, in_full, away, required,
		     brought_back, mended, violated, found[KINDS];
} count;

/* --- where the time goes -------------------------------------------------- */

enum phase {
	CUT, PUT, MOUNT, START, READ, STAY, RESYNC, STAMPS, CHECK, STOP, LOOK, MEMBERS, UNMOUNT,
	PHASES,
};

static const char *const phase_words[] = {
	"cut", "put", "mount", "start", "read", "read again", "resync", "stamps", "check",
	"stop", "look", "members", "unmount",
};

static double spent[PHASES];

/* What was done since the last call was this. */
static void was(enum phase phase)
{
	static double last;
	struct timespec t;
	double now;

	clock_gettime(CLOCK_MONOTONIC, &t);
	now = t.tv_sec + 1e-9 * t.tv_nsec;
	spent[phase] += now - last;
	last = now;
}

static void give_up(const char *what)
{
	printf("aftermath: %s: %m\n", what);
	exit(2);
}

static void *need(size_t bytes)
{
	void *p;

	if (posix_memalign(&p, PAGE, bytes ? bytes : 1))
		give_up("memory");
	memset(p, 0, bytes);
	return p;
}

__attribute__((format(printf, 2, 3)))
static void violation(enum kind kind, const char *format, ...)
{
	va_list args;

	violations++;
	found[kind] = true;
	if (said++ == SHOWN)
		printf("  ... and more\n");
	if (said > SHOWN)
		return;
	printf("cut %llu of seed %llu, event %llu, %s: ", (unsigned long long)cut.number,
	       (unsigned long long)seed, (unsigned long long)cut.event, cut.how);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
}

/* --- small files, other programs ------------------------------------------ */

static const char *word_of(const char *path)
{
	static char word[256];
	int fd = open(path, O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, word, sizeof(word) - 1);

	if (fd >= 0)
		close(fd);
	word[n > 0 ? n : 0] = 0;
	word[strcspn(word, "\n")] = 0;
	return word;
}

static bool set_word(const char *path, const char *word)
{
	int fd = open(path, O_WRONLY);
	bool ok = fd >= 0 && write(fd, word, strlen(word)) == (ssize_t)strlen(word);

	if (fd >= 0)
		close(fd);
	return ok;
}

static bool syncing(void)
{
	static char text[4096];
	int fd = open("/proc/mdstat", O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = 0;
	return strcmp(word_of(MD "sync_action"), "idle") || strstr(text, "resync") ||
	       strstr(text, "recovery") || strstr(text, "check");
}

static void nap(unsigned int ms)
{
	usleep(1000 * ms);
}

static bool wait_idle(void)
{
	const time_t end = time(NULL) + PATIENCE_S;

	for (unsigned int idle = 0; idle < 3;) {
		if (time(NULL) > end)
			return false;
		idle = !syncing() && !atoi(word_of(MD "degraded")) ? idle + 1 : 0;
		nap(idle ? 1 : 3);
	}
	return true;
}

/* A program's status; what it said goes to our output if it failed. */
static int outcome(int status)
{
	char line[400];
	FILE *said_by_it;

	if (!status)
		return 0;
	said_by_it = fopen(SAID, "r");
	while (said_by_it && fgets(line, sizeof(line), said_by_it))
		printf("  %s", line);
	if (said_by_it)
		fclose(said_by_it);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

static int run(char **words)
{
	extern char **environ;
	posix_spawn_file_actions_t to;
	int status;
	pid_t pid;

	posix_spawn_file_actions_init(&to);
	posix_spawn_file_actions_addopen(&to, 1, SAID, O_CREAT | O_TRUNC | O_WRONLY, 0600);
	posix_spawn_file_actions_adddup2(&to, 1, 2);
	if (posix_spawnp(&pid, words[0], &to, NULL, words, environ))
		give_up(words[0]);
	posix_spawn_file_actions_destroy(&to);
	if (waitpid(pid, &status, 0) != pid)
		give_up("waitpid");
	return outcome(status);
}

/* The tool, loaded once: see again.so.c, which is where this program is. */
static int start_tool(void)
{
	static char preload[200] = "LD_PRELOAD=";
	char *words[] = { "mdbitmap", NULL };
	char *env[] = { preload, "AGAIN_OUT=" SAID, "PATH=/usr/sbin:/usr/bin", NULL };
	const size_t used = strlen(preload);
	posix_spawn_file_actions_t to;
	int ends[2];
	pid_t pid;
	ssize_t n = readlink("/proc/self/exe", preload + used, sizeof(preload) - used - 20);

	if (n < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends))
		give_up("the tool");
	preload[used + n] = 0;
	strcpy(strrchr(preload, '/') + 1, "again.so");
	posix_spawn_file_actions_init(&to);
	posix_spawn_file_actions_adddup2(&to, ends[1], AGAIN_FD);
	if (posix_spawnp(&pid, words[0], &to, NULL, words, env))
		give_up(words[0]);
	posix_spawn_file_actions_destroy(&to);
	close(ends[1]);
	return ends[0];
}

/* "mdbitmap" and its words. */
static int run_tool(char **words)
{
	static int to = -1;
	char line[AGAIN_BYTES];
	size_t used = 0;
	int status;

	if (to < 0)
		to = start_tool();
	for (; *words; words++) {
		const size_t bytes = strlen(*words) + 1;

		if (used + bytes > sizeof(line))
			give_up("too many words");
		memcpy(line + used, *words, bytes);
		used += bytes;
	}
	if (write(to, line, used) != (ssize_t)used ||
	    read(to, &status, sizeof(status)) != sizeof(status))
		give_up("the tool is gone");
	return outcome(status);
}

/* --- disks ---------------------------------------------------------------- */

static void read_all(int fd, uint8_t *to, uint64_t bytes, const char *what)
{
	for (uint64_t at = 0; at < bytes;) {
		uint64_t left = bytes - at;
		ssize_t n = pread(fd, to + at, left < 1 << 20 ? left : 1 << 20, at);

		if (n <= 0)
			give_up(what);
		at += n;
	}
}

static uint64_t within(uint64_t at, uint64_t bytes, uint64_t end)
{
	return end - at < bytes ? end - at : bytes;
}

static void look_at(struct disk *d)
{
	read_all(d->fd, d->now, d->bytes, d->path);
	for (uint64_t at = 0; at < d->bytes; at += PAGE)
		d->changed[at / PAGE] = memcmp(d->now + at, d->cut + at,
					       within(at, PAGE, d->bytes));
}

static void open_disk(struct disk *d, const char *path, uint64_t bytes)
{
	uint64_t has;

	d->path = path;
	d->name = strrchr(path, '/') + 1;
	d->bytes = bytes;
	d->fd = open(path, O_RDWR | O_DIRECT);
	if (d->fd < 0 || ioctl(d->fd, BLKGETSIZE64, &has))
		give_up(path);
	if (has != bytes) {
		printf("aftermath: %s is not the disk of the bundle\n", path);
		exit(2);
	}
	d->cut = need(bytes);
	d->now = need(bytes);
	d->changed = need(bytes / PAGE + 1);
	look_at(d);
}

static void restore(struct disk *d)
{
	for (uint64_t at = 0; at < d->bytes; at += PIECE) {
		const uint64_t bytes = within(at, PIECE, d->bytes);

		if (!memchr(d->changed + at / PAGE, true, (bytes + PAGE - 1) / PAGE))
			continue;
		if (pwrite(d->fd, d->cut + at, bytes, at) != (ssize_t)bytes)
			give_up(d->path);
	}
}

static void sectors_moved(const struct disk *d, unsigned long long *read,
			  unsigned long long *written)
{
	char path[64];

	*read = *written = 0;
	snprintf(path, sizeof(path), "/sys/block/%s/stat", d->name);
	sscanf(word_of(path), "%*u %*u %llu %*u %*u %*u %llu", read, written);
}

static uint64_t sectors_read(const struct disk *d)
{
	unsigned long long read, written;

	sectors_moved(d, &read, &written);
	return read;
}

static uint64_t sectors_written(const struct disk *d)
{
	unsigned long long read, written;

	sectors_moved(d, &read, &written);
	return written;
}

/* --- the bundle ----------------------------------------------------------- */

static void get(void *to, uint64_t bytes)
{
	if (bytes && fread(to, bytes, 1, bundle) != 1)
		give_up("the bundle ends too soon");
}

static uint64_t padded(uint64_t bytes)
{
	return (bytes + SECTOR - 1) / SECTOR * SECTOR;
}

static void next_acks(void)
{
	const uint64_t bytes = padded(cut.acks * sizeof(struct ack));
	struct ack *acks = need(bytes);

	get(acks, bytes);
	for (uint64_t i = 0; i < cut.acks; i++)
		if (acks[i].number > required[acks[i].block])
			required[acks[i].block] = acks[i].number;
	free(acks);
}

/* A sector of it is another one now. */
static void note_change(struct disk *d, uint64_t sector)
{
	const uint64_t page = sector * SECTOR / PAGE, at = page * PAGE;

	d->changed[page] = true;
	if (d == &disks[0])
		return;
	unequal[page] = false;
	for (unsigned int i = 2; i < disk_count; i++)
		if (memcmp(disks[i].cut + at, disks[1].cut + at,
			   within(at, PAGE, d->bytes)))
			unequal[page] = true;
}

static void next_cut(void)
{
	struct place *places;
	uint64_t bytes;

	get(&cut, sizeof(cut));
	if (cut.magic != CUT_MAGIC) {
		printf("aftermath: this is no cut\n");
		exit(2);
	}
	next_acks();
	bytes = padded(cut.places * sizeof(*places));
	places = need(bytes);
	get(places, bytes);
	for (uint64_t i = 0; i < cut.places; i++) {
		struct disk *d = &disks[places[i].device];

		get(d->cut + (uint64_t)places[i].sector * SECTOR, SECTOR);
	}
	for (uint64_t i = 0; i < cut.places; i++)
		note_change(&disks[places[i].device], places[i].sector);
	free(places);
}

static void open_bundle(const char *path, char **paths)
{
	struct bundle b;

	bundle = fopen(path, "r");
	if (!bundle)
		give_up(path);
	get(&b, sizeof(b));
	if (memcmp(b.magic, BUNDLE_MAGIC, sizeof(b.magic))) {
		printf("aftermath: %s is no bundle\n", path);
		exit(2);
	}
	seed = b.seed;
	cut_count = b.cuts;
	for (; paths[disk_count] && disk_count < b.devices; disk_count++)
		open_disk(&disks[disk_count], paths[disk_count], b.bytes[disk_count]);
	required = need(disks[1].bytes / BLOCK * sizeof(*required));
	seen = need(disks[1].bytes);
	again = need(disks[1].bytes);
	unequal = need(disks[1].bytes / PAGE + 1);
	known = need(disks[1].bytes);
	known_number = need(disks[1].bytes / SECTOR * sizeof(*known_number));
	bits = need(1 << 20);
}

/* --- the bitmap ----------------------------------------------------------- */

static uint32_t le32(const uint8_t *p)
{
	uint32_t x;

	memcpy(&x, p, sizeof(x));
	return x;
}

static uint64_t le64(const uint8_t *p)
{
	uint64_t x;

	memcpy(&x, p, sizeof(x));
	return x;
}

static bool read_bitmap(void)
{
	int fd = open(BITMAP, O_RDONLY | O_DIRECT); /* stock md writes past the cache */

	bits_bytes = fd < 0 ? -1 : read(fd, bits, 1 << 20);
	if (fd >= 0)
		close(fd);
	return bits_bytes > BITS_OFFSET && !memcmp(bits, "bitm", 4);
}

static bool is_dirty(uint64_t chunk)
{
	return all_dirty || bits[BITS_OFFSET + chunk / 8] >> chunk % 8 & 1;
}

static uint64_t chunks_of(uint64_t bytes)
{
	return (bytes + chunk_bytes - 1) / chunk_bytes;
}

static unsigned int dirty_chunks(void)
{
	unsigned int n = 0;

	for (uint64_t c = 0; c < chunks_of(array_bytes); c++)
		n += is_dirty(c);
	return n;
}

/* By its own superblock: it came back, and its recovery has not begun. */
static bool is_spare(const uint8_t *super)
{
	const uint32_t number = le32(super + 160);
	const uint8_t *role = super + 256 + 2 * number;

	return number < 384 && role[0] == 0xff && role[1] == 0xff;
}

/*
 * Which chunks the driver may copy. A file that is behind says nothing to it; one
 * that is a single event behind is taken by the tool without --force. Neither may
 * be: the file learns of an event before the members do.
 */
static void judge_bitmap(void)
{
	uint64_t events = le64(bits + 24), newest = 0;

	in_full = false;
	for (unsigned int i = 1; i < disk_count; i++) {
		const uint8_t *super = disks[i].cut + 4096;
		uint64_t e = le64(super + 200);
		uint32_t features = le32(super + 8);

		newest = e > newest ? e : newest;
		in_full |= features & RECOVERY_OFFSET && !(features & RECOVERY_BITMAP);
		in_full |= is_spare(super);
	}
	chunk_bytes = le32(bits + 52);
	forced = le32(bits + 48) & STALE || events + 1 < newest;
	all_dirty = forced || events < newest;
	if (all_dirty && !(cut.flags & MAY_BE_STALE))
		violation(NO_BITMAP, "the file is stale: state %x, events %llu of %llu",
			  le32(bits + 48), (unsigned long long)events,
			  (unsigned long long)newest);
}

/* --- the array ------------------------------------------------------------ */

static bool assemble(bool waits)
{
	char *words[16] = { "mdbitmap", "--assemble", NODE, "--bitmap=" BITMAP };
	unsigned int n = 4;
	const char *start_ro = !access("/sys/module/mdbitmap", F_OK) ?
		"/sys/module/mdbitmap/parameters/start_ro" :
		"/sys/module/md_mod/parameters/start_ro";
	int status;

	if (!set_word(start_ro, waits ? "1" : "0"))
		give_up(start_ro);
	if (cut.flags & MAY_BE_AWAY)
		words[n++] = "--run";
	if (forced)
		words[n++] = "--force";
	for (unsigned int i = 1; i < disk_count; i++)
		words[n++] = (char *)disks[i].path;
	status = run_tool(words);
	if (status)
		violation(OTHER, "--assemble fails: exit status %d", status);
	return !status;
}

/*
 * Those that the others call faulty are left out, and said to be. One whose recovery
 * had ended, and whose own superblock does not say so yet, can only be added.
 * False: one is still out.
 */
static bool bring_back(void)
{
	char *words[] = { "mdbitmap", NULL, NODE, NULL, "--yes", NULL };
	bool all = true;
	char path[64];

	if (!(cut.flags & MAY_BE_AWAY))
		return true;
	for (unsigned int i = 1; i < disk_count; i++) {
		snprintf(path, sizeof(path), MD "dev-%s", disks[i].name);
		if (!access(path, F_OK))
			continue;
		words[1] = is_spare(disks[i].cut + 4096) ? "--add" : "--re-add";
		words[3] = (char *)disks[i].path;
		if (run_tool(words)) {
			violation(OTHER, "%s was left out: %s fails", disks[i].name, words[1]);
			all = false;
		}
		count.brought_back++;
	}
	return all;
}

static int open_array(void)
{
	int fd = open(NODE, O_RDONLY | O_DIRECT);

	if (fd < 0 || ioctl(fd, BLKGETSIZE64, &array_bytes) || !array_bytes ||
	    array_bytes > disks[1].bytes - DATA_OFFSET)
		give_up(NODE);
	return fd;
}

static void stop_array(void)
{
	for (unsigned int i = 0; i < 100; i++) {
		int fd = open(NODE, O_RDONLY), err;

		if (fd < 0)
			return;
		err = ioctl(fd, STOP_ARRAY, NULL);
		close(fd);
		if (!err)
			return;
		nap(50);
	}
	violation(OTHER, "it cannot be stopped: %m");
}

static void read_again(int fd, const char *when)
{
	read_all(fd, again, array_bytes, NODE);
	if (!memcmp(seen, again, array_bytes))
		return;
	for (uint64_t at = 0; at < array_bytes; at += SECTOR)
		if (memcmp(seen + at, again + at, SECTOR))
			violation(UNSTABLE, "sector %llu is read otherwise %s: write %lld, was %lld",
				  (unsigned long long)at / SECTOR, when,
				  (long long)stamp_number((void *)(again + at), at / BLOCK,
							  at % BLOCK / SECTOR),
				  (long long)stamp_number((void *)(seen + at), at / BLOCK,
							  at % BLOCK / SECTOR));
}

/* Of which write each sector is. */
static void read_stamps(void)
{
	for (uint64_t page = 0; page < array_bytes; page += PAGE) {
		const uint64_t bytes = within(page, PAGE, array_bytes);

		if (!memcmp(known + page, again + page, bytes))
			continue;
		memcpy(known + page, again + page, bytes);
		for (uint64_t at = page; at < page + bytes; at += SECTOR)
			known_number[at / SECTOR] = stamp_number((void *)(known + at), at / BLOCK,
								 at % BLOCK / SECTOR);
	}
}

/* What is on the medium: whole, in its place, and not older than it must be. */
static void judge_stamps(void)
{
	read_stamps();
	for (uint64_t at = 0; at < array_bytes; at += SECTOR) {
		const uint64_t block = at / BLOCK;
		const int64_t number = known_number[at / SECTOR];

		if (number < 0)
			violation(LOST, "sector %llu holds nothing that was written there",
				  (unsigned long long)at / SECTOR);
		else if (number < required[block])
			violation(LOST, "sector %llu: write %u was acknowledged as durable, and %lld is there",
				  (unsigned long long)at / SECTOR, required[block],
				  (long long)number);
	}
}

/* Nor is what says nothing because it has not looked taken for it. */
static void check(void)
{
	uint64_t before[BUNDLE_DEVICES];

	for (unsigned int i = 1; i < disk_count; i++)
		before[i] = sectors_read(&disks[i]);
	if (!set_word(MD "sync_action", "check") || !wait_idle()) {
		violation(OTHER, "no check: sync_action is %s", word_of(MD "sync_action"));
		return;
	}
	if (atoll(word_of(MD "mismatch_cnt")))
		violation(DIFFERS, "a check finds %s sectors that differ", word_of(MD "mismatch_cnt"));
	for (unsigned int i = 1; i < disk_count; i++)
		if (sectors_read(&disks[i]) - before[i] < array_bytes / SECTOR)
			violation(OTHER, "a check has not read all of %s", disks[i].name);
}

/* What the cut left in the superblocks, and what was said of it. */
static void explain(void)
{
	char line[400];
	FILE *f = fopen(SAID, "r");

	for (unsigned int i = 1; i < disk_count; i++) {
		const uint8_t *super = disks[i].cut + 4096;

		printf("  %s: events %llu, number %u, features %x, roles %x %x %x\n",
		       disks[i].name, (unsigned long long)le64(super + 200),
		       le32(super + 160), le32(super + 8), le32(super + 256) & 0xffff,
		       le32(super + 256) >> 16, le32(super + 260) & 0xffff);
	}
	printf("  bitmap: events %llu, cleared %llu, state %x\n",
	       (unsigned long long)le64(bits + 24), (unsigned long long)le64(bits + 32),
	       le32(bits + 48));
	while (f && fgets(line, sizeof(line), f))
		printf("  %s", line);
	if (f)
		fclose(f);
}

/* From the first read to the check. */
static void use_array(bool waits)
{
	int fd = open_array();

	read_all(fd, seen, array_bytes, NODE);
	was(READ);
	read_again(fd, waits ? "before the resync" : "during the resync");
	was(STAY);
	if (waits && !set_word(MD "array_state", "active"))
		violation(OTHER, "it does not become active: %m");
	if (!wait_idle()) {
		violation(OTHER, "no end of its resync: %s", word_of(MD "sync_action"));
		explain();
	}
	was(RESYNC);
	read_again(fd, "after the resync");
	was(STAY);
	close(fd);
	judge_stamps();
	was(STAMPS);
	check();
	was(CHECK);
}

/* --- the members ---------------------------------------------------------- */

static bool was_somewhere(uint64_t at, const uint8_t *sector)
{
	for (unsigned int i = 1; i < disk_count; i++)
		if (!memcmp(disks[i].cut + at, sector, SECTOR))
			return true;
	return false;
}

static void judge_sector(uint64_t at)
{
	const uint64_t sector = at / SECTOR, chunk = at / chunk_bytes;

	at += DATA_OFFSET;
	for (unsigned int i = 1; i < disk_count; i++) {
		const struct disk *d = &disks[i];

		if (memcmp(d->now + at, disks[1].now + at, SECTOR))
			violation(DIFFERS, "sector %llu differs: %s and %s, bit %d",
				  (unsigned long long)sector, disks[1].name, d->name,
				  is_dirty(chunk));
		if (!memcmp(d->now + at, d->cut + at, SECTOR))
			continue;
		if (!is_dirty(chunk))
			violation(NEEDLESS, "sector %llu of %s was written, and its chunk is clean",
				  (unsigned long long)sector, d->name);
		if (!was_somewhere(at, d->now + at))
			violation(OTHER, "sector %llu of %s holds what no member held",
				  (unsigned long long)sector, d->name);
	}
}

/*
 * How much was written, be it what was there already. Not of a member whose
 * superblock says that it is a spare, or was being copied, and not that bits tell
 * where: the driver never says the latter, so that a cut in the middle of a recovery by the
 * bitmap costs a recovery in full. That is counted.
 */
static void judge_written(unsigned int dirty)
{
	count.in_full += in_full;
	if (in_full && cut.flags & MAY_BE_AWAY)
		return;
	for (unsigned int i = 1; i < disk_count; i++) {
		uint64_t written = sectors_written(&disks[i]) - disks[i].written;

		if (written > dirty * chunk_bytes / SECTOR + SUPER_SECTORS)
			violation(NEEDLESS, "%llu sectors of %s were written, and %u chunks are dirty",
				  (unsigned long long)written, disks[i].name, dirty);
	}
}

static bool differed(void)
{
	return memchr(unequal + DATA_OFFSET / PAGE, true, (array_bytes + PAGE - 1) / PAGE);
}

/* All members hold what the cut left on each of them. */
static bool is_untouched(uint64_t page)
{
	for (unsigned int i = 1; i < disk_count; i++)
		if (disks[i].changed[page])
			return false;
	return !unequal[page];
}

static void judge_members(void)
{
	for (unsigned int i = 1; i < disk_count; i++)
		look_at(&disks[i]);
	was(LOOK);
	looked = true;
	for (uint64_t page = 0; page < array_bytes; page += PAGE) {
		const uint64_t end = page + within(page, PAGE, array_bytes);

		if (is_untouched((page + DATA_OFFSET) / PAGE))
			continue;
		for (uint64_t at = page; at < end; at += SECTOR)
			judge_sector(at);
	}
}

/* --- one cut -------------------------------------------------------------- */

/* What is counted shows that the cuts were worth something. */
static void tally(void)
{
	const unsigned int dirty = dirty_chunks();

	count.differed += differed();
	count.any_dirty += dirty && !all_dirty;
	count.dirty += all_dirty ? 0 : dirty;
	count.full += all_dirty;
	count.away += !!(cut.flags & MAY_BE_AWAY);
	for (uint64_t b = 0; b < array_bytes / BLOCK; b++)
		count.required += required[b] != 0;
}

static void with_bitmap(void)
{
	const bool waits = cut.number % 2 && !(cut.flags & MAY_BE_AWAY);
	unsigned int dirty;

	judge_bitmap();
	for (unsigned int i = 1; i < disk_count; i++)
		disks[i].written = sectors_written(&disks[i]);
	if (!assemble(waits) || !bring_back()) {
		stop_array();
		return;
	}
	was(START);
	use_array(waits);
	stop_array();
	was(STOP);
	dirty = dirty_chunks();
	judge_written(dirty);
	tally();
	judge_members();
	was(MEMBERS);
	all_dirty = false;
	if (!read_bitmap() || le32(bits + 48) & STALE || dirty_chunks())
		violation(OTHER, "after --stop the file is not clean: state %x, %u chunks dirty",
			  le32(bits + 48), dirty_chunks());
}

/*
 * A torn superblock of ext4 has a wrong checksum, and one of the backups must be
 * taken, as for any filesystem without a bitmap in it; that is counted.
 */
static bool mount_store(void)
{
	char *words[] = { "e2fsck", "-fy", (char *)disks[0].path, NULL };

	if (!mount(disks[0].path, "/mnt", "ext4", 0, NULL))
		return true;
	if (errno != EBADMSG || run(words) & ~3)
		return false;
	count.mended++;
	return !mount(disks[0].path, "/mnt", "ext4", 0, NULL);
}

static void judge_cut(void)
{
	const unsigned int before = violations;

	said = 0;
	looked = false;
	memset(found, 0, sizeof(found));
	for (unsigned int i = 0; i < disk_count; i++)
		restore(&disks[i]);
	was(PUT);
	if (!mount_store()) {
		violation(NO_BITMAP, "the filesystem does not mount: %m");
	} else {
		was(MOUNT);
		if (read_bitmap())
			with_bitmap();
		else
			violation(NO_BITMAP, "there is no bitmap in the file, %ld bytes", bits_bytes);
		if (umount("/mnt"))
			give_up("umount");
		was(UNMOUNT);
	}
	for (unsigned int i = 0; i < (looked ? 1 : disk_count); i++)
		look_at(&disks[i]);
	was(LOOK);
	count.cuts++;
	count.violated += violations > before;
	for (unsigned int kind = 0; kind < KINDS; kind++)
		count.found[kind] += found[kind];
}

static void tell_time(void)
{
	for (unsigned int i = 0; i < PHASES; i++)
		printf("%s%s %.0f", i ? ", " : " (ms each: ", phase_words[i],
		       1e3 * spent[i] / (count.cuts ? count.cuts : 1));
	puts(")");
}

int main(int argc, char **argv)
{
	unsigned long part, parts, first, last;

	if (argc < 7)
		return 2;
	setvbuf(stdout, NULL, _IOLBF, 0);
	part = strtoul(argv[1], NULL, 0);
	parts = strtoul(argv[2], NULL, 0);
	if (!part || part > parts)
		return 2;
	open_bundle(argv[3], argv + 4);
	first = cut_count * (part - 1) / parts + 1;
	last = cut_count * part / parts;
	time_t begin = time(NULL);
	was(CUT);
	spent[CUT] = 0;

	for (unsigned long n = 1; n <= last; n++) {
		next_cut();
		was(CUT);
		if (n >= first)
			judge_cut();
	}
	printf("cuts %lu to %lu: members differed after %u, bits were set after %u (%u chunks each), all after %u, a member was away at %u, was left out and re-added after %u, was copied in full after %u, %u blocks had to be there each, the filesystem had to be mended after %u, %ld s, %u cuts violate",
	       first, last, count.differed, count.any_dirty,
	       count.any_dirty ? count.dirty / count.any_dirty : 0, count.full, count.away, count.brought_back, count.in_full,
	       count.cuts ? count.required / count.cuts : 0, count.mended,
	       (long)(time(NULL) - begin), count.violated);
	for (unsigned int kind = 0; kind < KINDS; kind++)
		if (count.found[kind])
			printf("; %s: %u", kind_words[kind], count.found[kind]);
	tell_time();
	return violations ? 1 : 0;
}
