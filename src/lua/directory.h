/* What Lua's own library lacks to find files: the names in a directory, and what a path is. */
#ifndef ANYREACH_LUA_DIRECTORY_H
#define ANYREACH_LUA_DIRECTORY_H

#include <lua.h>

/* Pushes the module: kind, names. */
int luaopen_anyreach_directory(lua_State *L);

#endif
