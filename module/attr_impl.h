/* SPDX-License-Identifier: GPL-2.0-only */
/* Between the attr*.c only: tables of attributes. */
#ifndef ATTR_IMPL_H
#define ATTR_IMPL_H

#include <linux/kobject.h>
#include <linux/sysfs.h>

#include "array.h"
#include "leg.h"

/*
 * show: without locks, or with roster_lock (attr_super), when members, pers and
 * intent stand still. store: with a->lock, or none (attr_free); @text ends in
 * NUL and perhaps a newline. 0 or -errno.
 */
enum {
	ATTR_SUPER	= 1 << 0,
	ATTR_FREE	= 1 << 1,
};

struct array_attr {
	struct attribute attr;
	ssize_t (*show)(struct array *a, char *page);
	int (*store)(struct array *a, const char *text);
	unsigned int flags;
};

struct leg_attr {
	struct attribute attr;
	ssize_t (*show)(struct leg *leg, char *page);
	int (*store)(struct leg *leg, const char *text);
};

#define ATTR_NAMED(type, name_, mode_, ...)				\
	static struct type entry_##name_ = {				\
		.attr = { .name = #name_, .mode = (mode_) }, __VA_ARGS__ }

#define ARRAY_RO(name, ...)						\
	ATTR_NAMED(array_attr, name, 0444, .show = name##_show, ##__VA_ARGS__)
#define ARRAY_RW(name, ...)						\
	ATTR_NAMED(array_attr, name, 0644, .show = name##_show,	\
		   .store = name##_store, ##__VA_ARGS__)
#define ARRAY_RW_GROUP(name, ...)	/* as newer stock md has them */	\
	ATTR_NAMED(array_attr, name, 0664, .show = name##_show,	\
		   .store = name##_store, ##__VA_ARGS__)
#define ARRAY_WO(name, ...)						\
	ATTR_NAMED(array_attr, name, 0200, .store = name##_store, ##__VA_ARGS__)

#define LEG_RO(name)							\
	ATTR_NAMED(leg_attr, name, 0444, .show = name##_show)
#define LEG_RW(name)							\
	ATTR_NAMED(leg_attr, name, 0644, .show = name##_show, .store = name##_store)

extern const struct attribute_group attr_array_group;	/* attr_array.c: always there */
extern const struct attribute_group attr_running_group;	/* attr_sync.c */
extern const struct attribute_group *attr_bitmap_groups[]; /* attr_bitmap.c */
extern const struct attribute_group *attr_leg_groups[];	/* attr_leg.c */

/* Seconds with a fraction: "5", "0.204". Finer than 1 ms is cut. -EINVAL. */
int attr_parse_ms(const char *text, unsigned long *ms);

/* "none" or "max" (@word) as NO_SECTOR, or a number of sectors. */
int attr_parse_sector(const char *text, const char *word, sector_t *sector);

/* The same number again, and nothing else: for what cannot be changed. */
int attr_same_number(const char *text, long long now);

#endif
