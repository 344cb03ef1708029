// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include "image.h"
#include "muster.h"
#include "probe.h"
#include "report.h"

/* Which array is wanted. */
struct wanted {
	uint8_t uuid[UUID_BYTES];
	bool shown;		/* as mdadm prints it, which for 0.90 is not the
				 * raw bytes that a bitmap carries */
};

static int add(struct muster *m, struct member *member)
{
	struct candidate *more;

	more = reallocarray(m->list, m->count + 1, sizeof(*more));
	if (!more) {
		member_free(member);
		return fail(-ENOMEM, "out of memory");
	}
	m->list = more;
	more[m->count++] = (struct candidate) { .member = member };
	return 0;
}

static int read_named(struct muster *m, const char *word, const uint8_t *uuid)
{
	struct member *member;
	char *path;
	int err = probe_resolve(word, &path);

	if (err)
		return err;
	err = member_open(path, &member);
	free(path);
	if (err)
		return err;
	if (uuid && !member_uuid_is(&member->super, uuid)) {
		err = fail(-ESTALE, "%s belongs to the array with UUID %s, not to the one asked for; leave it out",
			   safe(member->path), member_uuid_text(&member->super));
		member_free(member);
		return err;
	}
	return add(m, member);
}

int muster_named(struct muster *m, char **words, size_t count,
		 const uint8_t uuid[UUID_BYTES])
{
	size_t i;
	int err = 0;

	for (i = 0; !err && i < count; i++)
		err = read_named(m, words[i], uuid);
	return err;
}

static bool is_wanted(const struct member_super *ms, const struct wanted *wanted)
{
	return wanted->shown ? member_uuid_is(ms, wanted->uuid) :
			       !memcmp(ms->uuid, wanted->uuid, UUID_BYTES);
}

/* Damaged and vanished devices belong to nobody: a scan passes them over. */
static int add_if_wanted(struct muster *m, const char *path,
			 const struct wanted *wanted)
{
	struct member *member;

	if (member_open(path, &member)) {
		chat("%s; left out", fail_text());
		fail_clear();
		return 0;
	}
	if (is_wanted(&member->super, wanted))
		return add(m, member);
	member_free(member);
	return 0;
}

static int scan(struct muster *m, const struct wanted *wanted)
{
	size_t i, count;
	char **paths;
	int err = probe_scan(NULL, &paths, &count);

	if (err)
		return err;
	for (i = 0; !err && i < count; i++)
		err = add_if_wanted(m, paths[i], wanted);
	probe_free(paths, count);
	if (!err && !m->count)
		return fail(-ENODEV, "no block device is a member of the array with UUID %s",
			    uuid_text(wanted->uuid));
	return err;
}

int muster_by_uuid(struct muster *m, const uint8_t uuid[UUID_BYTES])
{
	struct wanted wanted = { .shown = true };

	memcpy(wanted.uuid, uuid, UUID_BYTES);
	return scan(m, &wanted);
}

int muster_by_bitmap(struct muster *m, const char *path)
{
	static const uint8_t none[UUID_BYTES];
	struct wanted wanted = { .shown = false };
	struct image *image;
	int err = image_open(path, IMAGE_FILE, &image);

	if (err)
		return err;
	memcpy(wanted.uuid, image->sb.uuid, UUID_BYTES);
	image_close(image);
	if (!memcmp(wanted.uuid, none, UUID_BYTES))
		return fail(-ENODEV, "%s names no array (its UUID is zero), so --scan knows nothing to look for; name the members, or use --uuid=UUID",
			    safe(path));
	return scan(m, &wanted);
}

void muster_free(struct muster *m)
{
	while (m->count)
		member_free(m->list[--m->count].member);
	free(m->list);
	m->list = NULL;
}
