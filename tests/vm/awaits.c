// SPDX-License-Identifier: GPL-2.0-only
/*
 * awaits SECONDS FILE [READY]: read FILE, make the file READY, sleep in poll(2) until FILE
 * says that there is news, and print what it is then. Exit status 1 if there is
 * none in time.
 */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char text[65536];

static ssize_t read_all(int fd)
{
	return pread(fd, text, sizeof(text), 0);
}

int main(int argc, char **argv)
{
	struct pollfd poll_fd = { .events = POLLPRI };
	ssize_t n;

	if (argc < 3)
		return 2;
	poll_fd.fd = open(argv[2], O_RDONLY);
	if (poll_fd.fd < 0 || read_all(poll_fd.fd) < 0) {
		perror(argv[2]);
		return 2;
	}
	if (argc > 3 && creat(argv[3], 0600) < 0) {
		perror(argv[3]);
		return 2;
	}
	if (poll(&poll_fd, 1, 1000 * atoi(argv[1])) != 1 || !(poll_fd.revents & POLLPRI))
		return 1;
	n = read_all(poll_fd.fd);
	return n < 0 || write(STDOUT_FILENO, text, n) != n;
}
