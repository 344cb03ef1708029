// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel's refusals of a bitmap file, in words. md-abi.md section 3
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include "explain.h"
#include "ioctl.h"
#include "node.h"
#include "report.h"
#include "sysfs.h"

enum {				/* the first series that refuses bitmap files */
	REFUSES_MAJOR = 6,
	REFUSES_MINOR = 18,
};

bool explain_kernel_refuses(const char **release)
{
	static struct utsname system;
	unsigned int major, minor;

	*release = "?";
	if (uname(&system))
		return false;
	*release = system.release;
	if (sscanf(system.release, "%u.%u", &major, &minor) != 2)
		return false;
	return major > REFUSES_MAJOR ||
	       (major == REFUSES_MAJOR && minor >= REFUSES_MINOR);
}

static bool is_stock(const char *node)
{
	const struct driver *driver = node_driver(node);

	return !driver || driver->major == MD_MAJOR;
}

static int explain_einval(const char *node, const char *file, bool running)
{
	const char *release;
	bool refuses = explain_kernel_refuses(&release);

	if (is_stock(node) && refuses)
		return fail(-EOPNOTSUPP, "%s: Linux %s refuses bitmap files (6.18 and "
			    "later do); the companion driver mdbitmap.ko brings them "
			    "back: see README", safe(node), safe(release));
	if (!running)
		return fail(-EOPNOTSUPP, "%s: the kernel (Linux %s) takes no bitmap "
			    "files; was it built without CONFIG_MD_BITMAP_FILE?",
			    safe(node), safe(release));
	return fail(-EUCLEAN, "%s: the kernel refuses %s: not a bitmap of this array, or "
		    "in a place that md cannot use; mdbitmap --check %s --for=%s "
		    "says more, and so may the kernel log", safe(node), safe(file),
		    safe(file), safe(node));
}

/* sync_action of the array, "" if it cannot be read. */
static void read_action(const char *node, char action[32])
{
	struct stat st;
	char name[64];

	if (stat(node, &st) || !S_ISBLK(st.st_mode) || sysfs_name(st.st_rdev, name))
		snprintf(name, sizeof(name), "%s", node);
	if (sysfs_md_read(name, "sync_action", action, 32))
		*action = '\0';
}

static int explain_ebusy(const char *node, const char *file, bool running)
{
	char action[32] = "";

	if (running)
		read_action(node, action);
	if (!strcmp(action, "frozen"))
		return fail(-EBUSY, "%s: its sync_action is frozen, and md changes no "
			    "bitmap then; write idle to md/sync_action in its sysfs "
			    "directory first", safe(node));
	if (*action && strcmp(action, "idle"))
		return fail(-EBUSY, "%s: a %s runs, and md changes no bitmap meanwhile; "
			    "try again after mdbitmap --wait %s", safe(node),
			    safe(action), safe(node));
	if (file)
		return fail(-EBUSY, "%s: the kernel is busy with %s: another program has "
			    "it open for writing (see fuser -v), or %s is about to "
			    "sync; try again", safe(node), safe(file), safe(node));
	return fail(-EBUSY, "%s is busy: it is about to sync; try again", safe(node));
}

static int explain_erofs(const char *node)
{
	return fail(-EROFS, "%s is read-only, and md changes no bitmap then; make it "
		    "writable first: mdadm --readwrite %s", safe(node), safe(node));
}

int explain_set_bitmap(int err, const char *node, const char *file, bool running)
{
	switch (err) {
	case 0:
		return 0;
	case -EINVAL:
		if (file)
			return explain_einval(node, file, running);
		break;
	case -EBUSY:
		return explain_ebusy(node, file, running);
	case -EROFS:
		return explain_erofs(node);
	case -EEXIST:
		return fail(err, "%s has a bitmap already; mdbitmap --detail %s shows it",
			    safe(node), safe(node));
	case -ENOENT:
		if (!file)
			return fail(err, "%s has no bitmap", safe(node));
		break;
	case -EBADF:
		return fail(-EMEDIUMTYPE, "%s: the kernel takes only a regular file that "
			    "is open for writing, not %s", safe(node), safe(file));
	case -ETXTBSY:
		return fail(err, "%s: %s is open for writing elsewhere (see fuser -v); "
			    "end that first", safe(node), safe(file));
	case -ELOOP:
		return fail(err, "%s: %s lies on the array itself; put it elsewhere",
			    safe(node), safe(file));
	case -ENOSPC:
		return fail(-EUCLEAN, "%s: %s is shorter than the bits of this array; "
			    "mdbitmap --check %s --for=%s says more", safe(node),
			    safe(file), safe(file), safe(node));
	case -EIO:
		return fail(err, "%s: %s cannot be read or written, or its state says "
			    "WRITE_ERROR; mdbitmap --check %s says more", safe(node),
			    safe(file ? file : "its bitmap"), safe(file ? file : node));
	case -EACCES:
	case -EPERM:
		return fail(err, "%s: to change its bitmap takes root (CAP_SYS_ADMIN)",
			    safe(node));
	case -ENODEV:
		return fail(err, "%s: no array is assembled there", safe(node));
	}
	if (file)
		return fail_errno(err, "%s: cannot set its bitmap file %s", safe(node),
				  safe(file));
	return fail_errno(err, "%s: cannot take its bitmap away", safe(node));
}
