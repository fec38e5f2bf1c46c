/* JSON: what is decoded, encoded and decoded again is equal, and from then on the text is the same,
 * also where bytes that are not UTF-8 are kept. What is refused is refused with a place. */
#include "../../src/lua/json.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

static void encode(lua_State *L, int index, unsigned indent, struct buf *text) {
  struct json_options options = {.indent = indent, .invalid_bytes = JSON_BYTES_KEEP};
  buf_init(text, JSON_MAX_TEXT);
  fuzz_expect(json_encode(L, index, text, &options));
}

/* The value at the top survives being written; its text is pushed. */
static void expect_round_trip(lua_State *L, unsigned indent) {
  struct buf first, second;
  int value = lua_gettop(L);
  encode(L, value, indent, &first);
  fuzz_expect(json_decode_keeping_bytes(L, first.data, first.length));
  fuzz_expect(json_equal(L, value, value + 1));
  encode(L, value + 1, indent, &second);
  fuzz_expect(first.length == second.length && !memcmp(first.data, second.data, first.length));
  buf_free(&first);
  buf_free(&second);
  lua_settop(L, value);
}

/* Two surrogates that came as bytes become one character when they are first written. */
static void replace_by_written(lua_State *L) {
  struct buf text;
  encode(L, -1, 0, &text);
  fuzz_expect(json_decode_keeping_bytes(L, text.data, text.length));
  buf_free(&text);
  lua_replace(L, -2);
}

static int l_check(lua_State *L) {
  const char *text = lua_touserdata(L, 1);
  size_t length = (size_t)lua_tointeger(L, 2);
  bool strict = json_decode(L, text, length);
  lua_pop(L, 1);
  if (json_decode_keeping_bytes(L, text, length)) {
    fuzz_expect(lua_gettop(L) == 3);
    if (!strict) replace_by_written(L);
    expect_round_trip(L, 0);
    expect_round_trip(L, 1 + length % 4);
  } else {
    fuzz_expect(!strict && strncmp(lua_tostring(L, -1), "line ", 5) == 0);
  }
  return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static lua_State *L;
  if (!L) L = fuzz_new_state();
  char *text = fuzz_copy_bytes(data, size);
  lua_pushcfunction(L, l_check);
  lua_pushlightuserdata(L, text);
  lua_pushinteger(L, (lua_Integer)size);
  fuzz_expect(lua_pcall(L, 2, 0, 0) == LUA_OK);
  free(text);
  lua_gc(L, LUA_GCCOLLECT);
  return 0;
}
