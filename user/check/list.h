/* SPDX-License-Identifier: Apache-2.0 */
/*
 * list.h - the answers of `nex-relay check`, and the parts that find them.
 */
#ifndef CHECK_LIST_H
#define CHECK_LIST_H

#include <stdbool.h>

struct json_object;

enum check_status { CHECK_OK, CHECK_WARN, CHECK_FAIL };

struct check_list {
	const char *ifname;       /* the relay's interface */
	struct json_object *json; /* array, or NULL: print each answer at once */
	bool colour;
	bool failed; /* there was a CHECK_FAIL */
};

/**
 * check_add() - one answer.
 * @check:  the requirement, e.g. "bpffs".
 * @remedy: what to do; NULL for CHECK_OK.
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
void check_firewall(struct check_list *list);

#endif
