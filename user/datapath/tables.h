/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tables.h - what user space writes into the maps: read it back, carry out a plan.
 */
#ifndef DATAPATH_TABLES_H
#define DATAPATH_TABLES_H

#include "datapath/datapath.h"
#include "peers/plan.h"

/**
 * tables_read() - the contents of the maps of @dp, of all scopes, sorted for plan_edits().
 * @ret: set on success only; freed with tables_done().
 *
 * Return: 0 or negative errno.
 */
int tables_read(const struct datapath *dp, struct tables *ret);

/**
 * tables_apply() - carry out @plan.
 * @want: what the tables hold afterwards: tells how many prefixes each scope has. New slots get
 *        their base and stats_map_id in it, so that it can be the next `have`.
 *
 * Return: 0; negative errno: the tables are somewhere between the two states, each address with
 *         its old or its new owner, and must be read again before the next plan.
 */
int tables_apply(const struct datapath *dp, const struct plan *plan, struct tables *want);

/**
 * tables_rebase() - make the bases of @tables fit the counters that @dp uses now.
 *
 * After the table of counters was replaced: the old one's contents go into the bases. To be called
 * when the new program is attached; waits until the old one has left every CPU.
 * A base that fits already is left alone, so it does no harm to call this twice.
 *
 * Return: 0 or negative errno.
 */
int tables_rebase(struct datapath *dp, struct tables *tables);

#endif
