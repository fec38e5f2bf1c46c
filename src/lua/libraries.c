/* Four small modules, each around one library; see libraries.h for what they do. */
#include "lua/libraries.h"

#define PCRE2_CODE_UNIT_WIDTH 8

#include <curl/curl.h>
#include <lauxlib.h>
#include <locale.h>
#include <microhttpd.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <pcre2.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <wchar.h>
#include <yaml.h>

#include "lua/secret.h"

/* {====== anyreach.digest: libcrypto ====== */

/* sha256(text) -> 64 hex digits; of a secret, too. */
static int l_digest_sha256(lua_State *L) {
  static const char digits[] = "0123456789abcdef";
  size_t length;
  const char *text = to_wire_text(L, 1, &length);
  luaL_argexpected(L, text, 1, "string or secret");
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size;
  if (!EVP_Digest(text, length, digest, &size, EVP_sha256(), NULL))
    return luaL_error(L, "this OpenSSL has no SHA-256");
  char hex[2 * EVP_MAX_MD_SIZE];
  for (unsigned int i = 0; i < size; i++) {
    hex[2 * i] = digits[digest[i] >> 4];
    hex[2 * i + 1] = digits[digest[i] & 15];
  }
  lua_pushlstring(L, hex, 2 * (size_t)size);
  return 1;
}

int luaopen_anyreach_digest(lua_State *L) {
  static const luaL_Reg digest_functions[] = {{"sha256", l_digest_sha256}, {NULL, NULL}};
  luaL_newlib(L, digest_functions);
  return 1;
}

/* }====== */

/* {====== anyreach.text_width: the C library ====== */

#define LOCALE_TYPE "anyreach.text_width.locale"

/* Reads one character and returns how many bytes it has, with its width. What is no character, or
 * a control character, is one byte of one column: it is for the caller to have replaced it. */
static size_t next_character(const char *text, size_t length, int *columns) {
  wchar_t character;
  mbstate_t state = {0};
  size_t size = mbrtowc(&character, text, length, &state);
  *columns = 1;
  if (size == (size_t)-1 || size == (size_t)-2 || size == 0) return 1;
  int width = wcwidth(character);
  if (width >= 0) *columns = width;
  return size;
}

/* Walks over the text while it fits into `limit` columns. Returns how many bytes do. */
static size_t measure(const char *text, size_t length, lua_Integer limit, lua_Integer *columns) {
  size_t at = 0;
  *columns = 0;
  while (at < length) {
    int width;
    size_t size = next_character(text + at, length - at, &width);
    if (*columns + width > limit) break;
    *columns += width;
    at += size;
  }
  return at;
}

static size_t measure_in_locale(lua_State *L, lua_Integer limit, lua_Integer *columns) {
  size_t length;
  const char *text = luaL_checklstring(L, 1, &length);
  const locale_t *characters = lua_touserdata(L, lua_upvalueindex(1));
  locale_t before = uselocale(*characters);
  size_t bytes = measure(text, length, limit, columns);
  uselocale(before);
  return bytes;
}

/* of(text) -> columns. The text is one line, without control characters. */
static int l_text_width_of(lua_State *L) {
  lua_Integer columns;
  measure_in_locale(L, LUA_MAXINTEGER, &columns);
  lua_pushinteger(L, columns);
  return 1;
}

/* cut(text, columns) -> as much of the text's beginning as fits into so many columns. */
static int l_text_width_cut(lua_State *L) {
  lua_Integer columns, limit = luaL_checkinteger(L, 2);
  size_t bytes = measure_in_locale(L, limit, &columns);
  lua_pushlstring(L, lua_tostring(L, 1), bytes);
  return 1;
}

static int locale_gc(lua_State *L) {
  locale_t *characters = lua_touserdata(L, 1);
  if (*characters) freelocale(*characters);
  *characters = (locale_t)0;
  return 0;
}

/* Without the locale, uselocale(0) changes nothing, and the program's own locale counts. */
static void push_locale(lua_State *L) {
  locale_t *characters = lua_newuserdatauv(L, sizeof *characters, 0);
  *characters = (locale_t)0;
  if (luaL_newmetatable(L, LOCALE_TYPE)) {
    lua_pushcfunction(L, locale_gc);
    lua_setfield(L, -2, "__gc");
  }
  lua_setmetatable(L, -2);
  *characters = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
}

static const luaL_Reg width_functions[] = {
    {"of", l_text_width_of}, {"cut", l_text_width_cut}, {NULL, NULL}};

int luaopen_anyreach_text_width(lua_State *L) {
  luaL_newlibtable(L, width_functions);
  push_locale(L);
  luaL_setfuncs(L, width_functions, 1);
  return 1;
}

/* }====== */

/* {====== anyreach.regex: PCRE2 ====== */

#define REGEX_TYPE "anyreach.regex"

enum {
  PATTERN_MAX = 64 * 1024,       /* bytes */
  MATCH_STEPS_MAX = 1000 * 1000, /* some 20 ms */
  MATCH_HEAP_MAX = 64 * 1024,    /* KiB */
  MESSAGE_SIZE = 128
};

struct regex {
  pcre2_code *code;
  pcre2_match_data *match;
  pcre2_match_context *limits;
};

/* Pushes an empty regex, which the collector frees whatever it holds. [-0, +1, m] */
static struct regex *push_regex(lua_State *L) {
  struct regex *regex = lua_newuserdatauv(L, sizeof *regex, 0);
  *regex = (struct regex){NULL, NULL, NULL};
  luaL_setmetatable(L, REGEX_TYPE);
  return regex;
}

/* Pushes nil and a message; returns 2, or 3 when the place in the pattern is pushed, too. */
static int push_problem(lua_State *L, int code) {
  PCRE2_UCHAR message[MESSAGE_SIZE];
  luaL_pushfail(L);
  pcre2_get_error_message(code, message, sizeof message);
  lua_pushstring(L, (const char *)message);
  return 2;
}

static bool prepare_match(struct regex *regex) {
  regex->match = pcre2_match_data_create(1, NULL);
  regex->limits = pcre2_match_context_create(NULL);
  if (!regex->match || !regex->limits) return false;
  pcre2_set_match_limit(regex->limits, MATCH_STEPS_MAX);
  pcre2_set_heap_limit(regex->limits, MATCH_HEAP_MAX);
  return true;
}

/* Compiles as ECMA-262 has it: \uXXXX, \u{...} and \xXX are characters, '$' matches at the very end
 * only, groups that took no part match empty when they are referred to, and [] is a class that
 * nothing is in. NULL with a code and the offset in the pattern. */
static pcre2_code *compile_pattern(const char *pattern, size_t length, int *problem,
                                   PCRE2_SIZE *offset) {
  static const uint32_t options = PCRE2_UTF | PCRE2_ALT_BSUX | PCRE2_DOLLAR_ENDONLY |
                                  PCRE2_ALLOW_EMPTY_CLASS | PCRE2_MATCH_UNSET_BACKREF |
                                  PCRE2_NEVER_BACKSLASH_C | PCRE2_MATCH_INVALID_UTF;
  pcre2_compile_context *context = pcre2_compile_context_create(NULL);
  *problem = PCRE2_ERROR_NOMEMORY;
  *offset = 0;
  if (!context) return NULL;
  pcre2_set_compile_extra_options(context, PCRE2_EXTRA_ALT_BSUX);
  pcre2_code *code = pcre2_compile((PCRE2_SPTR)pattern, length, options, problem, offset, context);
  pcre2_compile_context_free(context);
  return code;
}

/* compile(pattern) -> regex; or nil, message, and the byte where it went wrong, from 1. */
static int l_regex_compile(lua_State *L) {
  size_t length;
  const char *pattern = luaL_checklstring(L, 1, &length);
  if (length > PATTERN_MAX) {
    luaL_pushfail(L);
    lua_pushfstring(L, "longer than %d bytes", PATTERN_MAX);
    return 2;
  }
  struct regex *regex = push_regex(L);
  int problem;
  PCRE2_SIZE offset;
  regex->code = compile_pattern(pattern, length, &problem, &offset);
  if (!regex->code) {
    int pushed = push_problem(L, problem);
    lua_pushinteger(L, (lua_Integer)offset + 1);
    return pushed + 1;
  }
  if (!prepare_match(regex)) return luaL_error(L, "not enough memory");
  return 1;
}

/* regex:matches(text) -> boolean; or nil, message when it takes more steps or memory than a match
 * may. */
static int l_regex_matches(lua_State *L) {
  struct regex *regex = luaL_checkudata(L, 1, REGEX_TYPE);
  size_t length;
  const char *text = luaL_checklstring(L, 2, &length);
  if (!regex->match) return luaL_argerror(L, 1, "the regular expression was freed");
  int found = pcre2_match(regex->code, (PCRE2_SPTR)text, length, 0, 0, regex->match, regex->limits);
  if (found < 0 && found != PCRE2_ERROR_NOMATCH) return push_problem(L, found);
  lua_pushboolean(L, found >= 0);
  return 1;
}

static int l_regex_gc(lua_State *L) {
  struct regex *regex = luaL_checkudata(L, 1, REGEX_TYPE);
  pcre2_match_data_free(regex->match);
  pcre2_match_context_free(regex->limits);
  pcre2_code_free(regex->code);
  *regex = (struct regex){NULL, NULL, NULL};
  return 0;
}

static const luaL_Reg regex_metamethods[] = {{"__gc", l_regex_gc}, {NULL, NULL}};
static const luaL_Reg regex_methods[] = {{"matches", l_regex_matches}, {NULL, NULL}};
static const luaL_Reg regex_functions[] = {{"compile", l_regex_compile}, {NULL, NULL}};

int luaopen_anyreach_regex(lua_State *L) {
  luaL_newmetatable(L, REGEX_TYPE);
  luaL_setfuncs(L, regex_metamethods, 0);
  luaL_newlib(L, regex_methods);
  lua_setfield(L, -2, "__index");
  lua_pop(L, 1);
  luaL_newlib(L, regex_functions);
  return 1;
}

/* }====== */

/* {====== anyreach.library_versions ====== */

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

int luaopen_anyreach_library_versions(lua_State *L) {
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

/* }====== */
