#include "lua/place.h"

#include <lauxlib.h>
#include <stdio.h>
#include <string.h>

/* The only user value is the parent, so that `parent` stays valid. */
static struct place *push_place(lua_State *L, const struct place *parent, lua_Integer index) {
  struct place *place = lua_newuserdatauv(L, sizeof *place, 1);
  *place = (struct place){.parent = parent, .index = index};
  return place;
}

struct place *place_push_root(lua_State *L) {
  return push_place(L, NULL, 0);
}

struct place *place_replace_by_child(lua_State *L, lua_Integer index) {
  struct place *parent = lua_touserdata(L, -1);
  struct place *child = push_place(L, parent, index ? index : parent->child_count + 1);
  if (!index) parent->child_count++;
  lua_insert(L, -2);
  lua_setiuservalue(L, -2, 1);
  return child;
}

enum { INDEX_SIZE = 24 }; /* of ".9223372036854775807" */

static size_t format_index(const struct place *place, char text[INDEX_SIZE]) {
  return (size_t)snprintf(text, INDEX_SIZE, ".%lld", (long long)place->index);
}

/* Written from its end: the parents are known from the child alone. */
void place_push_text(lua_State *L, const struct place *place) {
  static const char root[] = "main";
  char index[INDEX_SIZE];
  size_t length = sizeof root - 1;
  for (const struct place *p = place; p && p->parent; p = p->parent)
    length += format_index(p, index);
  luaL_Buffer text;
  char *end = luaL_buffinitsize(L, &text, length) + length;
  for (const struct place *p = place; p && p->parent; p = p->parent) {
    size_t index_length = format_index(p, index);
    end -= index_length;
    memcpy(end, index, index_length);
  }
  memcpy(end - (sizeof root - 1), root, sizeof root - 1);
  luaL_pushresultsize(&text, length);
}
