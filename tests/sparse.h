/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For sparse 0.6.4, which is older than the newest kernel's headers: a keyword
 * it lacks, and a constant expression that it does not take for one. With an
 * error in the headers it would check nothing after it.
 */
#define __typeof_unqual__ __typeof__
#define __builtin_strlen(s) (sizeof(s) - 1)
