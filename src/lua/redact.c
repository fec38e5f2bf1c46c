#include "lua/redact.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

#include "lua/buffer.h"
#include "lua/json.h"
#include "lua/secret.h"
#include "net/url.h"

enum { REDACT_MAX_SECRET = 1024 * 1024 };

struct needle {
  const char *bytes;
  size_t length;
  lua_Integer position; /* in the list of secrets */
};

/* Replaces the string at index 1. [-0, +0, m] */
static void replace_all(lua_State *L, const char *bytes, size_t length) {
  size_t text_length;
  const char *text = lua_tolstring(L, 1, &text_length), *end = text + text_length;
  const char *found = length ? memmem(text, text_length, bytes, length) : NULL;
  if (!found) return;
  luaL_Buffer b;
  luaL_buffinit(L, &b);
  do {
    luaL_addlstring(&b, text, (size_t)(found - text));
    luaL_addstring(&b, "[secret]");
    text = found + length;
  } while ((found = memmem(text, (size_t)(end - text), bytes, length)));
  luaL_addlstring(&b, text, (size_t)(end - text));
  luaL_pushresult(&b);
  lua_replace(L, 1);
}

static void replace_encoded(lua_State *L, const struct needle *needle) {
  struct buf *encoded = lua_new_buf(L, 3 * REDACT_MAX_SECRET);
  if (url_append_encoded(encoded, needle->bytes, needle->length) == BUF_OK)
    replace_all(L, encoded->data, encoded->length);
  lua_pop(L, 1);
}

/* Stack: the list of secrets at index 2. */
static void replace_in_json(lua_State *L, const struct needle *needle) {
  struct json_options options = {.secrets = JSON_SECRETS_REVEAL};
  int top = lua_gettop(L);
  lua_rawgeti(L, 2, needle->position);
  struct buf *quoted = lua_new_buf(L, 6 * REDACT_MAX_SECRET);
  if (json_encode(L, top + 1, quoted, &options))
    replace_all(L, quoted->data + 1, quoted->length - 2);
  lua_settop(L, top);
}

/* The longest first, so that a secret which begins another one leaves nothing of it. */
static int compare_needles(const void *a, const void *b) {
  size_t left = ((const struct needle *)a)->length, right = ((const struct needle *)b)->length;
  return left < right ? 1 : left > right ? -1 : 0;
}

/* Pushes the needles, sorted; their bytes live as long as the list at index 2. [-0, +1, m] */
static struct needle *push_needles(lua_State *L, size_t count) {
  struct needle *needles = lua_newuserdatauv(L, (count + 1) * sizeof *needles, 0);
  for (size_t i = 0; i < count; i++) {
    needles[i].position = (lua_Integer)i + 1;
    lua_rawgeti(L, 2, needles[i].position);
    needles[i].bytes = to_secret(L, -1, &needles[i].length);
    lua_pop(L, 1);
  }
  qsort(needles, count, sizeof *needles, compare_needles);
  return needles;
}

static int l_redact(lua_State *L) {
  luaL_checktype(L, 1, LUA_TSTRING);
  lua_settop(L, 1);
  push_secret_list(L);
  size_t count = lua_rawlen(L, 2);
  const struct needle *needles = push_needles(L, count);
  for (size_t i = 0; i < count; i++) {
    if (!secret_is_sought(needles[i].length, lua_rawlen(L, 1))) continue;
    replace_all(L, needles[i].bytes, needles[i].length);
    replace_encoded(L, &needles[i]);
    replace_in_json(L, &needles[i]);
  }
  lua_pushvalue(L, 1);
  return 1;
}

int luaopen_anyreach_redact(lua_State *L) {
  lua_pushcfunction(L, l_redact);
  return 1;
}
