// SPDX-License-Identifier: Apache-2.0
#include "cmd/option_table.h"

#include <string.h>

#include "nexodus/defaults.h"
#include "tunnel/tunnel.h"

#define NUMBER_TEXT(number) NUMBER_TEXT_OF(number)
#define NUMBER_TEXT_OF(number) #number
#define ENVIRONMENT_PREFIX "NEX_RELAY_"

/* clang-format off */
static const struct option_row rows[OPTION_COUNT] = {
	[OPTION_INTERFACE] = { "interface", 'i', "NAME", NULL, "wg0",
		"The WireGuard interface (default: wg0)." },
	[OPTION_CONFIG]    = { "config", 0, "FILE", NULL, OPTION_CONFIG_DEFAULT,
		"The configuration file (default: " OPTION_CONFIG_DEFAULT ",\n"
		"which need not be there)." },
	[OPTION_PEERS]     = { "peers", 'p', "FILE", NULL, NULL,
		"Device list: the JSON array that the api-server's GET /api/vpcs/{id}/devices\n"
		"returns. Followed while running; read again on SIGHUP." },
	[OPTION_ADOPT]     = { "adopt", 'a', NULL, NULL, NULL,
		"The interface belongs to somebody else (wg-quick, nexd): its keys, peers,\n"
		"addresses and routes are not touched. Without --peers its own peers and\n"
		"AllowedIPs are the device list." },
	[OPTION_REG_KEY]   = { "reg-key", 0, "KEY", NULL, NULL,
		"Register with this key: RK:..., or https://HOST#RK:..., which names the service\n"
		"too. Not with --vpc-id or --security-group-id: the key belongs to a VPC." },
	[OPTION_REG_KEY_FILE] = { "reg-key-file", 0, "FILE", NULL, NULL,
		"Read the key from the first line of FILE, which nobody else may read." },
	[OPTION_SERVICE_URL] = { "service-url", 0, "URL", NULL, DEFAULT_SERVICE_URL,
		"The service, https only; its api-server is at api.HOST. Alone, without key and\n"
		"user, it means that somebody logs in with a browser (default:\n"
		DEFAULT_SERVICE_URL ")." },
	[OPTION_USERNAME]  = { "username", 0, "NAME", NULL, NULL,
		"Log in as this user, with a password. Not with --reg-key." },
	[OPTION_PASSWORD]  = { "password", 0, "WORD", NULL, NULL,
		"Password of --username." },
	[OPTION_PASSWORD_FILE] = { "password-file", 0, "FILE", NULL, NULL,
		"Read the password from the first line of FILE, which nobody else may read." },
	[OPTION_VPC_ID]    = { "vpc-id", 0, "UUID", NULL, NULL,
		"Relay for this VPC (default: the one it is registered in already, or else the\n"
		"user's own)." },
	[OPTION_SECURITY_GROUP_ID] = { "security-group-id", 0, "UUID", NULL, NULL,
		"Security group of the relay (default: the VPC's own)." },
	[OPTION_REQUEST_IP] = { "request-ip", 0, "ADDRESS", NULL, NULL,
		"IPv4 address in the VPC to ask for (default: the next free one)." },
	[OPTION_LOCAL_ENDPOINT_IP] = { "local-endpoint-ip", 0, "ADDRESS", NULL, NULL,
		"IPv4 or IPv6 address at which devices nearby reach the relay (default: the\n"
		"one on the way to the api-server)." },
	[OPTION_STUN_SERVER] = { "stun-server", 0, "HOST:PORT", NULL, DEFAULT_STUN_SERVERS,
		"Ask this server which address and port the Internet sees. At least two, at most\n"
		"8: several with commas or blanks between; the flag may be repeated (default: five\n"
		"of Google's)." },
	[OPTION_CA_FILE]   = { "ca-file", 0, "FILE", NULL, NULL,
		"Trust the certificates in FILE (PEM), and no other (default: those that this\n"
		"system trusts)." },
	[OPTION_INSECURE_SKIP_TLS_VERIFY] = { "insecure-skip-tls-verify", 0, NULL, NULL, NULL,
		"Check no certificate of the service: whoever is in between can read the key and\n"
		"forge the device list. For tests alone." },
	[OPTION_EXIT_ON_REVOKE] = { "exit-on-revoke", 0, NULL, NULL, NULL,
		"When the service no longer lets the relay in, take everything back and end with\n"
		"status 1, instead of forwarding with the last list." },
	[OPTION_STATE_DIR] = { "state-dir", 0, "DIR", NULL, "/var/lib/nex-relay",
		"Where the private key is kept (private.key, as `wg genkey` prints one). Made at\n"
		"the first start; nexd's, from DIR/state.json or /var/lib/nexd/state.json, is\n"
		"taken over (default: /var/lib/nex-relay)." },
	[OPTION_LISTEN_PORT] = { "listen-port", 'l', "PORT", NULL, NUMBER_TEXT(TUNNEL_PORT),
		"UDP port of WireGuard (default: " NUMBER_TEXT(TUNNEL_PORT) ")." },
	[OPTION_MTU]       = { "mtu", 0, "BYTES", NULL, NUMBER_TEXT(TUNNEL_MTU),
		"MTU of the interface (default: " NUMBER_TEXT(TUNNEL_MTU) ")." },
	[OPTION_WIREGUARD] = { "wireguard", 0, "auto|kernel|userspace", "auto|kernel|userspace",
		"auto",
		"Which WireGuard: the kernel's, or wireguard-go, which is started. auto takes the\n"
		"kernel's where it has one (default: auto)." },
	[OPTION_THREADED_NAPI] = { "threaded-napi", 0, "auto|on|off", "auto|on|off", "auto",
		"Threaded NAPI of the interface. Some kernels make a thread for each peer; auto\n"
		"switches that off with more than " NUMBER_TEXT(TUNNEL_NAPI_AUTO_PEERS) " peers (default: auto)." },
	[OPTION_TUNNEL_RANGES] = { "tunnel-ranges", 0, "PREFIX,...", NULL, NULL,
		"Where tunnel addresses may lie. An address outside of these is never the relay's\n"
		"own, and this host does not route it (default: what is private: 10.0.0.0/8,\n"
		"172.16.0.0/12, 192.168.0.0/16, 100.64.0.0/10, fc00::/7 and 200::/7)." },
	[OPTION_HOST_ROUTES] = { "host-routes", 0, "PREFIX,...", NULL, NULL,
		"Advertised networks inside of these are reached from this host itself, and from\n"
		"its other interfaces, too (default: none; spokes reach all of them anyway). One\n"
		"that would move the way to a name server or the api-server of this host into the\n"
		"tunnel is left out: `run` and `status` name it, name the other networks instead." },
	[OPTION_KERNEL_FORWARDING] = { "kernel-forwarding", 0, "no|yes|PREFIX,...", NULL, "no",
		"Where spokes get to beside each other, by the host's own routes and firewall:\n"
		"nowhere, anywhere, or to these networks, such as 172.17.0.0/16 of containers\n"
		"(default: no)." },
	[OPTION_HOOK]      = { "hook", 0, "tc|xdp", "tc|xdp", "tc",
		"Where packets are taken: tc keeps GRO batches whole, xdp is generic XDP\n"
		"(default: tc)." },
	[OPTION_ATTACH]    = { "attach", 0, "auto|tcx|clsact", "auto|tcx|clsact", "auto",
		"How the tc program is attached. auto takes tcx where the kernel has it (6.6 and\n"
		"later), else clsact (default: auto)." },
	[OPTION_FORWARD]   = { "forward", 0, "all|relay-only", "all|relay-only", "all",
		"Which pairs of devices are forwarded: all, or only pairs in which at least one\n"
		"side is relay-only (symmetric_nat) (default: all)." },
	[OPTION_STRICT]    = { "strict", 0, NULL, NULL, NULL,
		"Drop what --forward relay-only does not allow, instead of leaving it to the\n"
		"kernel." },
	[OPTION_JSON]      = { "json", 'j', NULL, NULL, NULL,
		"Print JSON." },
	[OPTION_VERBOSE]   = { "verbose", 'v', NULL, NULL, NULL,
		"Say more on stderr." },
	[OPTION_HELP]      = { "help", 'h', NULL, NULL, NULL,
		"Print this help." },
};

/* The order of the help; the first group is every command's, and needs no heading. */
static const struct {
	const char *heading;
	uint64_t options;
} groups[] = {
	{ NULL, OPTION_BIT(OPTION_INTERFACE) | OPTION_BIT(OPTION_CONFIG) | OPTION_BIT(OPTION_JSON) |
		OPTION_BIT(OPTION_VERBOSE) | OPTION_BIT(OPTION_HELP) },
	{ "Devices from a file, or from an interface that is there:",
		OPTION_BIT(OPTION_PEERS) | OPTION_BIT(OPTION_ADOPT) },
	{ "Devices from a control plane (the Nexodus api-server):", OPTIONS_ACCOUNT },
	{ "The interface, when it is ours:",
		OPTION_BIT(OPTION_STATE_DIR) | OPTION_BIT(OPTION_LISTEN_PORT) |
		OPTION_BIT(OPTION_MTU) | OPTION_BIT(OPTION_WIREGUARD) |
		OPTION_BIT(OPTION_THREADED_NAPI) },
	{ "Routing, when the interface is ours:",
		OPTION_BIT(OPTION_TUNNEL_RANGES) | OPTION_BIT(OPTION_HOST_ROUTES) |
		OPTION_BIT(OPTION_KERNEL_FORWARDING) },
	{ "Forwarding:",
		OPTION_BIT(OPTION_HOOK) | OPTION_BIT(OPTION_ATTACH) | OPTION_BIT(OPTION_FORWARD) |
		OPTION_BIT(OPTION_STRICT) },
};
/* clang-format on */

const struct option_row *option_row(enum option_id id)
{
	return &rows[id];
}

const char *option_name(enum option_id id)
{
	return rows[id].name;
}

enum option_id option_find(const char *name)
{
	for (int id = 0; id < OPTION_COUNT; id++)
		if (id != OPTION_CONFIG && id != OPTION_HELP && !strcmp(rows[id].name, name))
			return id;
	return OPTION_COUNT;
}

const char *option_environment_name(enum option_id id, char name[static OPTION_ENVIRONMENT_MAX])
{
	size_t len = snprintf(name, OPTION_ENVIRONMENT_MAX, ENVIRONMENT_PREFIX "%s", rows[id].name);

	for (size_t i = strlen(ENVIRONMENT_PREFIX); i < len; i++) {
		if (name[i] == '-')
			name[i] = '_';
		else if (name[i] >= 'a' && name[i] <= 'z')
			name[i] -= 'a' - 'A';
	}
	return name;
}

static void print_paragraph(FILE *to, const char *text)
{
	fputs("        ", to);
	for (; *text; text++) {
		fputc(*text, to);
		if (*text == '\n')
			fputs("        ", to);
	}
	fputc('\n', to);
}

static void print_option(FILE *to, enum option_id id)
{
	const struct option_row *row = &rows[id];
	char name[OPTION_ENVIRONMENT_MAX];

	if (row->letter)
		fprintf(to, "    -%c, --%s", row->letter, row->name);
	else
		fprintf(to, "    --%s", row->name);
	if (row->argument)
		fprintf(to, " %s", row->argument);
	if (id != OPTION_HELP)
		fprintf(to, "  [%s]", option_environment_name(id, name));
	fputc('\n', to);
	print_paragraph(to, row->help);
}

void option_print_help(FILE *to, uint64_t allowed)
{
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
		if (groups[i].heading && (allowed & groups[i].options))
			fprintf(to, "\n  %s\n", groups[i].heading);
		for (int id = 0; id < OPTION_COUNT; id++)
			if (allowed & groups[i].options & OPTION_BIT(id))
				print_option(to, id);
	}
}
