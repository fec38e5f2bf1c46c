/* The terminal for the REPL: module "anyreach.terminal". */
#ifndef ANYREACH_LUA_TERMINAL_H
#define ANYREACH_LUA_TERMINAL_H

#include <lua.h>

/* Pushes the module: editor, is_terminal, size. */
int luaopen_anyreach_terminal(lua_State *L);

/* Pushes the module "anyreach.hidden_input": read(prompt) -> text, a line typed unseen. */
int luaopen_anyreach_hidden_input(lua_State *L);

#endif
