// SPDX-License-Identifier: GPL-2.0-only
/*
 * Any 4096 bytes as the superblock of an array's member, on a device of any
 * size: what is accepted names no place off the device, and a spare made of
 * it is accepted, too. The checksum is put right for most inputs: that gate
 * is easy to test and hard to guess.
 *
 * Input: format and whether to seal, sectors of the device, of that of a
 * spare, its number; then the superblock.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "fuzz.h"
#include "module/core/member_super_disk.h"
#include "tests/unit/make_super.h"

static const unsigned int made_as[MEMBER_FORMATS] = {
	[MEMBER_1_1] = 1, [MEMBER_1_2] = 2, [MEMBER_1_0] = 0, [MEMBER_0_90] = 3,
};

static void check_error(int err, const struct fault *fault)
{
	must(err == 1 || err == -EBADMSG || err == -EUCLEAN || err == -EPROTONOSUPPORT);
	must(fault->field && fault->expected);
}

static bool is_role(const struct member_super *ms, u16 role)
{
	return role < ms->raid_disks || role == MEMBER_ROLE_SPARE ||
	       role == MEMBER_ROLE_FAULTY || role == MEMBER_ROLE_JOURNAL;
}

static void check_roles(const struct member_super *ms)
{
	u32 i;

	must(ms->raid_disks && ms->raid_disks <= MEMBER_MAX_SLOTS);
	must(ms->max_devices <= MEMBER_MAX_SLOTS);
	for (i = 0; i < ms->max_devices; i++)
		must(is_role(ms, ms->roles[i]));
	must(ms->role == (ms->number < ms->max_devices ? ms->roles[ms->number] :
							 MEMBER_ROLE_SPARE));
	must(!ms->name[MEMBER_NAME_BYTES]);
}

/* On the device, and none on top of another. */
static void check_places(const struct member_super *ms, u64 device)
{
	u64 super_end, place;

	must(!member_super_location(ms->format, device, &place));
	must(ms->super_sector == place);
	must(place < device && device - place >= SUPER_BYTES / SECTOR_BYTES);
	super_end = place + (ms->format == MEMBER_0_90 ? 8 :
						 member_super_v1_sectors(ms->max_devices));
	must(ms->data_sector <= device && ms->data_sectors <= device - ms->data_sector);
	must(ms->data_sector >= super_end || ms->data_sector + ms->data_sectors <= place);
	must(ms->level <= 0 || ms->role == MEMBER_ROLE_JOURNAL ||
	     ms->size_sectors <= ms->data_sectors);
	if (ms->features & MEMBER_FEATURE_RECOVERY_OFFSET)
		must(ms->recovery_sector <= ms->size_sectors);
	must(ms->has_bitmap == !!(ms->features & MEMBER_FEATURE_BITMAP));
	if (!ms->has_bitmap)
		return;
	must(ms->bitmap_sector >= 0 && (u64)ms->bitmap_sector < device);
	must((u64)ms->bitmap_sector >= super_end || (u64)ms->bitmap_sector < place);
	/* What 0.90 says of the size of a level without copies binds nobody. */
	must((ms->format == MEMBER_0_90 && ms->level <= 0) ||
	     (u64)ms->bitmap_sector < ms->data_sector ||
	     (u64)ms->bitmap_sector - ms->data_sector >= ms->size_sectors);
}

static void check_spare(const struct member_super *old, const u8 *old_raw,
			u64 device, u32 number)
{
	static const u8 uuid[UUID_BYTES] = { 0xfe, 0xed };
	struct fault fault = { 0 };
	struct member_super ms;
	u8 raw[SUPER_BYTES];
	int err;

	memcpy(raw, old_raw, sizeof(raw));
	err = member_super_make_spare(raw, old->format, device, number, uuid);
	must(!err || err == -EINVAL || err == -ENOSPC || err == -EOPNOTSUPP);
	must(old->format != MEMBER_0_90 || err == -EINVAL);
	if (err)
		return;
	must(number < MEMBER_MAX_SLOTS);
	err = member_super_decode(&ms, old->format, raw, device, &fault);
	/* The old bitmap's place may be none on the new device: refused, said. */
	if (err) {
		must(err == -EUCLEAN && !strcmp(fault.field, "bitmap_offset"));
		return;
	}
	check_places(&ms, device);
	check_roles(&ms);
	must(ms.role == MEMBER_ROLE_SPARE && ms.number == number);
	must(!memcmp(ms.device_uuid, uuid, UUID_BYTES));
	must(!memcmp(ms.uuid, old->uuid, UUID_BYTES) && ms.events == old->events);
	must(ms.size_sectors == old->size_sectors && ms.level == old->level);
	must(!(ms.features & (MEMBER_FEATURE_RECOVERY_OFFSET | MEMBER_FEATURE_BAD_BLOCKS)));
}

static u64 sectors_of(struct fuzz_in *in)
{
	u64 n = fuzz_number(in, 6);

	/* The top bits choose a scale: most devices are not enormous. */
	return (n & 0xffffffff) << (n >> 32) % 24;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_in in = { data, size };
	u8 how = fuzz_number(&in, 1), raw[SUPER_BYTES] = { 0 };
	enum member_format format = how % MEMBER_FORMATS;
	u64 device = sectors_of(&in), other = sectors_of(&in);
	u32 number = fuzz_number(&in, 2);
	struct fault fault = { 0 };
	struct member_super ms;
	u64 place;
	int err;

	memcpy(raw, in.data, in.left < sizeof(raw) ? in.left : sizeof(raw));
	if (format != MEMBER_0_90 && how & 8 &&
	    !member_super_location(format, device, &place))
		put64(raw, offsetof(struct member_super_disk, super_offset), place);
	if (!(how & 4))
		seal_super(raw, made_as[format]);
	err = member_super_decode(&ms, format, raw, device, &fault);
	if (err) {
		check_error(err, &fault);
		return 0;
	}
	check_roles(&ms);
	check_places(&ms, device);
	must(member_super_sync_sectors(&ms) || !ms.size_sectors || ms.level == 10);
	check_spare(&ms, raw, other, number);
	return 0;
}
