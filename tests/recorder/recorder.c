// SPDX-License-Identifier: GPL-2.0-only
/*
 * recorder [--delay-us=N] [--rare-us=N] [--seed=N] SOCKET TRACE NAME=FILE[,data]...
 *
 * Serves files as disks over NBD on a Unix socket, all of them from one
 * thread, so that requests, answers and flushes have one order over all disks;
 * and writes that order down (trace_file.h). Answers to writes and flushes are
 * held back for a random time, up to --delay-us and one in a hundred up to
 * --rare-us, so that they overtake each other as those of real disks do, and by
 * more than a bit takes to be cleared. Ends on SIGTERM.
 */
#include <arpa/inet.h>
#include <endian.h>
#include <err.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "trace_file.h"

/* --- the protocol (NetworkBlockDevice/nbd, doc/proto.md) ----------------- */

enum {
	NBD_FIXED_NEWSTYLE = 1,
	NBD_OPT_EXPORT_NAME = 1,
	NBD_OPT_ABORT = 2,
	NBD_OPT_INFO = 6,
	NBD_OPT_GO = 7,
	NBD_REP_ACK = 1,
	NBD_REP_INFO = 3,
	NBD_INFO_EXPORT = 0,
	NBD_INFO_BLOCK_SIZE = 3,

	NBD_CMD_READ = 0,
	NBD_CMD_WRITE = 1,
	NBD_CMD_DISC = 2,
	NBD_CMD_FLUSH = 3,
	NBD_CMD_TRIM = 4,
	NBD_CMD_WRITE_ZEROES = 6,
	NBD_CMD_FLAG_FUA = 1,

	/* has flags; flush, FUA, trim, write zeroes */
	NBD_FLAGS = 1 | 4 | 8 | 32 | 64,

	NBD_EINVAL = 22,
	MAX_BYTES = 32 << 20,
};

#define NBD_REP_ERR_UNSUP 0x80000001u
#define NBD_REP_ERR_UNKNOWN 0x80000006u
#define NBD_MAGIC 0x4e42444d41474943ull
#define NBD_OPT_MAGIC 0x49484156454f5054ull
#define NBD_REP_MAGIC 0x0003e889045565a9ull
#define NBD_REQUEST_MAGIC 0x25609513u
#define NBD_REPLY_MAGIC 0x67446698u

struct nbd_option {
	uint64_t magic;
	uint32_t option;
	uint32_t bytes;
} __attribute__((packed));

struct nbd_option_reply {
	uint64_t magic;
	uint32_t option;
	uint32_t type;
	uint32_t bytes;
} __attribute__((packed));

struct nbd_request {
	uint32_t magic;
	uint16_t flags;
	uint16_t type;
	uint64_t cookie;
	uint64_t offset;
	uint32_t bytes;
} __attribute__((packed));

struct nbd_reply {
	uint32_t magic;
	uint32_t error;
	uint64_t cookie;
} __attribute__((packed));

/* --- state ---------------------------------------------------------------- */

struct disk {
	uint8_t *data;
};

enum { CLIENTS = 16, PENDING = 4096, RARE = 100 };

struct client {
	int fd;			/* -1: free */
	unsigned int device;
};

struct pending {
	uint64_t due, id, cookie;
	unsigned int client;
};

static struct trace_header header = { .magic = TRACE_MAGIC };
static struct disk disks[TRACE_DEVICES];
static struct client clients[CLIENTS];
static struct pending pending[PENDING];
static unsigned int pendings;
static uint64_t last_id;
static unsigned long delay_us = 1000, rare_us;
static FILE *trace;
static volatile sig_atomic_t ending;

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

/* --- whole reads and writes; false: the other side is gone ---------------- */

static bool get(int fd, void *to, size_t n)
{
	ssize_t got;

	for (; n; to = (char *)to + got, n -= got) {
		got = read(fd, to, n);
		if (got <= 0)
			return false;
	}
	return true;
}

static bool put(int fd, const void *from, size_t n)
{
	ssize_t done;

	for (; n; from = (const char *)from + done, n -= done) {
		done = send(fd, from, n, MSG_NOSIGNAL);
		if (done <= 0)
			return false;
	}
	return true;
}

/* --- the trace ------------------------------------------------------------ */

static void note(const void *data, size_t bytes)
{
	if (fwrite(data, bytes, 1, trace) != 1)
		err(1, "trace");
}

static void note_hashes(const uint8_t *data, uint32_t bytes)
{
	for (uint32_t at = 0; at < bytes; at += TRACE_SECTOR) {
		uint64_t hash = trace_hash(data + at);

		note(&hash, sizeof(hash));
	}
}

static uint64_t note_request(enum trace_what what, unsigned int device,
			     const struct nbd_request *r)
{
	const struct trace_event e = {
		.ns = now(), .id = ++last_id, .offset = r->offset,
		.bytes = what == TRACE_WRITE ? r->bytes : 0, .what = what,
		.device = device, .fua = r->flags & NBD_CMD_FLAG_FUA,
	};

	note(&e, sizeof(e));
	if (what == TRACE_WRITE) {
		const uint8_t *data = disks[device].data + r->offset;

		note_hashes(data, r->bytes);
		if (header.device[device].with_data)
			note(data, r->bytes);
	}
	return e.id;
}

static void note_done(unsigned int device, uint64_t id)
{
	const struct trace_event e = {
		.ns = now(), .id = id, .what = TRACE_DONE, .device = device,
	};

	note(&e, sizeof(e));
}

/* --- answers -------------------------------------------------------------- */

static bool answer(const struct client *c, uint64_t cookie, uint32_t error,
		   const void *data, size_t bytes)
{
	const struct nbd_reply reply = {
		.magic = htonl(NBD_REPLY_MAGIC), .error = htonl(error),
		.cookie = cookie,
	};

	return put(c->fd, &reply, sizeof(reply)) && put(c->fd, data, bytes);
}

/* What its requests would have changed stays as it is, done or not. */
static void client_gone(unsigned int i)
{
	unsigned int kept = 0;

	close(clients[i].fd);
	clients[i].fd = -1;
	for (unsigned int p = 0; p < pendings; p++)
		if (pending[p].client != i)
			pending[kept++] = pending[p];
	pendings = kept;
}

static void answer_later(unsigned int i, uint64_t id, uint64_t cookie)
{
	uint64_t longest = 1000 * (rare_us && !(random() % RARE) ? rare_us : delay_us);
	uint64_t wait = longest ? random() % longest : 0;

	if (pendings == PENDING)
		errx(1, "too many requests at once");
	pending[pendings++] = (struct pending){
		.due = now() + wait, .id = id, .cookie = cookie, .client = i,
	};
}

/* Noted before it is sent: nothing that follows from it comes earlier. */
static void answer_due(void)
{
	for (unsigned int p = 0; p < pendings;) {
		struct pending due = pending[p];

		if (due.due > now()) {
			p++;
			continue;
		}
		pending[p] = pending[--pendings];
		note_done(clients[due.client].device, due.id);
		if (!answer(&clients[due.client], due.cookie, 0, NULL, 0)) {
			client_gone(due.client);
			p = 0;
		}
	}
}

/* How long until an answer is due; false: none is. */
static bool next_due(struct timespec *wait)
{
	uint64_t first = UINT64_MAX, t = now();

	for (unsigned int p = 0; p < pendings; p++)
		if (pending[p].due < first)
			first = pending[p].due;
	if (first == UINT64_MAX)
		return false;
	first = first > t ? first - t : 0;
	wait->tv_sec = first / 1000000000;
	wait->tv_nsec = first % 1000000000;
	return true;
}

/* --- requests ------------------------------------------------------------- */

static bool in_range(unsigned int device, const struct nbd_request *r)
{
	const uint64_t size = header.device[device].bytes;

	return r->bytes <= MAX_BYTES && r->offset <= size &&
	       r->bytes <= size - r->offset &&
	       !(r->offset % TRACE_SECTOR) && !(r->bytes % TRACE_SECTOR);
}

static bool do_write(unsigned int i, const struct nbd_request *r)
{
	static uint8_t data[MAX_BYTES];
	const unsigned int device = clients[i].device;

	if (r->type != NBD_CMD_WRITE)
		memset(data, 0, r->bytes);
	else if (!get(clients[i].fd, data, r->bytes))
		return false;
	memcpy(disks[device].data + r->offset, data, r->bytes);
	answer_later(i, note_request(TRACE_WRITE, device, r), r->cookie);
	return true;
}

/* False: the connection is over. */
static bool serve(unsigned int i)
{
	struct client *c = &clients[i];
	struct nbd_request r;

	if (!get(c->fd, &r, sizeof(r)) || ntohl(r.magic) != NBD_REQUEST_MAGIC)
		return false;
	r.flags = ntohs(r.flags);
	r.type = ntohs(r.type);
	r.offset = be64toh(r.offset);
	r.bytes = ntohl(r.bytes);
	if (!in_range(c->device, &r)) /* a write's data would follow */
		return r.type != NBD_CMD_WRITE &&
		       answer(c, r.cookie, NBD_EINVAL, NULL, 0);
	switch (r.type) {
	case NBD_CMD_READ:
		return answer(c, r.cookie, 0, disks[c->device].data + r.offset,
			      r.bytes);
	case NBD_CMD_WRITE:
	case NBD_CMD_TRIM:
	case NBD_CMD_WRITE_ZEROES:
		return do_write(i, &r);
	case NBD_CMD_FLUSH:
		answer_later(i, note_request(TRACE_FLUSH, c->device, &r),
			     r.cookie);
		return true;
	case NBD_CMD_DISC:
		return false;
	}
	return answer(c, r.cookie, NBD_EINVAL, NULL, 0);
}

/* --- greeting ------------------------------------------------------------- */

static bool reply(int fd, uint32_t option, uint32_t type, const void *data,
		  uint32_t bytes)
{
	const struct nbd_option_reply r = {
		.magic = htobe64(NBD_REP_MAGIC), .option = htonl(option),
		.type = htonl(type), .bytes = htonl(bytes),
	};

	return put(fd, &r, sizeof(r)) && put(fd, data, bytes);
}

static int find_device(const char *name, size_t length)
{
	for (unsigned int d = 0; d < header.devices; d++)
		if (strlen(header.device[d].name) == length &&
		    !memcmp(header.device[d].name, name, length))
			return d;
	return -1;
}

static bool describe(int fd, uint32_t option, unsigned int device)
{
	const struct {
		uint16_t type;
		uint64_t bytes;
		uint16_t flags;
	} __attribute__((packed)) export = {
		htons(NBD_INFO_EXPORT), htobe64(header.device[device].bytes),
		htons(NBD_FLAGS),
	};
	const struct {
		uint16_t type;
		uint32_t min, preferred, max;
	} __attribute__((packed)) block = {
		htons(NBD_INFO_BLOCK_SIZE), htonl(TRACE_SECTOR), htonl(4096),
		htonl(MAX_BYTES),
	};

	return reply(fd, option, NBD_REP_INFO, &export, sizeof(export)) &&
	       reply(fd, option, NBD_REP_INFO, &block, sizeof(block)) &&
	       reply(fd, option, NBD_REP_ACK, NULL, 0);
}

/* One option. 1: @c is ready for requests, 0: more to come, -1: give up. */
static int negotiate(struct client *c)
{
	struct nbd_option o;
	char data[512];
	uint32_t option, length;
	int device = -1;

	if (!get(c->fd, &o, sizeof(o)) || be64toh(o.magic) != NBD_OPT_MAGIC ||
	    ntohl(o.bytes) > sizeof(data) ||
	    !get(c->fd, data, ntohl(o.bytes)))
		return -1;
	option = ntohl(o.option);
	if (option == NBD_OPT_ABORT)
		return -1;
	if (option != NBD_OPT_GO && option != NBD_OPT_INFO)
		return reply(c->fd, option, NBD_REP_ERR_UNSUP, NULL, 0) ? 0 : -1;
	memcpy(&length, data, sizeof(length));
	length = ntohl(length);
	if (ntohl(o.bytes) >= 4 && length <= ntohl(o.bytes) - 4)
		device = find_device(data + 4, length);
	if (device < 0)
		return reply(c->fd, option, NBD_REP_ERR_UNKNOWN, NULL, 0) ? 0 : -1;
	c->device = device;
	if (!describe(c->fd, option, device))
		return -1;
	return option == NBD_OPT_GO;
}

static bool greet(struct client *c)
{
	const struct {
		uint64_t magic, option_magic;
		uint16_t flags;
	} __attribute__((packed)) hello = {
		htobe64(NBD_MAGIC), htobe64(NBD_OPT_MAGIC),
		htons(NBD_FIXED_NEWSTYLE),
	};
	uint32_t flags;
	int ready;

	if (!put(c->fd, &hello, sizeof(hello)) || !get(c->fd, &flags, 4))
		return false;
	do
		ready = negotiate(c);
	while (!ready);
	return ready > 0;
}

static void accept_client(int listener)
{
	struct client c = { .fd = accept(listener, NULL, NULL) };

	if (c.fd < 0)
		return;
	for (unsigned int i = 0; i < CLIENTS; i++)
		if (clients[i].fd < 0 && greet(&c)) {
			clients[i] = c;
			return;
		}
	close(c.fd);
}

/* --- start ---------------------------------------------------------------- */

static void open_disk(char *argument)
{
	struct trace_device *d = &header.device[header.devices];
	char *file = strchr(argument, '='), *comma;
	struct stat st;
	int fd;

	if (!file || header.devices == TRACE_DEVICES)
		errx(2, "NAME=FILE, %d at most: %s", TRACE_DEVICES, argument);
	*file++ = 0;
	comma = strchr(file, ',');
	if (comma) {
		*comma++ = 0;
		d->with_data = !strcmp(comma, "data");
	}
	snprintf(d->name, sizeof(d->name), "%s", argument);
	fd = open(file, O_RDWR | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st))
		err(1, "%s", file);
	d->bytes = st.st_size;
	disks[header.devices].data = mmap(NULL, d->bytes, PROT_READ | PROT_WRITE,
					  MAP_SHARED, fd, 0);
	if (disks[header.devices].data == MAP_FAILED)
		err(1, "%s", file);
	close(fd);
	header.devices++;
}

static int listen_at(const char *path)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (strlen(path) >= sizeof(to.sun_path))
		errx(2, "too long: %s", path);
	strcpy(to.sun_path, path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&to, sizeof(to)) ||
	    listen(fd, CLIENTS))
		err(1, "%s", path);
	return fd;
}

static void end(int signal)
{
	ending = 1;
}

static void loop(int listener)
{
	struct pollfd fds[CLIENTS + 1];
	unsigned int i, n, who[CLIENTS + 1];
	struct timespec wait;
	sigset_t unblocked;

	sigemptyset(&unblocked);
	while (!ending) {
		n = 1;
		fds[0] = (struct pollfd){ .fd = listener, .events = POLLIN };
		for (i = 0; i < CLIENTS; i++)
			if (clients[i].fd >= 0) {
				who[n] = i;
				fds[n++] = (struct pollfd){
					.fd = clients[i].fd, .events = POLLIN,
				};
			}
		if (ppoll(fds, n, next_due(&wait) ? &wait : NULL,
			  &unblocked) < 0)
			continue;
		for (i = 1; i < n; i++)
			if (fds[i].revents && !serve(who[i]))
				client_gone(who[i]);
		answer_due();
		if (fds[0].revents)
			accept_client(listener);
	}
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "delay-us", required_argument, NULL, 'd' },
		{ "rare-us", required_argument, NULL, 'r' },
		{ "seed", required_argument, NULL, 's' },
		{ NULL, 0, NULL, 0 },
	};
	struct sigaction action = { .sa_handler = end };
	sigset_t blocked;
	int c, listener;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'd')
			delay_us = strtoul(optarg, NULL, 0);
		else if (c == 'r')
			rare_us = strtoul(optarg, NULL, 0);
		else if (c == 's')
			srandom(strtoul(optarg, NULL, 0));
		else
			return 2;
	}
	if (argc - optind < 3)
		errx(2, "usage: recorder [--delay-us=N] [--rare-us=N] [--seed=N] SOCKET TRACE NAME=FILE[,data]...");
	for (int i = optind + 2; i < argc; i++)
		open_disk(argv[i]);
	for (int i = 0; i < CLIENTS; i++)
		clients[i].fd = -1;
	trace = fopen(argv[optind + 1], "w");
	if (!trace)
		err(1, "%s", argv[optind + 1]);
	note(&header, sizeof(header));
	sigaction(SIGTERM, &action, NULL);
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGTERM);
	sigprocmask(SIG_BLOCK, &blocked, NULL); /* it comes while we wait */
	listener = listen_at(argv[optind]);
	loop(listener);
	if (fclose(trace))
		err(1, "trace");
	return 0;
}
