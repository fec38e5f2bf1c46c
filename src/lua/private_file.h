/* Files that are nobody else's business, such as caches, and paths that one program holds at a
 * time: module "anyreach.private_file". */
#ifndef ANYREACH_LUA_PRIVATE_FILE_H
#define ANYREACH_LUA_PRIVATE_FILE_H

#include <lua.h>

int luaopen_anyreach_private_file(lua_State *L);

#endif
