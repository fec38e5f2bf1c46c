/* What `require` finds in the program: C modules, and the Lua modules, recipes and examples that
 * are embedded. `make` turns lua/ and scripts/ into build/…/embedded_files.c with src/gen/embed.c;
 * a development build (make DEV=1) reads the files.
 *
 * Lua files are embedded as text and as what Lua compiled it to, which loads ten times faster. That
 * code is for one Lua only, and the library may have been exchanged since the program was built. So
 * it is used only if the Lua that runs has the same release, and compiles the first file that is
 * loaded to the same bytes; otherwise all are compiled again. */
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

/* Before the name of an embedded file, the name of its chunk. */
#define EMBEDDED_CHUNK_PREFIX "=[anyreach] "

/* One file. `name` is its path from the project's root, such as "lua/anyreach/client/pager.lua". */
struct embedded_file {
  const char *name;
  const char *text;
  size_t length;
  const char *code; /* compiled, with line numbers; empty if it is not a Lua file */
  size_t code_length;
};

/* All files, sorted by name. */
extern const struct embedded_file embedded_files[];
extern const size_t embedded_file_count;

/* `lua_ident` of the Lua that has compiled them; empty if it was unknown. */
extern const char embedded_lua[];

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
