/* What a client offers: its operations as functions below namespaces (api.agents.versions.publish),
 * made when they are first used. An operation bound to a client is called like a function; beyond
 * that it has a name, `curl` and, for work that goes on after the answer, `wait`. */
#ifndef ANYREACH_LUA_BINDING_H
#define ANYREACH_LUA_BINDING_H

#include <lua.h>

/* Pushes the module: new(settings) -> client, upload, fetch, and what push_client_module() has. */
int luaopen_anyreach_client_core(lua_State *L);

#endif
