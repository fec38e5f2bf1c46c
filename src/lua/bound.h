/* An operation bound to a client: what `api.agents.get` is. It is called like a function; beyond
 * that it has a name, `curl` and, for work that goes on after the answer, `wait`. */
#ifndef ANYREACH_LUA_BOUND_H
#define ANYREACH_LUA_BOUND_H

#include <lua.h>
#include <stdbool.h>

#include "api/operation.h"

/* Pushes the operation bound to the client at `client`. With `try` a failure is returned as nil and
 * the error instead of raised; misuse always raises. [-0, +1, m] */
void push_bound(lua_State *L, int client, const struct operation *operation, bool try);

/* True when the value at `index` is a bound operation, as in api.agents.get:curl(). */
bool is_bound(lua_State *L, int index);

#endif
