/* Why a transfer failed, in words for people. Decided by the codes of libcurl and OpenSSL, because
 * their own words change from one version to the next. For http.c alone. */
#ifndef ANYREACH_FAILURE_H
#define ANYREACH_FAILURE_H

#include "net/http.h"

/* The reason for a verdict that is not CURLE_OK; NULL when libcurl's own message says all there is.
 * The transfer still has its easy handle, its times and libcurl's message. */
const char *failure_reason(const struct http_transfer *transfer);

#endif
