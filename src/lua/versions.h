/* The libraries that the program works with, for `anyreach doctor`: module "anyreach.versions". */
#ifndef ANYREACH_LUA_VERSIONS_H
#define ANYREACH_LUA_VERSIONS_H

#include <lua.h>

/* Pushes an array of {name, version}, as they are loaded now. */
int luaopen_anyreach_versions(lua_State *L);

#endif
