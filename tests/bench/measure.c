// SPDX-License-Identifier: GPL-2.0-only
/*
 * measure FILE COMMAND...: run it, output to /dev/null, and append one line to
 * FILE: wall time and CPU time in microseconds, largest resident set in KiB,
 * exit status.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long long now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000LL + t.tv_nsec / 1000;
}

static long long us(struct timeval t)
{
	return t.tv_sec * 1000000LL + t.tv_usec;
}

int main(int argc, char **argv)
{
	struct rusage usage;
	long long start;
	int status;
	FILE *out;
	pid_t pid;

	if (argc < 3)
		return 2;
	out = fopen(argv[1], "ae");
	if (!out)
		return 2;
	start = now_us();
	pid = fork();
	if (pid < 0)
		return 2;
	if (!pid) {
		dup2(open("/dev/null", O_WRONLY), 1);
		execvp(argv[2], argv + 2);
		_exit(127);
	}
	if (wait4(pid, &status, 0, &usage) != pid)
		return 2;
	fprintf(out, "%lld %lld %ld %d\n", now_us() - start,
		us(usage.ru_utime) + us(usage.ru_stime), usage.ru_maxrss,
		WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
	return fclose(out) ? 2 : 0;
}
