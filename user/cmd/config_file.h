/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config_file.h - the configuration file: one `name = value` a line, the names those of the flags.
 *
 * A line that begins with '#' is a comment; a '#' further on is not (a registration key has one).
 * Blanks around name and value do not count, and there are no quotes. Which values are right is not
 * decided here.
 */
#ifndef CMD_CONFIG_FILE_H
#define CMD_CONFIG_FILE_H

#include "cmd/option_table.h"
#include "cmd/trusted_file.h"

#define CONFIG_FILE_BYTES_MAX (64 * 1024)
#define CONFIG_FILE_LINE_MAX 4200 /* bytes: a path and its name */

struct config_setting {
	char *value;       /* NULL: not there */
	unsigned int line; /* from 1 */
};

struct config_file {
	struct trusted_file file; /* owns the values */
	struct config_setting setting[OPTION_COUNT];
};

struct config_error {
	unsigned int line;              /* 0: the whole file */
	char why[TRUSTED_FILE_WHY_MAX]; /* what to do; nothing of a value */
};

/**
 * config_file_read() - every setting of @path.
 * @use_secrets: they are going to be used: nobody else may read a file with them in it.
 * @ret: set on success only; ends with config_file_done(), which wipes it.
 *
 * Return: 0; as trusted_file_read(); -EINVAL when a line is wrong.
 */
int config_file_read(const char *path, bool use_secrets, struct config_file *ret,
		     struct config_error *ret_err);

/** config_file_done() - safe on a zeroed one. */
void config_file_done(struct config_file *config);

#endif
