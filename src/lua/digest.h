/* Digests of texts: module "anyreach.digest". */
#ifndef ANYREACH_LUA_DIGEST_H
#define ANYREACH_LUA_DIGEST_H

#include <lua.h>

/* Pushes the module: sha256(text) -> its SHA-256 as 64 lower-case hexadecimal digits. */
int luaopen_anyreach_digest(lua_State *L);

#endif
