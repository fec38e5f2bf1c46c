/* What `require` finds in the program: C modules and embedded Lua files. */
#include "lua/modules.h"

#include <dlfcn.h>
#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

#include "lua/json.h"
#include "lua/libraries.h"
#include "lua/operation.h"
#include "lua/printable.h"
#include "lua/secret.h"
#include "lua/sqlite.h"
#include "lua/yaml.h"

/* {====== embedded files ====== */

static const char require_key;

static int compare_name(const void *name, const void *file) {
  return strcmp(name, ((const struct embedded_file *)file)->name);
}

const struct embedded_file *embedded_find(const char *name) {
  return bsearch(name, embedded_files, embedded_file_count, sizeof *embedded_files, compare_name);
}

bool embedded_is_own(const char *source) {
#ifdef ANYREACH_SOURCE_DIR
  static const char from_disk[] = "@" ANYREACH_SOURCE_DIR "/";
  if (strncmp(source, from_disk, sizeof from_disk - 1) == 0) return true;
#endif
  return strncmp(source, EMBEDDED_CHUNK_PREFIX, sizeof EMBEDDED_CHUNK_PREFIX - 1) == 0;
}

#ifdef ANYREACH_SOURCE_DIR
/* Development: the file as it is on disk now. */
static int load_bytes(lua_State *L, const struct embedded_file *file, const char *chunk) {
  (void)chunk;
  return luaL_loadfilex(L, lua_pushfstring(L, "%s/%s", ANYREACH_SOURCE_DIR, file->name), "t");
}
#else
enum code_trust { CODE_UNPROVED, CODE_TRUSTED, CODE_REFUSED };

struct comparison {
  const char *at;
  size_t left;
};

static int compare_piece(lua_State *L, const void *bytes, size_t length, void *context) {
  struct comparison *rest = context;
  (void)L;
  if (length > rest->left || memcmp(bytes, rest->at, length) != 0) return 1;
  rest->at += length;
  rest->left -= length;
  return 0;
}

/* Whether the Lua that runs is the one that has compiled the files, by its release and by what it
 * has made of this file: the function on top of the stack. */
static enum code_trust prove(lua_State *L, const struct embedded_file *file) {
  const char *release = dlsym(RTLD_DEFAULT, "lua_ident");
  struct comparison rest = {file->code, file->code_length};
  bool same = release && strcmp(release, embedded_lua) == 0 &&
              lua_dump(L, compare_piece, &rest, false) == 0 && rest.left == 0;
  return same ? CODE_TRUSTED : CODE_REFUSED;
}

static int load_bytes(lua_State *L, const struct embedded_file *file, const char *chunk) {
  static enum code_trust trust = CODE_UNPROVED;
  if (trust == CODE_TRUSTED && file->code_length > 0)
    return luaL_loadbufferx(L, file->code, file->code_length, chunk, "b");
  int status = luaL_loadbufferx(L, file->text, file->length, chunk, "t");
  if (trust == CODE_UNPROVED && status == LUA_OK) trust = prove(L, file);
  return status;
}
#endif

int embedded_load(lua_State *L, const char *name) {
  const struct embedded_file *file = embedded_find(name);
  if (!file) {
    lua_pushfstring(L, "no embedded file '%s'", name);
    return LUA_ERRFILE;
  }
  const char *chunk = lua_pushfstring(L, EMBEDDED_CHUNK_PREFIX "%s", name);
  int top = lua_gettop(L);
  int status = load_bytes(L, file, chunk);
  lua_replace(L, top);
  lua_settop(L, top);
  return status;
}

/* "anyreach.x.y" -> lua/anyreach/x/y.lua, or lua/anyreach/x/y/init.lua. */
static int search(lua_State *L) {
  const char *module = luaL_checkstring(L, 1);
  const char *path = luaL_gsub(L, module, ".", "/");
  const char *name = lua_pushfstring(L, "lua/%s.lua", path);
  if (!embedded_find(name)) name = lua_pushfstring(L, "lua/%s/init.lua", path);
  if (!embedded_find(name)) {
    lua_pushfstring(L, "no embedded module '%s'", module);
    return 1;
  }
  if (embedded_load(L, name) != LUA_OK) return lua_error(L);
  lua_pushstring(L, name);
  return 2;
}

/* Second place: package.preload, where the C modules are, stays first. */
void embedded_install(lua_State *L) {
  lua_getglobal(L, "require");
  lua_rawsetp(L, LUA_REGISTRYINDEX, &require_key);
  lua_getglobal(L, "table");
  lua_getfield(L, -1, "insert");
  lua_getglobal(L, "package");
  lua_getfield(L, -1, "searchers");
  lua_remove(L, -2);
  lua_pushinteger(L, 2);
  lua_pushcfunction(L, search);
  lua_call(L, 3, 0);
  lua_pop(L, 1);
}

void embedded_require(lua_State *L, const char *name) {
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  if (lua_getfield(L, -1, name) == LUA_TNIL) {
    lua_pop(L, 1);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &require_key);
    lua_pushstring(L, name);
    lua_call(L, 1, 1);
  }
  lua_remove(L, -2);
}

/* }====== */

/* {====== C modules ====== */

static const luaL_Reg shared_modules[] = {
    {"anyreach.json", luaopen_anyreach_json},
    {"anyreach.printable", luaopen_anyreach_printable},
    {"anyreach.secret", luaopen_anyreach_secret},
    {"anyreach.yaml", luaopen_anyreach_yaml},
    {"anyreach.sqlite", luaopen_anyreach_sqlite},
    {"anyreach.library_versions", luaopen_anyreach_library_versions},
    {"anyreach.digest", luaopen_anyreach_digest},
    {"anyreach.regex", luaopen_anyreach_regex},
    {"anyreach.operations", luaopen_anyreach_operations},
    {NULL, NULL}};

void modules_preload(lua_State *L, const luaL_Reg *modules) {
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
  luaL_setfuncs(L, modules, 0);
  lua_pop(L, 1);
}

void modules_open(lua_State *L) {
  modules_preload(L, shared_modules);
  embedded_install(L);
}

/* }====== */
