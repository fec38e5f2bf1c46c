/* The module "anyreach.regex": does a text hold a match of a pattern? Both are UTF-8. Patterns come
 * from documents that others wrote, so that everything they can ask for is bounded: their length,
 * what they compile to, and the steps and memory of a match. Two choices are those of ECMA-262, for
 * which the module was made: '$' stands for the very end, and groups that took no part match empty
 * when they are referred to. */
#include "lua/regex.h"

#include <lauxlib.h>
#include <stdbool.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

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

/* compile(pattern) -> regex; or nil, message, and the byte where it went wrong, from 1. */
static int l_regex_compile(lua_State *L) {
  static const uint32_t options = PCRE2_UTF | PCRE2_DOLLAR_ENDONLY | PCRE2_ALLOW_EMPTY_CLASS |
                                  PCRE2_MATCH_UNSET_BACKREF | PCRE2_NEVER_BACKSLASH_C |
                                  PCRE2_MATCH_INVALID_UTF;
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
  regex->code = pcre2_compile((PCRE2_SPTR)pattern, length, options, &problem, &offset, NULL);
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

static const luaL_Reg metamethods[] = {{"__gc", l_regex_gc}, {NULL, NULL}};
static const luaL_Reg methods[] = {{"matches", l_regex_matches}, {NULL, NULL}};
static const luaL_Reg functions[] = {{"compile", l_regex_compile}, {NULL, NULL}};

int luaopen_anyreach_regex(lua_State *L) {
  luaL_newmetatable(L, REGEX_TYPE);
  luaL_setfuncs(L, metamethods, 0);
  luaL_newlib(L, methods);
  lua_setfield(L, -2, "__index");
  lua_pop(L, 1);
  luaL_newlib(L, functions);
  return 1;
}
