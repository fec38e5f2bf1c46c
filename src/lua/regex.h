/* Regular expressions by PCRE2: module "anyreach.regex". */
#ifndef ANYREACH_LUA_REGEX_H
#define ANYREACH_LUA_REGEX_H

#include <lua.h>

/* Pushes the module: compile(pattern) -> regex with the method matches(text). */
int luaopen_anyreach_regex(lua_State *L);

#endif
