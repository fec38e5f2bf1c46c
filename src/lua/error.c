#include "lua/error.h"

#include <lauxlib.h>
#include <stdarg.h>

#include "lua/modules.h"

/* Sets `where` to "file:line" of the nearest function on the stack that is a script's own. */
static void set_where(lua_State *L) {
  lua_Debug frame;
  for (int level = 0; lua_getstack(L, level, &frame); level++) {
    lua_getinfo(L, "Sl", &frame);
    if (frame.currentline <= 0 || embedded_is_own(frame.source)) continue;
    lua_pushfstring(L, "%s:%d", frame.short_src, frame.currentline);
    lua_setfield(L, -2, "where");
    return;
  }
}

void make_error(lua_State *L) {
  set_where(L);
  embedded_require(L, "anyreach.errors");
  lua_getfield(L, -1, "make");
  lua_rotate(L, -3, -1);
  lua_call(L, 1, 1);
  lua_remove(L, -2);
}

void push_trying(lua_State *L) {
  embedded_require(L, "anyreach.errors");
  lua_getfield(L, -1, "trying");
  lua_replace(L, -2);
  lua_insert(L, -2);
  lua_call(L, 1, 1);
}

void push_error(lua_State *L, const char *kind, const char *message) {
  lua_createtable(L, 0, 3);
  lua_pushstring(L, kind);
  lua_setfield(L, -2, "kind");
  lua_pushstring(L, message);
  lua_setfield(L, -2, "message");
  make_error(L);
}

int raise_error(lua_State *L, const char *kind, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  const char *message = lua_pushvfstring(L, format, arguments);
  va_end(arguments);
  push_error(L, kind, message);
  return lua_error(L);
}
