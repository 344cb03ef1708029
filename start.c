// SPDX-License-Identifier: GPL-2.0-only
/*
 * Starting an array. The bitmap file goes in before the members and the run,
 * as mdadm does it: a refusal of the file then costs the members nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include "explain.h"
#include "hold.h"
#include "holders.h"
#include "node.h"
#include "report.h"
#include "start.h"
#include "sysfs.h"

enum {
	RUN_PAUSE_MS = 20,	/* EBUSY: sysfs of an earlier life is torn down */
	RUN_LIMIT_MS = 2000,
	STOP_PAUSE_MS = 50,	/* EBUSY: udev looks at it */
	STOP_LIMIT_MS = 5000,
	GONE_LIMIT_MS = 5000,	/* the kernel deletes the object when it likes */
	UDEV_LIMIT_MS = 5000,
};

/* ---- before anything is changed ---- */

/* 0: nothing is there, or an object that nobody has begun to use. */
static int check_state(const char *kernel, const char *path)
{
	char state[32];

	if (sysfs_md_read(kernel, "array_state", state, sizeof(state)) ||
	    !strcmp(state, "clear"))
		return 0;
	if (!strcmp(state, "inactive"))
		return fail(-EBUSY, "%s: half assembled already, it holds members but does not run; mdbitmap --stop %s first, or choose another name",
			    path, path);
	return fail(-EBUSY, "%s: an array runs there already; choose another name, or stop it first (mdbitmap --stop %s)",
		    path, path);
}

int start_check_name(const char *word)
{
	struct node_name name;

	if (node_split(word, &name))
		return node_bad_name(word);
	return check_state(name.kernel, name.path);
}

static int explain_busy(const char *path, dev_t dev)
{
	char holder[64], who[256];

	if (!holders_stacked(dev, holder))
		*holder = '\0';
	if (driver_of_word(holder))
		return fail(-EBUSY, "%s: in use by the array %s; mdbitmap --stop /dev/%s first",
			    safe(path), safe(holder), safe(holder));
	if (*holder)
		return fail(-EBUSY, "%s: in use by %s; take that down first",
			    safe(path), safe(holder));
	if (!sysfs_name(dev, holder) && holders_find(holder, who))
		return fail(-EBUSY, "%s: in use, %s; end that first", safe(path), who);
	return fail(-EBUSY, "%s: in use; end what uses it first", safe(path));
}

int start_check_member(const char *path)
{
	struct stat st;
	int fd;

	if (stat(path, &st))
		return fail_errno(-errno, "%s", safe(path));
	if (S_ISREG(st.st_mode))
		return fail(-ENOTBLK, "%s: an image file; md takes block devices only: losetup -f --show makes one of it",
			    safe(path));
	if (!S_ISBLK(st.st_mode))
		return fail(-ENOTBLK, "%s: not a block device", safe(path));
	fd = open(path, O_RDONLY | O_EXCL | O_CLOEXEC);
	if (fd < 0)
		return errno == EBUSY ? explain_busy(path, st.st_rdev) :
					fail_errno(-errno, "cannot open %s", safe(path));
	close(fd);
	return 0;
}

int start_open_bitmap(const char *path, struct trust_target *t, bool force,
		      bool plan_only, struct image **image, int *fd)
{
	*fd = -1;
	return trust_open(path, t, force, image, plan_only ? NULL : fd);
}

int start_check_plan(const char *word, const char *bitmap, bool plan_only)
{
	const struct driver *driver = driver_of_word(word);
	const char *release;

	if (plan_only) {
		note("image files can be planned with only: losetup -f --show makes block devices of them");
		return 0;
	}
	if (explain_driver_refuses(driver, &release))
		return explain_set_bitmap(-EINVAL, word, bitmap, false);
	return node_check_driver(word);
}

/* ---- what will be copied ---- */

static uint64_t chunks_of(const struct forecast *f, uint64_t chunk_bytes)
{
	return f->bytes / chunk_bytes + (f->bytes % chunk_bytes != 0);
}

const char *start_copy_text(const struct forecast *f, uint64_t chunk_bytes)
{
	static char text[128];

	if (!f->bytes)
		return "nothing to copy";
	snprintf(text, sizeof(text), "%s (%s) to copy",
		 plural(chunks_of(f, chunk_bytes), "chunk"), human(f->bytes));
	return text;
}

void start_copy_json(struct json_object *o, const struct forecast *f,
		     uint64_t chunk_bytes)
{
	json_u64(o, "copy_bytes", f->bytes);
	json_u64(o, "copy_chunks", chunks_of(f, chunk_bytes));
	json_flag(o, "copy_full", f->full);
	json_text(o, "copy_reason", f->why);
}

/* ---- what an errno means at each step: md-abi.md 2.3 and 2.4 ---- */

static int explain_set_array(int err, const char *node, const mdu_array_info_t *info)
{
	switch (err) {
	case 0:
		return 0;
	case -EBUSY:
		return fail(err, "%s: somebody else is assembling it; try again",
			    node);
	case -EINVAL:
		return fail(-EOPNOTSUPP, "%s: the kernel does not make such an array (metadata %d.%d, %d slots)",
			    node, info->major_version, info->minor_version,
			    info->raid_disks);
	case -EACCES:
		return fail(err, "%s: to start an array takes root (CAP_SYS_ADMIN)",
			    node);
	}
	return fail_errno(err, "%s: cannot be set up", node);
}

static int explain_add(int err, const char *node, const struct start_member *m)
{
	switch (err) {
	case 0:
		return 0;
	case -EBUSY:
		return explain_busy(m->path, makedev(m->info.major, m->info.minor));
	case -EINVAL:
		return fail(-EUCLEAN, "%s: the kernel refuses %s as a member: its superblock does not suit it; see the kernel log",
			    node, safe(m->path));
	case -EEXIST:
		return fail(err, "%s: %s is in it already; name it once", node,
			    safe(m->path));
	case -EROFS:
		return fail(err, "%s: %s is read-only", node, safe(m->path));
	}
	return fail_errno(err, "%s: cannot add %s", node, safe(m->path));
}

static int explain_run(int err, const char *node, const char *bitmap)
{
	switch (err) {
	case 0:
		return 0;
	case -EINVAL:
		return fail(-EIO, "%s: the kernel does not start it: too few usable members, an unknown level, or a bitmap %s that it does not take; see the kernel log",
			    node, safe(bitmap));
	case -EIO:
		return fail(err, "%s: the kernel does not start it: too few usable members, or %s cannot be read or written; see the kernel log",
			    node, safe(bitmap));
	case -ENOSPC:
		return fail(-EUCLEAN, "%s: the kernel does not start it: %s is shorter than the bits of this array; mdbitmap --resize it, or --create a new one",
			    node, safe(bitmap));
	case -EBUSY:
		return fail(err, "%s: the kernel does not start it now: busy; try again",
			    node);
	}
	return fail_errno(err, "%s: cannot be started", node);
}

/* ---- the steps ---- */

static bool signal_waits(void)
{
	sigset_t set;

	return !sigpending(&set) &&
	       (sigismember(&set, SIGINT) > 0 || sigismember(&set, SIGTERM) > 0 ||
		sigismember(&set, SIGHUP) > 0 || sigismember(&set, SIGQUIT) > 0);
}

static int call_run(void *fd)
{
	return md_run(*(int *)fd);
}

static int call_stop(void *fd)
{
	return md_stop(*(int *)fd);
}

static const char *kernel_name(const struct started *s)
{
	return s->path + strlen("/dev/");
}

static int set_array(const struct start_plan *plan, struct started *s)
{
	mdu_array_info_t info = plan->info;
	char text[32];
	struct stat st;
	int err;

	if (!fstat(s->fd, &st))
		info.md_minor = (int)minor(st.st_rdev);
	err = md_set_array(s->fd, &info);
	s->foreign = err == -EBUSY;
	err = explain_set_array(err, s->path, &info);
	if (err || !plan->size_kib)
		return err;
	snprintf(text, sizeof(text), "%llu", (unsigned long long)plan->size_kib);
	err = sysfs_md_write(kernel_name(s), "component_size", text);
	if (err)
		return fail_errno(err, "%s: cannot set its size", s->path);
	return 0;
}

static int add_members(const struct start_plan *plan, struct started *s)
{
	size_t i;
	int err;

	for (i = 0; i < plan->member_count; i++) {
		err = explain_add(md_add_disk(s->fd, &plan->members[i].info), s->path,
				  &plan->members[i]);
		if (err)
			return err;
	}
	return 0;
}

static int run(const struct start_plan *plan, struct started *s)
{
	int err;

	if (signal_waits())
		return fail(-EINTR, "%s: interrupted; nothing was started", s->path);
	s->wait = udev_wait_start();
	if (plan->readonly)
		err = sysfs_md_write(kernel_name(s), "array_state", "readonly");
	else
		err = md_retry_busy(call_run, &s->fd, RUN_PAUSE_MS, RUN_LIMIT_MS);
	return explain_run(err, s->path, plan->bitmap);
}

static int set_bitmap(const struct start_plan *plan, const struct started *s)
{
	int err = md_set_bitmap(s->fd, plan->bitmap_fd);

	trust_unlock(plan->bitmap_fd);
	return explain_set_bitmap(err, s->path, plan->bitmap, false);
}

static int take_steps(const struct start_plan *plan, struct started *s)
{
	int err = set_array(plan, s);

	if (!err)
		err = set_bitmap(plan, s);
	if (!err)
		err = add_members(plan, s);
	if (!err)
		err = run(plan, s);
	return err;
}

/*
 * STOP_ARRAY is right in every state short of running, and the only way to
 * make the kernel let go of the file (md-abi.md 3.1). What is reported is why
 * the start failed; this only if it leaves something behind.
 */
static void undo(struct started *s)
{
	int err = s->foreign ? 0 : md_retry_busy(call_stop, &s->fd, STOP_PAUSE_MS,
						 STOP_LIMIT_MS);

	close(s->fd);
	if (err)
		note("%s: cannot be stopped again: %s; mdbitmap --stop %s", s->path,
		     strerror(-err), s->path);
	else if (!s->foreign)
		node_wait_gone(kernel_name(s), GONE_LIMIT_MS);
	udev_wait_node(s->wait, s->path, 0);
	free(s->path);
}

/*
 * Kernels that refuse bitmap files are asked all the same, they know best. But
 * 7.3 keeps a named object (md_home) for ever after STOP_ARRAY, so there its
 * refusal would leave one behind: then the release decides.
 */
static int check_named(const struct start_plan *plan)
{
	struct node_name name;

	if (node_split(plan->word, &name) || !strchr(name.kernel, '_'))
		return 0;
	return start_check_plan(plan->word, plan->bitmap, false);
}

int start_array(const struct start_plan *plan, struct started *out)
{
	int err = check_named(plan);

	if (err)
		return err;
	memset(out, 0, sizeof(*out));
	hold_start(&out->signals);
	err = node_create(plan->word, &out->path, &out->fd);
	if (!err) {
		err = take_steps(plan, out);
		if (err)
			undo(out);
	}
	if (err)
		hold_end(&out->signals);
	return err;
}

void start_finish(struct started *s)
{
	close(s->fd);
	fflush(stdout);		/* a signal that waited ends us here */
	hold_end(&s->signals);
	if (udev_wait_node(s->wait, s->path, UDEV_LIMIT_MS))
		note("%s: runs, but udev has not finished with it yet", s->path);
	free(s->path);
}
