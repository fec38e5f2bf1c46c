/* The operation table as scripts see it: module "anyreach.operations" (names, describe, match,
 * check, nearest, define). Used by help, `call`, completion, the sandbox's router and the tests. */
#ifndef ANYREACH_LUA_OPERATION_H
#define ANYREACH_LUA_OPERATION_H

#include <lua.h>

int luaopen_anyreach_operations(lua_State *L);

#endif
