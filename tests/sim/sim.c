// SPDX-License-Identifier: GPL-2.0-only
/*
 * sim [OPTION...] [SCRIPT...]: the driver on model disks, and power cuts. Runs
 * the scripts, then random ones until there have been enough cuts. TAP.
 *
 *	--crashes N	so many power cuts in random runs (0)
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

static void run_script(const char *path)
{
	struct script *s = script_read(path);

	promise = path;
	script = s;
	if (!s)
		sim_fail("no script");
	script_run(s);
	script = NULL;
	script_free(s);
	ok();
}

static void run_random(u64 seed, u64 wanted)
{
	u64 until = crashes + wanted, runs = 0;
	struct script *s;

	promise = "any power cut in random runs is survived";
	while (crashes < until) {
		s = script_random(seed + runs++);
		script = s;
		script_run(s);
		script = NULL;
		script_free(s);
	}
	printf("# %llu random runs from seed %llu\n", runs, seed);
	ok();
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "crashes", required_argument, NULL, 'c' },
		{ "seed", required_argument, NULL, 's' },
		{ "verbose", no_argument, NULL, 'v' },
		{ NULL, 0, NULL, 0 },
	};
	u64 seed = time(NULL), wanted = 0;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'c')
			wanted = strtoull(optarg, NULL, 0);
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
	printf("# %llu power cuts\n1..%u\n", crashes, tests);
	return 0;
}
