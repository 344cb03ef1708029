// SPDX-License-Identifier: GPL-2.0-only
/*
 * The engine's state table as mdoc, for mdbitmap.4: for each event the states
 * that it changes. tests/lint compares the page with this.
 */
#include <stdio.h>

#include "module/core/intent_table.h"

static bool changes(bool degraded, unsigned int state, unsigned int event)
{
	const struct intent_row *row = &intent_table[degraded][state][event];

	return !(row->effects & INTENT_REFUSED) && row->state != state;
}

/* @first: of its event. True if there was something to print. */
static bool print_change(unsigned int state, unsigned int event, bool first)
{
	unsigned int whole = intent_table[false][state][event].state;
	unsigned int degraded = intent_table[true][state][event].state;

	if (!changes(false, state, event) && !changes(true, state, event))
		return false;
	if (!first)
		printf(".br\n");
	printf("%s becomes %s", intent_state_names[state], intent_state_names[whole]);
	if (!changes(true, state, event))
		printf(" (not while degraded)");
	else if (degraded != whole)
		printf(" (while degraded: %s)", intent_state_names[degraded]);
	putchar('\n');
	return true;
}

int main(void)
{
	unsigned int event, state;
	bool first;

	for (event = 0; event < INTENT_EVENTS; event++) {
		printf(".It %s\n", intent_event_names[event]);
		first = true;
		for (state = 0; state < INTENT_STATES; state++)
			if (print_change(state, event, first))
				first = false;
	}
	return 0;
}
