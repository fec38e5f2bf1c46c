/* A client: credential, organisation, base URL and policy. Its settings come checked from
 * lua/anyreach/client/client.lua; binding.c gives it the operations as functions. */
#ifndef ANYREACH_CLIENT_H
#define ANYREACH_CLIENT_H

#include <lua.h>

#include "net/http.h"
#include "net/throttle.h"

#define CLIENT_TYPE "anyreach.client"

/* User values of a client. */
enum {
  CLIENT_SETTINGS = 1,
  CLIENT_ROOT,     /* what is indexed for its operations, once it was */
  CLIENT_TRY_ROOT, /* the same of client.try */
  CLIENT_THROTTLE,
  CLIENT_VALUES = CLIENT_THROTTLE
};

/* Lives in a userdata; the strings are anchored in its user value. */
struct client {
  const char *base_url;     /* no slash at the end */
  const char *organization; /* or NULL */
  const char *token;        /* or NULL; never printed */
  size_t token_length;
  const char *ca_file; /* or NULL */
  bool http2;          /* may be spoken */
  const char *profile; /* the profile's name, for messages; or NULL */
  bool is_protected;   /* by the profile: writes nothing */
  bool is_internal;    /* its requests are no steps of the script */
  bool looks_first;    /* see struct request_policy */
  struct http_limits limits;
  unsigned retries;
  double patience;           /* seconds in all that a request waits after refusals */
  struct throttle *throttle; /* shared by all clients of the same server */
  struct observer *observer; /* or NULL: nobody observes */
};

/* The client at `index`; raises when it is something else. */
struct client *check_client(lua_State *L, int index);

/* Pushes the table of extra headers of the client at `index`, or nil. [-0, +1, -] */
void push_client_headers(lua_State *L, int index);

/* Pushes a table of what needs no operation: new(settings) -> client, and questions about tokens
 * and base URLs; makes the clients' metatable. [-0, +1, m] */
void push_client_module(lua_State *L);

#endif
