// SPDX-License-Identifier: GPL-2.0-only
/*
 * Starts the parts in order, stops them in reverse. The doors come last: from
 * then on arrays are made.
 */
#include <linux/init.h>
#include <linux/module.h>

#include "array.h"
#include "core/bitmap_super.h"
#include "disk.h"
#include "raid1.h"
#include "reboot.h"
#include "stat.h"

static const struct {
	int (*start)(void);
	void (*stop)(void);
} parts[] = {
	{ raid1_init, raid1_exit },
	{ stat_init, stat_exit },
	{ reboot_init, reboot_exit },
	{ disk_init, disk_exit },
};

static void stop_parts(size_t n)
{
	while (n--)
		parts[n].stop();
}

static int __init mdbitmap_init(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(parts); i++) {
		int err = parts[i].start();

		if (err) {
			stop_parts(i);
			return err;
		}
	}
	pr_info("mdbitmap " MDBITMAP_VERSION ": RAID1 with bitmap files, versions %d to %d\n",
		BITMAP_V3_HOST_ENDIAN, BITMAP_V5_CLUSTERED);
	return 0;
}

static void __exit mdbitmap_exit(void)
{
	stop_parts(ARRAY_SIZE(parts));
}

module_init(mdbitmap_init);
module_exit(mdbitmap_exit);

MODULE_DESCRIPTION("md-ABI RAID1 with a write-intent bitmap in a file");
MODULE_LICENSE("GPL");
MODULE_VERSION(MDBITMAP_VERSION);
