#include "lua/arguments.h"

#include <lauxlib.h>
#include <string.h>

#include "lua/error.h"
#include "lua/json.h"
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
  const char *text = to_wire_text(L, index, &length);
  if (text && !url_is_segment(text, length))
    check_report(c, &place, "cannot be part of a path: \"%s\"", text);
}

/* Copies the fields that are not query parameters to a new table, which is pushed. [-0, +1, m] */
static void push_body_fields(lua_State *L, const struct operation *operation, int fields) {
  lua_newtable(L);
  lua_pushnil(L);
  while (lua_next(L, fields)) {
    if (check_field(L, -2, operation->query_fields, operation->query_field_count)) {
      lua_pop(L, 1);
      continue;
    }
    lua_pushvalue(L, -2);
    lua_insert(L, -2);
    lua_rawset(L, -4);
  }
}

static bool is_object(lua_State *L, int index) {
  if (!lua_istable(L, index) || json_is_array(L, index) || lua_rawlen(L, index) > 0) return false;
  lua_pushnil(L);
  if (!lua_next(L, index)) return false;
  lua_pop(L, 2);
  return true;
}

static bool is_scalar(lua_State *L, int index) {
  return !lua_istable(L, index) && lua_type(L, index) != LUA_TLIGHTUSERDATA;
}

/* Reports what has no form in a query: what is not sent must not pass. */
static void check_has_query_form(struct check *c, int index, const struct field *field,
                                 const struct check_path *place) {
  lua_State *L = c->L;
  if (is_scalar(L, index) || (field->schema->json_text && lua_istable(L, index))) return;
  if (lua_type(L, index) == LUA_TLIGHTUSERDATA)
    check_report(c, place, "null cannot be sent in a query; leave it out");
  else if (is_object(L, index))
    check_report(c, place, "an object cannot be sent in this query");
  for (lua_Integer i = 1, count = (lua_Integer)lua_rawlen(L, index); i <= count; i++) {
    struct check_path element = {.parent = place, .position = i};
    lua_rawgeti(L, index, i);
    if (!is_scalar(L, -1))
      check_report(c, &element, "only texts, numbers and booleans can be sent");
    lua_pop(L, 1);
  }
}

static void check_query_value(struct check *c, const struct field *field, int fields) {
  lua_State *L = c->L;
  struct check_path place = {.name = field->name};
  lua_pushstring(L, field->name);
  if (lua_rawget(L, fields) == LUA_TNIL) {
    if (field->required) check_report(c, &place, "required but missing");
  } else {
    check_value(c, lua_gettop(L), field->schema, &place);
    check_has_query_form(c, lua_gettop(L), field, &place);
  }
  lua_pop(L, 1);
}

/* Reports what the table holds beyond the query parameters, for an operation without a body. */
static void check_only_query(struct check *c, const struct operation *operation, int fields) {
  lua_State *L = c->L;
  const char **known = lua_newuserdatauv(L, (operation->query_field_count + 1) * sizeof *known, 0);
  for (unsigned i = 0; i < operation->query_field_count; i++)
    known[i] = operation->query_fields[i].name;
  known[operation->query_field_count] = NULL;
  lua_pushnil(L);
  while (lua_next(L, fields)) {
    lua_pop(L, 1);
    lua_pushvalue(L, -1);
    const char *name = luaL_tolstring(L, -1, NULL);
    if (!check_field(L, -2, operation->query_fields, operation->query_field_count))
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
  if (!given)
    lua_newtable(L);
  else if (operation->query_field_count == 0)
    lua_pushvalue(L, arguments->fields);
  else
    push_body_fields(L, operation, arguments->fields);
  lua_replace(L, arguments->body);
}

/* The table argument: query and body fields together, or the body itself when that is no object. */
static void check_fields(struct check *c, const struct operation *operation,
                         struct call_arguments *arguments) {
  lua_State *L = c->L;
  if (!lua_isnil(L, arguments->fields) && !lua_istable(L, arguments->fields)) {
    struct check_path place = {.name = lua_pushfstring(L, "argument %d", arguments->fields)};
    check_report(c, &place, "expected a table of fields, got %s",
                 luaL_typename(L, arguments->fields));
    return;
  }
  set_body(L, operation, arguments);
  for (unsigned i = 0; i < operation->query_field_count && lua_istable(L, arguments->fields); i++)
    check_query_value(c, &operation->query_fields[i], arguments->fields);
  if (!lua_isnil(L, arguments->body))
    check_value(c, arguments->body, operation->body, NULL);
  else if (!operation->body && lua_istable(L, arguments->fields))
    check_only_query(c, operation, arguments->fields);
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

struct call_arguments check_arguments(lua_State *L, const struct operation *operation) {
  int paths = (int)operation->path_field_count;
  if (lua_gettop(L) > 0) refuse_method_call(L, operation);
  if (!takes_chunks(L, operation)) lua_pushnil(L);
  int given = lua_gettop(L) - 1;
  fit_arguments(L, paths + 1);
  lua_settop(L, paths + 5);
  struct call_arguments arguments = {.fields = paths + 1, .on_chunk = paths + 2, .body = paths + 5};
  arguments.check = (struct check){.L = L, .problems = paths + 3, .empty_arrays = paths + 4};
  if (given > paths + 1) {
    struct check_path place = {.name = lua_pushfstring(L, "argument %d", paths + 2)};
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
