// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "cmd/account_options.h"
#include "cmd/cmd.h"
#include "node/ca_file.h"
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

static enum tunnel_backend backend(const struct options *options)
{
	if (options_is(options, OPTION_WIREGUARD, "kernel"))
		return TUNNEL_KERNEL;
	return options_is(options, OPTION_WIREGUARD, "userspace") ? TUNNEL_USERSPACE : TUNNEL_AUTO;
}

static enum tunnel_napi napi(const struct options *options)
{
	if (options_is(options, OPTION_THREADED_NAPI, "on"))
		return TUNNEL_NAPI_ON;
	return options_is(options, OPTION_THREADED_NAPI, "off") ? TUNNEL_NAPI_OFF
								: TUNNEL_NAPI_AUTO;
}

static int misused(const char *why)
{
	log_err(0, "run: %s", why);
	return EXIT_MISUSED;
}

/* Settings of an interface make no sense where it is not touched. Return: the first, or NULL. */
static const char *given_of_tunnel(const struct options *options)
{
	for (int id = 0; id < OPTION_COUNT; id++)
		if (OPTIONS_TUNNEL & OPTION_BIT(id) && options_given(options, id))
			return option_name(id);
	return NULL;
}

/* From a file, from the interface, or from a control plane. Return: 0; -EINVAL after a line. */
static int choose_devices(const struct options *options, struct run_settings *settings,
			  struct account *account)
{
	char why[ACCOUNT_WHY_MAX];
	int err;

	if (settings->peers || settings->adopt) {
		err = account_options_check_none(options, why);
	} else if (!account_options_wanted(options)) {
		snprintf(why, sizeof(why),
			 "which devices? Give a list with --peers, --adopt an interface that "
			 "somebody else has set up, or register with --reg-key");
		err = -EINVAL;
	} else {
		err = account_options_build(options, account, why);
		settings->account = account;
		settings->ca_file = options->value[OPTION_CA_FILE];
		settings->exit_on_revoke = options_on(options, OPTION_EXIT_ON_REVOKE);
	}
	if (err)
		log_err(0, "run: %s", why);
	return err;
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
		.state_dir = options->value[OPTION_STATE_DIR],
		.listen_port = options_number(options, OPTION_LISTEN_PORT),
		.mtu = options_number(options, OPTION_MTU),
		.backend = backend(options),
		.napi = napi(options),
		.forwarding = options_forwarding(options),
	};
	AUTO(account_options_done) struct account account = {};
	const char *tunnel_option = given_of_tunnel(options), *why;

	(void)args, (void)n_args;
	options_prefixes(options, OPTION_TUNNEL_RANGES, &settings.ranges);
	options_prefixes(options, OPTION_HOST_ROUTES, &settings.host_routes);
	if (choose_devices(options, &settings, &account))
		return EXIT_MISUSED;
	if (settings.adopt && tunnel_option) {
		log_err(0, "run: --%s is for an interface of our own, not with --adopt",
			tunnel_option);
		return EXIT_MISUSED;
	}
	if (strlen(settings.state_dir) >= PATH_MAX - sizeof("/state.json"))
		return misused("--state-dir is longer than a path may be");
	if (settings.peers && strlen(settings.peers) >= PATH_MAX)
		return misused("--peers is longer than a path may be");
	if (settings.ca_file) {
		auto_close int fd = ca_file_open(settings.ca_file, &why);

		if (fd < 0) {
			log_err(0, "run: --ca-file %s: %s", settings.ca_file, why);
			return EXIT_FAILED;
		}
	}
	if (settings.hook == DATAPATH_XDP && settings.attach != DATAPATH_AUTO)
		return misused("--attach is for --hook tc only");
	if (settings.relay_only && settings.adopt && !settings.peers)
		return misused("--forward relay-only needs --peers: the interface does not tell "
			       "which devices are relay-only");
	return node_run(&settings) ? EXIT_FAILED : EXIT_DONE;
}

int cmd_source(const struct options *options, char **args, int n_args)
{
	(void)options;
	return source_main(n_args == 1 && !strcmp(args[0], "network"));
}
