/* SPDX-License-Identifier: Apache-2.0 */
/*
 * agent.h - the source's talk with the api-server: register, watch, publish where we are; all that
 * comes of it goes over the border.
 */
#ifndef NEXODUS_AGENT_H
#define NEXODUS_AGENT_H

#include "base/loop.h"
#include "peers/border.h"

struct agent;

/**
 * agent_new() - before the seccomp filter: libraries read what they want to read.
 * @sock: border socket, borrowed.
 *
 * Return: NULL without memory, or when a library does not start.
 */
struct agent *agent_new(struct loop *loop, int sock);

/** agent_free() - safe on NULL. */
void agent_free(struct agent *agent);

/**
 * agent_give() - a descriptor from the node.
 * @fd: what is kept is set to -1.
 *
 * May come again at any time, for BORDER_CA.
 *
 * Return: 0; -EPROTO; -ENOMEM and the like for a file that cannot be read.
 */
int agent_give(struct agent *agent, enum border_gift gift, int *fd);

/**
 * agent_start() - begin.
 * @list: number of the newest list that the node has.
 *
 * Return: 0; -EPROTO when there is no account; -ENOMEM.
 */
int agent_start(struct agent *agent, uint32_t list);

/**
 * agent_file() - the list of an earlier run, to be sent as list number @list.
 *
 * After all gifts, before agent_start(). It is sent when the registration that was kept beside it
 * is this account's; a LIST_ERROR else.
 *
 * Return: 0; -EPROTO; negative errno when the node cannot be told.
 */
int agent_file(struct agent *agent, int fd, uint32_t list);

/**
 * agent_again() - do not wait, and get the whole list again.
 *
 * Many at once are one: there is one a second at most, and none before the time that the server has
 * asked for is over, which is said once.
 */
void agent_again(struct agent *agent);

/** agent_keep_again() - have the node keep the registration once more, if there is one. */
void agent_keep_again(struct agent *agent);

/** agent_pong() - answer the node's ping. */
void agent_pong(struct agent *agent, uint32_t number);

#endif
