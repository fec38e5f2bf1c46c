#include "lua/parameter.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

#include "lua/answerer.h"
#include "lua/error.h"
#include "lua/json.h"
#include "lua/secret.h"
#include "net/url.h"

enum kind { KIND_SCALAR, KIND_ARRAY, KIND_OBJECT };

static enum kind kind_of(lua_State *L, int index) {
  if (!lua_istable(L, index)) return KIND_SCALAR;
  if (json_is_array(L, index) || lua_rawlen(L, index) > 0) return KIND_ARRAY;
  lua_pushnil(L);
  if (!lua_next(L, index)) return KIND_ARRAY;
  lua_pop(L, 2);
  return KIND_OBJECT;
}

/* {====== what can be written ====== */

static void check_part(struct check *c, int index, const struct check_path *place) {
  if (lua_istable(c->L, index) || lua_type(c->L, index) == LUA_TLIGHTUSERDATA)
    check_report(c, place, "only texts, numbers and booleans can be sent here");
}

static void check_parts(struct check *c, int index, const struct check_path *place) {
  lua_State *L = c->L;
  lua_pushnil(L);
  for (; lua_next(L, index); lua_pop(L, 1)) {
    bool is_named = lua_type(L, -2) == LUA_TSTRING;
    struct check_path part = {.parent = place,
                              .name = is_named ? lua_tostring(L, -2) : NULL,
                              .position = is_named ? 0 : lua_tointeger(L, -2)};
    check_part(c, lua_gettop(L), &part);
  }
}

/* A cookie is sent once, with one value. */
static bool is_repeated_cookie(const struct field *field) {
  return field->place == PLACE_COOKIE && field->explode != EXPLODE_NO;
}

void parameter_check(struct check *c, int index, const struct field *field, bool is_in_path,
                     const struct check_path *place) {
  enum kind kind = kind_of(c->L, index);
  if (field->schema->json_text && kind != KIND_SCALAR) return;
  if (lua_type(c->L, index) == LUA_TLIGHTUSERDATA) {
    check_report(c, place, "null cannot be sent here; leave it out");
  } else if (kind != KIND_SCALAR && is_repeated_cookie(field)) {
    check_report(c, place, "only a text, number or boolean can be sent as this cookie");
  } else if (kind == KIND_ARRAY && field->style == STYLE_DEEP_OBJECT) {
    check_report(c, place, "expected an object, which is sent as %s[KEY]=VALUE",
                 parameter_wire_name(field));
  } else if (kind != KIND_SCALAR) {
    if (is_in_path && kind == KIND_ARRAY && lua_rawlen(c->L, index) == 0)
      check_report(c, place, "must not be empty");
    check_parts(c, index, place);
  }
}

/* }====== */

/* {====== scalars ====== */

const char *parameter_push_text(lua_State *L, int index, size_t *length) {
  const char *text = to_wire_text(L, index, length);
  if (text) {
    lua_pushvalue(L, index);
    return text;
  }
  int is_integral;
  lua_Integer integer = lua_tointegerx(L, index, &is_integral);
  if (!is_integral) return luaL_tolstring(L, index, length);
  lua_pushinteger(L, integer);
  return lua_tolstring(L, -1, length);
}

/* Pushes a table as JSON text, in a buffer. [-0, +1, e] */
static const char *push_json(lua_State *L, int index, const struct field *field, size_t *length) {
  struct buf *text = json_new_buffer(L, CALL_MAX_URL);
  struct json_options options = {.secrets = JSON_SECRETS_REVEAL};
  if (!json_encode(L, index, text, &options))
    raise_error(L, "usage", "%s: %s", field->name, lua_tostring(L, -1));
  *length = text->length;
  return text->data;
}

static const char *push_scalar(lua_State *L, int index, const struct field *field, size_t *length) {
  return lua_istable(L, index) ? push_json(L, index, field, length)
                               : parameter_push_text(L, index, length);
}

static int append_scalar(lua_State *L, struct buf *out, const struct field *field, int index,
                         bool encode) {
  size_t length;
  const char *text = push_scalar(L, index, field, &length);
  int status = encode ? url_append_encoded(out, text, length) : buf_append(out, text, length);
  lua_pop(L, 1);
  return status;
}

/* }====== */

/* {====== arrays and objects, joined ====== */

/* What stands before the first value, between two, and between a key and its value. */
struct joint {
  const char *lead, *item, *pair;
  bool encode;
};

static int compare_keys(const void *a, const void *b) {
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Pushes the names of the object's fields, sorted, NULL-terminated, in a userdata. [-0, +1, m] */
static const char **push_keys(lua_State *L, int index) {
  size_t count = 0;
  for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) count++;
  const char **keys = lua_newuserdatauv(L, (count + 1) * sizeof *keys, 0);
  count = 0;
  for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1))
    if (lua_type(L, -2) == LUA_TSTRING) keys[count++] = lua_tostring(L, -2);
  keys[count] = NULL;
  qsort(keys, count, sizeof *keys, compare_keys);
  return keys;
}

static int append_key(struct buf *out, const char *key, bool encode) {
  return encode ? url_append_encoded(out, key, strlen(key)) : buf_append_text(out, key);
}

static int append_array(lua_State *L, struct buf *out, const struct field *field, int index,
                        const struct joint *joint) {
  int status = BUF_OK;
  for (lua_Integer i = 1, n = (lua_Integer)lua_rawlen(L, index); i <= n && !status; i++) {
    status = buf_append_text(out, i == 1 ? joint->lead : joint->item);
    lua_rawgeti(L, index, i);
    if (!status) status = append_scalar(L, out, field, lua_gettop(L), joint->encode);
    lua_pop(L, 1);
  }
  return status;
}

static int append_object(lua_State *L, struct buf *out, const struct field *field, int index,
                         const struct joint *joint) {
  const char **keys = push_keys(L, index);
  int status = BUF_OK;
  for (int i = 0; keys[i] && !status; i++) {
    status = buf_append_text(out, i == 0 ? joint->lead : joint->item);
    if (!status) status = append_key(out, keys[i], joint->encode);
    if (!status) status = buf_append_text(out, joint->pair);
    lua_getfield(L, index, keys[i]);
    if (!status) status = append_scalar(L, out, field, lua_gettop(L), joint->encode);
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
  return status;
}

static int append_joined(lua_State *L, struct buf *out, const struct field *field, int index,
                         const struct joint *joint) {
  enum kind kind = field->schema->json_text ? KIND_SCALAR : kind_of(L, index);
  if (kind == KIND_ARRAY) return append_array(L, out, field, index, joint);
  if (kind == KIND_OBJECT) return append_object(L, out, field, index, joint);
  int status = buf_append_text(out, joint->lead);
  return status ? status : append_scalar(L, out, field, index, joint->encode);
}

/* }====== */

/* {====== the places ====== */

/* ";name=", pushed. */
static const char *push_matrix_lead(lua_State *L, const struct field *field) {
  return lua_pushfstring(L, ";%s=", parameter_wire_name(field));
}

int parameter_append_path(lua_State *L, struct buf *out, const struct field *field, int index) {
  bool exploded = field->explode == EXPLODE_YES;
  struct joint joint = {"", ",", exploded ? "=" : ",", true};
  int top = lua_gettop(L);
  if (field->style == STYLE_LABEL) {
    joint.lead = ".";
    if (exploded) joint.item = ".";
  } else if (field->style == STYLE_MATRIX) {
    bool pairs = exploded && kind_of(L, index) == KIND_OBJECT;
    joint.lead = pairs ? ";" : push_matrix_lead(L, field);
    if (exploded) joint.item = joint.lead;
  }
  int status = append_joined(L, out, field, index, &joint);
  lua_settop(L, top);
  return status;
}

int parameter_append_header(lua_State *L, struct buf *out, const struct field *field, int index) {
  const char *pair = field->explode == EXPLODE_YES ? "=" : ",";
  return append_joined(L, out, field, index, &(struct joint){"", ",", pair, false});
}

int parameter_append_cookie(lua_State *L, struct buf *out, const struct field *field, int index) {
  int status = buf_append_text(out, out->length > 0 ? "; " : "");
  if (!status) status = buf_append_text(out, parameter_wire_name(field));
  if (!status) status = buf_append_text(out, "=");
  return status ? status : append_joined(L, out, field, index, &(struct joint){"", ",", ",", true});
}

/* "?" or "&", and the name with what follows it up to the value. */
static int append_name(struct buf *out, bool *first, const char *name, const char *key) {
  int status = buf_append_text(out, *first ? "?" : "&");
  *first = false;
  if (!status) status = url_append_encoded(out, name, strlen(name));
  if (!status && key) status = buf_append_text(out, "%5B");
  if (!status && key) status = url_append_encoded(out, key, strlen(key));
  if (!status) status = buf_append_text(out, key ? "%5D=" : "=");
  return status;
}

/* name[key]=value for each field or, without a name, key=value. */
static int append_fields(lua_State *L, struct buf *out, bool *first, const struct field *field,
                         int index, const char *name) {
  const char **keys = push_keys(L, index);
  int status = BUF_OK;
  for (int i = 0; keys[i] && !status; i++) {
    status = append_name(out, first, name ? name : keys[i], name ? keys[i] : NULL);
    lua_getfield(L, index, keys[i]);
    if (!status) status = append_scalar(L, out, field, lua_gettop(L), true);
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
  return status;
}

static int append_repeated(lua_State *L, struct buf *out, bool *first, const struct field *field,
                           int index) {
  int status = BUF_OK;
  for (lua_Integer i = 1, n = (lua_Integer)lua_rawlen(L, index); i <= n && !status; i++) {
    status = append_name(out, first, parameter_wire_name(field), NULL);
    lua_rawgeti(L, index, i);
    if (!status) status = append_scalar(L, out, field, lua_gettop(L), true);
    lua_pop(L, 1);
  }
  return status;
}

static bool is_exploded_query(const struct field *field) {
  if (field->explode != EXPLODE_BY_STYLE) return field->explode == EXPLODE_YES;
  return field->style == STYLE_DEFAULT || field->style == STYLE_DEEP_OBJECT;
}

int parameter_append_query(lua_State *L, struct buf *out, bool *first, const struct field *field,
                           int index) {
  const char *name = parameter_wire_name(field);
  enum kind kind = field->schema->json_text ? KIND_SCALAR : kind_of(L, index);
  if (kind == KIND_OBJECT && field->style == STYLE_DEEP_OBJECT)
    return append_fields(L, out, first, field, index, name);
  if (kind == KIND_OBJECT && is_exploded_query(field))
    return append_fields(L, out, first, field, index, NULL);
  if (kind == KIND_ARRAY && (is_exploded_query(field) || lua_rawlen(L, index) == 0))
    return append_repeated(L, out, first, field, index);
  const char *item = field->style == STYLE_SPACES  ? "%20"
                     : field->style == STYLE_PIPES ? "%7C"
                                                   : ",";
  int status = append_name(out, first, name, NULL);
  return status ? status
                : append_joined(L, out, field, index, &(struct joint){"", item, item, true});
}

/* }====== */
