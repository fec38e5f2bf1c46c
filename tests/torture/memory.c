#include "memory.h"

#include <curl/curl.h>
#include <lauxlib.h>
#include <malloc.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

void *__real_malloc(size_t size);
void *__real_realloc(void *block, size_t size);
void __real_free(void *block);

void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t size);
char *__wrap_strdup(const char *text);
void __wrap_free(void *block);
lua_State *__wrap_luaL_newstate(void);

static bool running;
static struct memory_refusal refused;
static unsigned long asked_for;
static long alive;

void memory_start(struct memory_refusal refusal) {
  refused = refusal;
  asked_for = 0;
  running = true;
}

unsigned long memory_stop(void) {
  running = false;
  return asked_for;
}

bool memory_was_refused(void) {
  return refused.count > 0 && asked_for >= refused.first;
}

long memory_alive(void) {
  return alive;
}

static bool refuses(void) {
  if (!running) return false;
  asked_for++;
  return asked_for >= refused.first && asked_for - refused.first < refused.count;
}

/* {====== in place of the C library's ====== */

void *__wrap_malloc(size_t size) {
  void *block = refuses() ? NULL : __real_malloc(size);
  if (block) alive++;
  return block;
}

void *__wrap_calloc(size_t count, size_t size) {
  void *block = __wrap_malloc(count * size);
  return block ? memset(block, 0, count * size) : NULL;
}

void *__wrap_realloc(void *block, size_t size) {
  if (!block) return __wrap_malloc(size);
  return refuses() ? NULL : __real_realloc(block, size);
}

char *__wrap_strdup(const char *text) {
  char *copy = __wrap_malloc(strlen(text) + 1);
  return copy ? strcpy(copy, text) : NULL;
}

void __wrap_free(void *block) {
  if (block) alive--;
  __real_free(block);
}

/* }====== */

/* {====== in place of the libraries' ====== */

/* Lua counts on it that a block can shrink. */
static void *lua_allocate(void *context, void *block, size_t old_size, size_t size) {
  (void)context;
  if (size == 0) {
    __wrap_free(block);
    return NULL;
  }
  if (block && size <= old_size) return __real_realloc(block, size);
  return __wrap_realloc(block, size);
}

lua_State *__wrap_luaL_newstate(void) {
  return lua_newstate(lua_allocate, NULL);
}

static void *sqlite_malloc(int size) {
  return __wrap_malloc((size_t)size);
}

static void *sqlite_realloc(void *block, int size) {
  return __wrap_realloc(block, (size_t)size);
}

static int sqlite_size(void *block) {
  return (int)malloc_usable_size(block);
}

static int sqlite_round_up(int size) {
  return (size + 7) & ~7;
}

static int sqlite_start(void *context) {
  (void)context;
  return SQLITE_OK;
}

static void sqlite_end(void *context) {
  (void)context;
}

void memory_install(void) {
  static const sqlite3_mem_methods methods = {
      sqlite_malloc,   __wrap_free,  sqlite_realloc, sqlite_size,
      sqlite_round_up, sqlite_start, sqlite_end,     NULL};
  sqlite3_config(SQLITE_CONFIG_MALLOC, &methods);
  curl_global_init_mem(CURL_GLOBAL_DEFAULT, __wrap_malloc, __wrap_free, __wrap_realloc,
                       __wrap_strdup, __wrap_calloc);
}

/* }====== */
