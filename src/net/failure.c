#include "net/failure.h"

#include <ctype.h>
#include <openssl/err.h>
#include <openssl/sslerr.h>
#include <openssl/x509_vfy.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char UNKNOWN_AUTHORITY[] =
    "the server's certificate is of an authority that is unknown here; --ca-file FILE trusts it";

/* {====== TLS ====== */

/* What the verification of a certificate found. Where only the name of the host is wrong that is
 * nothing, or in older versions what libcurl starts from. */
static const char *certificate_reason(long result) {
  switch (result) {
  case X509_V_OK:
  case X509_V_ERR_UNSPECIFIED: return "the server's certificate is for another host";
  case X509_V_ERR_CERT_HAS_EXPIRED:
    return "the server's certificate has expired; is the clock of this machine right?";
  case X509_V_ERR_CERT_NOT_YET_VALID:
    return "the server's certificate is not valid yet; is the clock of this machine right?";
  case X509_V_ERR_CERT_REVOKED: return "the server's certificate was withdrawn";
  case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
  case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
  case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
  case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
  case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE: return UNKNOWN_AUTHORITY;
  default: return NULL;
  }
}

/* libcurl passes on OpenSSL's code only as a part of its message, "TLS connect error:
 * error:0A00010B:…". */
static int openssl_reason(const char *message) {
  const char *code = message;
  do {
    code = strstr(code, "error:");
    if (!code) return 0;
    code += strlen("error:");
  } while (!isxdigit((unsigned char)*code));
  return ERR_GET_REASON(strtoul(code, NULL, 16));
}

/* }====== */

/* {====== connections and time ====== */

#if LIBCURL_VERSION_NUM >= 0x080700

static bool went_to_proxy(const struct http_transfer *transfer) {
  long used = 0;
  curl_easy_getinfo(transfer->easy, CURLINFO_USED_PROXY, &used);
  return used != 0;
}

#else

/* "HOST port PORT" of a URL, as libcurl writes an address in its messages; false without memory. */
static bool write_address(char *text, size_t size, const char *url) {
  char *host = NULL, *port = NULL;
  CURLU *parts = curl_url();
  bool ok = parts && curl_url_set(parts, CURLUPART_URL, url, 0) == CURLUE_OK &&
            curl_url_get(parts, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
            curl_url_get(parts, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK;
  if (ok) {
    int brackets = *host == '[';
    int length = (int)strlen(host) - 2 * brackets;
    snprintf(text, size, "%.*s port %s ", length, host + brackets, port);
  }
  curl_free(host);
  curl_free(port);
  curl_url_cleanup(parts);
  return ok;
}

/* This libcurl has no code for it: the message names another address than the URL. */
static bool went_to_proxy(const struct http_transfer *transfer) {
  char own[CURL_ERROR_SIZE];
  return *transfer->error && write_address(own, sizeof own, transfer->url) &&
         !strcasestr(transfer->error, own);
}

#endif

static bool is_resolved(const struct http_transfer *transfer) {
  curl_off_t microseconds = 0;
  curl_easy_getinfo(transfer->easy, CURLINFO_NAMELOOKUP_TIME_T, &microseconds);
  return microseconds > 0;
}

/* To the rounding of libcurl, which counts in whole milliseconds. */
static bool has_used_its_time(const struct http_transfer *transfer) {
  long limit = transfer->limits.timeout_ms;
  return limit > 0 && (loop_now() - transfer->started) * 1000 + 2 >= (double)limit;
}

static const char *timeout_reason(const struct http_transfer *transfer) {
  if (has_used_its_time(transfer))
    return "no whole answer within the time for a request; --timeout SECONDS sets it";
  if (transfer->step == HTTP_SENDING) return "the answer stalled";
  if (transfer->step == HTTP_SECURING) return "no TLS within the time for connecting";
  if (is_resolved(transfer)) return "no connection within the time for it";
  return "the server's name was not found within the time for connecting";
}

/* }====== */

static const char *proxy_refusal(const struct http_transfer *transfer) {
  long status = 0;
  curl_easy_getinfo(transfer->easy, CURLINFO_HTTP_CONNECTCODE, &status);
  return status >= 300 ? "the proxy refused the connection; look at HTTPS_PROXY and NO_PROXY"
                       : NULL;
}

static const char *verification_reason(const struct http_transfer *transfer) {
  long result = X509_V_OK;
  curl_easy_getinfo(transfer->easy, CURLINFO_SSL_VERIFYRESULT, &result);
  return certificate_reason(result);
}

static const char *handshake_reason(const struct http_transfer *transfer) {
  switch (openssl_reason(transfer->error)) {
  case SSL_R_WRONG_VERSION_NUMBER: return "the server does not speak TLS at this address";
  case SSL_R_TLSV1_ALERT_NO_APPLICATION_PROTOCOL:
    return "the server does not speak HTTP/1.1, over which all is sent that must not be repeated";
  default: return NULL;
  }
}

const char *failure_reason(const struct http_transfer *transfer) {
  const char *refusal = proxy_refusal(transfer);
  if (refusal) return refusal;
  switch (transfer->verdict) {
  case CURLE_COULDNT_RESOLVE_PROXY:
    return "the proxy's name is unknown; look at HTTPS_PROXY and NO_PROXY";
  case CURLE_COULDNT_RESOLVE_HOST:
    return "the server's name is unknown; look at the base URL and the network";
  case CURLE_COULDNT_CONNECT:
    return went_to_proxy(transfer)
               ? "nothing answers at the proxy's address; look at HTTPS_PROXY and NO_PROXY"
               : "nothing answers at this address";
  case CURLE_PEER_FAILED_VERIFICATION: return verification_reason(transfer);
  case CURLE_SSL_CONNECT_ERROR: return handshake_reason(transfer);
  case CURLE_SSL_CACERT_BADFILE: return "the file of certificate authorities cannot be used";
  case CURLE_OPERATION_TIMEDOUT: return timeout_reason(transfer);
  default: return NULL;
  }
}
