/* What starting anyreach is measured against: a program linked to the same libraries that opens a
 * Lua state with Lua's own libraries and ends. */
#include <lauxlib.h>
#include <lualib.h>

int main(void) {
  lua_State *L = luaL_newstate();
  if (!L) return 1;
  luaL_openlibs(L);
  lua_close(L);
  return 0;
}
