/* Where in the tree of tasks something is done: "main", "main.2" for the second task that the main
 * one spawned, "main.3.17" for the 17th item of an anyreach.map. A place is the same in every run
 * of a script, whatever finishes first and however many workers there are. Places are userdata;
 * each keeps its parent alive, not the task that was there. */
#ifndef ANYREACH_LUA_PLACE_H
#define ANYREACH_LUA_PLACE_H

#include <lua.h>

struct place {
  const struct place *parent; /* NULL: the root, of the main task */
  lua_Integer index;          /* from 1, among the parent's children */
  lua_Integer child_count;    /* indices given out so far */
};

/* Pushes the root. [-0, +1, m] */
struct place *place_push_root(lua_State *L);

/* Replaces the place on top of the stack by a new one below it, with the next free index, or with
 * `index` when that is not 0: the same index twice is the same place twice. [-1, +1, m] */
struct place *place_replace_by_child(lua_State *L, lua_Integer index);

/* Pushes the place, or the root for NULL, as text. [-0, +1, m] */
void place_push_text(lua_State *L, const struct place *place);

#endif
