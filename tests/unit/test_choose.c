// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>
/* cmocka makes a macro of fail(): the real one first. */
#include "report.h"
#include <cmocka.h>
#include "choose.h"

enum { DEVICES = 5, SPARE = MEMBER_ROLE_SPARE, FAULTY = MEMBER_ROLE_FAULTY };

static struct member members[DEVICES];
static char paths[DEVICES][8];
static struct candidate candidates[DEVICES];
static struct selection chosen;

/* Device @i: number @i, its own slot of @slots in the table; 1.2 RAID1. */
static struct member_super *device(unsigned int i, uint64_t events, unsigned int slots)
{
	struct member *m = &members[i];
	unsigned int n;

	memset(m, 0, sizeof(*m));
	snprintf(paths[i], sizeof(paths[i]), "dev%u", i);
	m->path = paths[i];
	m->rdev = makedev(253, i);
	m->super.format = MEMBER_1_2;
	m->super.level = 1;
	m->super.raid_disks = slots;
	m->super.events = events;
	m->super.number = i;
	m->super.max_devices = 8;
	for (n = 0; n < 8; n++)
		m->super.roles[n] = n < slots ? (uint16_t)n : SPARE;
	m->super.role = m->super.roles[i];
	candidates[i].member = m;
	return &m->super;
}

/* What @ms's table says of device @number. */
static void say(struct member_super *ms, unsigned int number, uint16_t role)
{
	ms->roles[number] = role;
	if (ms->number == number)
		ms->role = role;
}

static int choose(size_t count)
{
	fail_clear();
	return choose_members(candidates, count, &chosen);
}

static void assert_choice(unsigned int i, enum choice choice)
{
	assert_string_equal(choice_text(candidates[i].choice), choice_text(choice));
}

static void equal_members_are_all_active(void **state)
{
	device(0, 10, 3);
	device(1, 10, 3);
	device(2, 10, 3);
	assert_int_equal(choose(3), 0);
	assert_choice(0, CHOICE_ACTIVE);
	assert_choice(2, CHOICE_ACTIVE);
	assert_int_equal(candidates[2].slot, 2);
	assert_int_equal(chosen.active, 3);
	assert_int_equal(chosen.expected, 3);
	assert_int_equal(chosen.slots, 3);
	assert_int_equal(chosen.freshest, 0);
	assert_ptr_equal(chosen.candidates, candidates);
	assert_int_equal(chosen.count, 3);
}

static void a_missing_member_is_seen_by_the_count(void **state)
{
	device(0, 10, 2);
	assert_int_equal(choose(1), 0);
	assert_int_equal(chosen.active, 1);
	assert_int_equal(chosen.expected, 2);
}

static void a_degraded_array_expects_less(void **state)
{
	say(device(0, 10, 2), 1, FAULTY);
	assert_int_equal(choose(1), 0);
	assert_int_equal(chosen.active, 1);
	assert_int_equal(chosen.expected, 1);
	assert_int_equal(chosen.slots, 2);
}

static void one_event_behind_is_tolerated(void **state)
{
	device(0, 9, 2);
	device(1, 10, 2);
	assert_int_equal(choose(2), 0);
	assert_choice(0, CHOICE_ACTIVE);
	assert_int_equal(chosen.freshest, 1);
}

static void two_events_behind_are_too_many(void **state)
{
	device(0, 8, 2);
	device(1, 10, 2);
	assert_int_equal(choose(2), 0);
	assert_choice(0, CHOICE_BEHIND);
	assert_int_equal(candidates[0].slot, 0);
	assert_choice(1, CHOICE_ACTIVE);
	assert_int_equal(chosen.active, 1);
}

static void events_at_the_end_of_their_range_do_not_wrap(void **state)
{
	device(0, 0, 2);
	device(1, UINT64_MAX, 2);
	assert_int_equal(choose(2), 0);
	assert_choice(0, CHOICE_BEHIND);
}

static void the_freshest_table_decides_on_a_member_one_behind(void **state)
{
	device(0, 9, 2);
	say(device(1, 10, 2), 0, FAULTY);
	assert_int_equal(choose(2), 0);
	assert_choice(0, CHOICE_FAULTY);
	assert_int_equal(chosen.active, 1);
	assert_int_equal(chosen.expected, 1);
}

static void a_member_that_failed_long_ago_may_be_re_added(void **state)
{
	device(0, 5, 2);
	say(device(1, 10, 2), 0, FAULTY);
	assert_int_equal(choose(2), 0);
	assert_choice(0, CHOICE_BEHIND);
}

static void a_member_moved_to_another_slot_gets_the_new_one(void **state)
{
	struct member_super *fresh = device(1, 10, 3);

	device(0, 9, 3);
	say(fresh, 0, 2);
	say(fresh, 2, SPARE);
	assert_int_equal(choose(2), 0);
	assert_choice(0, CHOICE_ACTIVE);
	assert_int_equal(candidates[0].slot, 2);
}

static void spares_may_be_old(void **state)
{
	device(0, 10, 2);
	device(1, 10, 2);
	device(2, 3, 2);
	assert_int_equal(choose(3), 0);
	assert_choice(2, CHOICE_SPARE);
	assert_int_equal(chosen.active, 2);
}

static void a_spare_is_never_the_freshest(void **state)
{
	device(0, 10, 2);
	device(1, 10, 2);
	device(2, 99, 2);
	assert_int_equal(choose(3), 0);
	assert_int_equal(chosen.freshest, 0);
	assert_choice(0, CHOICE_ACTIVE);
	assert_choice(2, CHOICE_SPARE);
}

static void a_failed_spare_is_faulty(void **state)
{
	say(device(0, 10, 2), 2, FAULTY);
	device(1, 10, 2);
	device(2, 9, 2);
	assert_int_equal(choose(3), 0);
	assert_choice(2, CHOICE_FAULTY);
}

static void a_member_that_calls_itself_faulty_is_believed(void **state)
{
	device(0, 10, 2);
	say(device(1, 10, 2), 1, FAULTY);
	assert_int_equal(choose(2), 0);
	assert_choice(1, CHOICE_FAULTY);
}

static void a_spare_promoted_unawares_is_not_taken_for_in_sync(void **state)
{
	struct member_super *fresh = device(0, 10, 2);

	say(fresh, 1, FAULTY);
	say(fresh, 2, 1);
	device(2, 9, 2);
	candidates[1] = candidates[2];
	assert_int_equal(choose(2), 0);
	assert_choice(1, CHOICE_BEHIND);
	assert_int_equal(chosen.active, 1);
	assert_int_equal(chosen.expected, 2);
}

static void a_journal_holds_no_slot(void **state)
{
	device(0, 10, 2);
	device(1, 10, 2);
	say(device(2, 10, 2), 2, MEMBER_ROLE_JOURNAL);
	assert_int_equal(choose(3), 0);
	assert_choice(2, CHOICE_SPARE);
	assert_int_equal(chosen.active, 2);
}

static void of_two_devices_for_a_slot_the_fresher_wins(void **state)
{
	device(0, 10, 2);
	device(1, 9, 2);
	device(2, 10, 2)->number = 1;
	members[2].super.role = 1;
	assert_int_equal(choose(3), 0);
	assert_choice(0, CHOICE_ACTIVE);
	assert_choice(1, CHOICE_DUPLICATE);
	assert_choice(2, CHOICE_ACTIVE);
	assert_int_equal(chosen.active, 2);
}

static void of_two_equal_copies_the_first_named_wins(void **state)
{
	device(0, 10, 2);
	device(1, 10, 2);
	device(2, 10, 2)->number = 0;
	members[2].super.role = 0;
	assert_int_equal(choose(3), 0);
	assert_choice(0, CHOICE_ACTIVE);
	assert_choice(2, CHOICE_DUPLICATE);
	assert_int_equal(chosen.freshest, 0);
}

static void an_old_copy_of_a_member_is_not_offered_for_re_add(void **state)
{
	device(0, 10, 2);
	device(1, 10, 2);
	device(2, 5, 2)->number = 1;
	members[2].super.role = 1;
	assert_int_equal(choose(3), 0);
	assert_choice(1, CHOICE_ACTIVE);
	assert_choice(2, CHOICE_DUPLICATE);
}

static void two_spares_of_one_number_do_not_both_go_in(void **state)
{
	device(0, 10, 2);
	device(1, 10, 2);
	device(2, 4, 2);
	device(3, 5, 2)->number = 2;
	assert_int_equal(choose(4), 0);
	assert_choice(2, CHOICE_DUPLICATE);
	assert_choice(3, CHOICE_SPARE);
}

static void a_spare_does_not_displace_the_member_of_its_number(void **state)
{
	unsigned int order;

	/* dev2 was number 1 once, as a spare; number 1 is dev1 now. */
	for (order = 0; order < 2; order++) {
		device(0, 10, 2);
		device(1, 10, 2);
		device(2, 10, 2)->number = 1;
		members[2].super.role = SPARE;
		members[2].super.roles[1] = SPARE;
		candidates[1].member = &members[order ? 2 : 1];
		candidates[2].member = &members[order ? 1 : 2];
		assert_int_equal(choose(3), 0);
		assert_int_equal(chosen.active, 2);
		assert_choice(order ? 2 : 1, CHOICE_ACTIVE);
		assert_choice(order ? 1 : 2, CHOICE_DUPLICATE);
	}
}

static void a_replacement_shares_its_slot(void **state)
{
	unsigned int i;

	for (i = 0; i < 3; i++)
		say(device(i, 10, 2), 2, 1);
	for (i = 0; i < 3; i++)
		say(&members[i].super, 2, 1);
	members[2].super.features = MEMBER_FEATURE_REPLACEMENT;
	assert_int_equal(choose(3), 0);
	assert_choice(1, CHOICE_ACTIVE);
	assert_choice(2, CHOICE_ACTIVE);
	assert_int_equal(chosen.active, 2);
}

static void a_whole_member_is_fresher_than_one_being_rebuilt(void **state)
{
	device(0, 10, 2)->features = MEMBER_FEATURE_RECOVERY_OFFSET;
	device(1, 10, 2);
	assert_int_equal(choose(2), 0);
	assert_int_equal(chosen.freshest, 1);
	assert_choice(0, CHOICE_ACTIVE);
}

static void a_member_that_went_on_alone_has_diverged(void **state)
{
	say(device(0, 20, 2), 1, FAULTY);
	say(device(1, 15, 2), 0, FAULTY);
	assert_int_equal(choose(2), 0);
	assert_choice(0, CHOICE_ACTIVE);
	assert_choice(1, CHOICE_DIVERGED);
}

static void a_member_that_went_on_alone_and_says_removed_has_diverged(void **state)
{
	say(device(0, 20, 2), 1, SPARE);
	say(device(1, 20, 2), 0, SPARE);
	assert_int_equal(choose(2), 0);
	assert_choice(1, CHOICE_DIVERGED);
	device(0, 20, 2);
	say(device(1, 20, 2), 0, SPARE);
	assert_int_equal(choose(2), 0);
	assert_choice(1, CHOICE_DIVERGED);
	assert_int_equal(chosen.active, 1);
}

static void half_of_a_mirror_that_went_on_without_the_other_has_diverged(void **state)
{
	struct member_super *c = device(2, 15, 3);

	say(device(0, 20, 3), 2, FAULTY);
	say(device(1, 20, 3), 2, FAULTY);
	say(c, 0, FAULTY);
	say(c, 1, FAULTY);
	assert_int_equal(choose(3), 0);
	assert_choice(0, CHOICE_ACTIVE);
	assert_choice(1, CHOICE_ACTIVE);
	assert_choice(2, CHOICE_DIVERGED);
}

/* Number 2 has the slot of number 0, which the other ran with, and not with number 2. */
static void a_member_that_knows_another_in_that_slot_has_diverged(void **state)
{
	struct member_super *ms = device(0, 20, 2);

	ms->number = 2;
	say(ms, 0, FAULTY);
	say(ms, 1, FAULTY);
	say(ms, 2, 0);
	device(1, 15, 2);
	assert_int_equal(choose(2), 0);
	assert_choice(0, CHOICE_ACTIVE);
	assert_choice(1, CHOICE_DIVERGED);
}

static void a_member_older_than_its_replacement_has_not_diverged(void **state)
{
	struct member_super *fresh = device(0, 20, 2);

	/* dev1 failed, dev2 took its slot, dev1 comes back. */
	say(fresh, 1, FAULTY);
	say(fresh, 2, 1);
	say(device(2, 20, 2), 1, FAULTY);
	say(&members[2].super, 2, 1);
	device(1, 10, 2);
	assert_int_equal(choose(3), 0);
	assert_choice(0, CHOICE_ACTIVE);
	assert_choice(1, CHOICE_BEHIND);
	assert_choice(2, CHOICE_ACTIVE);
	assert_int_equal(candidates[2].slot, 1);
}

static void members_of_two_arrays_are_refused_and_named(void **state)
{
	device(0, 10, 2);
	device(1, 10, 2)->uuid[3] = 7;
	assert_int_equal(choose(2), -ESTALE);
	assert_non_null(strstr(fail_text(), "dev0"));
	assert_non_null(strstr(fail_text(), "dev1"));
	assert_non_null(strstr(fail_text(), "00000007:"));
}

static void members_of_two_formats_are_refused(void **state)
{
	device(0, 10, 2);
	device(1, 10, 2)->format = MEMBER_1_0;
	assert_int_equal(choose(2), -ESTALE);
	assert_non_null(strstr(fail_text(), "1.0 and 1.2") ?:
			strstr(fail_text(), "1.2 and 1.0"));
}

static void members_that_disagree_on_the_level_are_refused(void **state)
{
	device(0, 10, 2);
	device(1, 10, 2)->level = 5;
	assert_int_equal(choose(2), -ESTALE);
	device(1, 5, 2)->level = 5;
	assert_int_equal(choose(2), 0);
	assert_choice(1, CHOICE_BEHIND);
}

static void one_device_named_twice_is_refused(void **state)
{
	device(0, 10, 2);
	device(1, 10, 2);
	members[1].rdev = members[0].rdev;
	assert_int_equal(choose(2), -EEXIST);
	members[0].rdev = 0;
	members[1].rdev = 0;
	assert_int_equal(choose(2), 0);
	members[1].path = members[0].path;
	assert_int_equal(choose(2), -EEXIST);
}

static void without_a_slot_holder_there_is_no_array(void **state)
{
	assert_int_equal(choose(0), -ENODEV);
	device(0, 10, 2);
	say(&members[0].super, 0, SPARE);
	assert_int_equal(choose(1), -ENODEV);
	assert_string_not_equal(fail_text(), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal_members_are_all_active),
		cmocka_unit_test(a_missing_member_is_seen_by_the_count),
		cmocka_unit_test(a_degraded_array_expects_less),
		cmocka_unit_test(one_event_behind_is_tolerated),
		cmocka_unit_test(two_events_behind_are_too_many),
		cmocka_unit_test(events_at_the_end_of_their_range_do_not_wrap),
		cmocka_unit_test(the_freshest_table_decides_on_a_member_one_behind),
		cmocka_unit_test(a_member_that_failed_long_ago_may_be_re_added),
		cmocka_unit_test(a_member_moved_to_another_slot_gets_the_new_one),
		cmocka_unit_test(spares_may_be_old),
		cmocka_unit_test(a_spare_is_never_the_freshest),
		cmocka_unit_test(a_failed_spare_is_faulty),
		cmocka_unit_test(a_member_that_calls_itself_faulty_is_believed),
		cmocka_unit_test(a_spare_promoted_unawares_is_not_taken_for_in_sync),
		cmocka_unit_test(a_journal_holds_no_slot),
		cmocka_unit_test(of_two_devices_for_a_slot_the_fresher_wins),
		cmocka_unit_test(of_two_equal_copies_the_first_named_wins),
		cmocka_unit_test(an_old_copy_of_a_member_is_not_offered_for_re_add),
		cmocka_unit_test(two_spares_of_one_number_do_not_both_go_in),
		cmocka_unit_test(a_spare_does_not_displace_the_member_of_its_number),
		cmocka_unit_test(a_replacement_shares_its_slot),
		cmocka_unit_test(a_whole_member_is_fresher_than_one_being_rebuilt),
		cmocka_unit_test(a_member_that_went_on_alone_has_diverged),
		cmocka_unit_test(a_member_that_went_on_alone_and_says_removed_has_diverged),
		cmocka_unit_test(half_of_a_mirror_that_went_on_without_the_other_has_diverged),
		cmocka_unit_test(a_member_that_knows_another_in_that_slot_has_diverged),
		cmocka_unit_test(a_member_older_than_its_replacement_has_not_diverged),
		cmocka_unit_test(members_of_two_arrays_are_refused_and_named),
		cmocka_unit_test(members_of_two_formats_are_refused),
		cmocka_unit_test(members_that_disagree_on_the_level_are_refused),
		cmocka_unit_test(one_device_named_twice_is_refused),
		cmocka_unit_test(without_a_slot_holder_there_is_no_array),
	};

	return cmocka_run_group_tests_name("choose", tests, NULL, NULL);
}
