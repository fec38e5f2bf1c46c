/* The arguments of a call: path values by position, then at most one table with parameters and body
 * fields together (or the body itself when that is no object), then at most one with options of the
 * call: {headers = {name = text}}. All problems are reported at once. */
#ifndef ANYREACH_LUA_ARGUMENTS_H
#define ANYREACH_LUA_ARGUMENTS_H

#include <lua.h>

#include "api/operation.h"
#include "lua/check.h"

#define NAMESPACE_TYPE                                                                             \
  "anyreach.namespace" /* __name of api.agents, which is not called with ':'                       \
                        */

/* Stack indices in a call: path values at 1…, then these. */
struct call_arguments {
  int fields;   /* the table argument, or nil */
  int on_chunk; /* the function that takes a text answer piece by piece, or nil */
  int headers;  /* of the call itself, or nil */
  struct check check;
  int body; /* what is sent as body, or nil: none */
};

/* Arranges the stack of a C function that was called with an operation's arguments. Raises one
 * error of kind "usage" that names everything that is wrong. */
struct call_arguments check_arguments(lua_State *L, const struct operation *operation);

#endif
