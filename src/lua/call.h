/* Calls an operation: checks the arguments, asks the guard, builds the request, and has it answered
 * (answerer.h). One function serves every operation; its row says what differs. */
#ifndef ANYREACH_LUA_CALL_H
#define ANYREACH_LUA_CALL_H

#include <lua.h>
#include <stdbool.h>

#include "api/operation.h"

#define CALL_BOUND_TYPE "anyreach.operation" /* __name of what is called: api.agents.get */

/* Pushes the function for an operation of the client at `client`. With `try` a failure is returned
 * as nil and the error instead of raised; misuse always raises. [-0, +1, m] */
void push_call(lua_State *L, int client, const struct operation *operation, bool try);

/* Pushes the function that returns the curl command of such a call, and sends nothing. [-0, +1, m]
 */
void push_curl(lua_State *L, int client, const struct operation *operation);

/* Pushes the function for raw requests: {method=, path=, query=, body=}. [-0, +1, m] */
void push_raw_call(lua_State *L, int client, bool try);

/* Lua: upload(client, url, bytes, content_type) -> body, response. For
 * lua/anyreach/client/uploads.lua. */
int l_call_upload(lua_State *L);

/* Lua: fetch(client, url, with_credential) -> text, response. For
 * lua/anyreach/openapi/document.lua. */
int l_call_fetch(lua_State *L);

#endif
