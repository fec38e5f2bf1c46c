#include "fuzz.h"

#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/lua/disk.h"
#include "../../src/lua/libraries.h"
#include "../../src/lua/modules.h"
#include "../../src/lua/redact.h"

enum { LINE_COUNTERS = 1 << 16, INPUTS_PER_COLLECTION = 64 };

/* libFuzzer reads these beside the counters that the compiler makes. */
__attribute__((section("__libfuzzer_extra_counters"))) static uint8_t line_counters[LINE_COUNTERS];

void fuzz_fail(const char *file, int line, const char *expectation) {
  fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, expectation);
  abort();
}

char *fuzz_copy_bytes(const uint8_t *data, size_t size) {
  char *copy = malloc(size);
  if (size) memcpy(copy, data, size);
  return copy;
}

char *fuzz_copy_text(const uint8_t *data, size_t size) {
  char *copy = malloc(size + 1);
  if (size) memcpy(copy, data, size);
  copy[size] = '\0';
  return copy;
}

/* What src/program/host.c adds for scripts, as far as the fuzzed files need it. */
static const luaL_Reg client_modules[] = {{"anyreach.redact", luaopen_anyreach_redact},
                                          {"anyreach.directory", luaopen_anyreach_directory},
                                          {"anyreach.disk", luaopen_anyreach_disk},
                                          {"anyreach.text_width", luaopen_anyreach_text_width},
                                          {NULL, NULL}};

lua_State *fuzz_new_state(void) {
  lua_State *L = luaL_newstate();
  luaL_openlibs(L);
  modules_open(L);
  modules_preload(L, client_modules);
  lua_settop(L, 0);
  return L;
}

static void count_line(lua_State *L, lua_Debug *at) {
  lua_getinfo(L, "S", at);
  uintptr_t file = (uintptr_t)at->source >> 4; /* one address for all functions of a file */
  uint8_t *counter = &line_counters[(file * 31 + (unsigned)at->currentline) % LINE_COUNTERS];
  if (*counter < UINT8_MAX) ++*counter;
}

static int add_traceback(lua_State *L) {
  luaL_traceback(L, L, luaL_tolstring(L, 1, NULL), 1);
  return 1;
}

static void expect_ok(lua_State *L, int status) {
  if (status == LUA_OK) return;
  fprintf(stderr, "%s\n", lua_tostring(L, -1));
  abort();
}

/* A state whose stack holds the message handler and the function of the chunk. */
static lua_State *load_lua(const char *name) {
  char path[512];
  lua_State *L = fuzz_new_state();
  snprintf(path, sizeof path, "%s/%s.lua", FUZZ_DIRECTORY, name);
  lua_pushcfunction(L, add_traceback);
  expect_ok(L, luaL_loadfile(L, path));
  expect_ok(L, lua_pcall(L, 0, 1, 1));
  lua_sethook(L, count_line, LUA_MASKLINE, 0);
  return L;
}

void fuzz_run_lua(const char *name, const uint8_t *data, size_t size) {
  static lua_State *L;
  static unsigned inputs;
  if (!L) L = load_lua(name);
  lua_pushvalue(L, 2);
  lua_pushlstring(L, (const char *)data, size);
  expect_ok(L, lua_pcall(L, 1, 0, 1));
  if (++inputs % INPUTS_PER_COLLECTION == 0) lua_gc(L, LUA_GCCOLLECT);
}
