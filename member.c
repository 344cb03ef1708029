// SPDX-License-Identifier: GPL-2.0-only
/*
 * Members: where to read, which of several superblocks counts.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>
#include "member.h"
#include "report.h"

/* What the four places held that is no valid superblock of this device. */
struct rejects {
	int err;			/* first damaged one, 0 none */
	enum member_format format;
	struct fault fault;
	int read_errno;
	bool misplaced;			/* sound, but of another place */
	uint64_t misplaced_sector;
};

static const char *const format_text[MEMBER_FORMATS] = {
	[MEMBER_1_1] = "1.1",
	[MEMBER_1_2] = "1.2",
	[MEMBER_1_0] = "1.0",
	[MEMBER_0_90] = "0.90",
};

const char *member_format_text(const struct member_super *ms)
{
	return format_text[ms->format];
}

static int device_size(int fd, const char *path, struct member *m)
{
	struct stat st;
	uint64_t bytes;

	if (fstat(fd, &st))
		return fail_errno(-errno, "%s", safe(path));
	if (S_ISREG(st.st_mode)) {
		bytes = (uint64_t)st.st_size;
		m->rdev = 0;
	} else if (S_ISBLK(st.st_mode)) {
		if (ioctl(fd, BLKGETSIZE64, &bytes))
			return fail_errno(-errno, "%s: cannot find its size",
					  safe(path));
		m->rdev = st.st_rdev;
	} else {
		return fail(-EMEDIUMTYPE,
			    "%s is neither a block device nor an image file",
			    safe(path));
	}
	m->device_sectors = bytes / SECTOR_BYTES;
	return 0;
}

static int read_full(int fd, uint8_t *buf, uint64_t offset)
{
	size_t done = 0;

	while (done < MEMBER_SUPER_BYTES) {
		ssize_t n = pread(fd, buf + done, MEMBER_SUPER_BYTES - done,
				  (off_t)(offset + done));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EINVAL && fcntl(fd, F_GETFL) & O_DIRECT) {
			fcntl(fd, F_SETFL, 0);
			continue;
		}
		if (n < 0)
			return -errno;
		if (n == 0)
			return -EIO;	/* shrank below the size it told */
		done += (size_t)n;
	}
	return 0;
}

/* One format's superblock into @ms and @buf. 0 valid; 1 not; rejects say why. */
static int try_format(int fd, enum member_format format, uint64_t device_sectors,
		      struct member_super *ms, uint8_t *buf, struct rejects *rejects)
{
	struct fault fault = { 0 };
	uint64_t sector;
	int err;

	if (member_super_location(format, device_sectors, &sector))
		return 1;
	err = read_full(fd, buf, sector * SECTOR_BYTES);
	if (err && !rejects->err) {
		rejects->read_errno = err;
		rejects->err = err;
		rejects->format = format;
	}
	if (err)
		return 1;
	err = member_super_decode(ms, format, buf, device_sectors, &fault);
	if (err == 1 && !strcmp(fault.field, "super_offset")) {
		rejects->misplaced = true;
		rejects->misplaced_sector = fault.found;
	} else if (err < 0 && !rejects->err) {
		rejects->err = err;
		rejects->format = format;
		rejects->fault = fault;
	}
	return err != 0;
}

static int read_any(int fd, struct member *m, struct rejects *rejects)
{
	_Alignas(MEMBER_SUPER_BYTES) uint8_t buf[MEMBER_SUPER_BYTES];
	struct member_super ms;
	bool found = false;
	int format;

	for (format = 0; format < MEMBER_FORMATS; format++) {
		if (try_format(fd, (enum member_format)format, m->device_sectors,
			       &ms, buf, rejects))
			continue;
		if (found && ms.ctime_s <= m->super.ctime_s)
			continue;
		m->super = ms;
		memcpy(m->raw, buf, sizeof(m->raw));
		found = true;
	}
	return !found;
}

static int fail_reject(const char *path, const struct rejects *r)
{
	if (r->read_errno)
		return fail_errno(r->read_errno, "%s: cannot read the place of a %s "
				  "superblock", safe(path), format_text[r->format]);
	return fail(r->err, "%s: %s %s superblock: %s is %" PRIu64 " (%#" PRIx64
		    "), expected %s; mdadm -E shows the rest", safe(path),
		    r->err == -EPROTONOSUPPORT ? "unsupported" : "damaged",
		    format_text[r->format], r->fault.field, r->fault.found,
		    r->fault.found, r->fault.expected);
}

static int read_member(int fd, const char *path, struct member *m,
		       struct rejects *rejects)
{
	int err = device_size(fd, path, m);

	if (err)
		return err;
	if (!read_any(fd, m, rejects)) {
		if (rejects->err)
			chat("%s: the %s superblock is damaged (%s), the %s one is used",
			     safe(path), format_text[rejects->format],
			     rejects->read_errno ? "unreadable" : rejects->fault.field,
			     member_format_text(&m->super));
		return 0;
	}
	return rejects->err ? fail_reject(path, rejects) : 1;
}

int member_read(int fd, const char *path, struct member *member)
{
	struct rejects rejects = { 0 };

	return read_member(fd, path, member, &rejects);
}

static int fail_none(const char *path, const struct rejects *rejects)
{
	if (rejects->misplaced)
		return fail(-EMEDIUMTYPE, "%s is no array member: the superblock on it "
			    "belongs at sector %" PRIu64 " of its device; name the "
			    "partition instead", safe(path), rejects->misplaced_sector);
	return fail(-EMEDIUMTYPE, "%s is no array member: no superblock "
		    "(0.90, 1.0, 1.1, 1.2) on it", safe(path));
}

int member_open(const char *path, struct member **member)
{
	struct rejects rejects = { 0 };
	struct member *m;
	int fd, err;

	/* Nonblocking: a fifo by that name must not hang us. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return fail_errno(-errno, "cannot open %s", safe(path));
	/* md writes superblocks behind the page cache. */
	fcntl(fd, F_SETFL, O_DIRECT);
	m = calloc(1, sizeof(*m));
	if (m)
		m->path = strdup(path);
	if (!m || !m->path)
		err = fail(-ENOMEM, "out of memory");
	else
		err = read_member(fd, path, m, &rejects);
	close(fd);
	if (err == 1)
		err = fail_none(path, &rejects);
	if (err)
		member_free(m);
	else
		*member = m;
	return err;
}

void member_free(struct member *member)
{
	if (member)
		free(member->path);
	free(member);
}

/* 0.90: mdadm shows each of the four host-order words as a number. */
static void shown_uuid(const struct member_super *ms, uint8_t out[UUID_BYTES])
{
	uint32_t word;
	size_t i;

	memcpy(out, ms->uuid, UUID_BYTES);
	if (ms->format != MEMBER_0_90)
		return;
	for (i = 0; i < UUID_BYTES; i += sizeof(word)) {
		memcpy(&word, ms->uuid + i, sizeof(word));
		word = htobe32(word);
		memcpy(out + i, &word, sizeof(word));
	}
}

const char *member_uuid_text(const struct member_super *ms)
{
	uint8_t shown[UUID_BYTES];

	shown_uuid(ms, shown);
	return uuid_text(shown);
}

bool member_uuid_is(const struct member_super *ms, const uint8_t wanted[UUID_BYTES])
{
	uint8_t shown[UUID_BYTES];

	shown_uuid(ms, shown);
	return !memcmp(shown, wanted, UUID_BYTES);
}
