// SPDX-License-Identifier: Apache-2.0
#include "cmd/check.h"
#include "cmd/cmd.h"

int cmd_check(const struct options *options, char **args, int n_args)
{
	(void)args, (void)n_args;
	return check_run(options->value[OPTION_INTERFACE], options_on(options, OPTION_JSON))
		       ? EXIT_FAILED
		       : EXIT_DONE;
}
