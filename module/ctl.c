// SPDX-License-Identifier: GPL-2.0-only
/*
 * The md ioctls: who may call which in what state, in md's order of refusals
 * (md-abi.md 2.2). What they do is array.c's.
 */
#include <linux/capability.h>
#include <linux/compat.h>
#include <linux/file.h>
#include <linux/kdev_t.h>
#include <linux/major.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "array.h"
#include "ctl.h"
#include "disk.h"

/* What a command needs, or does not mind. */
enum ctl_needs {
	CTL_ANYBODY	= 1 << 0,	/* no CAP_SYS_ADMIN */
	CTL_UNLOCKED	= 1 << 1,	/* runs without the array's lock */
	CTL_CLEAR	= 1 << 2,	/* legal while raid_disks is 0 */
	CTL_READONLY	= 1 << 3,	/* legal on a read-only array, and leaves it so */
	CTL_CLOSES	= 1 << 4,	/* no other openers of a running array */
	CTL_BY_VALUE	= 1 << 5,	/* the argument is no pointer */
	CTL_NULL	= 1 << 6,	/* no argument: as if all were zero */
};

/* An argument, copied once. */
union ctl_arg {
	mdu_version_t version;
	mdu_array_info_t array;
	mdu_disk_info_t disk;
};

struct ctl_command {
	unsigned int cmd;
	unsigned int needs;
	size_t in, out;			/* bytes of union ctl_arg to copy */
	int (*handle)(struct array *a, unsigned long value, union ctl_arg *arg);
};

static int ctl_version(struct array *a, unsigned long value, union ctl_arg *arg)
{
	arg->version.major = MD_MAJOR_VERSION;
	arg->version.minor = MD_MINOR_VERSION;
	arg->version.patchlevel = MD_PATCHLEVEL_VERSION;
	return 0;
}

/*
 * The list of members stands still under either mutex; roster_lock is the one
 * that nobody holds over a suspension.
 */
static int ctl_array_info(struct array *a, unsigned long value, union ctl_arg *arg)
{
	if (mutex_lock_interruptible(&a->roster_lock))
		return -EINTR;
	array_get_info(a, &arg->array);
	mutex_unlock(&a->roster_lock);
	return 0;
}

static int ctl_disk_info(struct array *a, unsigned long value, union ctl_arg *arg)
{
	int err;

	if (mutex_lock_interruptible(&a->roster_lock))
		return -EINTR;
	err = array_get_disk(a, &arg->disk);
	mutex_unlock(&a->roster_lock);
	return err;
}

static struct file *bitmap_file_get(struct array *a)
{
	struct file *file;

	spin_lock_irq(&a->state_lock);
	file = a->bitmap_file;
	if (file)
		get_file(file);
	spin_unlock_irq(&a->state_lock);
	return file;
}

static int bitmap_path(struct array *a, mdu_bitmap_file_t *out)
{
	struct file *file = bitmap_file_get(a);
	char *path;
	int err = 0;

	if (!file)
		return 0;
	path = file_path(file, out->pathname, sizeof(out->pathname));
	if (IS_ERR(path)) {
		err = PTR_ERR(path);
	} else {
		size_t len = strlen(path) + 1;

		/* It stands at the buffer's end; what lay before it is not for users. */
		memmove(out->pathname, path, len);
		memset(out->pathname + len, 0, sizeof(out->pathname) - len);
	}
	fput(file);
	return err;
}

static int ctl_bitmap_file(struct array *a, unsigned long value, union ctl_arg *arg)
{
	mdu_bitmap_file_t *out;
	int err;

	/* Too large for a stack, or for union ctl_arg. */
	out = kzalloc(sizeof(*out), GFP_KERNEL);
	if (!out)
		return -ENOMEM;
	err = bitmap_path(a, out);
	if (!err && copy_to_user((void __user *)value, out, sizeof(*out)))
		err = -EFAULT;
	kfree(out);
	return err;
}

static int ctl_set_faulty(struct array *a, unsigned long value, union ctl_arg *arg)
{
	return array_set_faulty(a, new_decode_dev(value));
}

static int ctl_set_array(struct array *a, unsigned long value, union ctl_arg *arg)
{
	return array_running(a) ? array_update_info(a, &arg->array) :
				  array_set_info(a, &arg->array);
}

static int ctl_add_disk(struct array *a, unsigned long value, union ctl_arg *arg)
{
	return array_add_disk(a, &arg->disk);
}

static int ctl_hot_add(struct array *a, unsigned long value, union ctl_arg *arg)
{
	return array_hot_add(a, new_decode_dev(value));
}

static int ctl_hot_remove(struct array *a, unsigned long value, union ctl_arg *arg)
{
	return array_hot_remove(a, new_decode_dev(value));
}

static int ctl_set_bitmap(struct array *a, unsigned long value, union ctl_arg *arg)
{
	return array_set_bitmap(a, (int)value);
}

static int ctl_run(struct array *a, unsigned long value, union ctl_arg *arg)
{
	return array_run(a, ARRAY_RW);
}

static int ctl_stop(struct array *a, unsigned long value, union ctl_arg *arg)
{
	return array_stop(a, false);
}

static int ctl_stop_ro(struct array *a, unsigned long value, union ctl_arg *arg)
{
	return array_stop_ro(a);
}

static int ctl_restart_rw(struct array *a, unsigned long value, union ctl_arg *arg)
{
	return array_restart_rw(a);
}

/* For clusters, and none of our arrays is part of one. */
static int ctl_nack(struct array *a, unsigned long value, union ctl_arg *arg)
{
	return -EINVAL;
}

#define CTL_IN(member)	.in = sizeof_field(union ctl_arg, member)
#define CTL_OUT(member)	.out = sizeof_field(union ctl_arg, member)

static const struct ctl_command commands[] = {
	{ RAID_VERSION, CTL_ANYBODY | CTL_UNLOCKED | CTL_CLEAR,
	  CTL_OUT(version), .handle = ctl_version },
	{ GET_ARRAY_INFO, CTL_ANYBODY | CTL_UNLOCKED,
	  CTL_OUT(array), .handle = ctl_array_info },
	{ GET_DISK_INFO, CTL_ANYBODY | CTL_UNLOCKED,
	  CTL_IN(disk), CTL_OUT(disk), .handle = ctl_disk_info },
	{ GET_BITMAP_FILE, CTL_UNLOCKED | CTL_CLEAR, .handle = ctl_bitmap_file },
	{ SET_DISK_FAULTY, CTL_UNLOCKED | CTL_BY_VALUE, .handle = ctl_set_faulty },

	{ SET_ARRAY_INFO, CTL_CLEAR | CTL_READONLY | CTL_NULL,
	  CTL_IN(array), .handle = ctl_set_array },
	{ ADD_NEW_DISK, CTL_CLEAR, CTL_IN(disk), .handle = ctl_add_disk },
	{ HOT_ADD_DISK, CTL_BY_VALUE, .handle = ctl_hot_add },
	{ HOT_REMOVE_DISK, CTL_READONLY | CTL_BY_VALUE, .handle = ctl_hot_remove },
	{ SET_BITMAP_FILE, CTL_CLEAR | CTL_BY_VALUE, .handle = ctl_set_bitmap },
	{ CLUSTERED_DISK_NACK, 0, .handle = ctl_nack },

	{ RUN_ARRAY, CTL_CLEAR, .handle = ctl_run },
	{ STOP_ARRAY, CTL_CLEAR | CTL_READONLY | CTL_CLOSES, .handle = ctl_stop },
	{ STOP_ARRAY_RO, CTL_READONLY | CTL_CLOSES, .handle = ctl_stop_ro },
	{ RESTART_ARRAY_RW, CTL_READONLY, .handle = ctl_restart_rw },
};

static const struct ctl_command *command_find(unsigned int cmd)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(commands); i++)
		if (commands[i].cmd == cmd)
			return &commands[i];
	return NULL;
}

static bool command_is(const struct ctl_command *c, enum ctl_needs need)
{
	return c->needs & need;
}

static int arg_in(const struct ctl_command *c, unsigned long value,
		  union ctl_arg *arg)
{
	if (!c->in || (!value && command_is(c, CTL_NULL)))
		return 0;
	return copy_from_user(arg, (void __user *)value, c->in) ? -EFAULT : 0;
}

static int arg_out(const struct ctl_command *c, unsigned long value,
		   const union ctl_arg *arg)
{
	if (!c->out)
		return 0;
	return copy_to_user((void __user *)value, arg, c->out) ? -EFAULT : 0;
}

/* A member that comes back does not write to a read-only array. */
static bool leaves_readonly(const struct ctl_command *c, const union ctl_arg *arg)
{
	return command_is(c, CTL_READONLY) ||
	       (c->cmd == ADD_NEW_DISK && (arg->disk.state & (1 << MD_DISK_SYNC)));
}

/* lock held: read-only refuses, auto-read-only gives way even to what fails later. */
static int check_mode(struct array *a, const struct ctl_command *c,
		      const union ctl_arg *arg)
{
	if (!array_running(a) || a->mode == ARRAY_RW || leaves_readonly(c, arg))
		return 0;
	if (a->mode == ARRAY_READONLY)
		return -EROFS;
	array_become_rw(a);
	return 0;
}

static int check_clear(struct array *a, const struct ctl_command *c)
{
	return command_is(c, CTL_CLEAR) || READ_ONCE(a->raid_disks) ||
	       array_running(a) ? 0 : -ENODEV;
}

static int call_unlocked(struct array *a, const struct ctl_command *c,
			 unsigned long value, union ctl_arg *arg)
{
	int err = check_clear(a, c);

	err = err ?: arg_in(c, value, arg);
	err = err ?: c->handle(a, value, arg);
	return err ?: arg_out(c, value, arg);
}

static int __call_locked(struct array *a, const struct ctl_command *c,
			 unsigned long value, union ctl_arg *arg)
{
	int err = check_clear(a, c);

	if (test_bit(ARRAY_DELETED, &a->flags))
		return -ENODEV;
	err = err ?: arg_in(c, value, arg);
	err = err ?: check_mode(a, c, arg);
	return err ?: c->handle(a, value, arg);
}

static int call_locked(struct array *a, const struct ctl_command *c,
		       unsigned long value, union ctl_arg *arg)
{
	int err = array_lock(a);

	if (err)
		return err;
	err = __call_locked(a, c, value, arg);
	if (err != -EINVAL)
		disk_release_hold(a, c->cmd == STOP_ARRAY && !err);
	array_unlock(a);
	return err;
}

int ctl_close(struct array *a, int openers)
{
	int err = 0;

	spin_lock_irq(&a->state_lock);
	if ((array_running(a) && atomic_read(&a->openers) > openers) ||
	    test_and_set_bit(ARRAY_CLOSING, &a->flags))
		err = -EBUSY;
	spin_unlock_irq(&a->state_lock);
	if (!err)
		sync_blockdev(a->disk->part0);
	return err;
}

void ctl_closed(struct array *a)
{
	clear_bit(ARRAY_CLOSING, &a->flags);
}

static int call_closing(struct array *a, const struct ctl_command *c,
			unsigned long value, union ctl_arg *arg)
{
	int err = ctl_close(a, 1);

	if (err)
		return err;
	err = call_locked(a, c, value, arg);
	ctl_closed(a);
	return err;
}

int ctl_ioctl(struct array *a, unsigned int cmd, unsigned long arg)
{
	const struct ctl_command *c = command_find(cmd);
	union ctl_arg copy = {};

	if (!c)
		return -ENOTTY;
	if (!command_is(c, CTL_ANYBODY) && !capable(CAP_SYS_ADMIN))
		return -EACCES;
	if (command_is(c, CTL_UNLOCKED))
		return call_unlocked(a, c, arg, &copy);
	if (command_is(c, CTL_CLOSES))
		return call_closing(a, c, arg, &copy);
	return call_locked(a, c, arg, &copy);
}

int ctl_compat_ioctl(struct array *a, unsigned int cmd, unsigned long arg)
{
	const struct ctl_command *c = command_find(cmd);

	if (c && !command_is(c, CTL_BY_VALUE))
		arg = (unsigned long)compat_ptr(arg);
	return ctl_ioctl(a, cmd, arg);
}
