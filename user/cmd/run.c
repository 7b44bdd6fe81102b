// SPDX-License-Identifier: Apache-2.0
#include <limits.h>
#include <string.h>

#include "base/log.h"
#include "cmd/cmd.h"
#include "node/node.h"
#include "peers/source.h"

static enum datapath_attach attach_way(const struct options *options)
{
	if (options_is(options, OPTION_ATTACH, "tcx"))
		return DATAPATH_TCX;
	if (options_is(options, OPTION_ATTACH, "clsact"))
		return DATAPATH_CLSACT;
	return DATAPATH_AUTO;
}

static int misused(const char *why)
{
	log_err(0, "run: %s", why);
	return EXIT_MISUSED;
}

int cmd_run(const struct options *options, char **args, int n_args)
{
	struct run_settings settings = {
		.ifname = options->value[OPTION_INTERFACE],
		.peers = options->value[OPTION_PEERS],
		.adopt = options_on(options, OPTION_ADOPT),
		.hook = options_is(options, OPTION_HOOK, "xdp") ? DATAPATH_XDP : DATAPATH_TC,
		.attach = attach_way(options),
		.relay_only = options_is(options, OPTION_FORWARD, "relay-only"),
		.strict = options_on(options, OPTION_STRICT),
	};

	(void)args, (void)n_args;
	if (!settings.adopt)
		return misused("--adopt is needed: this version works on an interface that "
			       "somebody else has set up");
	if (settings.peers && strlen(settings.peers) >= PATH_MAX)
		return misused("--peers is longer than a path may be");
	if (settings.hook == DATAPATH_XDP && settings.attach != DATAPATH_AUTO)
		return misused("--attach is for --hook tc only");
	if (settings.relay_only && !settings.peers)
		return misused("--forward relay-only needs --peers: the interface does not tell "
			       "which devices are relay-only");
	return node_run(&settings) ? EXIT_FAILED : EXIT_DONE;
}

int cmd_source(const struct options *options, char **args, int n_args)
{
	(void)options, (void)args, (void)n_args;
	return source_main();
}
