/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Valid superblocks of array members, made by hand from the offsets of the
 * format's description and not from the code under test.
 */
#ifndef MAKE_SUPER_H
#define MAKE_SUPER_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

enum {
	SUPER_BYTES = 4096,
	DEVICE_SECTORS = 32768,		/* 16 MiB */
	DATA_SECTOR = 2048,		/* 1.1, 1.2 */
	SIZE_SECTORS = 28672,
	MAX_DEV = 128,
};

static inline void put16(uint8_t *raw, size_t at, uint16_t v)
{
	v = htole16(v);
	memcpy(raw + at, &v, sizeof(v));
}

static inline void put32(uint8_t *raw, size_t at, uint32_t v)
{
	v = htole32(v);
	memcpy(raw + at, &v, sizeof(v));
}

static inline void put64(uint8_t *raw, size_t at, uint64_t v)
{
	v = htole64(v);
	memcpy(raw + at, &v, sizeof(v));
}

static inline uint32_t get32(const uint8_t *raw, size_t at)
{
	uint32_t v;

	memcpy(&v, raw + at, sizeof(v));
	return le32toh(v);
}

/* Bytes counted by the checksum, as far as they exist. */
static inline void seal_v1(uint8_t *raw)
{
	uint64_t bytes = 256 + 2ULL * get32(raw, 220), sum = 0, at;

	if (bytes > SUPER_BYTES)
		bytes = SUPER_BYTES;
	put32(raw, 216, 0);
	for (at = 0; at < bytes; at++)
		sum += (uint64_t)raw[at] << 8 * (at % 4);
	put32(raw, 216, (uint32_t)(sum & 0xffffffff) + (uint32_t)(sum >> 32));
}

static inline uint64_t super_sector_v1(unsigned int minor, uint64_t device_sectors)
{
	return minor == 1 ? 0 : minor == 2 ? 8 : (device_sectors - 16) / 8 * 8;
}

/* Member 0 of a clean RAID1 of two. Not sealed: change fields, then seal. */
static inline void make_v1(uint8_t *raw, unsigned int minor, uint64_t device_sectors)
{
	uint64_t at = super_sector_v1(minor, device_sectors);
	unsigned int i;

	memset(raw, 0, SUPER_BYTES);
	put32(raw, 0, 0xa92b4efc);
	put32(raw, 4, 1);
	for (i = 0; i < 16; i++) {
		raw[16 + i] = (uint8_t)(i + 1);
		raw[168 + i] = (uint8_t)(0xd0 + i);
	}
	memcpy(raw + 32, "host:home", 9);
	put64(raw, 64, 1700000000 | 123ULL << 40);
	put32(raw, 72, 1);
	put64(raw, 80, SIZE_SECTORS);
	put32(raw, 92, 2);
	if (minor) {
		put64(raw, 128, DATA_SECTOR);
		put64(raw, 136, device_sectors - DATA_SECTOR);
	} else {
		put64(raw, 136, at - 24);
	}
	put64(raw, 144, at);
	put64(raw, 192, 1700000100);
	put64(raw, 200, 42);
	put64(raw, 208, UINT64_MAX);
	put32(raw, 220, MAX_DEV);
	for (i = 0; i < MAX_DEV; i++)
		put16(raw, 256 + 2 * i, i < 2 ? (uint16_t)i : 0xffff);
}

/* 0.90 is in host order: these tests, as md's users, are little-endian. */
static inline void seal_v0(uint8_t *raw)
{
	uint64_t sum = 0, at;

	put32(raw, 152, 0);
	for (at = 0; at < SUPER_BYTES; at += 4)
		sum += get32(raw, at);
	put32(raw, 152, (uint32_t)(sum & 0xffffffff) + (uint32_t)(sum >> 32));
}

static inline uint64_t super_sector_v0(uint64_t device_sectors)
{
	return device_sectors / 128 * 128 - 128;
}

static inline void put_disk_v0(uint8_t *raw, size_t at, uint32_t number,
			       uint32_t slot, uint32_t state)
{
	put32(raw, at, number);
	put32(raw, at + 4, 253);
	put32(raw, at + 8, number);
	put32(raw, at + 12, slot);
	put32(raw, at + 16, state);
}

static inline void make_v0(uint8_t *raw)
{
	memset(raw, 0, SUPER_BYTES);
	put32(raw, 0, 0xa92b4efc);
	put32(raw, 8, 90);
	put32(raw, 20, 0x01020304);
	put32(raw, 24, 1600000000);
	put32(raw, 28, 1);
	put32(raw, 32, SIZE_SECTORS / 2);
	put32(raw, 36, 2);
	put32(raw, 40, 2);
	put32(raw, 52, 0x05060708);
	put32(raw, 56, 0x090a0b0c);
	put32(raw, 60, 0x0d0e0f10);
	put32(raw, 128, 1600000100);
	put32(raw, 132, 1);
	put32(raw, 136, 2);
	put32(raw, 140, 2);
	put32(raw, 156, 42);
	put32(raw, 160, 0);
	put_disk_v0(raw, 512, 0, 0, 6);
	put_disk_v0(raw, 512 + 128, 1, 1, 6);
	put_disk_v0(raw, 3968, 0, 0, 6);
}

/* A format by index: 0, 1, 2 are 1.x, 3 is 0.90. */
static inline void make_super(uint8_t *raw, unsigned int which, uint64_t device_sectors)
{
	if (which == 3)
		make_v0(raw);
	else
		make_v1(raw, which, device_sectors);
}

static inline void seal_super(uint8_t *raw, unsigned int which)
{
	if (which == 3)
		seal_v0(raw);
	else
		seal_v1(raw);
}

static inline uint64_t super_sector(unsigned int which, uint64_t device_sectors)
{
	return which == 3 ? super_sector_v0(device_sectors) :
			    super_sector_v1(which, device_sectors);
}

#endif
