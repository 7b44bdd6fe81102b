/* SPDX-License-Identifier: Apache-2.0 */
/*
 * options_private.h - between options.c and secret_options.c.
 */
#ifndef CMD_OPTIONS_PRIVATE_H
#define CMD_OPTIONS_PRIVATE_H

#include "cmd/options.h"

/**
 * options_set() - check a value and keep it.
 * @value: a secret is copied, and then overwritten here.
 *
 * Return: 0; -EINVAL after one line on stderr.
 */
int options_set(struct options *options, enum option_id id, char *value,
		struct option_origin origin);

/**
 * secret_options_resolve() - find the secrets that are in files of their own.
 * @credentials: the folder of systemd's credentials, or NULL.
 *
 * Return: 0; -EINVAL after one line on stderr: also when two sources of the same level give one.
 */
int secret_options_resolve(struct options *options, const char *credentials);

#endif
