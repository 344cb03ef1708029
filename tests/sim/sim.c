// SPDX-License-Identifier: GPL-2.0-only
/*
 * sim [OPTION...] [SCRIPT...]: the driver on model disks, and power cuts. Runs
 * the scripts, then random ones until there have been enough cuts. TAP.
 *
 *	--crashes N	so many power cuts in random runs (0)
 *	--feuds N	so many random runs of members that run apart (0)
 *	--seed N	of the first random run; each has the next one
 *	--verbose	the driver's log, too
 */
#include <getopt.h>
#include <time.h>
#include "rig.h"
#include "module/raid1.h"

static unsigned int tests;
static const char *promise;		/* the test that runs */
static const struct script *script;	/* what it runs */

void sim_fail(const char *fmt, ...)
{
	va_list ap;

	printf("not ok %u - %s\n# ", ++tests, promise);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n# after %llu power cuts; as a script of its own:\n", crashes);
	if (script)
		script_print(script);
	printf("1..%u\n", tests);
	fflush(stdout);
	_exit(1);
}

static void ok(void)
{
	printf("ok %u - %s\n", ++tests, promise);
	fflush(stdout);
}

static void run(struct script *s)
{
	script = s;
	script_run(s);
	script = NULL;
	script_free(s);
}

static void run_script(const char *path)
{
	struct script *s = script_read(path);

	promise = path;
	if (!s)
		sim_fail("no script");
	run(s);
	ok();
}

static void run_random(u64 seed, u64 wanted)
{
	u64 until = crashes + wanted, runs = 0;

	promise = "any power cut in random runs is survived";
	while (crashes < until)
		run(script_random(seed + runs++));
	printf("# %llu random runs from seed %llu\n", runs, seed);
	ok();
}

static void run_feuds(u64 seed, u64 wanted, struct script *(*invent)(u64 seed),
		      const char *what)
{
	u64 n;

	for (n = 0; n < wanted; n++)
		run(invent(seed + n));
	printf("# %llu %s from seed %llu\n", wanted, what, seed);
	ok();
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "crashes", required_argument, NULL, 'c' },
		{ "feuds", required_argument, NULL, 'f' },
		{ "brawls", required_argument, NULL, 'b' },
		{ "seed", required_argument, NULL, 's' },
		{ "verbose", no_argument, NULL, 'v' },
		{ NULL, 0, NULL, 0 },
	};
	u64 seed = time(NULL), wanted = 0, feuds = 0, brawls = 0;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'c')
			wanted = strtoull(optarg, NULL, 0);
		else if (c == 'f')
			feuds = strtoull(optarg, NULL, 0);
		else if (c == 'b')
			brawls = strtoull(optarg, NULL, 0);
		else if (c == 's')
			seed = strtoull(optarg, NULL, 0);
		else if (c == 'v')
			verbose = true;
		else
			return 2;
	}
	raid1_init();
	printf("# seed %llu\n", seed);
	for (; optind < argc; optind++)
		run_script(argv[optind]);
	if (wanted)
		run_random(seed, wanted);
	promise = "members that have run apart are equal when they have met";
	if (feuds)
		run_feuds(seed, feuds, script_feud, "feuds");
	promise = "with any members at each start, and power cuts, they come to be equal";
	if (brawls)
		run_feuds(seed, brawls, script_brawl, "brawls");
	printf("# %llu power cuts\n1..%u\n", crashes, tests);
	return 0;
}
