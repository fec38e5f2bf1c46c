/* A buf that Lua collects: for C code that fills a buffer and may raise before it is done. */
#ifndef ANYREACH_LUA_BUF_H
#define ANYREACH_LUA_BUF_H

#include <lua.h>

#include "api/buf.h"

/* Pushes a userdata that owns a new, empty buffer and wipes it when collected or closed. [-0, +1,
 * m] */
struct buf *lua_new_buf(lua_State *L, size_t maximum);

#endif
