#include "lua/chunk.h"

#include <lauxlib.h>
#include <lualib.h>
#include <stdbool.h>
#include <string.h>

/* {====== loading text ====== */

/* Replaces what Lua says of a binary chunk where text is wanted, which names neither the file nor a
 * way out. The message is on top of the stack. [-1, +1, m] */
static void explain(lua_State *L, const char *name, const char *way_out) {
  static const char from_lua[] = "attempt to load a binary chunk (mode is 't')";
  const char *message = lua_tostring(L, -1);
  if (!message || strcmp(message, from_lua) != 0) return;
  lua_pop(L, 1);
  lua_pushfstring(L, "%s is compiled Lua, which can crash the program; %s", name, way_out);
}

int chunk_load_file(lua_State *L, const char *file) {
  int status = luaL_loadfilex(L, file, "t");
  if (status != LUA_OK) explain(L, file ? file : "standard input", "give its source instead");
  return status;
}

int chunk_load_text(lua_State *L, const char *text, const char *name) {
  int status = luaL_loadbufferx(L, text, strlen(text), name, "t");
  if (status != LUA_OK) explain(L, name + 1, "give its source instead");
  return status;
}

/* }====== */

/* {====== the functions of the library ====== */

/* Calls the library's own function, which is upvalue 1, with the mode "t" at `index` unless another
 * one is given. Messages call the code by `name`. */
static int load_as_text(lua_State *L, int index, const char *name) {
  if (lua_gettop(L) < index) lua_settop(L, index);
  if (!luaL_optstring(L, index, NULL)) {
    lua_pushliteral(L, "t");
    lua_replace(L, index);
  }
  name = lua_pushstring(L, name);
  lua_insert(L, 1);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 2);
  lua_call(L, lua_gettop(L) - 2, LUA_MULTRET);
  bool failed = lua_gettop(L) == 3 && lua_isnil(L, 2);
  if (failed) explain(L, name, "the mode \"b\" loads it all the same");
  return lua_gettop(L) - 1;
}

static int l_load(lua_State *L) {
  if (!lua_isstring(L, 1)) luaL_checktype(L, 1, LUA_TFUNCTION);
  return load_as_text(L, 3, "the chunk");
}

static int l_loadfile(lua_State *L) {
  return load_as_text(L, 2, luaL_optstring(L, 1, "standard input"));
}

static int return_all(lua_State *L, int status, lua_KContext context) {
  (void)status, (void)context;
  return lua_gettop(L) - 1;
}

static int l_dofile(lua_State *L) {
  const char *file = luaL_optstring(L, 1, NULL);
  lua_settop(L, 1);
  if (chunk_load_file(L, file) != LUA_OK) return lua_error(L);
  lua_callk(L, 0, LUA_MULTRET, 0, return_all);
  return return_all(L, LUA_OK, 0);
}

/* A searcher of require; upvalue 1 is the package table. Returns the loader and the file's name, or
 * what was tried. */
static int search_file(lua_State *L) {
  const char *module = luaL_checkstring(L, 1);
  lua_getfield(L, lua_upvalueindex(1), "searchpath");
  lua_pushvalue(L, 1);
  lua_getfield(L, lua_upvalueindex(1), "path");
  if (!lua_isstring(L, -1)) return luaL_error(L, "'package.path' must be a string");
  lua_call(L, 2, 2);
  if (lua_isnil(L, -2)) return 1;
  lua_pop(L, 1);
  const char *file = lua_tostring(L, -1);
  if (chunk_load_file(L, file) != LUA_OK)
    return luaL_error(L, "error loading module '%s' from file '%s':\n\t%s", module, file,
                      lua_tostring(L, -1));
  lua_insert(L, -2);
  return 2;
}

static const luaL_Reg wrapped_functions[] = {
    {"load", l_load}, {"loadfile", l_loadfile}, {"dofile", l_dofile}, {NULL, NULL}};

enum { LUA_FILES = 2 /* the place of their searcher */ };

void chunk_wrap_library(lua_State *L) {
  for (const luaL_Reg *row = wrapped_functions; row->name; row++) {
    lua_getglobal(L, row->name);
    lua_pushcclosure(L, row->func, 1);
    lua_setglobal(L, row->name);
  }
  lua_getglobal(L, LUA_LOADLIBNAME);
  lua_getfield(L, -1, "searchers");
  lua_pushvalue(L, -2);
  lua_pushcclosure(L, search_file, 1);
  lua_rawseti(L, -2, LUA_FILES);
  lua_pop(L, 2);
}

/* }====== */
