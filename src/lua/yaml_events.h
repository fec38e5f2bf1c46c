/* libyaml's events as Lua tables, for lua/anyreach/yaml/edit, which changes a text in place. */
#ifndef ANYREACH_LUA_YAML_EVENTS_H
#define ANYREACH_LUA_YAML_EVENTS_H

#include <lua.h>

/* events(text) -> list of {kind, first, last, style, tag, anchor, value}, in the order of the text.
 * `kind` is "scalar", "alias", "list", "map" or "end" (of the innermost open list or map);
 * `first` and `last` are byte positions, with last = first - 1 for what is empty; `value` is
 * a scalar's text, or the anchor that an alias names. A text that is not YAML raises an error. */
int l_yaml_events(lua_State *L);

#endif
