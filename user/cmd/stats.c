// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

#include "cmd/cmd.h"
#include "cmd/print.h"
#include "datapath/counters.h"
#include "node/instance.h"

struct verdict_row {
	const char *name, *text;
};

#define ROW(constant, name, text) { name, text },
static const struct verdict_row rows[NEX_V_COUNT] = { NEX_VERDICTS(ROW) };
#undef ROW

static int print_as_json(const struct nex_verdict_stats *stats)
{
	struct json_object *object = json_object_new_object();
	struct json_object *verdicts = json_object_new_object();

	for (int v = 0; v < NEX_V_COUNT; v++) {
		struct json_object *one = json_object_new_object();

		json_object_object_add(one, "ipv4", print_count_json(&stats[v].ipv4));
		json_object_object_add(one, "ipv6", print_count_json(&stats[v].ipv6));
		json_object_object_add(one, "other", print_count_json(&stats[v].other));
		json_object_object_add(verdicts, rows[v].name, one);
	}
	json_object_object_add(object, "verdicts", verdicts);
	return print_json(object);
}

static void print_row(const char *name, const struct nex_verdict_stats *stats, const char *text)
{
	char v4[PRINT_BYTES_MAX], v6[PRINT_BYTES_MAX];

	printf("%-12s %12llu %10s %12llu %10s  %s\n", name,
	       (unsigned long long)(stats->ipv4.packets + stats->other.packets),
	       print_bytes(stats->ipv4.bytes + stats->other.bytes, v4),
	       (unsigned long long)stats->ipv6.packets, print_bytes(stats->ipv6.bytes, v6), text);
}

/* Forwarded first: that is what people look for; then the rest in the order of decision. */
static int print_as_table(const struct nex_verdict_stats *stats)
{
	const char *bold = print_colours() ? "\033[1m" : "", *plain = *bold ? "\033[0m" : "";

	printf("%s%-12s %12s %10s %12s %10s  %s%s\n", bold, "VERDICT", "IPV4 PACKETS", "BYTES",
	       "IPV6 PACKETS", "BYTES", "MEANING", plain);
	print_row(rows[NEX_V_FORWARDED].name, &stats[NEX_V_FORWARDED], rows[NEX_V_FORWARDED].text);
	for (int v = 0; v < NEX_V_COUNT; v++)
		if (v != NEX_V_FORWARDED)
			print_row(rows[v].name, &stats[v], rows[v].text);
	return print_flush();
}

int cmd_stats(const struct options *options, char **args, int n_args)
{
	const char *ifname = options->value[OPTION_INTERFACE];
	struct nex_verdict_stats stats[NEX_V_COUNT];
	struct instance instance;
	int err;

	(void)args, (void)n_args;
	err = instance_init(&instance, ifname);
	if (!err)
		err = counters_verdicts(instance.pin_dir, stats);
	if (err)
		return print_no_pins(ifname, err);
	return options_on(options, OPTION_JSON) ? print_as_json(stats) : print_as_table(stats);
}
