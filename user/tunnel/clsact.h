/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clsact.h - the qdisc that TC filters hang on.
 */
#ifndef TUNNEL_CLSACT_H
#define TUNNEL_CLSACT_H

#include <stdint.h>

/**
 * clsact_remove_if_unused() - delete the clsact qdisc of @ifindex unless a filter hangs on it.
 *
 * Return: 0, also when filters keep it or there is none; negative errno.
 */
int clsact_remove_if_unused(uint32_t ifindex);

#endif
