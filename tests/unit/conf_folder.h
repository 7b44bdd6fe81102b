/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf_folder.h - a folder of its own as working directory, for configuration files and secrets.
 */
#ifndef TESTS_CONF_FOLDER_H
#define TESTS_CONF_FOLDER_H

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CONF_WORDS_MAX 32

static char conf_folder_path[] = "/tmp/nex-conf-XXXXXX";

static inline int conf_folder_make(void **state)
{
	(void)state;
	/* Other users are tried, too. */
	return !mkdtemp(conf_folder_path) || chmod(conf_folder_path, 0755) ||
	       chdir(conf_folder_path);
}

static inline int conf_folder_remove(void **state)
{
	(void)state;
	return chdir("/") || rmdir(conf_folder_path);
}

/* @name with @len bytes of @content and @mode, whatever the umask. */
static inline void conf_write(const char *name, const char *content, size_t len, mode_t mode)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, content, len), len);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

/* "--mtu 1400" as arguments of "run"; cuts @text. Return: how many. */
static inline int conf_split(char *text, char *words[static CONF_WORDS_MAX])
{
	static char command[] = "run";
	int n = 0;

	words[n++] = command;
	for (char *word; (word = strsep(&text, " "));)
		if (*word)
			words[n++] = word;
	assert_in_range(n, 1, CONF_WORDS_MAX - 1);
	words[n] = NULL;
	return n;
}

/* "MTU=1400 HOOK=xdp" into the environment, with the prefix, or out of it. */
static inline void conf_environment(const char *text, bool set)
{
	char copy[1024], name[64], *rest = copy;

	snprintf(copy, sizeof(copy), "%s", text);
	for (char *word; (word = strsep(&rest, " "));) {
		char *value = strchr(word, '=');

		if (!value)
			continue;
		*value++ = '\0';
		snprintf(name, sizeof(name), "NEX_RELAY_%.50s", word);
		assert_int_equal(set ? setenv(name, value, 1) : unsetenv(name), 0);
	}
}

#endif
