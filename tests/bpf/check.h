/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check.h - run one row through one hook, and compare everything that must come of it.
 */
#ifndef CHECK_H
#define CHECK_H

#include "fixture.h"

#define CHECK_TEXT 256

enum check_result { CHECK_OK, CHECK_FAILED, CHECK_SKIPPED };

/**
 * check_row() - run @row.
 * @fixture: with the settings that the row wants; its maps are as fixture_fill() leaves them,
 *           before and after.
 * @text:    what was expected and what came, on one line; why it was skipped; "" when all is well.
 *
 * Checked are the action, every byte of the packet, every counter of every verdict and slot.
 */
enum check_result check_row(const struct row *row, enum hook hook, const struct fixture *fixture,
			    struct devices *devices, char text[static CHECK_TEXT]);

#endif
