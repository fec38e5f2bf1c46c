/* Embedded Lua files: their compiled code is used by the Lua that has compiled it, and by no other.
 * The Makefile links with --wrap what tells one Lua from another, and the function that loads. */
#include "../../src/lua/modules.h"

#include <lualib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* {====== another Lua ====== */

static const char *release;                /* what the library says it is; NULL: the truth */
static bool compiles_otherwise;            /* to the same, but without line numbers */
static char modes[16], *next_mode = modes; /* with which chunks were loaded: t or b */

void *__real_dlsym(void *handle, const char *name);
void *__wrap_dlsym(void *handle, const char *name);
void *__wrap_dlsym(void *handle, const char *name) {
  return release ? (void *)(uintptr_t)release : __real_dlsym(handle, name);
}

int __real_lua_dump(lua_State *L, lua_Writer writer, void *data, int strip);
int __wrap_lua_dump(lua_State *L, lua_Writer writer, void *data, int strip);
int __wrap_lua_dump(lua_State *L, lua_Writer writer, void *data, int strip) {
  return __real_lua_dump(L, writer, data, strip || compiles_otherwise);
}

int __real_luaL_loadbufferx(lua_State *L, const char *bytes, size_t length, const char *name,
                            const char *mode);
int __wrap_luaL_loadbufferx(lua_State *L, const char *bytes, size_t length, const char *name,
                            const char *mode);
int __wrap_luaL_loadbufferx(lua_State *L, const char *bytes, size_t length, const char *name,
                            const char *mode) {
  *next_mode++ = *mode;
  return __real_luaL_loadbufferx(L, bytes, length, name, mode);
}

/* }====== */

static void load(lua_State *L, const char *name) {
  if (embedded_load(L, name) != LUA_OK) fail_msg("%s", lua_tostring(L, -1));
}

#define PLACE "[anyreach] lua/anyreach/text/color.lua:"

/* Loads three files and calls the last, which fails without `require`. Returns how they were
 * loaded, or else the message, unless it has its place. */
static const char *load_three(void) {
  static char problem[256];
  lua_State *L = luaL_newstate();
  if (!L) return "no memory";
  load(L, "lua/anyreach/cli/commands/repl.lua");
  load(L, "lua/anyreach/text/timestamp.lua");
  load(L, "lua/anyreach/text/color.lua");
  bool failed = lua_pcall(L, 0, 0, 0) != LUA_OK;
  snprintf(problem, sizeof problem, "%s", failed ? lua_tostring(L, -1) : "no error");
  lua_close(L);
  return strncmp(problem, PLACE, sizeof PLACE - 1) == 0 ? modes : problem;
}

/* In a child process, because one process decides once. */
static void expect_modes(const char *expected) {
#ifdef ANYREACH_SOURCE_DIR
  skip(); /* which loads all from the source directory */
#endif
  int status;
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    const char *got = load_three();
    if (strcmp(got, expected) != 0) fprintf(stderr, "expected %s, got %s\n", expected, got);
    _exit(strcmp(got, expected) != 0);
  }
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_int_equal(status, 0);
}

static void uses_code_of_the_same_lua(void **state) {
  (void)state;
  expect_modes("tbb");
}

static void compiles_again_with_another_release(void **state) {
  (void)state;
  release = "$LuaVersion: Lua 5.4.99  Copyright (C) 1994-2099 Lua.org, PUC-Rio $";
  expect_modes("ttt");
  release = NULL;
}

static void compiles_again_when_the_same_release_makes_other_code(void **state) {
  (void)state;
  compiles_otherwise = true;
  expect_modes("ttt");
  compiles_otherwise = false;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(uses_code_of_the_same_lua),
      cmocka_unit_test(compiles_again_with_another_release),
      cmocka_unit_test(compiles_again_when_the_same_release_makes_other_code),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
