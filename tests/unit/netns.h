/* SPDX-License-Identifier: Apache-2.0 */
/*
 * netns.h - a network namespace of the test's own, changed and looked at with `ip`, which knows
 * nothing of this project.
 *
 * The namespace begins with a veth pair, t0 and t1, both up. Needs root.
 */
#ifndef TESTS_NETNS_H
#define TESTS_NETNS_H

#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "notation.h"

#define NETNS_COMMAND_MAX 1024
#define NETNS_OUTPUT_MAX 65536
#define NOBODY 65534

/* Its mounts are for /sys, which shows the namespace that it was mounted in. */
static inline bool netns_may(void)
{
	return !geteuid() && !unshare(CLONE_NEWNS | CLONE_NEWNET) &&
	       !mount("", "/", "", MS_REC | MS_PRIVATE, NULL);
}

/* What a command has said, in a buffer that the next call uses again; it has to succeed. */
__attribute__((format(printf, 1, 2))) static inline const char *netns_run(const char *format, ...)
{
	static char output[NETNS_OUTPUT_MAX];
	char command[NETNS_COMMAND_MAX];
	va_list args;
	size_t len;
	FILE *pipe;
	int status;

	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	pipe = popen(command, "re");
	assert_non_null(pipe);
	len = fread(output, 1, sizeof(output) - 1, pipe);
	output[len] = '\0';
	status = pclose(pipe);
	if (status)
		fail_msg("%s: status %x: %s", command, status, output);
	return output;
}

/* "route add ...; -6 route add ...": arguments of `ip`, with "; " between them. */
static inline void netns_ip(const char *commands)
{
	char text[NETNS_COMMAND_MAX], *rest = text;

	snprintf(text, sizeof(text), "%s", commands);
	for (char *one; (one = strsep(&rest, ";"));)
		if (*one)
			netns_run("ip %s 2>&1", one);
}

/* How often a text is in what a command says. */
static inline int netns_count(const char *output, const char *text)
{
	int n = 0;

	for (; (output = strstr(output, text)); output += strlen(text))
		n++;
	return n;
}

static inline void netns_fresh(void)
{
	assert_int_equal(unshare(CLONE_NEWNET), 0);
	netns_ip("link set lo up; link add t0 type veth peer name t1; "
		 "link set t0 up; link set t1 up");
}

/* "10.9.0.0/16 fd00:9::/64" */
static inline size_t netns_prefixes(const char *text, struct prefix *ret, size_t max)
{
	char words[NOTATION_TEXT_MAX], *rest = words;
	size_t n = 0;

	snprintf(words, sizeof(words), "%s", text);
	for (char *word; (word = strsep(&rest, " "));) {
		if (!*word)
			continue;
		assert_true(n < max);
		ret[n++] = notation_prefix(word);
	}
	return n;
}

/* The other way round. */
static inline const char *netns_text(const struct prefix *prefix, size_t n, char *text, size_t size)
{
	size_t len = 0;

	*text = '\0';
	for (size_t i = 0; i < n; i++) {
		char one[PREFIX_TEXT_MAX];

		len += snprintf(text + len, size - len, "%s%s", i ? " " : "",
				prefix_format(&prefix[i], one));
		assert_true(len < size);
	}
	return text;
}

/* What @act returns in a process without capabilities. */
static inline int netns_as_nobody(int (*act)(void *data), void *data)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (!pid)
		_exit(setresuid(NOBODY, NOBODY, NOBODY) ? 255 : -act(data));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return -WEXITSTATUS(status);
}

#endif
