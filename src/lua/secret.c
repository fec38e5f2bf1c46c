/* The userdata behind secrets. It owns its bytes, and overwrites them when collected. Messages name
 * types and never show bytes. */
#include "lua/secret.h"

#include <lauxlib.h>
#include <string.h>

#include "api/needles.h"

#define SECRET_TYPE "anyreach.secret"

/* In the registry: all live secrets, as keys; the value says whether secrets_take() gave them. And
 * what has become of them, a userdata. */
#define SECRETS_NAME "anyreach.secrets"
static const char change_key;

struct secret {
  size_t length;
  char bytes[]; /* followed by a NUL that does not count */
};

static int l_secret_gc(lua_State *L);
static int l_secret_concat(lua_State *L);
static int l_secret_tostring(lua_State *L);
static int l_secret_eq(lua_State *L);
static int l_secret_equals(lua_State *L);
static int l_secret_redact(lua_State *L);

static void push_metatable(lua_State *L) {
  static const luaL_Reg methods[] = {
      {"equals", l_secret_equals}, {"redact", l_secret_redact}, {NULL, NULL}};
  static const luaL_Reg metamethods[] = {{"__gc", l_secret_gc},
                                         {"__concat", l_secret_concat},
                                         {"__tostring", l_secret_tostring},
                                         {"__eq", l_secret_eq},
                                         {NULL, NULL}};
  if (!luaL_newmetatable(L, SECRET_TYPE)) return;
  luaL_setfuncs(L, metamethods, 0);
  luaL_newlib(L, methods);
  lua_setfield(L, -2, "__index");
  lua_pushliteral(L, "secret");
  lua_setfield(L, -2, "__metatable"); /* keeps the finalizer out of scripts' reach */
}

/* Pushes the table of all secrets, whose keys are weak until secrets_keep(). [-0, +1, m] */
static void push_secrets(lua_State *L) {
  if (luaL_getsubtable(L, LUA_REGISTRYINDEX, SECRETS_NAME)) return;
  lua_createtable(L, 0, 1);
  lua_pushliteral(L, "k");
  lua_setfield(L, -2, "__mode");
  lua_setmetatable(L, -2);
}

/* What has become of the secrets; NULL before there was one. [-0, +0, -] */
static enum secrets_change *get_change(lua_State *L) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &change_key);
  enum secrets_change *change = lua_touserdata(L, -1);
  lua_pop(L, 1);
  return change;
}

static void note_change(lua_State *L, enum secrets_change now) {
  enum secrets_change *change = get_change(L);
  if (change && *change < now) *change = now;
}

/* Adds the secret on top of the stack to the table of all. [-0, +0, m] */
static void remember(lua_State *L) {
  if (!get_change(L)) {
    *(enum secrets_change *)lua_newuserdatauv(L, sizeof(enum secrets_change), 0) = SECRETS_SAME;
    lua_rawsetp(L, LUA_REGISTRYINDEX, &change_key);
  }
  push_secrets(L);
  lua_pushvalue(L, -2);
  lua_pushboolean(L, 0);
  lua_rawset(L, -3);
  lua_pop(L, 1);
  note_change(L, SECRETS_ADDED);
}

/* Pushes a secret of `length` bytes that the caller fills in. */
static struct secret *push_blank(lua_State *L, size_t length) {
  push_metatable(L);
  struct secret *s = lua_newuserdatauv(L, sizeof *s + length + 1, 0);
  s->length = length;
  memset(s->bytes, 0, length + 1);
  lua_insert(L, -2);
  lua_setmetatable(L, -2);
  remember(L);
  return s;
}

void secrets_keep(lua_State *L) {
  push_secrets(L);
  lua_pushnil(L);
  lua_setmetatable(L, -2);
  lua_pop(L, 1);
}

enum secrets_change secrets_change(lua_State *L) {
  const enum secrets_change *change = get_change(L);
  return change ? *change : SECRETS_SAME;
}

bool secrets_take(lua_State *L, bool only_new,
                  bool (*take)(void *context, const char *bytes, size_t length), void *context) {
  bool goes_on = true;
  int top = lua_gettop(L);
  push_secrets(L);
  for (lua_pushnil(L); goes_on && lua_next(L, top + 1); lua_settop(L, top + 2)) {
    const struct secret *s = lua_touserdata(L, top + 2);
    if (only_new && lua_toboolean(L, top + 3)) continue;
    goes_on = take(context, s->bytes, s->length);
    lua_pushvalue(L, top + 2);
    lua_pushboolean(L, 1);
    lua_rawset(L, top + 1);
  }
  lua_settop(L, top);
  enum secrets_change *change = get_change(L);
  if (change && goes_on) *change = SECRETS_SAME;
  return goes_on;
}

void push_secret(lua_State *L, const char *bytes, size_t length) {
  memcpy(push_blank(L, length)->bytes, bytes, length);
}

const char *to_secret(lua_State *L, int index, size_t *length) {
  if (lua_type(L, index) != LUA_TUSERDATA) return NULL;
  const struct secret *s = luaL_testudata(L, index, SECRET_TYPE);
  if (!s) return NULL;
  if (length) *length = s->length;
  return s->bytes;
}

const char *to_wire_text(lua_State *L, int index, size_t *length) {
  if (lua_type(L, index) == LUA_TSTRING) return lua_tolstring(L, index, length);
  return to_secret(L, index, length);
}

/* Takes the same time wherever the bytes differ; only a difference in length shows. */
static bool equal_bytes(const char *a, size_t a_length, const char *b, size_t b_length) {
  if (a_length != b_length) return false;
  volatile unsigned char difference = 0;
  for (size_t i = 0; i < a_length; i++) difference |= (unsigned char)(a[i] ^ b[i]);
  return difference == 0;
}

/* False when one of the two is neither a secret nor a string. */
static bool equal_values(lua_State *L, int a, int b) {
  size_t a_length, b_length;
  const char *a_bytes = to_wire_text(L, a, &a_length);
  const char *b_bytes = to_wire_text(L, b, &b_length);
  return a_bytes && b_bytes && equal_bytes(a_bytes, a_length, b_bytes, b_length);
}

/* Bytes of an operand of "..", where numbers count as text, as they do for strings. */
static const char *check_operand(lua_State *L, int index, size_t *length) {
  if (lua_type(L, index) == LUA_TNUMBER) return luaL_tolstring(L, index, length);
  const char *bytes = to_wire_text(L, index, length);
  if (!bytes) luaL_error(L, "attempt to concatenate a secret and a %s", luaL_typename(L, index));
  lua_pushnil(L); /* one push in either case */
  return bytes;
}

static int l_secret_gc(lua_State *L) {
  struct secret *s = luaL_checkudata(L, 1, SECRET_TYPE);
  explicit_bzero(s->bytes, s->length);
  note_change(L, SECRETS_LOST);
  return 0;
}

static int join_operands(lua_State *L) {
  size_t left_length, right_length;
  const char *left = check_operand(L, 1, &left_length);
  const char *right = check_operand(L, 2, &right_length);
  struct secret *s = push_blank(L, left_length + right_length);
  memcpy(s->bytes, left, left_length);
  memcpy(s->bytes + left_length, right, right_length);
  return 1;
}

/* The collector is held meanwhile, because it might move the stack: see lua_keep_stack_room(). */
static int l_secret_concat(lua_State *L) {
  bool collecting = lua_gc(L, LUA_GCISRUNNING);
  lua_gc(L, LUA_GCSTOP);
  lua_pushcfunction(L, join_operands);
  lua_insert(L, 1);
  int status = lua_pcall(L, 2, 1, 0);
  if (collecting) lua_gc(L, LUA_GCRESTART);
  return status == LUA_OK ? 1 : lua_error(L);
}

static int l_secret_tostring(lua_State *L) {
  lua_pushliteral(L, "[secret]");
  return 1;
}

static int l_secret_eq(lua_State *L) {
  bool secrets = to_secret(L, 1, NULL) && to_secret(L, 2, NULL);
  lua_pushboolean(L, secrets && equal_values(L, 1, 2));
  return 1;
}

/* secret:equals(other) -> boolean; `other` is a secret or a string. */
static int l_secret_equals(lua_State *L) {
  luaL_checkudata(L, 1, SECRET_TYPE);
  luaL_argexpected(L, to_wire_text(L, 2, NULL), 2, "string or secret");
  lua_pushboolean(L, equal_values(L, 1, 2));
  return 1;
}

/* secret:redact(text) -> text with "[secret]" wherever it contains the secret's bytes; those of a
 * short one only when they are the whole text. */
static int l_secret_redact(lua_State *L) {
  const struct secret *s = luaL_checkudata(L, 1, SECRET_TYPE);
  size_t length;
  const char *text = luaL_checklstring(L, 2, &length), *end = text + length, *found;
  bool sought = s->length >= NEEDLE_SHORTEST || (s->length > 0 && s->length == length);
  luaL_Buffer b;
  luaL_buffinit(L, &b);
  while (sought && (found = memmem(text, (size_t)(end - text), s->bytes, s->length))) {
    luaL_addlstring(&b, text, (size_t)(found - text));
    luaL_addstring(&b, "[secret]");
    text = found + s->length;
  }
  luaL_addlstring(&b, text, (size_t)(end - text));
  luaL_pushresult(&b);
  return 1;
}

/* anyreach.secret(text) -> secret; a secret is returned as it is. */
static int l_secret_new(lua_State *L) {
  size_t length;
  lua_settop(L, 1);
  if (to_secret(L, 1, NULL)) return 1;
  luaL_argexpected(L, lua_type(L, 1) == LUA_TSTRING, 1, "string");
  const char *bytes = lua_tolstring(L, 1, &length);
  push_secret(L, bytes, length);
  return 1;
}

int luaopen_anyreach_secret(lua_State *L) {
  push_metatable(L);
  lua_pop(L, 1);
  lua_pushcfunction(L, l_secret_new);
  return 1;
}
