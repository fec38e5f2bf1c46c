/* The C modules that both Lua states of the program have, the user's and the sandbox's: json,
 * secret, yaml, sqlite, operations; and the embedded Lua files beside them. */
#ifndef ANYREACH_MODULES_H
#define ANYREACH_MODULES_H

#include <lauxlib.h>

/* Makes them known to `require`; nothing is loaded yet. [-0, +0, e] */
void modules_open(lua_State *L);

/* Adds further C modules, by name and opening function. [-0, +0, m] */
void modules_preload(lua_State *L, const luaL_Reg *modules);

#endif
