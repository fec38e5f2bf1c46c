/* Text that a terminal does not obey. */
#ifndef ANYREACH_LUA_PRINTABLE_H
#define ANYREACH_LUA_PRINTABLE_H

#include <lua.h>

/* Pushes the module. text(text, is_line) -> text with control characters, and those that turn the
 * direction of text, written as \xNN or \u{NNNN}; new lines and tabs only with is_line.
 * lines(text, mark) -> the lines of a text, so written, each behind a mark. */
int luaopen_anyreach_printable(lua_State *L);

#endif
