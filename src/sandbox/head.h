/* What is wrong with the head of a request, before anything looks at what it asks for. For server.c
 * alone. */
#ifndef ANYREACH_SANDBOX_HEAD_H
#define ANYREACH_SANDBOX_HEAD_H

#include "sandbox/request.h"

enum { HEAD_PROBLEM_MAX = 64 };

/* A flag for MHD_start_daemon(). Strictness in 0.9 adds that it closes instead of answering 400. */
#if MHD_VERSION >= 0x01000000
#define HEAD_STRICTNESS MHD_USE_PEDANTIC_CHECKS
#else
#define HEAD_STRICTNESS MHD_NO_FLAG
#endif

/* NULL when nothing is; otherwise a text, which may stand in `text`. Refused is what servers and
 * proxies understand differently (RFC 9112: a method or name that is no token, spaces in the
 * target, control characters, two lengths, a length beside a transfer coding, another coding than
 * chunked, no Host or two), two credentials, and any Host but this machine's own names: with
 * another a browser would reach the sandbox under the name of a web site (DNS rebinding).
 *
 * A line that ends with a bare LF, a folded line and a NUL do not show in what libmicrohttpd hands
 * over. Version 1.0 refuses them itself (HEAD_STRICTNESS); 0.9 takes the first two for ordinary
 * lines, and a line to end at its NUL. */
const char *head_problem(const struct request *request, const char *version,
                         char text[HEAD_PROBLEM_MAX]);

#endif
