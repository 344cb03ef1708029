// SPDX-License-Identifier: GPL-2.0-only
/*
 * Preloaded into a program, runs it again and again without exec: under emulation
 * its libraries take more time to be loaded and linked than it takes itself. What
 * has happened when main() begins has happened once; each run is a fork of that.
 *
 * On the descriptor AGAIN_FD, a SOCK_SEQPACKET, a message of words, each ended by a
 * zero, is a command line; stdout and stderr of that run go to the file $AGAIN_OUT,
 * which is emptied first; its status, as from waitpid(), is the answer. The end
 * of the messages is the end.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "again.h"

typedef int main_fn(int argc, char **argv, char **env);
typedef int start_fn(main_fn *begin, int argc, char **argv, void (*init)(void),
		     void (*fini)(void), void (*end)(void), void *stack);

static main_fn *program;

static int run(char *words, ssize_t bytes, char **env)
{
	char *argv[AGAIN_WORDS + 1];
	int argc = 0, out = open(getenv("AGAIN_OUT"), O_CREAT | O_TRUNC | O_WRONLY, 0600);

	for (char *w = words; w < words + bytes && argc < AGAIN_WORDS; w += strlen(w) + 1)
		argv[argc++] = w;
	argv[argc] = NULL;
	if (out < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0)
		return 127;
	close(out);
	close(AGAIN_FD);
	unsetenv("LD_PRELOAD");
	return program(argc, argv, env);
}

static int serve(int argc, char **argv, char **env)
{
	static char words[AGAIN_BYTES + 1];
	ssize_t bytes;

	(void)argc;
	(void)argv;
	while ((bytes = read(AGAIN_FD, words, AGAIN_BYTES)) > 0) {
		pid_t pid = fork();
		int status = -1;

		words[bytes] = 0;
		if (!pid)
			return run(words, bytes, env);
		if (pid < 0 || waitpid(pid, &status, 0) != pid ||
		    write(AGAIN_FD, &status, sizeof(status)) != sizeof(status))
			_exit(1);
	}
	_exit(0);
}

int __libc_start_main(main_fn *begin, int argc, char **argv, void (*init)(void),
		      void (*fini)(void), void (*end)(void), void *stack)
{
	start_fn *start = (start_fn *)dlsym(RTLD_NEXT, "__libc_start_main");

	program = begin;
	return start(serve, argc, argv, init, fini, end, stack);
}
