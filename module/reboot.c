// SPDX-License-Identifier: GPL-2.0-only
/*
 * The machine goes down, and some arrays run to the end: that of the root
 * filesystem, say. Once more they are made as clean as a stop would leave them,
 * for else the next start would take a power cut to have ended this one. Writes
 * still pass, and make them dirty again. Who hangs on a device, or is in other hands,
 * does not keep the machine up: it starts as after a power cut.
 */
#include <linux/reboot.h>
#include <linux/slab.h>

#include "array_impl.h"
#include "disk.h"
#include "reboot.h"

enum { PATIENCE_S = 10 };

struct rest {
	struct work_struct work;
	struct array *a;
};

static struct workqueue_struct *rest_wq;
static atomic_t resting;
static DECLARE_WAIT_QUEUE_HEAD(rest_wait);

static void rest_work(struct work_struct *work)
{
	struct rest *rest = container_of(work, struct rest, work);
	struct array *a = rest->a;

	if (mutex_trylock(&a->lock)) {
		array_rest(a);
		array_unlock(a);
	}
	disk_put(a);
	kfree(rest);
	if (atomic_dec_and_test(&resting))
		wake_up(&rest_wait);
}

/* With the caller's reference on @a. */
static void let_rest(struct array *a)
{
	struct rest *rest = kmalloc(sizeof(*rest), GFP_KERNEL);

	if (!rest) {
		disk_put(a);
		return;
	}
	INIT_WORK(&rest->work, rest_work);
	rest->a = a;
	atomic_inc(&resting);
	queue_work(rest_wq, &rest->work);
}

static int going_down(struct notifier_block *block, unsigned long how, void *unused)
{
	struct array *a;
	loff_t n;

	for (n = 0; (a = disk_get_nth(n)); n++)
		let_rest(a);
	if (!wait_event_timeout(rest_wait, !atomic_read(&resting), PATIENCE_S * HZ))
		pr_warn("mdbitmap: some arrays are not at rest after %d seconds\n", PATIENCE_S);
	return NOTIFY_DONE;
}

/* Before those of the devices. */
static struct notifier_block reboot_block = {
	.notifier_call = going_down,
	.priority = INT_MAX,
};

int reboot_init(void)
{
	int err;

	rest_wq = alloc_workqueue("mdbitmap_rest", WQ_UNBOUND, 0);
	if (!rest_wq)
		return -ENOMEM;
	err = register_reboot_notifier(&reboot_block);
	if (err)
		destroy_workqueue(rest_wq);
	return err;
}

void reboot_exit(void)
{
	unregister_reboot_notifier(&reboot_block);
	destroy_workqueue(rest_wq);
}
