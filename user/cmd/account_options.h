/* SPDX-License-Identifier: Apache-2.0 */
/*
 * account_options.h - the account with the control plane, from the options of `run`.
 *
 * The texts say what is wrong and where it was given; never a secret.
 */
#ifndef CMD_ACCOUNT_OPTIONS_H
#define CMD_ACCOUNT_OPTIONS_H

#include <stdbool.h>

#include "cmd/options.h"
#include "nexodus/account.h"

#define ACCOUNT_WHY_MAX 1536 /* two origins and what is wrong with them */

/** account_options_wanted() - is a control plane asked for (key, user or service URL)? */
bool account_options_wanted(const struct options *options);

/**
 * account_options_check_none() - the devices come from elsewhere: is no option given that is for a
 * control plane?
 *
 * Return: 0; -EINVAL with @ret_why.
 */
int account_options_check_none(const struct options *options, char ret_why[static ACCOUNT_WHY_MAX]);

/**
 * account_options_build() - what account_options_wanted() asks for, with nexd's rules.
 * @ret: all but what the node fills in; set on success only; ends with account_options_done().
 *
 * Return: 0; -EINVAL with @ret_why.
 */
int account_options_build(const struct options *options, struct account *ret,
			  char ret_why[static ACCOUNT_WHY_MAX]);

/** account_options_done() - wipe it. */
void account_options_done(struct account *account);

#endif
