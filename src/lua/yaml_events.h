/* libyaml's events as Lua tables, for anyreach.yaml_edit, which changes a text in place. */
#ifndef ANYREACH_LUA_YAML_EVENTS_H
#define ANYREACH_LUA_YAML_EVENTS_H

#include <lua.h>

/* events(text) -> list of {kind, first, last, style, tag, anchor, value}, in the order of the text.
 * `kind` is "scalar", "alias", "list", "map" or "end" (of the list or map that was begun last);
 * `first` and `last` are bytes of the text, `last` being first - 1 where nothing stands; `value` is
 * a scalar's text, or the anchor that an alias names. A text that is not YAML raises an error. */
int l_yaml_events(lua_State *L);

#endif
