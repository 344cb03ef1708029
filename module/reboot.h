/* SPDX-License-Identifier: GPL-2.0-only */
/* Arrays that still run when the machine goes down. */
#ifndef REBOOT_H
#define REBOOT_H

int reboot_init(void);
void reboot_exit(void);

#endif
