#include "lua/buffer.h"

#include <lauxlib.h>

static int buf_gc(lua_State *L) {
  buf_wipe(lua_touserdata(L, 1));
  return 0;
}

struct buf *lua_new_buf(lua_State *L, size_t maximum) {
  struct buf *b = lua_newuserdatauv(L, sizeof *b, 0);
  buf_init(b, maximum);
  if (luaL_newmetatable(L, "anyreach.buffer")) {
    lua_pushcfunction(L, buf_gc);
    lua_setfield(L, -2, "__gc");
    lua_pushcfunction(L, buf_gc);
    lua_setfield(L, -2, "__close");
  }
  lua_setmetatable(L, -2);
  return b;
}
