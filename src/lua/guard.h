/* The guard: what this run may change on the server. It is below all user code, so that bindings,
 * raw requests, uploads and every client pass through it, and it refuses before the first byte is
 * sent. It can be tightened at any time, and code that it restricts cannot loosen it. Two things
 * are reversible by design: an interactive session may lift its own read-only mode, and whether the
 * client of a protected profile writes is decided when it is made. */
#ifndef ANYREACH_LUA_GUARD_H
#define ANYREACH_LUA_GUARD_H

#include <lua.h>
#include <stdbool.h>

#include "api/operation.h"

/* What is about to be sent. A raw request is judged by the operation that serves its path, if one
 * does. */
struct guard_request {
  const struct operation *operation;
  const char *path;     /* of a raw request, without query; else NULL */
  const char *argument; /* a path value that may turn a read into a write ("latest"), or NULL */
  const char *protected_profile; /* of the client, when it must not write; else NULL */

  /* Set by guard_check(). */
  const struct operation *row; /* the one that counts */
  bool writes;
};

/* Raises an error of kind "guard" when the request is not allowed. [-0, +0, v] */
void guard_check(lua_State *L, struct guard_request *request);

/* Refuses every write from now on. */
void guard_set_read_only(lua_State *L);

/* Lua: set_read_only(bool): refuses every write, or stops doing so; other restrictions remain. */
int l_guard_set_read_only(lua_State *L);

/* Lua: restrict_writes(names): from now on only writes with these operation names pass; "x.*"
 * means all operations below x. A second call leaves only what both allow. */
int l_guard_restrict_writes(lua_State *L);

/* Lua: guard_scope() -> a to-be-closed value: restrictions made before it is closed end with it.
 * For a recipe that is run by something that goes on after it. */
int l_guard_scope(lua_State *L);

#endif
