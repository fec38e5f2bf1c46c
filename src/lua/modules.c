#include "lua/modules.h"

#include "lua/digest.h"
#include "lua/embedded.h"
#include "lua/json.h"
#include "lua/operation.h"
#include "lua/regex.h"
#include "lua/secret.h"
#include "lua/sqlite.h"
#include "lua/versions.h"
#include "lua/yaml.h"

static const luaL_Reg shared_modules[] = {{"anyreach.json", luaopen_anyreach_json},
                                          {"anyreach.secret", luaopen_anyreach_secret},
                                          {"anyreach.yaml", luaopen_anyreach_yaml},
                                          {"anyreach.sqlite", luaopen_anyreach_sqlite},
                                          {"anyreach.versions", luaopen_anyreach_versions},
                                          {"anyreach.digest", luaopen_anyreach_digest},
                                          {"anyreach.regex", luaopen_anyreach_regex},
                                          {"anyreach.operations", luaopen_anyreach_operations},
                                          {NULL, NULL}};

void modules_preload(lua_State *L, const luaL_Reg *modules) {
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
  luaL_setfuncs(L, modules, 0);
  lua_pop(L, 1);
}

void modules_open(lua_State *L) {
  modules_preload(L, shared_modules);
  embedded_install(L);
}
