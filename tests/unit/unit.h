/* SPDX-License-Identifier: GPL-2.0-only */
/* cmocka, with the headers it wants and without the name that is ours. */
#ifndef UNIT_H
#define UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#undef fail

#endif
