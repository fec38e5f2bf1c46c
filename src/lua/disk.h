/* What Lua's own library lacks for files and directories. */
#ifndef ANYREACH_LUA_DISK_H
#define ANYREACH_LUA_DISK_H

#include <lua.h>

int luaopen_anyreach_disk(lua_State *L);
int luaopen_anyreach_directory(lua_State *L);

#endif
