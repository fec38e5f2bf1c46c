/* The sandbox over HTTP: libmicrohttpd inside our loop, on 127.0.0.1 only, answering from Lua rules
 * (lua/anyreach/sandbox) that run in a Lua state of their own, out of reach of users' scripts. */
#ifndef ANYREACH_SERVER_H
#define ANYREACH_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include "net/loop.h"

struct server;

struct server_options {
  uint16_t port;      /* 0: any free one */
  const char *file;   /* SQLite file that keeps the state; NULL: in memory */
  const char *faults; /* fault profile applied to every request, or NULL; see sandbox/faults.lua */
  const char *seed;   /* makes ids and clock repeatable, or NULL */
};

enum { SERVER_ERROR_MAX = 512 };

/* Starts serving. Returns NULL with a message in `error` when that fails. */
struct server *server_start(struct loop *loop, const struct server_options *options,
                            char error[SERVER_ERROR_MAX]);

/* "http://127.0.0.1:PORT"; valid until server_stop(). */
const char *server_base_url(const struct server *server);

/* The organisations and tokens it knows, as one line of JSON (with base_url); valid until stop. */
const char *server_description(const struct server *server);

void server_stop(struct server *server);

#endif
