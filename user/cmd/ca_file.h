/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ca_file.h - is there anything to trust in a file of certificates? Asked before the start: the
 * source process finds out only when there is a relay already.
 */
#ifndef CMD_CA_FILE_H
#define CMD_CA_FILE_H

/**
 * ca_file_check() - parse the file, in a child process that is confined as the source is: nothing
 * of it comes into our memory.
 * @ret_why: what is wrong with it; a text that stays.
 *
 * Return: 0; -ENOENT also when there is no certificate in it; -EBADMSG when it is damaged, or no
 *         file; another negative errno.
 */
int ca_file_check(const char *path, const char **ret_why);

#endif
