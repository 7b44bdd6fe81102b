/* SPDX-License-Identifier: Apache-2.0 */
/*
 * version.h - the version of nex-relay, as `nex-relay version` prints it.
 */
#ifndef VERSION_H
#define VERSION_H

#define NEX_VERSION "0.1.0"

#endif
