// SPDX-License-Identifier: GPL-2.0-only
/*
 * Waiting for udev. The facts behind it: a monitor on the "udev" group is
 * silent without udevd, so the control socket is looked for first; a new
 * array gives "add" (not ready yet) and then, when it runs, "change".
 */
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include <libudev.h>
#include "node.h"
#include "patience.h"
#include "sysfs.h"
#include "udev.h"

struct udev_wait {
	struct udev *udev;
	struct udev_monitor *monitor;
};

bool udev_is_running(void)
{
	return !access("/run/udev/control", F_OK);
}

static void end_wait(struct udev_wait *wait)
{
	if (!wait)
		return;
	udev_monitor_unref(wait->monitor);
	udev_unref(wait->udev);
	free(wait);
}

struct udev_wait *udev_wait_start(void)
{
	struct udev_wait *wait;

	if (!udev_is_running())
		return NULL;
	wait = calloc(1, sizeof(*wait));
	if (!wait)
		return NULL;
	wait->udev = udev_new();
	if (wait->udev)
		wait->monitor = udev_monitor_new_from_netlink(wait->udev, "udev");
	if (wait->monitor &&
	    udev_monitor_filter_add_match_subsystem_devtype(
		    wait->monitor, "block", "disk") >= 0 &&
	    udev_monitor_enable_receiving(wait->monitor) >= 0)
		return wait;
	end_wait(wait);
	return NULL;
}

/*
 * The node is there, and its number is the one the kernel gives the array
 * of that name (if the name tells which array it is).
 */
static bool node_is_right(const char *node, dev_t wanted)
{
	struct stat st;

	if (stat(node, &st) || !S_ISBLK(st.st_mode))
		return false;
	return !wanted || st.st_rdev == wanted;
}

static dev_t wanted_number(const char *node)
{
	struct node_name name;
	dev_t dev;

	if (node_split(node, &name) || sysfs_devt(name.kernel, &dev))
		return 0;
	return dev;
}

static bool is_handled(struct udev_device *device, const char *node, dev_t wanted)
{
	const char *action = udev_device_get_action(device);
	const char *ready = udev_device_get_property_value(device, "SYSTEMD_READY");
	struct stat st;

	if (!action || strcmp(action, "change"))
		return false;
	if (ready && !strcmp(ready, "0"))
		return false;
	if (!wanted && !stat(node, &st))
		wanted = st.st_rdev;
	return udev_device_get_devnum(device) == wanted;
}

/* True once the event came; waits at most @ms for something to happen. */
static bool event_came(struct udev_wait *wait, const char *node, dev_t wanted,
		       int ms)
{
	struct pollfd pfd = {
		.fd = udev_monitor_get_fd(wait->monitor),
		.events = POLLIN,
	};
	struct udev_device *device;
	bool came;

	if (poll(&pfd, 1, ms) <= 0)
		return false;
	device = udev_monitor_receive_device(wait->monitor);
	if (!device)
		return false;
	came = is_handled(device, node, wanted);
	udev_device_unref(device);
	return came;
}

int udev_wait_node(struct udev_wait *wait, const char *node, unsigned int limit_ms)
{
	struct patience patience = patience_start(limit_ms);
	dev_t wanted = wanted_number(node);
	bool handled = !wait;
	unsigned int ms;
	int err = 0;

	while (!handled || !node_is_right(node, wanted)) {
		ms = patience_next_ms(&patience);
		if (!ms) {
			err = -ETIMEDOUT;
			break;
		}
		if (handled)
			patience_sleep_ms(ms);
		else
			handled = event_came(wait, node, wanted, (int)ms);
	}
	end_wait(wait);
	return err;
}
