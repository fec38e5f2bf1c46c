/* Secrets in a bare Lua state: the C interface, and joining while the collector and small stacks do
 * their worst. */
#include "../../src/lua/secret.h"

#include <lauxlib.h>
#include <lualib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../../src/lua/coroutine.h"

static int set_up(void **state) {
  lua_State *L = luaL_newstate();
  if (!L || !lua_keep_stack_room(L)) return -1;
  luaL_openlibs(L);
  luaL_requiref(L, "anyreach.secret", luaopen_anyreach_secret, 0);
  lua_setglobal(L, "secret");
  *state = L;
  return 0;
}

static int tear_down(void **state) {
  lua_close(*state);
  return 0;
}

static void run(lua_State *L, const char *code) {
  if (luaL_dostring(L, code) != LUA_OK) fail_msg("%s", lua_tostring(L, -1));
}

static void keeps_bytes_and_length(void **state) {
  lua_State *L = *state;
  size_t length = 0;
  push_secret(L, "a\0b", 3);
  assert_memory_equal(to_secret(L, -1, &length), "a\0b", 4);
  assert_int_equal(length, 3);
  assert_memory_equal(to_wire_text(L, -1, &length), "a\0b", 4);
  push_secret(L, "", 0);
  assert_non_null(to_secret(L, -1, NULL));
}

static void tells_secrets_from_other_values(void **state) {
  lua_State *L = *state;
  size_t length = 0;
  lua_pushliteral(L, "text");
  assert_null(to_secret(L, -1, NULL));
  assert_string_equal(to_wire_text(L, -1, &length), "text");
  lua_pushinteger(L, 12);
  assert_null(to_wire_text(L, -1, &length));
  assert_int_equal(lua_type(L, -1), LUA_TNUMBER);
  lua_pushlightuserdata(L, NULL);
  assert_null(to_secret(L, -1, NULL));
  lua_newuserdatauv(L, 16, 0);
  assert_null(to_secret(L, -1, NULL));
  assert_null(to_secret(L, 100, NULL));
}

static void joins_under_a_busy_collector(void **state) {
  run(*state, "collectgarbage('incremental', 10, 1000)\n"
              "for i = 1, 2000 do\n"
              "  local token = secret('t' .. i)\n"
              "  local joined = { 'a' .. token, token .. 'b', 1 .. token .. 2.5, 'a' .. token .. "
              "token .. 'b' }\n"
              "  assert(joined[3]:equals('1t' .. i .. '2.5'))\n"
              "  assert(joined[4]:equals('at' .. i .. 't' .. i .. 'b'))\n"
              "end");
}

/* A function with any number of locals, on the smallest stack of a thread. */
static void joins_on_small_stacks(void **state) {
  lua_State *L = *state;
  for (int locals = 1; locals < 100; locals++) {
    char code[1024] = "local l1";
    for (int i = 2; i <= locals; i++) sprintf(code + strlen(code), ",l%d", i);
    strcat(code, "; return ('a' .. secret('b') .. 'c' .. secret('d')):equals('abcd')");
    lua_State *thread = lua_newthread(L);
    int results = 0;
    assert_true(lua_keep_stack_room(thread));
    assert_int_equal(luaL_loadstring(thread, code), LUA_OK);
    assert_int_equal(lua_resume(thread, L, 0, &results), LUA_OK);
    assert_true(lua_toboolean(thread, -1));
    lua_pop(L, 1);
  }
}

static void leaves_the_collector_as_it_was(void **state) {
  run(*state, "local token = secret('x')\n"
              "local _ = token .. 'y'\n"
              "assert(collectgarbage('isrunning'))\n"
              "assert(not pcall(function() return token .. {} end))\n"
              "assert(collectgarbage('isrunning'))\n"
              "collectgarbage('stop')\n"
              "_ = token .. 'y'\n"
              "assert(not collectgarbage('isrunning'))");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(keeps_bytes_and_length, set_up, tear_down),
      cmocka_unit_test_setup_teardown(tells_secrets_from_other_values, set_up, tear_down),
      cmocka_unit_test_setup_teardown(joins_under_a_busy_collector, set_up, tear_down),
      cmocka_unit_test_setup_teardown(joins_on_small_stacks, set_up, tear_down),
      cmocka_unit_test_setup_teardown(leaves_the_collector_as_it_was, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
