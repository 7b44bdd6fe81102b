/* SPDX-License-Identifier: Apache-2.0 */
/*
 * defaults.h - constants of the public control plane, as nexd has them.
 */
#ifndef NEXODUS_DEFAULTS_H
#define NEXODUS_DEFAULTS_H

#define DEFAULT_SERVICE_URL "https://try.nexodus.io"

/* OAuth: what is asked for. The client's name comes from the server. */
#define DEFAULT_SCOPE                                             \
	"openid profile email offline_access read:organizations " \
	"write:organizations read:users write:users read:devices write:devices"

/* "host:port", with blanks between, as --stun-server has them in the configuration file. */
#define DEFAULT_STUN_SERVERS                                                         \
	"stun.l.google.com:19302 stun1.l.google.com:19302 stun2.l.google.com:19302 " \
	"stun3.l.google.com:19302 stun4.l.google.com:19302"

#endif
