#include "lua/versions.h"

#define PCRE2_CODE_UNIT_WIDTH 8

#include <curl/curl.h>
#include <lauxlib.h>
#include <microhttpd.h>
#include <openssl/crypto.h>
#include <pcre2.h>
#include <sqlite3.h>
#include <yaml.h>

/* Appends {name, version} to the array on top; a library that does not tell is left out. */
static void add(lua_State *L, const char *name, const char *version) {
  if (!version) return;
  lua_createtable(L, 0, 2);
  lua_pushstring(L, name);
  lua_setfield(L, -2, "name");
  lua_pushstring(L, version);
  lua_setfield(L, -2, "version");
  lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
}

enum { PCRE2_VERSION_LENGTH = 64 }; /* its manual asks for 24 at least */

int luaopen_anyreach_versions(lua_State *L) {
  char pcre2[PCRE2_VERSION_LENGTH];
  pcre2_config(PCRE2_CONFIG_VERSION, pcre2);
  const curl_version_info_data *curl = curl_version_info(CURLVERSION_NOW);
  lua_newtable(L);
  add(L, "Lua", LUA_VERSION_MAJOR "." LUA_VERSION_MINOR "." LUA_VERSION_RELEASE);
  add(L, "libcurl", curl->version);
  add(L, "TLS library", curl->ssl_version);
  add(L, "nghttp2", curl->nghttp2_version);
  add(L, "libcrypto", OpenSSL_version(OPENSSL_VERSION_STRING));
  add(L, "SQLite", sqlite3_libversion());
  add(L, "libyaml", yaml_get_version_string());
  add(L, "libmicrohttpd", MHD_get_version());
  add(L, "PCRE2", pcre2);
  return 1;
}
