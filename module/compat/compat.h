/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef COMPAT_H
#define COMPAT_H
#endif
