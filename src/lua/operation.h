/* The operation table for Lua: module "anyreach.operations" (names, describe, match, check,
 * nearest, define). For help, `call`, completion, the sandbox's router and the tests. */
#ifndef ANYREACH_LUA_OPERATION_H
#define ANYREACH_LUA_OPERATION_H

#include <lua.h>

int luaopen_anyreach_operations(lua_State *L);

#endif
