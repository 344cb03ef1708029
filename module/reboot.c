// SPDX-License-Identifier: GPL-2.0-only
/*
 * The machine goes down, and some arrays run to the end: that of the root
 * filesystem, say. Once more they are made as clean as a stop would leave them,
 * for else the next start would take a power cut to have ended this one. Writes
 * still pass, and make them dirty again. Whoever has an array's lock may keep
 * it for ever: that array is left alone.
 */
#include <linux/reboot.h>

#include "array_impl.h"
#include "disk.h"
#include "reboot.h"

static int going_down(struct notifier_block *block, unsigned long how, void *unused)
{
	struct array *a;
	loff_t n;

	for (n = 0; (a = disk_get_nth(n)); n++) {
		if (mutex_trylock(&a->lock)) {
			array_rest(a);
			array_unlock(a);
		}
		disk_put(a);
	}
	return NOTIFY_DONE;
}

/* Before those of the devices. */
static struct notifier_block reboot_block = {
	.notifier_call = going_down,
	.priority = INT_MAX,
};

int reboot_init(void)
{
	return register_reboot_notifier(&reboot_block);
}

void reboot_exit(void)
{
	unregister_reboot_notifier(&reboot_block);
}
