// SPDX-License-Identifier: GPL-2.0-only
/*
 * awaits SECONDS FILE [READY [PATTERN]]: read FILE, make the file READY, sleep in poll(2)
 * until FILE says that there is news, and again while it does not match PATTERN. Exit
 * status 1 if SECONDS pass without a word.
 */
#include <fcntl.h>
#include <fnmatch.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char text[65536];

static bool read_all(int fd)
{
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	text[n > 0 ? n - 1 : 0] = '\0';		/* without the last newline */
	return n >= 0;
}

int main(int argc, char **argv)
{
	struct pollfd poll_fd = { .events = POLLPRI };
	const char *pattern = argc > 4 ? argv[4] : "*";

	if (argc < 3)
		return 2;
	poll_fd.fd = open(argv[2], O_RDONLY);
	if (poll_fd.fd < 0 || !read_all(poll_fd.fd)) {
		perror(argv[2]);
		return 2;
	}
	if (argc > 3 && creat(argv[3], 0600) < 0) {
		perror(argv[3]);
		return 2;
	}
	do {
		if (poll(&poll_fd, 1, 1000 * atoi(argv[1])) != 1 ||
		    !(poll_fd.revents & POLLPRI) || !read_all(poll_fd.fd)) {
			fprintf(stderr, "no news from %s, last: %s\n", argv[2], text);
			return 1;
		}
	} while (fnmatch(pattern, text, FNM_EXTMATCH));
	return 0;
}
