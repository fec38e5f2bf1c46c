/* The JSON module in a bare Lua state: what the C interface promises beyond what the Lua specs see.
 */
#include "../../src/lua/json.h"

#include <lauxlib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../src/lua/json_parts.h"
#include "../../src/lua/secret.h"

/* An allocator that fails when its budget is spent, and counts what is alive. */
struct memory {
  long budget; /* allocations left; negative: no limit */
  long alive;
};

static void *allocate(void *context, void *block, size_t old_size, size_t new_size) {
  struct memory *memory = context;
  (void)old_size;
  if (new_size == 0) {
    if (block) memory->alive--;
    free(block);
    return NULL;
  }
  if (memory->budget == 0) return NULL;
  if (memory->budget > 0) memory->budget--;
  if (!block) memory->alive++;
  return realloc(block, new_size);
}

static int set_up(void **state) {
  lua_State *L = luaL_newstate();
  luaL_requiref(L, "anyreach.json", luaopen_anyreach_json, 0);
  lua_settop(L, 0);
  *state = L;
  return L ? 0 : -1;
}

static int tear_down(void **state) {
  lua_close(*state);
  return 0;
}

static void decode(lua_State *L, const char *text) {
  if (!json_decode(L, text, strlen(text))) fail_msg("%s", lua_tostring(L, -1));
}

static void check_encoded(lua_State *L, int index, struct json_options options, const char *text) {
  struct buf out;
  int top = lua_gettop(L);
  buf_init(&out, 1024);
  assert_true(json_encode(L, index, &out, &options));
  assert_int_equal(lua_gettop(L), top);
  assert_string_equal(buf_text(&out), text);
  buf_free(&out);
}

static void check_refused(lua_State *L, int index, struct json_options options, size_t maximum,
                          const char *message) {
  struct buf out;
  int top = lua_gettop(L);
  buf_init(&out, maximum);
  assert_false(json_encode(L, index, &out, &options));
  assert_int_equal(lua_gettop(L), top + 1);
  assert_true(out.length <= maximum);
  if (!strstr(lua_tostring(L, -1), message)) fail_msg("%s", lua_tostring(L, -1));
  lua_pop(L, 1);
  buf_free(&out);
}

static void decoding_pushes_one_value(void **state) {
  lua_State *L = *state;
  static const char *const texts[] = {"[1,[2,{\"a\":\"b\\n\"}]]", "[1,[2,{\"a\":\"b\\n\"", "1", "",
                                      "{\"a\" 1}"};
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
    lua_settop(L, 0);
    lua_pushliteral(L, "below");
    json_decode(L, texts[i], strlen(texts[i]));
    assert_int_equal(lua_gettop(L), 2);
    assert_string_equal(lua_tostring(L, 1), "below");
  }
}

/* Every cut of a document, in a block of just its size: a reader beyond the end is caught by the
 * sanitizers and by valgrind. */
static void decoding_stays_inside_the_text(void **state) {
  lua_State *L = *state;
  static const char text[] =
      "{\"a\\u00e9\\ud83d\\ude00\":[1.5e+3,-12,true,false,null,\"\xC3\xA9\xF0\x9F\x98\x80\"]}";
  for (size_t length = 0; length < sizeof text; length++) {
    char *cut = malloc(length ? length : 1);
    assert_non_null(cut);
    memcpy(cut, text, length);
    assert_int_equal(json_decode(L, cut, length), length == sizeof text - 1);
    lua_settop(L, 0);
    free(cut);
  }
}

static void empty_tables_follow_the_options(void **state) {
  lua_State *L = *state;
  lua_newtable(L); /* 1: the value */
  lua_newtable(L); /* 2: wanted as an array */
  lua_pushvalue(L, 2);
  lua_setfield(L, 1, "array");
  lua_newtable(L);
  lua_setfield(L, 1, "object");
  lua_newtable(L); /* 3: the set */
  lua_pushvalue(L, 2);
  lua_pushboolean(L, 1);
  lua_rawset(L, 3);
  check_encoded(L, 1, (struct json_options){.empty_arrays = 3}, "{\"array\":[],\"object\":{}}");
  check_encoded(L, 1, (struct json_options){0}, "{\"array\":{},\"object\":{}}");
  lua_pushvalue(L, 1);
  check_encoded(L, -1, (struct json_options){.empty_arrays = -2}, "{\"array\":[],\"object\":{}}");
}

static void secrets_follow_the_options(void **state) {
  lua_State *L = *state;
  lua_newtable(L);
  push_secret(L, "a\"b", 3);
  lua_setfield(L, 1, "token");
  check_encoded(L, 1, (struct json_options){.secrets = JSON_SECRETS_REVEAL},
                "{\"token\":\"a\\\"b\"}");
  check_encoded(L, 1, (struct json_options){.secrets = JSON_SECRETS_REDACT},
                "{\"token\":\"[secret]\"}");
  check_refused(L, 1, (struct json_options){0}, 1024, "cannot encode token as JSON: a secret");
  push_secret(L, "ab\xFF", 3);
  check_refused(L, -1, (struct json_options){.secrets = JSON_SECRETS_REVEAL}, 1024,
                "the secret is not valid UTF-8 at byte 3");
}

static void unresolved_tags_are_refused(void **state) {
  lua_State *L = *state;
  lua_newtable(L);
  lua_newtable(L);
  lua_pushliteral(L, "!file");
  lua_setfield(L, -2, "tag");
  luaL_newmetatable(L, "anyreach.yaml.tag");
  lua_setmetatable(L, -2);
  lua_setfield(L, 1, "prompt");
  check_refused(L, 1, (struct json_options){0}, 1024,
                "cannot encode prompt as JSON: the !file tag was not resolved");
}

static void a_full_buffer_is_an_error(void **state) {
  lua_State *L = *state;
  static const char text[] = "{\"a\":[1,2.5,\"x\\n\",true,null],\"b\":{\"c\":[]}}";
  decode(L, text);
  for (size_t maximum = 0; maximum < sizeof text - 1; maximum++)
    check_refused(L, 1, (struct json_options){0}, maximum, "the text would be larger than");
}

static int round_trip(lua_State *L) {
  lua_pushliteral(L, "[{\"a\":\"\\n\xC3\xA9\",\"b\":12345678901234567890},[],{\"c\":[1.5,null]}]");
  lua_getfield(L, 1, "decode");
  lua_pushvalue(L, 2);
  lua_call(L, 1, 1);
  lua_getfield(L, 1, "encode");
  lua_pushvalue(L, 3);
  lua_call(L, 1, 1);
  return 1;
}

/* Lets each allocation of a round trip fail in turn. */
static void nothing_leaks_without_memory(void **state) {
  (void)state;
  int status = LUA_ERRMEM;
  for (long budget = 0; status != LUA_OK; budget++) {
    struct memory memory = {.budget = -1};
    lua_State *L = lua_newstate(allocate, &memory);
    assert_non_null(L);
    luaL_requiref(L, "anyreach.json", luaopen_anyreach_json, 0);
    lua_pushcfunction(L, round_trip);
    lua_insert(L, 1);
    memory.budget = budget;
    status = lua_pcall(L, 1, 1, 0);
    memory.budget = -1;
    assert_true(status == LUA_OK || status == LUA_ERRMEM);
    lua_close(L);
    assert_int_equal(memory.alive, 0);
    assert_true(budget < 1000);
  }
}

static void random_text_is_survived(void **state) {
  lua_State *L = *state;
  static const char *const pieces[] = {"{",
                                       "}",
                                       "[",
                                       "]",
                                       ",",
                                       ":",
                                       "\"a\"",
                                       "1",
                                       "-0.5e3",
                                       "null",
                                       "\"\\u",
                                       "\\",
                                       "\"",
                                       "\xC3",
                                       " ",
                                       "true",
                                       "99999999999999999999"};
  uint32_t random = 2463534242u;
  for (int i = 0; i < 20000; i++) {
    char text[128];
    size_t length = 0;
    for (int j = 0; j < 8; j++) {
      random ^= random << 13, random ^= random >> 17, random ^= random << 5;
      const char *piece = pieces[random % (sizeof pieces / sizeof pieces[0])];
      memcpy(text + length, piece, strlen(piece));
      length += strlen(piece);
    }
    json_decode(L, text, length);
    assert_int_equal(lua_gettop(L), 1);
    lua_settop(L, 0);
  }
}

/* {====== the end of what stands for itself in a string ====== */

/* One character after the other. */
static size_t plain_length(const char *text, size_t length) {
  size_t at = 0;
  while (at < length) {
    unsigned char byte = (unsigned char)text[at];
    size_t step = json_character_length(text + at, text + length);
    if (step == 0 || byte < 0x20 || byte == '"' || byte == '\\') break;
    at += step;
  }
  return at;
}

/* In memory of exactly that size, so that valgrind and sanitizers see what is read beside it. */
static void check_plain_end(const char *bytes, size_t length) {
  char *text = malloc(length ? length : 1);
  assert_non_null(text);
  memcpy(text, bytes, length);
  size_t got = (size_t)(json_plain_end(text, text + length) - text);
  if (got != plain_length(text, length))
    fail_msg("%zu instead of %zu of %zu bytes", got, plain_length(text, length), length);
  free(text);
}

static uint32_t next_random(void) {
  static uint64_t state = 42;
  state = state * 6364136223846793005u + 1442695040888963407u;
  return (uint32_t)(state >> 33);
}

/* Mostly valid text, of which any byte may be replaced by any other. */
static void finds_the_end_of_plain_text(void **state) {
  static const char *const pieces[] = {"a",
                                       "plain ASCII, and enough to fill a block",
                                       "é",
                                       "ж",
                                       "漢",
                                       "🙂",
                                       "\xED\x9F\xBF",
                                       "\xF4\x8F\xBF\xBF",
                                       "\xE0\xA0\x80",
                                       "\x7F"};
  (void)state;
  for (int i = 0; i < 20000; i++) {
    char text[128];
    size_t length = 0, wanted = next_random() % 70;
    while (length < wanted) {
      const char *piece = pieces[next_random() % (sizeof pieces / sizeof *pieces)];
      memcpy(text + length, piece, strlen(piece));
      length += strlen(piece);
    }
    if (next_random() % 2 && length) length -= next_random() % (length < 4 ? length : 4);
    if (next_random() % 3 && length) text[next_random() % length] = (char)next_random();
    check_plain_end(text, length);
  }
}

/* Every first byte with what lies at the limits of what may follow it, in the middle of a text and
 * at its end. */
static void judges_every_sequence_of_bytes(void **state) {
  static const unsigned char limits[] = {0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0};
  enum { COUNT = sizeof limits, BEFORE = 20, LENGTH = 44 };
  char text[LENGTH];
  (void)state;
  memset(text, 'x', sizeof text);
  for (int first = 0x80; first <= 0xFF; first++)
    for (int rest = 0; rest < COUNT * COUNT * COUNT; rest++) {
      text[BEFORE] = (char)first;
      text[BEFORE + 1] = (char)limits[rest % COUNT];
      text[BEFORE + 2] = (char)limits[rest / COUNT % COUNT];
      text[BEFORE + 3] = (char)limits[rest / COUNT / COUNT];
      check_plain_end(text, LENGTH);
      if (rest < COUNT * COUNT) check_plain_end(text, BEFORE + 1 + (size_t)rest % 4);
    }
}

/* }====== */

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(finds_the_end_of_plain_text),
      cmocka_unit_test(judges_every_sequence_of_bytes),
      cmocka_unit_test_setup_teardown(decoding_pushes_one_value, set_up, tear_down),
      cmocka_unit_test_setup_teardown(decoding_stays_inside_the_text, set_up, tear_down),
      cmocka_unit_test_setup_teardown(empty_tables_follow_the_options, set_up, tear_down),
      cmocka_unit_test_setup_teardown(secrets_follow_the_options, set_up, tear_down),
      cmocka_unit_test_setup_teardown(unresolved_tags_are_refused, set_up, tear_down),
      cmocka_unit_test_setup_teardown(a_full_buffer_is_an_error, set_up, tear_down),
      cmocka_unit_test(nothing_leaks_without_memory),
      cmocka_unit_test_setup_teardown(random_text_is_survived, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
