/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * libblkid: what is on a device, and which devices exist.
 */
#ifndef PROBE_H
#define PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What libblkid sees on @path: *type is malloc'ed ("linux_raid_member",
 * "ext4", "gpt", ...) or NULL for nothing it knows. 0 or -errno after fail().
 */
int probe_content(const char *path, char **type);

/* Take all that probe_content() may see off the device that @fd may write to. */
int probe_wipe(int fd, const char *path);

/*
 * Paths of all block devices that libblkid takes for md members, and whose
 * array UUID is @uuid (NULL: any). malloc'ed list and strings; an own scan,
 * no cache file is read or written. 0 or -errno after fail().
 */
int probe_scan(const uint8_t uuid[16], char ***paths, size_t *count);
void probe_free(char **paths, size_t count);

/* UUID=, LABEL=, PARTUUID=, PARTLABEL= into a path; others copied. malloc'ed. */
int probe_resolve(const char *word, char **path);

#endif
