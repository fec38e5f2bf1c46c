/* What is wrong with the head of a request, before anything looks at what it asks for. For server.c
 * alone. */
#ifndef ANYREACH_SANDBOX_HEAD_H
#define ANYREACH_SANDBOX_HEAD_H

#include <microhttpd.h>

/* NULL when nothing is. Refused is what servers and proxies understand differently (RFC 9112: a
 * method that is no token, two lengths, a length beside a transfer coding, no Host or two), two
 * credentials, and any Host but this machine's own names: with another a browser would reach the
 * sandbox under the name of a web site (DNS rebinding). */
const char *head_problem(struct MHD_Connection *connection, const char *method);

#endif
