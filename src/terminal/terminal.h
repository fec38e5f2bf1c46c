/* The terminal for the REPL: module "anyreach.terminal". */
#ifndef ANYREACH_LUA_TERMINAL_H
#define ANYREACH_LUA_TERMINAL_H

#include <lua.h>

/* Pushes the module: editor, is_terminal, size. */
int luaopen_anyreach_terminal(lua_State *L);

#endif
