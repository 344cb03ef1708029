// SPDX-License-Identifier: GPL-2.0-only
/*
 * --wait: until resync, recovery or check are over. Nothing is kept open
 * but attributes in /sys: an open array could not be stopped meanwhile.
 * md-abi.md 6, 7.2, 7.3
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>
#include "driver.h"
#include "node.h"
#include "options.h"
#include "patience.h"
#include "proc.h"
#include "progress.h"
#include "report.h"
#include "sysfs.h"

enum {
	TICK_BAR_MS = 250,
	TICK_PLAIN_MS = 1000,
	TICK_OWED_MS = 50,
	OWED_LIMIT_MS = 3000,		/* md starts what it owes, or does not */
	SETTLE_LIMIT_MS = 500,		/* what breaks a sync off may end the array */
	BYTES_PER_KIB = 1024,
	DECILE = 10,			/* a plain line for each */
};

/* The array as it is at one moment. */
struct sight {
	bool gone;
	char action[32];		/* sync_action; "" without redundancy */
	struct mdstat stat;
	uint64_t degraded, mismatches, aborted_at;
	bool resync_owed;		/* resync_start is not "none" */
	bool spare;			/* a member that could be rebuilt */
};

enum phase {
	PHASE_NOTHING,			/* nothing runs, nothing is about to */
	PHASE_OWED,			/* about to start, if it can */
	PHASE_FROZEN,
	PHASE_PENDING,
	PHASE_DELAYED,
	PHASE_RUNNING,
};

struct watch {
	const char *node;		/* as the user wrote it */
	char name[64];
	enum { LOOK_SILENT, LOOK_PLAIN, LOOK_BAR } look;
	struct pollfd poll[3];		/* signals, sync_action, sync_completed */
	char seen[32];			/* what was waited for last: "recovery" */
	bool line_open;			/* a bar is on the screen */
	enum phase said_phase;
	int said_decile;
	int64_t start_ms, quiet_since_ms;
};

/* ---- looking ---- */

static bool is_spare(const char *name, const char *member)
{
	char attribute[300], state[128];

	snprintf(attribute, sizeof(attribute), "%s/state", member);
	return !sysfs_md_read(name, attribute, state, sizeof(state)) &&
	       strstr(state, "spare") && !strstr(state, "faulty");
}

static bool has_spare(const char *name)
{
	char path[PATH_MAX];
	struct dirent *entry;
	bool found = false;
	DIR *dir;

	snprintf(path, sizeof(path), "/sys/block/%s/md", name);
	dir = opendir(path);
	if (!dir)
		return false;
	while (!found && (entry = readdir(dir)))
		found = !strncmp(entry->d_name, "dev-", 4) &&
			is_spare(name, entry->d_name);
	closedir(dir);
	return found;
}

static uint64_t number_or_0(const char *name, const char *attribute)
{
	uint64_t value;

	return sysfs_md_read_u64(name, attribute, &value) ? 0 : value;
}

static bool is_gone(const char *name)
{
	char state[32];
	int err = sysfs_md_read(name, "array_state", state, sizeof(state));

	return err == -ENOENT || err == -ENODEV ||
	       (!err && (!strcmp(state, "clear") || !strcmp(state, "inactive")));
}

static void look(const char *name, struct sight *s)
{
	char text[64];

	memset(s, 0, sizeof(*s));
	if (sysfs_md_read(name, "sync_action", s->action, sizeof(s->action)))
		*s->action = '\0';
	s->degraded = number_or_0(name, "degraded");
	s->mismatches = number_or_0(name, "mismatch_cnt");
	s->aborted_at = number_or_0(name, "sync_min");
	s->resync_owed = *s->action &&
			 !sysfs_md_read(name, "resync_start", text, sizeof(text)) &&
			 strcmp(text, "none");
	s->spare = s->degraded && has_spare(name);
	if (!mdstat_read(driver_status(name), name, &s->stat)) {
		free(s->stat.bitmap_path);
		s->stat.bitmap_path = NULL;
	}
	s->gone = is_gone(name);
}

static enum phase phase_of(const struct sight *s)
{
	bool owed = s->resync_owed || s->spare;

	if (s->stat.pending)
		return PHASE_PENDING;
	if (s->stat.delayed)
		return PHASE_DELAYED;
	if (*s->stat.action)
		return PHASE_RUNNING;
	if (!strcmp(s->action, "frozen"))
		return owed ? PHASE_FROZEN : PHASE_NOTHING;
	if (*s->action && strcmp(s->action, "idle"))
		return PHASE_OWED;
	return owed ? PHASE_OWED : PHASE_NOTHING;
}

/* mdstat's word, or sysfs's in the same spelling while mdstat has none. */
static const char *action_of(const struct sight *s)
{
	if (*s->stat.action)
		return s->stat.action;
	if (!strcmp(s->action, "recover") || !*s->action ||
	    !strcmp(s->action, "idle") || !strcmp(s->action, "frozen"))
		return s->resync_owed ? "resync" : "recovery";
	return s->action;
}

/* ---- showing ---- */

static const char *phase_text(enum phase phase)
{
	static const char *const text[] = {
		[PHASE_OWED] = "is about to start",
		[PHASE_FROZEN] = "is owed, but sync_action is frozen",
		[PHASE_PENDING] = "is pending: it starts with the first write to the array",
		[PHASE_DELAYED] = "is delayed: another array on the same disks goes first",
	};

	return text[phase];
}

static void close_line(struct watch *w)
{
	if (w->line_open)
		putchar('\n');
	w->line_open = false;
}

static void show_bar(struct watch *w, const char *line)
{
	printf("\r%s", line);
	fflush(stdout);
	w->line_open = true;
}

static void show_running(struct watch *w, const struct sight *s)
{
	char what[128], line[PROGRESS_LINE_BYTES];
	struct progress p = {
		.what = what,
		.done_bytes = s->stat.done_kib * BYTES_PER_KIB,
		.total_bytes = s->stat.total_kib * BYTES_PER_KIB,
		.speed_bytes_s = s->stat.speed_kib_s * BYTES_PER_KIB,
	};
	int decile = (int)(progress_percent(&p) / DECILE);

	if (w->look == LOOK_BAR) {
		snprintf(what, sizeof(what), "%s %s", w->name, action_of(s));
		progress_bar(&p, report_width() - 1, line);
		show_bar(w, line);
		return;
	}
	if (w->said_phase == PHASE_RUNNING && decile <= w->said_decile)
		return;
	w->said_decile = decile;
	snprintf(what, sizeof(what), "%s: %s", safe(w->node), action_of(s));
	progress_plain(&p, line);
	puts(line);
	fflush(stdout);
}

static void show_waiting(struct watch *w, const struct sight *s, enum phase phase)
{
	char text[PROGRESS_LINE_BYTES];
	unsigned int width = report_width() - 1;

	if (w->look == LOOK_BAR) {
		snprintf(text, sizeof(text), "%-*.*s", (int)width, (int)width, "");
		printf("\r%s\r%s %s %s", text, w->name, action_of(s), phase_text(phase));
		fflush(stdout);
		w->line_open = true;
	} else if (w->said_phase != phase) {
		printf("%s: %s %s\n", safe(w->node), action_of(s), phase_text(phase));
		fflush(stdout);
	}
}

static void show(struct watch *w, const struct sight *s, enum phase phase)
{
	const char *action = action_of(s);

	if (strcmp(w->seen, action)) {		/* another one begins */
		snprintf(w->seen, sizeof(w->seen), "%s", action);
		w->said_phase = PHASE_NOTHING;
		close_line(w);
	}
	/* Frozen while it ran: mdstat says 100 % of what is broken off. */
	if (w->look == LOOK_SILENT || phase == PHASE_OWED ||
	    (phase == PHASE_RUNNING && !strcmp(s->action, "frozen")))
		return;
	if (phase == PHASE_RUNNING)
		show_running(w, s);
	else
		show_waiting(w, s, phase);
	w->said_phase = phase;
}

/* ---- waiting ---- */

static int open_attribute(const char *name, const char *attribute)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "/sys/block/%s/md/%s", name, attribute);
	return open(path, O_RDONLY | O_CLOEXEC);
}

/* Those that would end us; nohup, for one, has SIGHUP ignored. */
static void ending_signals(sigset_t *signals)
{
	static const int ends[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction action;
	size_t i;

	sigemptyset(signals);
	for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		if (!sigaction(ends[i], NULL, &action) && action.sa_handler != SIG_IGN)
			sigaddset(signals, ends[i]);
}

/* From here on a signal is something to poll for. */
static int open_watch(struct watch *w)
{
	sigset_t signals;

	ending_signals(&signals);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	w->poll[0].fd = signalfd(-1, &signals, SFD_CLOEXEC);
	if (w->poll[0].fd < 0)
		return fail_errno(-errno, "signalfd");
	w->poll[0].events = POLLIN;
	w->poll[1].fd = open_attribute(w->name, "sync_action");
	w->poll[2].fd = open_attribute(w->name, "sync_completed");
	w->poll[1].events = w->poll[2].events = POLLPRI;
	return 0;
}

static void close_watch(struct watch *w)
{
	size_t i;

	for (i = 0; i < sizeof(w->poll) / sizeof(w->poll[0]); i++)
		if (w->poll[i].fd >= 0)
			close(w->poll[i].fd);
}

/* A sysfs attribute is news again only after it was read. */
static void arm(struct watch *w)
{
	char text[64];
	size_t i;

	for (i = 1; i < sizeof(w->poll) / sizeof(w->poll[0]); i++)
		if (w->poll[i].fd >= 0 && pread(w->poll[i].fd, text, sizeof(text), 0) < 0) {
			close(w->poll[i].fd);
			w->poll[i].fd = -1;	/* poll() skips it */
		}
}

/* ---- the outcome ---- */

struct outcome {
	enum exit_code code;
	const char *word;		/* json */
	char text[160];
};

static bool was_check(const struct watch *w)
{
	return !strcmp(w->seen, "check") || !strcmp(w->seen, "repair");
}

static void judge(const struct watch *w, const struct sight *s, struct outcome *o)
{
	unsigned long long n = s->degraded;

	o->code = EXIT_ATTENTION;
	o->word = "interrupted";
	if (was_check(w) && s->aborted_at)
		snprintf(o->text, sizeof(o->text), "%s was interrupted", w->seen);
	else if (s->resync_owed)
		snprintf(o->text, sizeof(o->text), "not in sync: the resync does not run");
	else if (s->degraded) {
		o->word = "degraded";
		snprintf(o->text, sizeof(o->text), "degraded: %llu of its members %s missing",
			 n, n == 1 ? "is" : "are");
	} else if (!strcmp(w->seen, "check") && s->mismatches) {
		o->word = "mismatches";
		snprintf(o->text, sizeof(o->text), "checked, and %llu sectors differ; "
			 "repair them through sync_action",
			 (unsigned long long)s->mismatches);
	} else {
		o->code = EXIT_DONE;
		o->word = *w->seen ? "done" : "nothing_to_wait_for";
		snprintf(o->text, sizeof(o->text), "%s%s", w->seen,
			 *w->seen ? " done, in sync" : "in sync, nothing to wait for");
	}
}

static int report(const struct watch *w, const struct sight *s, const struct outcome *out)
{
	struct json_object *o;

	if (!style.json) {
		printf("%s: %s\n", safe(w->node), out->text);
		return out->code;
	}
	o = json_start("wait");
	json_text(o, "array", w->node);
	json_text(o, "outcome", out->word);
	json_text(o, "waited_for", *w->seen ? w->seen : NULL);
	json_u64(o, "degraded", s->degraded);
	json_flag(o, "in_sync", !s->degraded && !s->resync_owed);
	if (was_check(w))
		json_u64(o, "mismatch_sectors", s->mismatches);
	json_real(o, "waited_seconds", (double)(patience_now_ms() - w->start_ms) / 1000);
	return json_finish(o) ? -EIO : (int)out->code;
}

static int finish(struct watch *w, const struct sight *s)
{
	struct outcome outcome;

	close_line(w);
	if (s->gone)
		return fail(-ENODEV, "%s was stopped meanwhile", safe(w->node));
	judge(w, s, &outcome);
	return report(w, s, &outcome);
}

/* True if a signal asks for an end. */
static bool sleep_until_news(struct watch *w, enum phase phase)
{
	int ms = phase <= PHASE_OWED ? TICK_OWED_MS :
		 w->look == LOOK_BAR ? TICK_BAR_MS : TICK_PLAIN_MS;

	return poll(w->poll, sizeof(w->poll) / sizeof(w->poll[0]), ms) > 0 &&
	       w->poll[0].revents;
}

/*
 * Nothing runs. Is that the end? What is owed but does not start is not
 * waited for for ever. A sync that broke off, or was frozen, may have been in
 * the way of a stop: then the array is about to go.
 */
static bool is_over(struct watch *w, const struct sight *s, enum phase phase)
{
	int64_t now = patience_now_ms(), limit_ms = OWED_LIMIT_MS;
	struct outcome outcome;

	if (phase > PHASE_OWED) {
		w->quiet_since_ms = 0;
		return false;
	}
	if (phase == PHASE_NOTHING) {
		judge(w, s, &outcome);
		if (!strcmp(s->action, "idle"))
			limit_ms = outcome.code == EXIT_DONE ? 0 : SETTLE_LIMIT_MS;
		if (!*w->seen || !limit_ms)
			return true;
	}
	if (!w->quiet_since_ms)
		w->quiet_since_ms = now;
	return now - w->quiet_since_ms > limit_ms;
}

static int fail_interrupted(struct watch *w)
{
	close_line(w);
	return fail(-EINTR, "interrupted: the %s of %s goes on without being watched",
		    *w->seen ? w->seen : "sync", safe(w->node));
}

static int wait_for(struct watch *w)
{
	struct sight s;
	enum phase phase;

	for (;;) {
		arm(w);			/* before looking: no news is missed */
		look(w->name, &s);
		phase = phase_of(&s);
		if (s.gone || is_over(w, &s, phase))
			return finish(w, &s);
		if (phase != PHASE_NOTHING)
			show(w, &s, phase);
		if (sleep_until_news(w, phase))
			return fail_interrupted(w);
	}
}

int mode_wait(const struct request *rq)
{
	struct watch w = {
		.node = rq->args[0],
		.look = rq->json || rq->quiet ? LOOK_SILENT :
			isatty(STDOUT_FILENO) ? LOOK_BAR : LOOK_PLAIN,
		.poll = { { .fd = -1 }, { .fd = -1 }, { .fd = -1 } },
		.start_ms = patience_now_ms(),
	};
	int fd, err = node_open(rq->args[0], O_RDONLY, &fd, w.name);

	if (err)
		return err;
	close(fd);
	if (is_gone(w.name))
		return fail(-ENODEV, "%s does not run", safe(w.node));
	err = open_watch(&w);
	if (!err)
		err = wait_for(&w);
	close_watch(&w);
	return err;
}
