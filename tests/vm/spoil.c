// SPDX-License-Identifier: GPL-2.0-only
/*
 * spoil FILE AT FORMAT OFFSET VALUE BYTES: in the superblock at byte AT of FILE,
 * put VALUE, little-endian, BYTES long, at OFFSET, and correct the checksum so
 * that nothing but that field is wrong. FORMAT: v1, v0, or bitmap, which has no
 * checksum. FILE may be a device.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	SUPER = 4096,
	V0_CSUM = 152,
	V1_CSUM = 216, V1_MAX_DEV = 220, V1_ROLES = 256,
};

static unsigned char super[SUPER] __attribute__((aligned(4096)));

static uint32_t get32(size_t at)
{
	return super[at] | super[at + 1] << 8 | super[at + 2] << 16 | (uint32_t)super[at + 3] << 24;
}

static void put(size_t at, uint64_t value, size_t bytes)
{
	while (bytes--) {
		super[at++] = value;
		value >>= 8;
	}
}

/* Both formats add words up in the same way. */
static void checksum(size_t at, size_t length)
{
	uint64_t sum = 0;
	size_t i;

	put(at, 0, 4);
	for (i = 0; i + 4 <= length; i += 4)
		sum += get32(i);
	if (length % 4)
		sum += super[i] | super[i + 1] << 8;
	put(at, (uint32_t)sum + (uint32_t)(sum >> 32), 4);
}

int main(int argc, char **argv)
{
	uint64_t length;
	off_t at;
	size_t offset, bytes;
	int fd;

	if (argc != 7)
		return 2;
	at = strtoll(argv[2], NULL, 0);
	offset = strtoul(argv[4], NULL, 0);
	bytes = strtoul(argv[6], NULL, 0);
	if (bytes > 8 || offset > SUPER - bytes)
		return 2;
	fd = open(argv[1], O_RDWR | O_DIRECT);
	if (fd < 0 || pread(fd, super, SUPER, at) <= 0)
		goto failed;
	put(offset, strtoull(argv[5], NULL, 0), bytes);
	if (!strcmp(argv[3], "v0")) {
		checksum(V0_CSUM, SUPER);
	} else if (!strcmp(argv[3], "v1")) {
		length = V1_ROLES + 2 * (uint64_t)get32(V1_MAX_DEV);
		checksum(V1_CSUM, length < SUPER ? length : SUPER);
	}
	if (pwrite(fd, super, SUPER, at) != SUPER || fsync(fd))
		goto failed;
	return 0;
failed:
	fprintf(stderr, "spoil: %s: %s\n", argv[1], strerror(errno));
	return 1;
}
