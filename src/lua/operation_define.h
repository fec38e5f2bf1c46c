/* define(rows): adds operations to the table. The rows are tables in the shape that describe()
 * shows and lua/anyreach/openapi/operations.lua reads. */
#ifndef ANYREACH_LUA_OPERATION_DEFINE_H
#define ANYREACH_LUA_OPERATION_DEFINE_H

#include <lua.h>

int l_operations_define(lua_State *L);

#endif
