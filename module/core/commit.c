// SPDX-License-Identifier: GPL-2.0-only
#include "commit.h"

void commit_init(struct commit *c)
{
	memset(c, 0, sizeof(*c));
	c->open = 1;
}

u64 commit_begin(struct commit *c)
{
	c->busy = true;
	c->wanted = false;
	return c->open++;
}

void commit_end(struct commit *c, bool ok)
{
	c->busy = false;
	if (ok)
		c->durable = c->open - 1;
	else
		c->wanted = true;
}

void epoch_init(struct epoch *e)
{
	memset(e, 0, sizeof(*e));
}

u64 epoch_sweep(struct epoch *e)
{
	return ++e->sweep;
}
