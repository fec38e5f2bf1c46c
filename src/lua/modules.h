/* What `require` finds in the program: C modules, and the Lua modules, recipes and examples that
 * are embedded. `make` turns lua/ and scripts/ into build/…/embedded_files.c with src/gen/embed.c;
 * a development build (make DEV=1) reads the files. */
#ifndef ANYREACH_MODULES_H
#define ANYREACH_MODULES_H

#include <lauxlib.h>
#include <stdbool.h>
#include <stddef.h>

/* {====== C modules ====== */

/* Lets `require` find the embedded Lua files and the C modules that both Lua states of the program
 * have, the user's and the sandbox's. Nothing is loaded yet. [-0, +0, e] */
void modules_open(lua_State *L);

/* Adds further C modules, by name and opening function. [-0, +0, m] */
void modules_preload(lua_State *L, const luaL_Reg *modules);

/* }====== */

/* {====== embedded files ====== */

/* One file. `name` is its path from the project's root, such as "lua/anyreach/client/pager.lua". */
struct embedded_file {
  const char *name;
  const unsigned char *bytes;
  size_t length;
};

/* All files, sorted by name. */
extern const struct embedded_file embedded_files[];
extern const size_t embedded_file_count;

/* The file of that name, or NULL. */
const struct embedded_file *embedded_find(const char *name);

/* Adds a searcher for "anyreach.*" modules right after package.preload, and remembers the state's
 * `require`.
 */
void embedded_install(lua_State *L);

/* Pushes the result of require(name), even if a script has replaced that global. [-0, +1, e] */
void embedded_require(lua_State *L, const char *name);

/* Loads an embedded Lua file as a function. Pushes it, or an error message. Returns a Lua status.
 * [-0, +1, m] */
int embedded_load(lua_State *L, const char *name);

/* True for the chunk name of an embedded file: code of ours, not of the script. */
bool embedded_is_own(const char *source);

/* }====== */

#endif
