/* SPDX-License-Identifier: Apache-2.0 */
/*
 * print.h - how the show commands print: JSON, counts, and why there is nothing to show.
 */
#ifndef CMD_PRINT_H
#define CMD_PRINT_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#include "nex_abi.h"

/**
 * print_json() - @object to stdout, indented; frees it.
 *
 * Return: EXIT_DONE, or EXIT_FAILED when stdout cannot be written.
 */
int print_json(struct json_object *object);

/** print_count_json() - {"packets":…,"bytes":…}. Return: a new object. */
struct json_object *print_count_json(const struct nex_count *count);

#define PRINT_BYTES_MAX 16

/**
 * print_bytes() - a size for people: "512 B", "1.4 KiB", "20.0 GiB".
 *
 * Return: @text.
 */
const char *print_bytes(uint64_t bytes, char text[static PRINT_BYTES_MAX]);

/** print_colours() - may stdout have colours: a terminal, and NO_COLOR is not set. */
bool print_colours(void);

/**
 * print_no_pins() - say why the pinned maps of @ifname cannot be read.
 * @err: from datapath/counters.h.
 *
 * Return: EXIT_FAILED.
 */
int print_no_pins(const char *ifname, int err);

/** print_flush() - EXIT_DONE, or EXIT_FAILED, said, when stdout took not all of it. */
int print_flush(void);

#endif
