/* Four small modules, each around one library. */
#ifndef ANYREACH_LUA_LIBRARIES_H
#define ANYREACH_LUA_LIBRARIES_H

#include <lua.h>

/* sha256(text or secret) -> the SHA-256 as 64 lower-case hexadecimal digits. By libcrypto. */
int luaopen_anyreach_digest(lua_State *L);

/* How many columns text takes on a terminal: wide East Asian characters take two, combining marks
 * none. of(text) -> columns; cut(text, columns) -> the longest beginning that fits. By the C
 * library in the locale C.UTF-8, whatever the program's own is, so that the answer is the same
 * everywhere. */
int luaopen_anyreach_text_width(lua_State *L);

/* Does a text contain a match of a pattern? compile(pattern) -> regex with the method
 * matches(text). Both are UTF-8. Patterns come from other people's documents, so everything they
 * can ask for has a limit: their length, and the steps and memory of a match. Two choices are those
 * of ECMA-262, for which the module was made: '$' matches at the very end only, and a reference to
 * a group that took no part in the match matches the empty text. By PCRE2. */
int luaopen_anyreach_regex(lua_State *L);

/* An array of {name, version}: the libraries as they are loaded now, for `anyreach doctor`. */
int luaopen_anyreach_library_versions(lua_State *L);

#endif
