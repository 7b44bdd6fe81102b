/* SPDX-License-Identifier: Apache-2.0 */
/*
 * refused_call.h - a system call that no library makes ends the helper (sandbox.h): tell the relay
 * which one it was, as nobody else can.
 */
#ifndef PEERS_REFUSED_CALL_H
#define PEERS_REFUSED_CALL_H

/**
 * refused_call_tell() - from now on SIGSYS sends a BORDER_REFUSED record on @sock, and then ends
 * the process as it would have without.
 *
 * Return: 0; negative errno.
 */
int refused_call_tell(int sock);

#endif
