// SPDX-License-Identifier: GPL-2.0-only
/*
 * Array nodes: words into names, names into array objects and open nodes.
 * md-abi.md 2.7 and 2.8
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <unistd.h>
#include <libkmod.h>
#include "ioctl.h"
#include "node.h"
#include "patience.h"
#include "proc.h"
#include "report.h"
#include "sysfs.h"
#include "udev.h"

enum {
	MINOR_MAX = (1 << 20) - 1,
	MINOR_ON_OPEN_MAX = 511,	/* create_on_open makes no higher one */
	KERNEL_NAME_MAX = 31,		/* of a disk, and of mdadm's parser */
	NODE_WAIT_MS = 200,		/* devtmpfs is there at once, udevd soon */
	OPEN_LIMIT_MS = 5000,
};

/* ---- words ---- */

/*
 * The characters that survive /dev, udev's links, mdadm's map and a shell
 * unchanged.
 */
static bool is_portable(const char *name)
{
	size_t i;

	if (!isalnum((unsigned char)name[0]) && name[0] != '_')
		return false;
	for (i = 0; name[i]; i++)
		if (!isascii(name[i]) || (!isalnum((unsigned char)name[i]) &&
					  !strchr("._-", name[i])))
			return false;
	return true;
}

/* A minor as the kernel spells it: "007" would be another name for md7. */
static bool is_minor(const char *text)
{
	size_t len = strspn(text, "0123456789");

	if (!len || text[len] || len > 7 || (len > 1 && *text == '0'))
		return false;
	return atoi(text) <= MINOR_MAX;
}

static bool is_number(const char *text)
{
	return *text && !text[strspn(text, "0123456789")];
}

static const char *without_dev(const char *word)
{
	return strncmp(word, "/dev/", 5) ? word : word + 5;
}

int node_split(const char *word, struct node_name *name)
{
	const char *bare = without_dev(word), *rest;
	const struct driver *driver = driver_of_word(word);
	const char *under = "";

	memset(name, 0, sizeof(*name));
	if (!driver)
		return -EINVAL;
	rest = driver_behind_prefix(driver, bare);
	if (*rest == '/') {
		rest++;
		if (bare == word || !is_portable(rest))
			return -EINVAL;		/* "md/home" is a relative path */
		if (!is_number(rest))
			under = "_";
	} else if (*rest == '_') {
		rest++;
		under = "_";
		if (!is_portable(rest))
			return -EINVAL;
	}
	if (!*under && !is_minor(rest))
		return -EINVAL;
	if (strlen(driver->prefix) + strlen(under) + strlen(rest) > KERNEL_NAME_MAX)
		return -EINVAL;
	name->driver = driver;
	snprintf(name->kernel, sizeof(name->kernel), "%s%s%s", driver->prefix,
		 under, rest);
	snprintf(name->path, sizeof(name->path), "/dev/%s", name->kernel);
	if (rest[-1] == '/')
		snprintf(name->link, sizeof(name->link), "/dev/%s/%s",
			 driver->prefix, rest);
	return 0;
}

int node_bad_name(const char *word)
{
	return fail(-EINVAL, "%s: not a name for an array; accepted are /dev/mdN, /dev/md_NAME, /dev/md/NAME, and the same with mdb; NAME of letters, digits and ._-, md_NAME of at most %d characters",
		    safe(word), KERNEL_NAME_MAX);
}

/* ---- opening what exists ---- */

/*
 * The first of the spellings of @word that is there. udev makes /dev/md/NAME
 * from the metadata's name, not from the one the array was started under:
 * /dev/md_NAME is meant as well.
 */
static void find_node(const char *word, char path[PATH_MAX])
{
	struct node_name name;
	static const char *const before[] = { "/dev/", "/dev/md/", "/dev/md_",
					      "/dev/mdb/", "/dev/mdb_" };
	size_t i;

	snprintf(path, PATH_MAX, "%s", word);
	if (strchr(word, '/')) {
		if (access(word, F_OK) && !node_split(word, &name) &&
		    *name.link && !access(name.path, F_OK))
			snprintf(path, PATH_MAX, "%s", name.path);
		return;
	}
	for (i = 0; i < sizeof(before) / sizeof(before[0]); i++) {
		snprintf(path, PATH_MAX, "%s%s", before[i], word);
		if (!access(path, F_OK))
			return;
	}
	snprintf(path, PATH_MAX, "/dev/%s", word);
}

static int explain_open(const char *path, int err)
{
	switch (err) {
	case -ENOENT:
		return fail(err, "%s: no such array", safe(path));
	case -ENOTTY:
		return fail(-ENODEV, "%s: not an md array", safe(path));
	case -ENXIO:
	case -ENODEV:
		return fail(err, "%s: no array behind this node, or it is just being stopped",
			    safe(path));
	case -EBUSY:
		return fail(err, "%s: in use; unmount it, or stop what uses it, first",
			    safe(path));
	case -EACCES:
	case -EPERM:
		return fail(err, "%s: no permission to open it; try as root",
			    safe(path));
	}
	return fail_errno(err, "%s: cannot open", safe(path));
}

int node_open(const char *word, int open_flags, int *fd, char name[64])
{
	char path[PATH_MAX];
	struct stat st;
	int f, err;

	if (strlen(word) >= PATH_MAX - 16)
		return fail(-ENOENT, "the name of the array is too long");
	find_node(word, path);
	err = md_open(path, open_flags, &f);
	if (err)
		return explain_open(path, err);
	err = fstat(f, &st) ? -errno : sysfs_name(st.st_rdev, name);
	if (err)
		fail_errno(err, "%s: cannot find it in /sys", safe(path));
	else if (!sysfs_md_exists(name))
		/* A partition, or dm above an array: both pass ioctls on. */
		err = fail(-ENODEV, "%s: not an md array, only on one; name the array itself",
			   safe(path));
	if (err) {
		close(f);
		return err;
	}
	*fd = f;
	return 0;
}

/* ---- the module ---- */

static bool is_our_module(const char *module)
{
	return !strcmp(module, "mdbitmap");
}

/* Ours comes by DKMS, which builds it for each kernel that has its headers. */
static int explain_missing(const char *module)
{
	struct utsname system;

	if (!is_our_module(module))
		return fail(-EOPNOTSUPP, "module %s: not there for the running kernel; install the package with its modules, or reboot if it was just updated",
			    module);
	if (uname(&system))
		strcpy(system.release, "VERSION");
	return fail(-EOPNOTSUPP, "module %s: not there for the running kernel; install the package mdbitmap-dkms (or make install-dkms) and linux-headers-%s",
		    module, system.release);
}

int node_module_failed(const char *module, int err)
{
	switch (err) {
	case -EKEYREJECTED:
	case -ENOKEY:
		return fail(err, "module %s: refused by Secure Boot, it is not signed with a key this machine trusts; enrol its key (mokutil --import%s) or turn Secure Boot off",
			    module, is_our_module(module) ?
			    " /var/lib/dkms/mok.pub" : "");
	case -EBUSY:
		if (!is_our_module(module))
			break;
		return fail(err, "module %s: takeover=1 is among its options, but stock md is there; unload md_mod, or take takeover out of /etc/modprobe.d",
			    module);
	case -EPERM:
	case -EACCES:
		return fail(err, "module %s: no permission to load it; try as root, or look for Secure Boot or lockdown in the kernel log",
			    module);
	case -ENOENT:
		return explain_missing(module);
	case -ENOSYS:
		return fail(-EOPNOTSUPP, "module %s: this kernel was built without modules and without this driver",
			    module);
	case -ENOEXEC:
	case -EINVAL:
		return fail(-EOPNOTSUPP, "module %s: built for another kernel; see the kernel log",
			    module);
	}
	return fail_errno(err, "module %s: cannot load it", module);
}

static int load_module(const char *module, bool look_only)
{
	struct kmod_ctx *ctx = kmod_new(NULL, NULL);
	struct kmod_list *list = NULL, *item;
	int err;

	if (!ctx)
		return fail(-ENOMEM, "module %s: cannot load it: out of memory", module);
	kmod_set_log_priority(ctx, 0);
	err = kmod_module_new_from_lookup(ctx, module, &list);
	if (!err && !list)
		err = -ENOENT;
	kmod_list_foreach(item, list) {
		struct kmod_module *mod = kmod_module_get_module(item);

		if (!look_only)
			err = kmod_module_probe_insert_module(
				mod, 0, NULL, NULL, NULL, NULL);
		kmod_module_unref(mod);
		if (err)
			break;
	}
	kmod_module_unref_list(list);
	kmod_unref(ctx);
	return err ? node_module_failed(module, err) : 0;
}

static int ensure_driver(const struct node_name *name, bool look_only)
{
	const struct driver *driver = name->driver;
	char path[PATH_MAX], other[64];
	int err;

	snprintf(path, sizeof(path), "/sys/module/%s/parameters/new_array",
		 driver->module);
	err = access(path, F_OK) ? load_module(driver->module, look_only) : 0;
	if (err || !driver->ours || driver->major || !driver_has_taken_over())
		return err;
	snprintf(other, sizeof(other), "md%s",
		 driver_behind_prefix(driver, name->kernel));
	return fail(-EOPNOTSUPP, "%s: %s is loaded with takeover=1 and serves /dev/md* instead; use /dev/%s",
		    name->path, driver->module, other);
}

int node_check_driver(const char *word)
{
	struct node_name name;

	return node_split(word, &name) ? node_bad_name(word) : ensure_driver(&name, true);
}

/* ---- making what does not exist ---- */

/*
 * Nothing may be there but an empty object: STOP_ARRAY "just in case" would
 * take somebody's half assembled array apart, and newest kernels may end the
 * object itself with it. The status file is asked as well because array_state
 * says "clear" or "inactive" while a start is half done.
 */
static int refuse_taken(const struct node_name *name)
{
	char state[32] = "clear";
	struct mdstat m = { .found = false };
	bool running;

	sysfs_md_read(name->kernel, "array_state", state, sizeof(state));
	mdstat_read(name->driver->status, name->kernel, &m);
	if (!m.found && !strcmp(state, "clear"))
		return 0;
	running = m.found ? strcmp(m.state, "inactive") :
			    strcmp(state, "inactive");
	mdstat_clear(&m);
	return fail(-EBUSY, "%s: %s; choose another name, or stop it first (mdbitmap --stop %s)",
		    name->path, running ? "an array runs there already" :
					  "a half assembled array is there already",
		    name->path);
}

/* 1 made, 0 it was there, -errno (-ENOENT: the driver has no new_array). */
static int write_new_array(const struct node_name *name)
{
	char path[PATH_MAX];
	size_t len = strlen(name->kernel);
	int fd, err;

	snprintf(path, sizeof(path), "/sys/module/%s/parameters/new_array",
		 name->driver->module);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	err = write(fd, name->kernel, len) == (ssize_t)len ? 1 : -errno;
	close(fd);
	return err == -EEXIST ? 0 : err;
}

/* The array's number as sysfs gives it, or as create_on_open will. */
static int number_of(const struct node_name *name, dev_t *dev)
{
	const char *digits = name->kernel + strlen(name->driver->prefix);
	int err = sysfs_devt(name->kernel, dev);

	if (err != -ENOENT)
		return err;
	if (!name->driver->major || !is_minor(digits) ||
	    atoi(digits) > MINOR_ON_OPEN_MAX)
		return -ENOENT;
	*dev = makedev(name->driver->major, atoi(digits));
	return 0;
}

/* 0 it is the node; -ENOENT; -EEXIST something else has its name. */
static int look_at_node(const char *path, dev_t dev)
{
	struct stat st;

	if (lstat(path, &st))
		return -errno;
	return S_ISBLK(st.st_mode) && st.st_rdev == dev ? 0 : -EEXIST;
}

static int ensure_node(const struct node_name *name)
{
	struct patience patience = patience_start(NODE_WAIT_MS);
	dev_t dev;
	int err = number_of(name, &dev);

	if (err)
		return err;
	while ((err = look_at_node(name->path, dev)) == -ENOENT &&
	       udev_is_running() && patience_wait(&patience))
		;
	if (err != -ENOENT)
		return err;
	if (mknod(name->path, S_IFBLK | 0600, dev) && errno != EEXIST)
		return -errno;
	return look_at_node(name->path, dev);
}

/*
 * One try. The object may vanish behind our back: udev's look at a fresh
 * array ends its life unless somebody holds it open, so that each try makes
 * it anew. *made says whether this call made one.
 */
static int try_open(const struct node_name *name, bool *made, int *fd)
{
	int err = write_new_array(name);

	if (err > 0)
		*made = true;
	else if (err < 0 && err != -ENOENT)
		return err;
	err = ensure_node(name);
	return err ? err : md_open(name->path, O_RDWR | O_EXCL, fd);
}

static bool is_passing(int err)
{
	return err == -EBUSY || err == -ENODEV || err == -ENOENT || err == -ENXIO;
}

static int explain_create(const struct node_name *name, int err)
{
	switch (err) {
	case -EEXIST:
		return fail(err, "%s: exists, but is not the node of that array; remove it or choose another name",
			    name->path);
	case -EACCES:
	case -EPERM:
		return fail(err, "%s: no permission to make an array; try as root",
			    name->path);
	case -E2BIG:
	case -EINVAL:
		return fail(-EOPNOTSUPP, "%s: the driver %s refuses that name; try /dev/%sN",
			    name->path, name->driver->module, name->driver->prefix);
	}
	return explain_open(name->path, err);
}

static int open_new(const struct node_name *name, bool *made, int *fd)
{
	struct patience patience = patience_start(OPEN_LIMIT_MS);
	int err;

	do {
		err = try_open(name, made, fd);
	} while (is_passing(err) && patience_wait(&patience));
	if (err)
		return explain_create(name, err);
	/*
	 * Again, now that our exclusive open keeps mdadm out: whoever started
	 * it since the first look owns it, and must not lose it to our cleanup.
	 */
	err = refuse_taken(name);
	if (err)
		close(*fd);
	return err;
}

/* Without udevd nobody else makes /dev/md/NAME; a stale link is replaced. */
static void make_link(const struct node_name *name)
{
	char dir[64], target[64];

	if (!*name->link || udev_is_running())
		return;
	snprintf(dir, sizeof(dir), "/dev/%s", name->driver->prefix);
	snprintf(target, sizeof(target), "../%s", name->kernel);
	if (mkdir(dir, 0755) && errno != EEXIST)
		goto complain;
	if (!symlink(target, name->link))
		return;
	if (errno == EEXIST && access(name->link, F_OK) && !unlink(name->link) &&
	    !symlink(target, name->link))
		return;
	if (errno == EEXIST)
		return;
complain:
	note("cannot make the link %s: %s; the array is %s", name->link,
	     strerror(errno), name->path);
}

/* /dev/md/NAME may lead to an array with another kernel name: take that. */
static void follow_link(struct node_name *name)
{
	char target[PATH_MAX];
	struct node_name other;

	if (!*name->link || !realpath(name->link, target) ||
	    node_split(target, &other) || *other.link)
		return;
	memcpy(name->kernel, other.kernel, sizeof(name->kernel));
	memcpy(name->path, other.path, sizeof(name->path));
	name->driver = other.driver;
}

/* md_NAME would stay for ever; but somebody else may have begun to use it. */
static void unmake(const char *kernel)
{
	char state[32];

	if (!sysfs_md_read(kernel, "array_state", state, sizeof(state)) &&
	    !strcmp(state, "clear"))
		sysfs_md_write(kernel, "array_state", "clear");
}

int node_create(const char *word, char **path, int *fd)
{
	struct node_name name;
	bool made = false;
	int err;

	if (node_split(word, &name))
		return node_bad_name(word);
	follow_link(&name);
	err = ensure_driver(&name, false);
	if (!err)
		err = refuse_taken(&name);
	if (!err)
		err = open_new(&name, &made, fd);
	if (err) {
		if (made)
			unmake(name.kernel);
		return err;
	}
	make_link(&name);
	*path = strdup(name.path);
	if (*path)
		return 0;
	close(*fd);
	return fail(-ENOMEM, "%s: out of memory", name.path);
}

/* ---- taking away what make_link() and ensure_node() left ---- */

static void forget_links(const struct driver *driver, const char *kernel)
{
	char path[PATH_MAX], target[PATH_MAX];
	struct dirent *entry;
	const char *base;
	ssize_t n;
	DIR *dir;

	snprintf(path, sizeof(path), "/dev/%s", driver->prefix);
	dir = opendir(path);
	if (!dir)
		return;
	while ((entry = readdir(dir))) {
		n = readlinkat(dirfd(dir), entry->d_name, target, sizeof(target) - 1);
		if (n < 0)
			continue;
		target[n] = '\0';
		base = strrchr(target, '/');
		if (base && !strcmp(base + 1, kernel))
			unlinkat(dirfd(dir), entry->d_name, 0);
	}
	closedir(dir);
}

void node_forget(const char *kernel)
{
	const struct driver *driver = driver_of_word(kernel);
	char path[PATH_MAX];
	struct stat st;
	dev_t dev;

	if (!driver || udev_is_running() || sysfs_devt(kernel, &dev) != -ENOENT)
		return;
	forget_links(driver, kernel);
	snprintf(path, sizeof(path), "/dev/%s", kernel);
	if (!lstat(path, &st) && S_ISBLK(st.st_mode))
		unlink(path);
}

void node_wait_gone(const char *kernel, unsigned int limit_ms)
{
	struct patience patience = patience_start(limit_ms);
	dev_t dev;

	while (sysfs_devt(kernel, &dev) != -ENOENT && patience_wait(&patience))
		;
	node_forget(kernel);
}
