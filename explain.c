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

static struct {
	int argc;
	char *const *argv;
} command;

void explain_command(int argc, char *const *argv)
{
	command.argc = argc;
	command.argv = argv;
}

bool explain_driver_refuses(const struct driver *driver, const char **release)
{
	static struct utsname system;
	unsigned int major, minor;

	*release = "?";
	if (uname(&system))
		return false;
	*release = system.release;
	if ((driver && driver->ours) ||
	    sscanf(system.release, "%u.%u", &major, &minor) != 2)
		return false;
	return major > REFUSES_MAJOR ||
	       (major == REFUSES_MAJOR && minor >= REFUSES_MINOR);
}

/* ---- the way on: the same array with our driver ---- */

static bool is_ours(const char *node)
{
	const struct driver *driver = driver_of_node(node);

	return driver && driver->ours;
}

/* The word for @node's array with our driver; false: it has none. */
static bool our_word(const char *node, char *ours, size_t size)
{
	struct node_name name;

	return driver_our_word(node, ours, size) && !node_split(ours, &name);
}

static bool is_same_array(const char *word, const struct node_name *name)
{
	struct node_name other;

	return !node_split(word, &other) && !strcmp(other.kernel, name->kernel);
}

/* " WORD", in quotes if a shell would take it for more. False: it cannot be shown so. */
static bool add_word(char *text, size_t size, const char *word)
{
	bool plain = *word && !word[strspn(word, "abcdefghijklmnopqrstuvwxyz"
					   "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
					   "/._-=:,+@%")];
	size_t used = strlen(text);

	if (strchr(word, '\'') || strcmp(safe(word), word))
		return false;
	snprintf(text + used, size - used, plain ? " %s" : " '%s'", word);
	return true;
}

/*
 * The command line with another node, which is all there is to it. False: it
 * is not known, or too long for a message.
 */
static bool other_command(const struct node_name *name, char *text, size_t size)
{
	char ours[128];
	int i;

	snprintf(text, size, "mdbitmap");
	for (i = 1; i < command.argc; i++) {
		bool same = is_same_array(command.argv[i], name) &&
			    our_word(command.argv[i], ours, sizeof(ours));

		if (!add_word(text, size, same ? ours : command.argv[i]))
			return false;
	}
	return command.argc > 1 && strlen(text) < size - 1;
}

static bool has_metadata(const struct node_name *name)
{
	char text[32];

	return sysfs_md_read(name->kernel, "metadata_version", text, sizeof(text)) ||
	       strcmp(text, "none");
}

static void say_way_on(const char *node, const char *file, bool running, char *text,
		       size_t size)
{
	struct node_name name;
	char ours[128];

	if (node_split(node, &name) || !our_word(node, ours, sizeof(ours)))
		snprintf(text, size, "use it with a node named /dev/mdbN");
	else if (running && has_metadata(&name))
		snprintf(text, size, "mdbitmap --stop %s, then mdbitmap --assemble "
			 "--scan %s --bitmap=%s", safe(node), ours, safe(file));
	else if (running)
		snprintf(text, size, "mdbitmap --stop %s, then mdbitmap --build %s "
			 "--bitmap=%s with its members", safe(node), ours, safe(file));
	else if (!other_command(&name, text, size))
		snprintf(text, size, "the same command with %s", ours);
}

/* ---- errno by errno ---- */

static int explain_einval(const char *node, const char *file, bool running)
{
	bool ours = is_ours(node);
	char way[600];
	const char *release;

	if (explain_driver_refuses(driver_of_node(node), &release)) {
		say_way_on(node, file, running, way, sizeof(way));
		return fail(-EOPNOTSUPP, "%s: Linux %s refuses bitmap files (6.18 and "
			    "later do); the driver mdbitmap.ko takes them: %s",
			    safe(node), safe(release), way);
	}
	if (ours)
		return fail(-EUCLEAN, "%s: the driver refuses %s: not a bitmap of this "
			    "array, or with holes; mdbitmap --check %s --for=%s says "
			    "more, and so may the kernel log", safe(node), safe(file),
			    safe(file), safe(node));
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

/* mdadm knows no nodes of other majors. */
const char *explain_writable(const char *node)
{
	static char text[160];
	struct node_name name;

	if (is_ours(node) && !node_split(node, &name))
		snprintf(text, sizeof(text), "echo active >/sys/block/%s/md/array_state",
			 name.kernel);
	else
		snprintf(text, sizeof(text), "mdadm --readwrite %s", safe(node));
	return text;
}

static int explain_erofs(const char *node)
{
	return fail(-EROFS, "%s is read-only, and md changes no bitmap then; make it "
		    "writable first: %s", safe(node), explain_writable(node));
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
		if (is_ours(node))
			return fail(-EMEDIUMTYPE, "%s: the driver takes a regular file or "
				    "a block device, open for reading and writing, not %s",
				    safe(node), safe(file));
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
	case -EPERM:
		if (is_ours(node) && file)
			return fail(err, "%s: the driver does not trust %s: it must be "
				    "root's, writable by nobody else, and neither "
				    "append-only nor immutable (ls -l, lsattr)",
				    safe(node), safe(file));
		/* fall through */
	case -EACCES:
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
