/* SPDX-License-Identifier: Apache-2.0 */
/*
 * list.h - the answers of `nex-relay check`, and the parts that find them.
 */
#ifndef CHECK_LIST_H
#define CHECK_LIST_H

#include <stdbool.h>

#include "tunnel/table_floor.h"

struct json_object;
struct ruleset;

enum check_status { CHECK_OK, CHECK_WARN, CHECK_FAIL };

struct check_list {
	const char *ifname;                  /* the relay's interface */
	bool adopt;                          /* it belongs to somebody else */
	struct kernel_forwarding forwarding; /* of the next run; one that runs has its own */
	struct json_object *json;            /* array, or NULL: print each answer at once */
	bool colour;
	bool failed; /* there was a CHECK_FAIL */
};

/**
 * check_add() - one answer.
 * @check:  the requirement, e.g. "bpffs".
 * @remedy: what to do; NULL when there is nothing.
 * @format: what was found.
 */
void check_add(struct check_list *list, enum check_status status, const char *check,
	       const char *remedy, const char *format, ...) __attribute__((format(printf, 5, 6)));

#define check_ok(list, check, ...) check_add(list, CHECK_OK, check, NULL, __VA_ARGS__)
#define check_warn(list, check, remedy, ...) check_add(list, CHECK_WARN, check, remedy, __VA_ARGS__)
#define check_fail(list, check, remedy, ...) check_add(list, CHECK_FAIL, check, remedy, __VA_ARGS__)

/* The parts, in the order in which they are printed. */
void check_privileges(struct check_list *list);
void check_bpffs(struct check_list *list);
void check_bpf(struct check_list *list);
void check_landlock(struct check_list *list);
void check_btf(struct check_list *list);
void check_wireguard(struct check_list *list);
void check_interface(struct check_list *list);
void check_forwarding(struct check_list *list);
void check_advertisements(struct check_list *list);
void check_ipv6(struct check_list *list);
void check_mtu(struct check_list *list);
void check_firewall(struct check_list *list); /* ends with check_reach() */

/** check_reach() - what spokes get to beside each other. @ruleset: NULL when it is not known. */
void check_reach(struct check_list *list, const struct ruleset *ruleset);

#endif
