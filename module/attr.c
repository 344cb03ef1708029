// SPDX-License-Identifier: GPL-2.0-only
/*
 * sysfs: the directories, and the way from a file to a show or store function.
 *
 * A file is in use while somebody reads or writes it, and removing it waits
 * for that. Files are removed with a->lock and a->roster_lock held, and shows
 * and stores take these. So each of them first gives up its claim on the file,
 * with references on what it needs, and looks again once it has the lock.
 */
#include <linux/capability.h>
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>

#include "array.h"
#include "attr.h"
#include "attr_impl.h"
#include "disk.h"
#include "leg.h"

/* --- parsing ------------------------------------------------------------- */

int attr_parse_ms(const char *text, unsigned long *ms)
{
	unsigned long value = 0;
	int decimals = -1;	/* digits seen after the point */
	const char *c;

	for (c = text; *c && *c != '\n'; c++) {
		if (*c == '.' && decimals < 0 && c != text) {
			decimals = 0;
			continue;
		}
		if (*c < '0' || *c > '9')
			return -EINVAL;
		if (decimals >= 3)
			continue;
		if (value > (unsigned int)INT_MAX / 10 / 1000)
			return -EINVAL;
		value = value * 10 + (*c - '0');
		if (decimals >= 0)
			decimals++;
	}
	if (c == text || (*c && c[1]))
		return -EINVAL;
	for (decimals = max(decimals, 0); decimals < 3; decimals++)
		value *= 10;
	*ms = value;
	return 0;
}

int attr_parse_sector(const char *text, const char *word, sector_t *sector)
{
	unsigned long long value;

	if (sysfs_streq(text, word)) {
		*sector = NO_SECTOR;
		return 0;
	}
	if (kstrtoull(text, 10, &value) || value > LLONG_MAX)
		return -EINVAL;
	*sector = value;
	return 0;
}

int attr_same_number(const char *text, long long now)
{
	long long value;

	return kstrtoll(text, 10, &value) || value != now ? -EINVAL : 0;
}

/* --- from file to function -------------------------------------------------- */

/* What a show or store holds while it has given up its claim on the file; the module, too. */
struct visit {
	struct array *a;
	struct kernfs_node *kn;
};

static int visit_begin(struct visit *v, struct array *a, struct kobject *kobj,
		       struct attribute *attr)
{
	if (!try_module_get(THIS_MODULE))
		return -ENODEV;
	v->a = array_get(a);
	/* NULL in a group with a name of its own, which goes with the array only. */
	v->kn = sysfs_break_active_protection(kobj, attr);
	return 0;
}

static void visit_end(struct visit *v)
{
	if (v->kn)
		sysfs_unbreak_active_protection(v->kn);
	array_put(v->a);
	/* From here on the claim on the file keeps it. */
	module_put(THIS_MODULE);
}

static int deleted(struct array *a)
{
	return test_bit(ARRAY_DELETED, &a->flags) ? -EBUSY : 0;
}

static ssize_t show_locked(struct array *a, const struct array_attr *attr, char *page)
{
	ssize_t n;

	if (mutex_lock_killable(&a->roster_lock))
		return -EINTR;
	n = attr->show(a, page);
	mutex_unlock(&a->roster_lock);
	return n;
}

static ssize_t array_show(struct array *a, struct kobject *kobj,
			  struct attribute *attr, char *page)
{
	struct array_attr *entry = container_of(attr, struct array_attr, attr);
	struct visit v;
	ssize_t n;

	if (!entry->show)
		return -EIO;
	n = visit_begin(&v, a, kobj, attr);
	if (n)
		return n;
	n = deleted(a);
	if (!n)
		n = entry->flags & ATTR_SUPER ? show_locked(a, entry, page) :
						entry->show(a, page);
	visit_end(&v);
	return n;
}

static int store_locked(struct array *a, const struct array_attr *attr,
			const char *text)
{
	int err = array_lock(a);

	if (err)
		return err;
	err = deleted(a) ?: attr->store(a, text);
	array_unlock(a);
	return err;
}

static ssize_t array_store(struct array *a, struct kobject *kobj,
			   struct attribute *attr, const char *text, size_t len)
{
	struct array_attr *entry = container_of(attr, struct array_attr, attr);
	struct visit v;
	int err;

	if (!entry->store)
		return -EIO;
	if (!capable(CAP_SYS_ADMIN))
		return -EACCES;
	err = visit_begin(&v, a, kobj, attr);
	if (err)
		return err;
	err = entry->flags & ATTR_FREE ? deleted(a) ?: entry->store(a, text) :
					 store_locked(a, entry, text);
	disk_remove_later(a);
	visit_end(&v);
	return err ?: len;
}

static struct array *kobj_array(struct kobject *kobj)
{
	return container_of(kobj, struct array, kobj);
}

static ssize_t md_show(struct kobject *kobj, struct attribute *attr, char *page)
{
	return array_show(kobj_array(kobj), kobj, attr, page);
}

static ssize_t md_store(struct kobject *kobj, struct attribute *attr,
			const char *text, size_t len)
{
	return array_store(kobj_array(kobj), kobj, attr, text, len);
}

static ssize_t bitmap_show(struct kobject *kobj, struct attribute *attr, char *page)
{
	return array_show(kobj_array(kobj->parent), kobj, attr, page);
}

static ssize_t bitmap_store(struct kobject *kobj, struct attribute *attr,
			    const char *text, size_t len)
{
	return array_store(kobj_array(kobj->parent), kobj, attr, text, len);
}

/* Its array may have let go of it while we waited for the lock. */
static int detached(const struct leg *leg)
{
	return list_empty(&leg->list) ? -ENODEV : 0;
}

static ssize_t leg_show(struct kobject *kobj, struct attribute *attr, char *page)
{
	struct leg_attr *entry = container_of(attr, struct leg_attr, attr);
	struct leg *leg = container_of(kobj, struct leg, kobj);
	struct array *a = leg->array;
	struct visit v;
	ssize_t n;

	if (!entry->show)
		return -EIO;
	n = visit_begin(&v, a, kobj, attr);
	if (n)
		return n;
	n = -EINTR;
	if (!mutex_lock_killable(&a->roster_lock)) {
		n = detached(leg) ?: entry->show(leg, page);
		mutex_unlock(&a->roster_lock);
	}
	visit_end(&v);
	return n;
}

static ssize_t leg_store(struct kobject *kobj, struct attribute *attr,
			 const char *text, size_t len)
{
	struct leg_attr *entry = container_of(attr, struct leg_attr, attr);
	struct leg *leg = container_of(kobj, struct leg, kobj);
	struct array *a = leg->array;
	struct visit v;
	int err;

	if (!entry->store)
		return -EIO;
	if (!capable(CAP_SYS_ADMIN))
		return -EACCES;
	err = visit_begin(&v, a, kobj, attr);
	if (err)
		return err;
	err = array_lock(a);
	if (!err) {
		err = detached(leg) ?: entry->store(leg, text);
		array_unlock(a);
	}
	visit_end(&v);
	return err ?: len;
}

/* --- the directories -------------------------------------------------------- */

static void md_release(struct kobject *kobj)
{
	struct array *a = kobj_array(kobj);

	sysfs_put(a->kn_state);
	array_put(a);
}

static void bitmap_release(struct kobject *kobj)
{
	kfree(kobj);
}

static void leg_release(struct kobject *kobj)
{
	struct leg *leg = container_of(kobj, struct leg, kobj);

	sysfs_put(leg->kn_state);
	leg_free(leg);
}

static const struct sysfs_ops md_ops = { .show = md_show, .store = md_store };
static const struct sysfs_ops bitmap_ops = { .show = bitmap_show, .store = bitmap_store };
static const struct sysfs_ops leg_ops = { .show = leg_show, .store = leg_store };

static const struct attribute_group *md_groups[] = { &attr_array_group, NULL };

static const struct kobj_type md_type = {
	.release = md_release, .sysfs_ops = &md_ops, .default_groups = md_groups,
};

static const struct kobj_type bitmap_type = {
	.release = bitmap_release, .sysfs_ops = &bitmap_ops,
	.default_groups = attr_bitmap_groups,
};

static const struct kobj_type leg_type = {
	.release = leg_release, .sysfs_ops = &leg_ops,
	.default_groups = attr_leg_groups,
};

static int add_bitmap(struct array *a)
{
	struct kobject *kobj = kzalloc(sizeof(*kobj), GFP_KERNEL);
	int err;

	if (!kobj)
		return -ENOMEM;
	err = kobject_init_and_add(kobj, &bitmap_type, &a->kobj, "bitmap");
	if (err)
		kobject_put(kobj);
	else
		a->bitmap_kobj = kobj;
	return err;
}

int attr_add_array(struct array *a)
{
	int err;

	array_get(a);	/* md_release() */
	err = kobject_init_and_add(&a->kobj, &md_type,
				   &disk_to_dev(a->disk)->kobj, "md");
	err = err ?: add_bitmap(a);
	if (err) {
		kobject_put(&a->kobj);
		return err;
	}
	a->kn_state = sysfs_get_dirent(a->kobj.sd, "array_state");
	kobject_uevent(&a->kobj, KOBJ_ADD);
	return 0;
}

void attr_remove_array(struct array *a)
{
	kobject_del(a->bitmap_kobj);
	kobject_put(a->bitmap_kobj);
	kobject_uevent(&a->kobj, KOBJ_REMOVE);
	kobject_del(&a->kobj);
	kobject_put(&a->kobj);
}

int attr_add_running(struct array *a)
{
	int err = sysfs_create_group(&a->kobj, &attr_running_group);

	if (err)
		return err;
	a->kn_action = sysfs_get_dirent(a->kobj.sd, "sync_action");
	a->kn_completed = sysfs_get_dirent(a->kobj.sd, "sync_completed");
	a->kn_degraded = sysfs_get_dirent(a->kobj.sd, "degraded");
	return 0;
}

void attr_remove_running(struct array *a)
{
	struct kernfs_node *action = xchg(&a->kn_action, NULL);
	struct kernfs_node *completed = xchg(&a->kn_completed, NULL);
	struct kernfs_node *degraded = xchg(&a->kn_degraded, NULL);

	if (!action)
		return;
	synchronize_rcu();	/* notify() */
	sysfs_put(action);
	sysfs_put(completed);
	sysfs_put(degraded);
	sysfs_remove_group(&a->kobj, &attr_running_group);
}

void attr_init_leg(struct leg *leg)
{
	kobject_init(&leg->kobj, &leg_type);
}

int attr_add_leg(struct leg *leg)
{
	int err = kobject_add(&leg->kobj, &leg->array->kobj, "dev-%s", leg->kname);

	if (err)
		return err;
	err = sysfs_create_link(&leg->kobj, bdev_kobj(leg->bdev), "block");
	if (err) {
		kobject_del(&leg->kobj);
		return err;
	}
	leg->kn_state = sysfs_get_dirent(leg->kobj.sd, "state");
	return 0;
}

void attr_remove_leg(struct leg *leg)
{
	if (!leg->kobj.state_in_sysfs)
		return;
	sysfs_remove_link(&leg->kobj, "block");
	kobject_del(&leg->kobj);
}

static void slot_name(char name[16], const struct leg *leg)
{
	snprintf(name, 16, "rd%d", leg->slot);
}

void attr_link_slot(struct leg *leg)
{
	char name[16];

	slot_name(name, leg);
	if (leg->slot >= 0 &&
	    sysfs_create_link(&leg->array->kobj, &leg->kobj, name))
		array_warn(leg->array, "no link %s in sysfs\n", name);
}

void attr_unlink_slot(struct leg *leg)
{
	char name[16];

	slot_name(name, leg);
	if (leg->slot >= 0)
		sysfs_remove_link(&leg->array->kobj, name);
}

/* --- changes ------------------------------------------------------------------ */

static void notify(struct kernfs_node **where)
{
	struct kernfs_node *kn;

	rcu_read_lock();
	kn = READ_ONCE(*where);
	if (kn)
		sysfs_notify_dirent(kn);
	rcu_read_unlock();
}

void attr_notify_state(struct array *a)
{
	notify(&a->kn_state);
}

void attr_notify_action(struct array *a)
{
	notify(&a->kn_action);
}

void attr_notify_completed(struct array *a)
{
	notify(&a->kn_completed);
}

void attr_notify_degraded(struct array *a)
{
	notify(&a->kn_degraded);
}

void attr_notify_leg(struct leg *leg)
{
	notify(&leg->kn_state);
}
