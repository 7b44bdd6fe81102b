/* SPDX-License-Identifier: Apache-2.0 */
/*
 * service_url.h - where the control plane is, from what the user was given: a service URL or a
 * registration key with one.
 */
#ifndef NEXODUS_SERVICE_URL_H
#define NEXODUS_SERVICE_URL_H

#define SERVICE_URL_MAX 256   /* bytes, NUL included */
#define SERVICE_TOKEN_MAX 128 /* of a registration key or device token, NUL included */

/**
 * service_url_api() - the base URL of the api-server: "https://api." and the host and port of the
 * service URL, whatever its path, query and fragment are; no slash at the end.
 * @ret_api: set on success only.
 *
 * The scheme must be https. User information in the URL is refused: it would be sent to nobody; an
 * address instead of a name as well: "api." cannot be put before it. The answer is in small letters
 * and without a dot at the end of the name; a port is kept, an empty one is none.
 *
 * Return: 0; -EINVAL, with *ret_why a static text that says what is wrong.
 */
int service_url_api(const char *url, char ret_api[static SERVICE_URL_MAX], const char **ret_why);

/**
 * service_url_split_key() - a registration key: "RK:..." alone, or "https://host#RK:...".
 * @ret_url:   the part before '#', for service_url_api() to judge; empty when there is no '#'.
 * @ret_token: the fragment, percent-decoded ('+' stays a plus), or without '#' @key as it is. It
 *             must begin with "RK:" and hold only printable ASCII without blanks: it becomes part
 *             of an HTTP header. The caller wipes it.
 *
 * Return: 0; -EINVAL, with *ret_why, which never quotes the key.
 */
int service_url_split_key(const char *key, char ret_url[static SERVICE_URL_MAX],
			  char ret_token[static SERVICE_TOKEN_MAX], const char **ret_why);

#endif
