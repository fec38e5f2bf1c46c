/* The guard: what this run may change on the server. It is below all user code, so that bindings,
 * raw requests, uploads and every client pass through it, and it refuses before the first byte is
 * sent. It judges what goes out, not the name that it goes out under: a document may describe a
 * path of ours under another name. It can be tightened at any time, and code that it restricts
 * cannot loosen it: its state is one for the process, in memory that Lua does not reach. Two things
 * are reversible by design: an interactive session may lift its own read-only mode, and whether the
 * client of a protected profile writes is decided when it is made. */
#ifndef ANYREACH_LUA_GUARD_H
#define ANYREACH_LUA_GUARD_H

#include <lua.h>
#include <stdbool.h>

#include "api/operation.h"

/* What is about to be sent. */
struct guard_request {
  const struct operation *operation; /* the row that was called; of a raw request, one for it */
  const char *url;                   /* of the API, as it goes out; NULL when it goes elsewhere */
  const char *target;                /* in `url`: what follows the client's base URL */
  bool is_raw;
  bool overrides_method;         /* a header names another method to the server */
  const char *protected_profile; /* of the client, when it must not write; else NULL */

  /* Set by guard_check(). */
  const struct operation *row; /* the one that counts: of ours, if the URL is one of ours */
  bool writes;
};

/* Raises an error of kind "guard" when the request is not allowed. A request that servers may take
 * for several operations (they differ in how they read "//" and "%2F") must be allowed as each.
 * [-0, +0, v] */
void guard_check(lua_State *L, struct guard_request *request);

/* Refuses every write from now on. */
void guard_set_read_only(void);

/* Clients of protected profiles that are made from now on may write, as --write says. */
void guard_lift_protection(void);
bool guard_protection_is_lifted(void);

/* Ends all restrictions: a new run begins. */
void guard_forget(void);

/* Lua: set_read_only(bool): refuses every write, or stops doing so; other restrictions remain. */
int l_guard_set_read_only(lua_State *L);

/* Lua: lift_protection(bool): clients of protected profiles that are made from now on may write, or
 * not. Only files of the program that have asked the user may lift it; nothing in a table that
 * scripts can write does. This stops mistakes, and not a script that looks for ways: it has the
 * credential, and may run `anyreach --write`. */
int l_guard_lift_protection(lua_State *L);

/* Lua: protection_is_lifted() -> boolean. */
int l_guard_protection_is_lifted(lua_State *L);

/* Lua: restrict_writes(names): from now on only writes with these operation names pass; "x.*"
 * means all operations of ours below x: one that only a document read at run time describes must be
 * named in full. A second call leaves only what both allow. */
int l_guard_restrict_writes(lua_State *L);

/* Lua: guard_scope() -> a to-be-closed value: restrictions made before it is closed end with it.
 * For a recipe that is run by something that goes on after it. */
int l_guard_scope(lua_State *L);

#endif
