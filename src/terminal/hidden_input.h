/* Reads what must not be seen: module "anyreach.hidden_input". */
#ifndef ANYREACH_LUA_HIDDEN_INPUT_H
#define ANYREACH_LUA_HIDDEN_INPUT_H

#include <lua.h>

/* Pushes the module: read(prompt) -> text. */
int luaopen_anyreach_hidden_input(lua_State *L);

#endif
