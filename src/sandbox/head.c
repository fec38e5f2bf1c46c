#include "sandbox/head.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

struct counted {
  unsigned hosts, lengths, codings, credentials;
  const char *host;
};

static enum MHD_Result count(void *context, enum MHD_ValueKind kind, const char *name,
                             const char *value) {
  struct counted *counted = context;
  (void)kind;
  if (strcasecmp(name, "Host") == 0) counted->hosts++, counted->host = value;
  counted->lengths += strcasecmp(name, "Content-Length") == 0;
  counted->codings += strcasecmp(name, "Transfer-Encoding") == 0;
  counted->credentials += strcasecmp(name, "Authorization") == 0;
  return MHD_YES;
}

static bool is_token(const char *text) {
  const char *at = text;
  while (isalnum((unsigned char)*at) || (*at && strchr("!#$%&'*+-.^_`|~", *at))) at++;
  return at > text && *at == '\0';
}

/* One of this machine's names, with any port or none. */
static bool is_own_host(const char *host) {
  static const char *const names[] = {"127.0.0.1", "localhost", "[::1]"};
  for (size_t i = 0; host && i < sizeof names / sizeof *names; i++) {
    size_t length = strlen(names[i]);
    if (strncasecmp(host, names[i], length) != 0) continue;
    const char *port = host + length;
    if (*port == '\0' || (*port == ':' && port[1 + strspn(port + 1, "0123456789")] == '\0'))
      return true;
  }
  return false;
}

const char *head_problem(struct MHD_Connection *connection, const char *method) {
  struct counted counted = {.host = NULL};
  MHD_get_connection_values(connection, MHD_HEADER_KIND, count, &counted);
  if (!is_token(method)) return "the method is not a token of HTTP";
  if (counted.lengths > 1) return "Content-Length: given more than once";
  if (counted.lengths && counted.codings) return "Content-Length: given beside Transfer-Encoding";
  if (counted.credentials > 1) return "Authorization: given more than once";
  if (counted.hosts != 1) return counted.hosts ? "Host: given more than once" : "Host: missing";
  if (!is_own_host(counted.host)) return "Host: expected 127.0.0.1 or localhost";
  return NULL;
}
