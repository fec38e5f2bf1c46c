/* YAML 1.2 (core schema) for Lua, read with libyaml: agent files and OpenAPI documents. Values are
 * exactly those of the JSON codec (json.h), so that a file may be in either format. */
#ifndef ANYREACH_LUA_YAML_H
#define ANYREACH_LUA_YAML_H

#include <lua.h>

/* Pushes the module: decode, events, tag, is_tag. */
int luaopen_anyreach_yaml(lua_State *L);

#endif
