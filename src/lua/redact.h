/* redact(text): text without secrets, for what is shown or written to a file. */
#ifndef ANYREACH_LUA_REDACT_H
#define ANYREACH_LUA_REDACT_H

#include <lua.h>

/* Pushes the module, the function redact(text) -> text, with "[secret]" wherever a secret of this
 * state stands in it: as it is, percent-encoded, or as it stands in a JSON string. A secret of
 * fewer than four bytes is replaced only where it is all of the text: see secret_is_sought(). */
int luaopen_anyreach_redact(lua_State *L);

#endif
