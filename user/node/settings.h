/* SPDX-License-Identifier: Apache-2.0 */
/*
 * settings.h - what `nex-relay run` was told to do.
 */
#ifndef NODE_SETTINGS_H
#define NODE_SETTINGS_H

#include <stdbool.h>

#include "base/prefix_list.h"
#include "datapath/datapath.h"
#include "nexodus/account.h"
#include "tunnel/tunnel.h"

struct run_settings {
	const char *ifname;
	const char *peers; /* peer file; NULL: the interface itself is the list, or the account */
	const struct account *account; /* at the control plane; NULL: none */
	const char *ca_file;           /* certificates to trust; NULL: the system's */
	bool exit_on_revoke;           /* end, and take everything back, when it does not know us */
	bool adopt;                    /* the interface belongs to somebody else */
	enum datapath_hook hook;
	enum datapath_attach attach;
	bool relay_only;
	bool strict;

	/* Of an interface of our own. */
	const char *state_dir;
	uint16_t listen_port;
	uint32_t mtu; /* bytes */
	enum tunnel_backend backend;
	enum tunnel_napi napi;
	struct kernel_forwarding forwarding;
	struct prefix_list ranges, host_routes; /* as in struct tunnel_limits */
};

#endif
