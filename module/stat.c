// SPDX-License-Identifier: GPL-2.0-only
/*
 * /proc/mdbstat (takeover: /proc/mdstat), in mdstat's grammar. md-abi.md 6.
 * Programs parse it: every blank counts.
 */
#include <linux/atomic.h>
#include <linux/namei.h>
#include <linux/poll.h>
#include <linux/proc_fs.h>
#include <linux/seq_file.h>
#include <linux/wait.h>

#include "array.h"
#include "disk.h"
#include "intent.h"
#include "leg.h"
#include "resync.h"
#include "stat.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

enum {
	BAR_WIDTH = 20,
	BAR_PERMILLE = 1000 / BAR_WIDTH,
};

static const char head_token, tail_token;
static const loff_t pos_end = LLONG_MAX;

static atomic_t stat_events = ATOMIC_INIT(0);
static DECLARE_WAIT_QUEUE_HEAD(stat_wait);

void stat_changed(void)
{
	atomic_inc(&stat_events);
	wake_up(&stat_wait);
}

/* --- one array ------------------------------------------------------------ */

static const char *mode_word(const struct array *a)
{
	switch (a->mode) {
	case ARRAY_READONLY:
		return " (read-only)";
	case ARRAY_READ_AUTO:
		return " (auto-read-only)";
	default:
		return "";
	}
}

static void show_head(struct seq_file *seq, struct array *a)
{
	seq_printf(seq, "%s : ", array_name(a));
	if (!a->pers) {
		seq_puts(seq, "inactive");
		return;
	}
	seq_puts(seq, test_bit(ARRAY_BROKEN, &a->flags) ? "broken" : "active");
	seq_printf(seq, "%s %s", mode_word(a), a->pers->name);
}

static void show_leg(struct seq_file *seq, const struct leg *leg)
{
	seq_printf(seq, " %s[%d]", leg->kname, leg->number);
	if (test_bit(LEG_WRITE_MOSTLY, &leg->flags))
		seq_puts(seq, "(W)");
	if (test_bit(LEG_FAULTY, &leg->flags)) {
		seq_puts(seq, "(F)");
		return;
	}
	if (leg->slot < 0)
		seq_puts(seq, "(S)");
}

/* And the sum of what they hold, sectors. */
static sector_t show_legs(struct seq_file *seq, struct array *a)
{
	sector_t sectors = 0;
	struct leg *leg;

	list_for_each_entry(leg, &a->legs, list) {
		show_leg(seq, leg);
		sectors += leg->sectors;
	}
	return sectors;
}

static void show_format(struct seq_file *seq, const struct array *a)
{
	if (!a->persistent)
		seq_puts(seq, " super non-persistent");
	else if (a->major_version != 0 || a->minor_version != 90)
		seq_printf(seq, " super %d.%d", a->major_version, a->minor_version);
}

static const char *progress_word(enum sync_action action)
{
	switch (action) {
	case SYNC_CHECK:
		return "check";
	case SYNC_RECOVER:
		return "recovery";
	default:
		return "resync";
	}
}

static void show_bar(struct seq_file *seq, unsigned int permille)
{
	unsigned int i, done = permille / BAR_PERMILLE;

	seq_putc(seq, '[');
	for (i = 0; i < done; i++)
		seq_putc(seq, '=');
	seq_putc(seq, '>');
	for (; i < BAR_WIDTH; i++)
		seq_putc(seq, '.');
	seq_puts(seq, "] ");
}

static void show_running_sync(struct seq_file *seq, const struct resync_status *st)
{
	u64 done = min(st->done, st->total);
	unsigned int permille = st->total ?
		(unsigned int)div64_u64(done * 1000, st->total) : 0;

	show_bar(seq, permille);
	seq_printf(seq, " %s =%3u.%u%% (%llu/%llu)", progress_word(st->action),
		   permille / 10, permille % 10,
		   done / 2, (unsigned long long)st->total / 2);
	seq_printf(seq, " finish=%lu.%lumin speed=%luK/sec", st->finish_s / 60,
		   st->finish_s % 60 / 6, st->speed_kib);
}

/* False: there is nothing to say. */
static bool show_progress(struct seq_file *seq, struct array *a)
{
	struct resync_status st;

	resync_get_status(a, &st);
	if (st.delayed) {
		seq_puts(seq, "\tresync=DELAYED");
		return true;
	}
	if (st.pending) {
		if (st.action != SYNC_RESYNC)
			return false;
		seq_puts(seq, "\tresync=PENDING");
		return true;
	}
	if (st.action == SYNC_IDLE || st.action == SYNC_FROZEN)
		return false;
	show_running_sync(seq, &st);
	return true;
}

static void show_bitmap(struct seq_file *seq, struct array *a)
{
	struct intent_status st;

	if (!a->intent)
		return;
	intent_get_status(a->intent, &st);
	seq_printf(seq, "bitmap: %llu/%llu pages [%lluKB], ", st.pages_used, st.pages,
		   st.pages_used << (PAGE_SHIFT - 10));
	if (st.chunk_bytes >= 1024)
		seq_printf(seq, "%lluKB chunk", st.chunk_bytes >> 10);
	else
		seq_printf(seq, "%lluB chunk", st.chunk_bytes);
	if (a->bitmap_file) {
		seq_puts(seq, ", file: ");
		seq_file_path(seq, a->bitmap_file, " \t\n");
	}
	seq_putc(seq, '\n');
}

/* roster_lock held. */
static void show_array(struct seq_file *seq, struct array *a)
{
	sector_t sectors;

	show_head(seq, a);
	sectors = show_legs(seq, a);
	if (!list_empty(&a->legs))
		seq_printf(seq, "\n      %llu blocks", (unsigned long long)
			   (a->pers ? a->array_sectors : sectors) / 2);
	show_format(seq, a);
	if (!a->pers) {
		seq_puts(seq, "\n       \n");
		return;
	}
	a->pers->status(a, seq);
	seq_puts(seq, "\n      ");
	if (show_progress(seq, a))
		seq_puts(seq, "\n      ");
	show_bitmap(seq, a);
	seq_putc(seq, '\n');
}

/* --- the file --------------------------------------------------------------- */

static void *item(loff_t pos)
{
	struct array *a;

	if (pos == 0)
		return (void *)&head_token;
	if (pos == pos_end)
		return NULL;
	a = disk_get_nth(pos - 1);
	return a ? (void *)a : (void *)&tail_token;
}

static void item_put(void *v)
{
	if (v && v != &head_token && v != &tail_token)
		disk_put(v);
}

static void *stat_start(struct seq_file *seq, loff_t *pos)
{
	return item(*pos);
}

static void *stat_next(struct seq_file *seq, void *v, loff_t *pos)
{
	item_put(v);
	*pos = v == &tail_token ? pos_end : *pos + 1;
	return item(*pos);
}

static void stat_stop(struct seq_file *seq, void *v)
{
	item_put(v);
}

static int stat_show_array(struct seq_file *seq, struct array *a)
{
	if (mutex_lock_killable(&a->roster_lock))
		return -EINTR;
	if (a->pers || a->raid_disks || !list_empty(&a->legs))
		show_array(seq, a);
	mutex_unlock(&a->roster_lock);
	return 0;
}

static int stat_show(struct seq_file *seq, void *v)
{
	if (v == &head_token)
		seq_puts(seq, "Personalities : [raid1] \n");
	else if (v == &tail_token)
		seq_puts(seq, "unused devices: <none>\n");
	else
		return stat_show_array(seq, v);
	return 0;
}

static const struct seq_operations stat_seq = {
	.start = stat_start,
	.next = stat_next,
	.stop = stat_stop,
	.show = stat_show,
};

static int stat_open(struct inode *inode, struct file *file)
{
	int err = seq_open(file, &stat_seq);

	if (!err)
		((struct seq_file *)file->private_data)->poll_event =
			atomic_read(&stat_events);
	return err;
}

static __poll_t stat_poll(struct file *file, poll_table *wait)
{
	struct seq_file *seq = file->private_data;
	int events;

	poll_wait(file, &stat_wait, wait);
	events = atomic_read(&stat_events);
	if (seq->poll_event == events)
		return EPOLLIN | EPOLLRDNORM;
	seq->poll_event = events;
	return EPOLLIN | EPOLLRDNORM | EPOLLERR | EPOLLPRI;
}

static const struct proc_ops stat_ops = {
	.proc_open = stat_open,
	.proc_read = seq_read,
	.proc_lseek = seq_lseek,
	.proc_release = seq_release,
	.proc_poll = stat_poll,
};

static struct proc_dir_entry *stat_entry;

/* Asked first: a second file of the name would be a warning of the kernel's. */
static bool file_taken(void)
{
	struct path path;

	if (kern_path("/proc/mdstat", 0, &path))
		return false;
	path_put(&path);
	return true;
}

int stat_init(void)
{
	if (disk_takeover && file_taken()) {
		pr_err("mdbitmap: takeover: another driver, stock md, has /proc/mdstat\n");
		return -EBUSY;
	}
	stat_entry = proc_create(disk_takeover ? "mdstat" : "mdbstat", 0444, NULL,
				 &stat_ops);
	return stat_entry ? 0 : -ENOMEM;
}

void stat_exit(void)
{
	proc_remove(stat_entry);
}
