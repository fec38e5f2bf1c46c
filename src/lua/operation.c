#include "lua/operation.h"

#include <lauxlib.h>
#include <string.h>

#include "api/nearest.h"
#include "api/operation.h"
#include "lua/check.h"
#include "lua/json.h"
#include "lua/operation_define.h"
#include "net/url.h"

enum { MAX_REQUEST_TEXT = 1024 * 1024 };

/* Rows as tables. A member that is not set is left out. */

static void set_string(lua_State *L, const char *name, const char *value) {
  if (!value) return;
  lua_pushstring(L, value);
  lua_setfield(L, -2, name);
}

static void set_boolean(lua_State *L, const char *name, bool value) {
  lua_pushboolean(L, value);
  lua_setfield(L, -2, name);
}

static void push_names(lua_State *L, const char *const *names) {
  lua_newtable(L);
  json_mark_array(L, -1);
  for (lua_Integer i = 1; *names; names++, i++) {
    lua_pushstring(L, *names);
    lua_rawseti(L, -2, i);
  }
}

static void set_names(lua_State *L, const char *name, const char *const *names) {
  if (!names) return;
  push_names(L, names);
  lua_setfield(L, -2, name);
}

static void set_integer(lua_State *L, const char *name, lua_Integer value) {
  lua_pushinteger(L, value);
  lua_setfield(L, -2, name);
}

static void set_bound(lua_State *L, const char *name, const int64_t *bound) {
  if (bound) set_integer(L, name, *bound);
}

/* In the order of enum schema_type's bits. */
static const char *const type_names[] = {"null",   "boolean", "integer", "number",
                                         "string", "array",   "object",  NULL};

static void set_types(lua_State *L, unsigned types) {
  lua_newtable(L);
  json_mark_array(L, -1);
  lua_Integer count = 0;
  for (int i = 0; type_names[i]; i++) {
    if (!(types & 1u << i)) continue;
    lua_pushstring(L, type_names[i]);
    lua_rawseti(L, -2, ++count);
  }
  lua_setfield(L, -2, "types");
}

static void set_fields(lua_State *L, const char *name, const struct field *fields, unsigned count,
                       bool are_parameters);

static void push_schema(lua_State *L, const struct schema *schema) {
  luaL_checkstack(L, LUA_MINSTACK, "schema nested too deeply");
  lua_newtable(L);
  set_types(L, schema->types);
  set_boolean(L, "open", schema->open);
  set_boolean(L, "json_text", schema->json_text);
  set_string(L, "format", schema->format);
  set_names(L, "choices", schema->choices);
  if (schema->fields) set_fields(L, "fields", schema->fields, schema->field_count, false);
  set_names(L, "exactly_one_of", schema->exactly_one_of);
  set_string(L, "default_json", schema->default_json);
  set_bound(L, "minimum", schema->minimum);
  set_bound(L, "maximum", schema->maximum);
  if (schema->min_length > 0) set_integer(L, "min_length", schema->min_length);
  if (schema->items) {
    push_schema(L, schema->items);
    lua_setfield(L, -2, "items");
  }
}

static void set_schema(lua_State *L, const char *name, const struct schema *schema) {
  if (!schema) return;
  push_schema(L, schema);
  lua_setfield(L, -2, name);
}

static const char *const place_names[] = {"query", "header", "cookie"};
static const char *const style_names[] = {NULL,    "deepObject", "spaceDelimited", "pipeDelimited",
                                          "label", "matrix"};
static const char *const explode_names[] = {NULL, "yes", "no"};

static void set_parameter(lua_State *L, const struct field *field) {
  set_string(L, "place", place_names[field->place]);
  set_string(L, "style", style_names[field->style]);
  set_string(L, "explode", explode_names[field->explode]);
  set_string(L, "wire_name", field->wire_name);
}

static void set_fields(lua_State *L, const char *name, const struct field *fields, unsigned count,
                       bool are_parameters) {
  luaL_checkstack(L, LUA_MINSTACK, "schema nested too deeply");
  lua_createtable(L, (int)count, 0);
  json_mark_array(L, -1);
  for (unsigned i = 0; i < count; i++) {
    lua_newtable(L);
    set_string(L, "name", fields[i].name);
    set_string(L, "summary", fields[i].summary);
    set_boolean(L, "required", fields[i].required);
    set_boolean(L, "unverified", fields[i].unverified);
    if (are_parameters) set_parameter(L, &fields[i]);
    set_schema(L, "schema", fields[i].schema);
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
  lua_setfield(L, -2, name);
}

static void set_wait(lua_State *L, const char *json) {
  if (!json) return;
  if (!json_decode(L, json, strlen(json))) lua_error(L);
  lua_setfield(L, -2, "wait");
}

static const char *const paging_names[] = {"none", "cursor", "offset"};
static const char *const retry_names[] = {"safe", "idempotent", "never"};
static const char *const answer_names[] = {"json", "text", "none"};
static const char *const body_names[] = {"json", "urlencoded", "multipart", "raw"};

static void push_operation(lua_State *L, const struct operation *o) {
  lua_newtable(L);
  set_string(L, "name", o->name);
  set_string(L, "method", o->method);
  set_string(L, "path", o->path);
  set_string(L, "service", o->service);
  set_string(L, "operation_id", o->operation_id);
  set_string(L, "summary", o->summary);
  set_string(L, "description", o->description);
  set_string(L, "source", o->source);
  set_fields(L, "path_fields", o->path_fields, o->path_field_count, true);
  set_fields(L, "parameters", o->parameters, o->parameter_count, true);
  set_schema(L, "body", o->body);
  set_boolean(L, "body_required", o->body_required);
  set_names(L, "multipart", o->multipart);
  set_schema(L, "answer", o->answer);
  if (o->body) set_string(L, "body_kind", body_names[o->body_kind]);
  set_string(L, "content_type", o->content_type);
  set_string(L, "accept", o->accept);
  set_string(L, "answer_kind", answer_names[o->answer_kind]);
  set_integer(L, "success_status", o->success_status);
  set_names(L, "scopes", o->scopes);
  set_string(L, "id_alias", o->id_alias);
  set_string(L, "paging", paging_names[o->paging]);
  set_string(L, "retry", retry_names[o->retry]);
  set_wait(L, o->wait_json);
  set_boolean(L, "writes", o->writes);
  set_string(L, "writes_when", o->writes_when);
  set_boolean(L, "public", o->public_);
  set_boolean(L, "unverified", o->unverified);
  set_boolean(L, "foreign", o->foreign);
}

/* names() -> sorted array of the names of all operations */
static int l_operations_names(lua_State *L) {
  size_t count;
  const struct operation *all = operation_all(&count);
  lua_createtable(L, (int)count, 0);
  json_mark_array(L, -1);
  for (size_t i = 0; i < count; i++) {
    lua_pushstring(L, all[i].name);
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
  return 1;
}

/* scopes() -> {scope = true}: those that any operation may take */
static int l_operations_scopes(lua_State *L) {
  size_t count;
  const struct operation *all = operation_all(&count);
  lua_newtable(L);
  for (size_t i = 0; i < count; i++)
    for (const char *const *scope = all[i].scopes; scope && *scope; scope++)
      set_boolean(L, *scope, true);
  return 1;
}

/* describe(name) -> table, or nil for an unknown name */
static int l_operations_describe(lua_State *L) {
  const struct operation *operation = operation_by_name(luaL_checkstring(L, 1));
  if (!operation) return 0;
  push_operation(L, operation);
  return 1;
}

/* Pushes {field name = decoded value}. */
static void push_path_values(lua_State *L, const struct operation *operation,
                             const struct span *values) {
  lua_newtable(L);
  for (unsigned i = 0; i < operation->path_field_count; i++) {
    struct buf *decoded = json_new_buffer(L, MAX_REQUEST_TEXT);
    if (url_append_decoded(decoded, values[i].start, values[i].length) != BUF_OK)
      luaL_error(L, "the path is too long");
    lua_pushlstring(L, decoded->data, decoded->length);
    lua_setfield(L, -3, operation->path_fields[i].name);
    lua_pop(L, 1);
  }
}

/* match(method, path) -> name, {field = value}; or nil, "path" (unknown) | "method" (not served) */
static int l_operations_match(lua_State *L) {
  const char *method = luaL_checkstring(L, 1);
  size_t length;
  const char *path = luaL_checklstring(L, 2, &length);
  struct span values[OPERATION_MAX_PATH_FIELDS];
  bool path_known = false;
  const struct operation *operation =
      strlen(path) == length ? operation_by_path(method, path, values, &path_known) : NULL;
  if (!operation) {
    lua_pushnil(L);
    lua_pushstring(L, path_known ? "method" : "path");
    return 2;
  }
  lua_pushstring(L, operation->name);
  push_path_values(L, operation, values);
  return 2;
}

/* Checks of requests as they arrive over the wire */

/* Pushes the value that the text at `index` spells for that schema. Text that spells none is pushed
 * as it is, for check_value() to refuse. */
static void push_wire_value(lua_State *L, int index, const struct schema *schema) {
  size_t length;
  if (lua_type(L, index) != LUA_TSTRING) {
    lua_pushvalue(L, index);
    return;
  }
  const char *text = lua_tolstring(L, index, &length);
  bool is_true = strcmp(text, "true") == 0;
  if (schema->json_text) {
    if (json_decode(L, text, length)) return;
    lua_pop(L, 1);
  } else if (schema->types & SCHEMA_BOOLEAN && (is_true || strcmp(text, "false") == 0)) {
    lua_pushboolean(L, is_true);
    return;
  } else if (schema->types & (SCHEMA_INTEGER | SCHEMA_NUMBER)) {
    if (json_push_number(L, text, length)) return;
  }
  lua_pushvalue(L, index);
}

/* Pushes the array of values of a repeatable parameter. */
static void push_wire_list(lua_State *L, int index, const struct schema *items) {
  bool repeated = lua_istable(L, index);
  lua_Integer count = repeated ? (lua_Integer)lua_rawlen(L, index) : 1;
  lua_newtable(L);
  json_mark_array(L, -1);
  for (lua_Integer i = 1; i <= count; i++) {
    if (repeated)
      lua_rawgeti(L, index, i);
    else
      lua_pushvalue(L, index);
    if (items) {
      push_wire_value(L, lua_gettop(L), items);
      lua_remove(L, -2);
    }
    lua_rawseti(L, -2, i);
  }
}

static void push_parameter(lua_State *L, int index, const struct field *field) {
  if (!field)
    lua_pushvalue(L, index);
  else if (field->schema->types == SCHEMA_ARRAY)
    push_wire_list(L, index, field->schema->items);
  else
    push_wire_value(L, index, field->schema);
}

/* The parameters together are checked like an object. */
static void check_query(struct check *c, const struct operation *operation, int query) {
  lua_State *L = c->L;
  luaL_checktype(L, query, LUA_TTABLE);
  lua_newtable(L);
  int values = lua_gettop(L);
  lua_pushnil(L);
  while (lua_next(L, query)) {
    const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "";
    lua_pushvalue(L, -2);
    push_parameter(L, lua_gettop(L) - 1,
                   field_by_name(operation->parameters, operation->parameter_count, name));
    lua_rawset(L, values);
    lua_pop(L, 1);
  }
  const struct schema schema = {.types = SCHEMA_OBJECT,
                                .fields = operation->parameters,
                                .field_count = operation->parameter_count};
  check_value(c, values, &schema, NULL);
  lua_pop(L, 1);
}

static void check_body(struct check *c, const struct operation *operation, int body) {
  bool given = !lua_isnil(c->L, body);
  if (!operation->body) {
    if (given) check_report(c, NULL, "the operation takes no body");
  } else if (given) {
    check_value(c, body, operation->body, NULL);
  } else if (operation->body_required) {
    check_report(c, NULL, "the body is required but missing");
  }
}

/* check(name, place, value) -> nil, or array of {path =, message =}. With "query", `value` holds
 * the parameters as they came over the wire: a string, or an array of strings when repeated; with
 * "body", the decoded JSON, or nil when there was none. */
static int l_operations_check(lua_State *L) {
  static const char *const places[] = {"query", "body", NULL};
  const char *name = luaL_checkstring(L, 1);
  int place = luaL_checkoption(L, 2, NULL, places);
  lua_settop(L, 3);
  const struct operation *operation = operation_by_name(name);
  luaL_argcheck(L, operation, 1, "no such operation");
  lua_newtable(L);
  json_mark_array(L, -1);
  struct check c = {.L = L, .problems = 4, .empty_arrays = 0};
  if (place == 0)
    check_query(&c, operation, 3);
  else
    check_body(&c, operation, 3);
  lua_settop(L, 4);
  if (lua_rawlen(L, 4) == 0) return 0;
  return 1;
}

/* nearest(word, names[, part]) -> the name of the array that is meant, or nil; see nearest.h */
static int l_operations_nearest(lua_State *L) {
  const char *word = luaL_checkstring(L, 1);
  luaL_checktype(L, 2, LUA_TTABLE);
  lua_Integer part = luaL_optinteger(L, 3, 3);
  luaL_argcheck(L, part >= 1 && part <= 100, 3, "1 to 100");
  lua_Unsigned count = lua_rawlen(L, 2);
  const char **names = lua_newuserdatauv(L, (count + 1) * sizeof *names, 0);
  for (lua_Unsigned i = 0; i < count; i++) {
    luaL_argexpected(L, lua_rawgeti(L, 2, (lua_Integer)i + 1) == LUA_TSTRING, 2,
                     "array of strings");
    names[i] = lua_tostring(L, -1);
    lua_pop(L, 1); /* the array keeps it alive */
  }
  names[count] = NULL;
  lua_pushstring(L, nearest_name_within(word, names, (unsigned)part));
  return 1;
}

static const luaL_Reg functions[] = {
    {"names", l_operations_names},       {"scopes", l_operations_scopes},
    {"describe", l_operations_describe}, {"match", l_operations_match},
    {"check", l_operations_check},       {"nearest", l_operations_nearest},
    {"define", l_operations_define},     {NULL, NULL},
};

int luaopen_anyreach_operations(lua_State *L) {
  luaL_newlib(L, functions);
  return 1;
}
