#include "lua/arguments.h"

#include <lauxlib.h>
#include <string.h>

#include "lua/error.h"
#include "lua/json.h"
#include "lua/parameter.h"
#include "lua/request_headers.h"
#include "lua/secret.h"
#include "net/url.h"

/* Raises one error with all problems. */
static void raise_problems(lua_State *L, const struct operation *operation, int problems) {
  lua_createtable(L, 0, 4);
  lua_pushliteral(L, "usage");
  lua_setfield(L, -2, "kind");
  lua_pushstring(L, operation->name);
  lua_setfield(L, -2, "operation");
  lua_pushvalue(L, problems);
  lua_setfield(L, -2, "problems");
  make_error(L);
  lua_error(L);
}

static void refuse_method_call(lua_State *L, const struct operation *operation) {
  if (luaL_getmetafield(L, 1, "__name") == LUA_TNIL) return;
  const char *type = lua_tostring(L, -1);
  if (type && strcmp(type, NAMESPACE_TYPE) == 0)
    raise_error(L, "usage", "%s: call it with '.', not ':'", operation->name);
  lua_pop(L, 1);
}

static void check_path_value(struct check *c, int index, const struct field *field) {
  lua_State *L = c->L;
  struct check_path place = {.name = field->name};
  size_t length;
  if (lua_isnoneornil(L, index)) {
    check_report(c, &place, "required but missing (argument %d)", index);
    return;
  }
  check_value(c, index, field->schema, &place);
  parameter_check(c, index, field, true, &place);
  const char *text = to_wire_text(L, index, &length);
  if (text && !url_is_segment(text, length))
    check_report(c, &place, "cannot be part of a path: \"%s\"", text);
}

/* Copies the fields that are not query parameters to a new table, which is pushed. [-0, +1, m] */
static void push_body_fields(lua_State *L, const struct operation *operation, int fields) {
  lua_newtable(L);
  lua_pushnil(L);
  while (lua_next(L, fields)) {
    if (check_field(L, -2, operation->parameters, operation->parameter_count)) {
      lua_pop(L, 1);
      continue;
    }
    lua_pushvalue(L, -2);
    lua_insert(L, -2);
    lua_rawset(L, -4);
  }
}

static void check_parameter(struct check *c, const struct field *field, int fields) {
  lua_State *L = c->L;
  struct check_path place = {.name = field->name};
  lua_pushstring(L, field->name);
  if (!lua_istable(L, fields) || lua_rawget(L, fields) == LUA_TNIL) {
    if (field->required) check_report(c, &place, "required but missing");
  } else {
    check_value(c, lua_gettop(L), field->schema, &place);
    parameter_check(c, lua_gettop(L), field, false, &place);
  }
  lua_pop(L, 1);
}

/* A body that is one value stands beside parameters in a field of this name. */
#define SINGLE_BODY "body"

static bool is_single(const struct schema *body) {
  return body && !(body->types & (SCHEMA_OBJECT | SCHEMA_ARRAY));
}

/* Reports what the table holds beyond the parameters and a single body. */
static void check_only_parameters(struct check *c, const struct operation *operation, int fields) {
  lua_State *L = c->L;
  unsigned count = operation->parameter_count;
  const char **known = lua_newuserdatauv(L, (count + 2) * sizeof *known, 0);
  for (unsigned i = 0; i < count; i++) known[i] = operation->parameters[i].name;
  if (operation->body) known[count++] = SINGLE_BODY;
  known[count] = NULL;
  lua_pushnil(L);
  while (lua_next(L, fields)) {
    lua_pop(L, 1);
    lua_pushvalue(L, -1);
    const char *name = luaL_tolstring(L, -1, NULL);
    bool is_body = operation->body && strcmp(name, SINGLE_BODY) == 0;
    if (!is_body && !check_field(L, -2, operation->parameters, operation->parameter_count))
      check_report_unknown(c, &(struct check_path){.name = name}, name, known);
    lua_pop(L, 2);
  }
  lua_pop(L, 1);
}

/* Leaves the body to send at arguments->body, or nil. */
static void set_body(lua_State *L, const struct operation *operation,
                     struct call_arguments *arguments) {
  bool given = lua_istable(L, arguments->fields);
  if (!operation->body || (!given && !operation->body_required)) return;
  if (is_single(operation->body)) {
    if (!given) return;
    lua_getfield(L, arguments->fields, SINGLE_BODY);
  } else if (!given) {
    lua_newtable(L);
  } else if (operation->parameter_count == 0) {
    lua_pushvalue(L, arguments->fields);
  } else {
    push_body_fields(L, operation, arguments->fields);
  }
  lua_replace(L, arguments->body);
}

/* True when the argument itself is the body: a text, a number, a boolean. */
static bool is_body_itself(lua_State *L, const struct operation *operation, int index) {
  const unsigned scalars = SCHEMA_STRING | SCHEMA_NUMBER | SCHEMA_INTEGER | SCHEMA_BOOLEAN;
  return operation->body && (operation->body->types & scalars) && !lua_isnil(L, index) &&
         !lua_istable(L, index);
}

static void check_body(struct check *c, const struct operation *operation,
                       struct call_arguments *arguments) {
  lua_State *L = c->L;
  bool is_table = lua_istable(L, arguments->fields);
  if (!lua_isnil(L, arguments->body))
    check_value(c, arguments->body, operation->body, NULL);
  else if (is_single(operation->body) && operation->body_required)
    check_report(c, &(struct check_path){.name = SINGLE_BODY}, "required but missing");
  if (is_table && (!operation->body || is_single(operation->body)))
    check_only_parameters(c, operation, arguments->fields);
}

/* The table argument: parameters and body fields together, or the body itself when that is no
 * object. */
static void check_fields(struct check *c, const struct operation *operation,
                         struct call_arguments *arguments) {
  lua_State *L = c->L;
  if (is_body_itself(L, operation, arguments->fields)) {
    lua_pushvalue(L, arguments->fields);
    lua_replace(L, arguments->body);
  } else if (!lua_isnil(L, arguments->fields) && !lua_istable(L, arguments->fields)) {
    struct check_path place = {.name = lua_pushfstring(L, "argument %d", arguments->fields)};
    check_report(c, &place, "expected a table of fields, got %s",
                 luaL_typename(L, arguments->fields));
    return;
  } else {
    set_body(L, operation, arguments);
  }
  for (unsigned i = 0; i < operation->parameter_count; i++)
    check_parameter(c, &operation->parameters[i], arguments->fields);
  check_body(c, operation, arguments);
}

/* Leaves `count` arguments below the top value. What was too much is counted by the caller. */
static void fit_arguments(lua_State *L, int count) {
  while (lua_gettop(L) - 1 < count) {
    lua_pushnil(L);
    lua_insert(L, -2);
  }
  while (lua_gettop(L) - 1 > count) lua_remove(L, count + 1);
}

static bool takes_chunks(lua_State *L, const struct operation *operation) {
  return operation->answer_kind == ANSWER_TEXT && lua_gettop(L) > 0 && lua_isfunction(L, -1);
}

/* Puts the headers among the call's options in their place, or nil. [-0, +0, e] */
static void take_own_headers(struct check *c, const struct operation *operation, int options) {
  lua_State *L = c->L;
  if (!lua_istable(L, options)) {
    lua_pushnil(L);
    lua_replace(L, options);
    return;
  }
  for (lua_pushnil(L); lua_next(L, options); lua_pop(L, 1)) {
    if (lua_type(L, -2) == LUA_TSTRING && strcmp(lua_tostring(L, -2), "headers") == 0) continue;
    struct check_path place = {.name = lua_pushfstring(L, "argument %d", options)};
    check_report(c, &place, "unknown option '%s'; the known one is headers",
                 luaL_tolstring(L, -3, NULL));
    lua_pop(L, 2);
  }
  lua_getfield(L, options, "headers");
  headers_check(L, lua_gettop(L), operation->name);
  lua_replace(L, options);
}

struct call_arguments check_arguments(lua_State *L, const struct operation *operation) {
  int paths = (int)operation->path_field_count;
  if (lua_gettop(L) > 0) refuse_method_call(L, operation);
  if (!takes_chunks(L, operation)) lua_pushnil(L);
  int given = lua_gettop(L) - 1;
  fit_arguments(L, paths + 2); /* …, fields, options, on_chunk */
  lua_settop(L, paths + 6);
  struct call_arguments arguments = {
      .fields = paths + 1, .headers = paths + 2, .on_chunk = paths + 3, .body = paths + 6};
  arguments.check = (struct check){.L = L, .problems = paths + 4, .empty_arrays = paths + 5};
  bool is_too_much = given > paths + 2 || (given == paths + 2 && !lua_istable(L, paths + 2));
  take_own_headers(&arguments.check, operation, arguments.headers);
  if (is_too_much) {
    struct check_path place = {.name = lua_pushfstring(L, "argument %d", given)};
    check_report(&arguments.check, &place, "unexpected: at most %d are taken", paths + 1);
  }
  for (int i = 0; i < paths; i++)
    check_path_value(&arguments.check, i + 1, &operation->path_fields[i]);
  check_fields(&arguments.check, operation, &arguments);
  lua_settop(L, arguments.body);
  if (lua_istable(L, arguments.check.problems))
    raise_problems(L, operation, arguments.check.problems);
  if (lua_isnil(L, arguments.check.empty_arrays)) arguments.check.empty_arrays = 0;
  return arguments;
}
