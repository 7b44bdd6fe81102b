/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls_certificate.h - an authority of the test's own, and certificates that are good or bad in one
 * way each. Nothing is written to disk.
 */
#ifndef TESTS_TLS_CERTIFICATE_H
#define TESTS_TLS_CERTIFICATE_H

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#define DAY_S 86400L
#define GOOD_NAMES                                                                                 \
	"DNS:v4.test,DNS:v6.test,DNS:both.test,DNS:half.test,DNS:other-half.test,DNS:several."     \
	"test,"                                                                                    \
	"DNS:in-hosts.test,DNS:short,DNS:large.test,DNS:large6.test,"                              \
	"DNS:moves.test,DNS:hole.test,DNS:expired.test,DNS:early.test,DNS:selfsigned.test,IP:127." \
	"0.0.1,IP:::1"

struct tls_certificate {
	const char *host; /* who asks for it (SNI); NULL: everybody else */
	const char *names;
	long from_days, to_days; /* from now */
	bool is_self_signed;
	X509 *x509;
};

/* clang-format off */
static struct tls_certificate tls_certificates[] = {
	{ .host = "expired.test",  .names = GOOD_NAMES, .from_days = -20, .to_days = -10 },
	{ .host = "early.test",    .names = GOOD_NAMES, .from_days = 10,  .to_days = 20 },
	{ .host = "wrong.test",    .names = "DNS:other.example", .from_days = -10, .to_days = 10 },
	{ .host = "selfsigned.test", .names = GOOD_NAMES, .from_days = -10, .to_days = 10,
	  .is_self_signed = true },
	{ .names = GOOD_NAMES, .from_days = -10, .to_days = 10 },
};
/* clang-format on */

static EVP_PKEY *tls_authority_key, *tls_server_key;
static X509 *tls_authority;

static inline void tls_extension(X509 *x509, int nid, const char *value)
{
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

	assert_non_null(extension);
	assert_int_equal(X509_add_ext(x509, extension, -1), 1);
	X509_EXTENSION_free(extension);
}

static inline X509 *tls_certificate_new(const char *name, EVP_PKEY *key, long from_days,
					long to_days)
{
	static long serial;
	X509 *x509 = X509_new();
	X509_NAME *subject = X509_get_subject_name(x509);

	X509_set_version(x509, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x509), ++serial);
	X509_gmtime_adj(X509_getm_notBefore(x509), from_days * DAY_S);
	X509_gmtime_adj(X509_getm_notAfter(x509), to_days * DAY_S);
	X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1,
				   0);
	X509_set_pubkey(x509, key);
	return x509;
}

static inline X509 *tls_authority_new(const char *name, EVP_PKEY *key)
{
	X509 *x509 = tls_certificate_new(name, key, -30, 30);

	X509_set_issuer_name(x509, X509_get_subject_name(x509));
	tls_extension(x509, NID_basic_constraints, "critical,CA:TRUE");
	tls_extension(x509, NID_key_usage, "critical,keyCertSign");
	assert_true(X509_sign(x509, key, EVP_sha256()) > 0);
	return x509;
}

static inline void tls_certificates_make(void)
{
	tls_authority_key = EVP_EC_gen("P-256");
	tls_server_key = EVP_EC_gen("P-256");
	tls_authority = tls_authority_new("Test authority", tls_authority_key);
	for (size_t i = 0; i < N(tls_certificates); i++) {
		struct tls_certificate *one = &tls_certificates[i];
		X509 *issuer;

		one->x509 = tls_certificate_new("Test server", tls_server_key, one->from_days,
						one->to_days);
		issuer = one->is_self_signed ? one->x509 : tls_authority;
		X509_set_issuer_name(one->x509, X509_get_subject_name(issuer));
		tls_extension(one->x509, NID_subject_alt_name, one->names);
		assert_true(X509_sign(one->x509,
				      one->is_self_signed ? tls_server_key : tls_authority_key,
				      EVP_sha256()) > 0);
	}
}

static inline void tls_certificates_free(void)
{
	for (size_t i = 0; i < N(tls_certificates); i++)
		X509_free(tls_certificates[i].x509);
	X509_free(tls_authority);
	EVP_PKEY_free(tls_server_key);
	EVP_PKEY_free(tls_authority_key);
}

/* @n_others authorities that have signed nothing, then ours; like a system's bundle. */
static inline int tls_authorities_fd(int n_others)
{
	int fd = memfd_create("ca", MFD_CLOEXEC);
	FILE *file = fdopen(dup(fd), "w");
	char name[32];

	assert_non_null(file);
	fprintf(file, "# Not a certificate\n");
	for (int i = 0; i < n_others; i++) {
		X509 *other;

		snprintf(name, sizeof(name), "Other authority %d", i);
		other = tls_authority_new(name, tls_server_key);
		PEM_write_X509(file, other);
		X509_free(other);
	}
	PEM_write_X509(file, tls_authority);
	fclose(file);
	return fd;
}

#endif
