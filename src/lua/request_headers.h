/* The headers of a call's request: those of the program, of the client, of the operation's header
 * and cookie parameters, and of the call itself. */
#ifndef ANYREACH_LUA_REQUEST_HEADERS_H
#define ANYREACH_LUA_REQUEST_HEADERS_H

#include <lua.h>
#include <stdbool.h>

#include "lua/answerer.h"

/* Stack indices; 0, or that of a nil: none. */
struct header_sources {
  int client;
  int fields;         /* the table with the values of parameters */
  int own;            /* {name = text or secret} of this call: checked by headers_check() */
  const char *accept; /* or NULL: what the operation answers with */
};

/* Raises an error of kind "usage" unless the value at `index` is nil or a table of headers that a
 * call may have: not those of the program itself. [-0, +0, v] */
void headers_check(lua_State *L, int index, const char *operation);

/* True when one of them makes some servers take the request for one of another method. */
bool headers_override_method(lua_State *L, const struct operation *operation,
                             const struct header_sources *sources);

/* Adds all headers, the credential among them. [-0, +0, e] */
void headers_add(lua_State *L, struct call *call, const struct header_sources *sources);

/* The same with a mark in place of the credential, for a request that is shown and not sent. */
void headers_add_shown(lua_State *L, struct call *call, const struct header_sources *sources);

/* Adds one header, or raises. */
void headers_add_one(lua_State *L, struct call *call, const char *name, const char *value,
                     size_t length);

#endif
