#include "lua/check.h"

#include <lauxlib.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "api/nearest.h"
#include "lua/json.h"
#include "lua/secret.h"

enum {
  MAX_PROBLEMS = 100,      /* then a message says that more follow */
  MAX_UNKNOWN_FIELDS = 20, /* named for one object */
  MAX_NAMES_LISTED = 12,   /* valid names offered when none is near */
  MAX_QUOTED = 40          /* bytes shown of a string */
};

const struct field *check_field(lua_State *L, int key, const struct field *fields, unsigned count) {
  size_t length;
  const char *name = lua_type(L, key) == LUA_TSTRING ? lua_tolstring(L, key, &length) : NULL;
  return name && strlen(name) == length ? field_by_name(fields, count, name) : NULL;
}

/* Reports */

static void add_path(luaL_Buffer *b, const struct check_path *path) {
  char position[32];
  if (!path) return;
  add_path(b, path->parent);
  if (path->name) {
    if (path->parent) luaL_addchar(b, '.');
    luaL_addstring(b, path->name);
  } else {
    snprintf(position, sizeof position, "[%lld]", (long long)path->position);
    luaL_addstring(b, position);
  }
}

/* Replaces a nil at `index` by a new table. */
static void make_table(lua_State *L, int index) {
  if (!lua_isnil(L, index)) return;
  lua_newtable(L);
  lua_replace(L, index);
}

/* Appends {path=, message=} with the message at the top, which it pops. */
static void append_problem(struct check *c, const struct check_path *path) {
  lua_State *L = c->L;
  luaL_Buffer text;
  make_table(L, c->problems);
  lua_createtable(L, 0, 2);
  luaL_buffinit(L, &text);
  add_path(&text, path);
  luaL_pushresult(&text);
  lua_setfield(L, -2, "path");
  lua_insert(L, -2);
  lua_setfield(L, -2, "message");
  lua_rawseti(L, c->problems, (lua_Integer)lua_rawlen(L, c->problems) + 1);
}

/* False on trial, and when enough has been said. */
static bool may_report(struct check *c) {
  c->has_problem = true;
  if (c->on_trial) return false;
  luaL_checkstack(c->L, LUA_MINSTACK, "too many problems");
  size_t count = lua_rawlen(c->L, c->problems);
  if (count == MAX_PROBLEMS) {
    lua_pushfstring(c->L, "these are the first %d problems; there are more", MAX_PROBLEMS);
    append_problem(c, NULL);
  }
  return count < MAX_PROBLEMS;
}

void check_report(struct check *c, const struct check_path *path, const char *format, ...) {
  if (!may_report(c)) return;
  va_list arguments;
  va_start(arguments, format);
  lua_pushvfstring(c->L, format, arguments);
  va_end(arguments);
  append_problem(c, path);
}

/* Pushes the names as "a, b, c", each between `quote`s, at most MAX_NAMES_LISTED of them. */
static void push_names(lua_State *L, const char *const *names, const char *quote) {
  luaL_Buffer b;
  luaL_buffinit(L, &b);
  for (int i = 0; names[i]; i++) {
    if (i > 0) luaL_addstring(&b, ", ");
    if (i == MAX_NAMES_LISTED) {
      luaL_addstring(&b, "…");
      break;
    }
    luaL_addstring(&b, quote);
    luaL_addstring(&b, names[i]);
    luaL_addstring(&b, quote);
  }
  luaL_pushresult(&b);
}

void check_report_unknown(struct check *c, const struct check_path *path, const char *name,
                          const char *const *known) {
  const char *nearest = nearest_name(name, known);
  if (nearest) {
    check_report(c, path, "unknown field; did you mean \"%s\"?", nearest);
  } else if (known[0]) {
    push_names(c->L, known, "");
    check_report(c, path, "unknown field; the known ones are %s", lua_tostring(c->L, -1));
    lua_pop(c->L, 1);
  } else {
    check_report(c, path, "unknown field; none is known here");
  }
}

/* What a value is */

static unsigned number_types(lua_State *L, int index) {
  size_t length;
  const char *digits = json_big_number(L, index, &length);
  if (digits) return strpbrk(digits, ".eE") ? SCHEMA_NUMBER : SCHEMA_NUMBER | SCHEMA_INTEGER;
  int is_integral;
  lua_tointegerx(L, index, &is_integral);
  return is_integral ? SCHEMA_NUMBER | SCHEMA_INTEGER : SCHEMA_NUMBER;
}

static bool is_empty_table(lua_State *L, int index) {
  lua_pushnil(L);
  if (!lua_next(L, index)) return true;
  lua_pop(L, 2);
  return false;
}

/* An unmarked empty table may be either; any other is an array when it has a first element. */
static unsigned table_types(lua_State *L, int index) {
  if (json_is_array(L, index)) return SCHEMA_ARRAY;
  if (is_empty_table(L, index)) return SCHEMA_ARRAY | SCHEMA_OBJECT;
  bool has_first = lua_rawgeti(L, index, 1) != LUA_TNIL;
  lua_pop(L, 1);
  return has_first ? SCHEMA_ARRAY : SCHEMA_OBJECT;
}

/* The schema types that the value is of; 0 for what JSON cannot hold. */
static unsigned types_of(lua_State *L, int index) {
  switch (lua_type(L, index)) {
  case LUA_TLIGHTUSERDATA: return lua_touserdata(L, index) ? 0 : SCHEMA_NULL;
  case LUA_TBOOLEAN: return SCHEMA_BOOLEAN;
  case LUA_TNUMBER: return number_types(L, index);
  case LUA_TSTRING: return SCHEMA_STRING;
  case LUA_TTABLE: return table_types(L, index);
  case LUA_TUSERDATA:
    if (to_secret(L, index, NULL)) return SCHEMA_STRING;
    return json_big_number(L, index, NULL) ? number_types(L, index) : 0;
  default: return 0;
  }
}

static void push_quoted(lua_State *L, const char *text, size_t length) {
  size_t shown = length;
  if (length > MAX_QUOTED) {
    shown = MAX_QUOTED;
    while (shown > 0 && ((unsigned char)text[shown] & 0xC0) == 0x80) shown--;
  }
  lua_pushliteral(L, "\"");
  lua_pushlstring(L, text, shown);
  lua_pushstring(L, shown < length ? "…\"" : "\"");
  lua_concat(L, 3);
}

static const struct {
  enum schema_type type;
  const char *name;
} type_names[] = {
    {SCHEMA_INTEGER, "an integer"}, {SCHEMA_NUMBER, "a number"},  {SCHEMA_BOOLEAN, "a boolean"},
    {SCHEMA_ARRAY, "an array"},     {SCHEMA_OBJECT, "an object"}, {SCHEMA_STRING, "a string"},
    {SCHEMA_NULL, "null"},
};

enum { TYPE_COUNT = sizeof type_names / sizeof *type_names };

/* How messages call the value, or NULL for what JSON cannot hold. */
static const char *kind_of(lua_State *L, int index) {
  unsigned types = types_of(L, index);
  if (to_secret(L, index, NULL)) return "a secret";
  if (types & SCHEMA_NUMBER) return "a number";
  if (types == (SCHEMA_ARRAY | SCHEMA_OBJECT)) return "an empty table";
  for (int i = 0; i < TYPE_COUNT; i++) {
    if (types == type_names[i].type) return type_names[i].name;
  }
  return NULL;
}

/* Pushes what was given. Short text shows itself, a secret never does. */
static void push_description(lua_State *L, int index) {
  const char *kind = kind_of(L, index);
  size_t length;
  if (lua_type(L, index) == LUA_TSTRING) {
    const char *text = lua_tolstring(L, index, &length);
    push_quoted(L, text, length);
  } else if (lua_type(L, index) == LUA_TNUMBER && number_types(L, index) == SCHEMA_NUMBER) {
    lua_pushfstring(L, "the number %f", lua_tonumber(L, index));
  } else if (kind || lua_isnil(L, index)) {
    lua_pushstring(L, kind ? kind : "nil");
  } else {
    lua_pushfstring(L, "a %s", luaL_typename(L, index));
  }
}

/* What is expected */

static void add_choices(luaL_Buffer *b, const char *const *choices) {
  if (choices[1]) luaL_addstring(b, "one of ");
  for (; *choices; choices++) {
    luaL_addchar(b, '"');
    luaL_addstring(b, *choices);
    luaL_addstring(b, choices[1] ? "\", " : "\"");
  }
}

/* Pushes `a string`, `an integer or "latest"` and so on. */
static void push_expectation(lua_State *L, const struct schema *schema) {
  luaL_Buffer b;
  luaL_buffinit(L, &b);
  bool first = true;
  for (int i = 0; i < TYPE_COUNT; i++) {
    if (!(schema->types & type_names[i].type)) continue;
    if (!first) luaL_addstring(&b, " or ");
    first = false;
    if (type_names[i].type == SCHEMA_STRING && schema->choices)
      add_choices(&b, schema->choices);
    else
      luaL_addstring(&b, type_names[i].name);
  }
  luaL_pushresult(&b);
}

static void report_mismatch(struct check *c, int index, const struct schema *schema,
                            const struct check_path *path) {
  lua_State *L = c->L;
  const char *word = lua_type(L, index) == LUA_TSTRING ? lua_tostring(L, index) : NULL;
  const char *nearest = word && schema->choices ? nearest_name(word, schema->choices) : NULL;
  push_expectation(L, schema);
  push_description(L, index);
  const char *expected = lua_tostring(L, -2), *got = lua_tostring(L, -1);
  if (nearest)
    check_report(c, path, "expected %s, got %s; did you mean \"%s\"?", expected, got, nearest);
  else
    check_report(c, path, "expected %s, got %s", expected, got);
  lua_pop(L, 2);
}

/* Checks by type */

static void visit_value(struct check *c, int index, const struct schema *schema,
                        const struct check_path *path);

static void check_string(struct check *c, int index, const struct schema *schema,
                         const struct check_path *path) {
  size_t length;
  const char *text = to_wire_text(c->L, index, &length);
  if (length < schema->min_length) {
    if (schema->min_length == 1)
      check_report(c, path, "must not be empty");
    else
      check_report(c, path, "must have at least %d characters", (int)schema->min_length);
  }
  if (!schema->choices) return;
  for (const char *const *choice = schema->choices; *choice; choice++) {
    if (strlen(*choice) == length && memcmp(*choice, text, length) == 0) return;
  }
  report_mismatch(c, index, schema, path);
}

/* A number object is beyond int64, so its sign alone tells on which side of any bound it is. */
static int compare_number(lua_State *L, int index, int64_t bound) {
  size_t length;
  const char *digits = json_big_number(L, index, &length);
  if (digits) return *digits == '-' ? -1 : 1;
  lua_pushinteger(L, bound);
  bool less = lua_compare(L, index, -1, LUA_OPLT);
  bool equal = lua_rawequal(L, index, -1);
  lua_pop(L, 1);
  return less ? -1 : !equal;
}

static void check_number(struct check *c, int index, const struct schema *schema,
                         const struct check_path *path) {
  if (schema->minimum && compare_number(c->L, index, *schema->minimum) < 0)
    check_report(c, path, "must be at least %I", (LUAI_UACINT)*schema->minimum);
  if (schema->maximum && compare_number(c->L, index, *schema->maximum) > 0)
    check_report(c, path, "must be at most %I", (LUAI_UACINT)*schema->maximum);
}

static void check_array(struct check *c, int index, const struct schema *schema,
                        const struct check_path *path) {
  lua_State *L = c->L;
  if (!schema->items) return;
  lua_Integer count = (lua_Integer)lua_rawlen(L, index);
  for (lua_Integer i = 1; i <= count; i++) {
    struct check_path item = {.parent = path, .position = i};
    lua_rawgeti(L, index, i);
    visit_value(c, lua_gettop(L), schema->items, &item);
    lua_pop(L, 1);
  }
}

/* Finds the problems in the order of the schema. */
static void check_known_fields(struct check *c, int index, const struct schema *schema,
                               const struct check_path *path) {
  lua_State *L = c->L;
  for (unsigned i = 0; i < schema->field_count; i++) {
    const struct field *field = &schema->fields[i];
    struct check_path place = {.parent = path, .name = field->name};
    lua_pushstring(L, field->name);
    if (lua_rawget(L, index) != LUA_TNIL)
      visit_value(c, lua_gettop(L), field->schema, &place);
    else if (field->required)
      check_report(c, &place, "required but missing");
    lua_pop(L, 1);
  }
}

/* The unknown names of an object: the smallest few, in order, since Lua gives them in any. */
struct unknown {
  const char *names[MAX_UNKNOWN_FIELDS];
  int count;
  int left_out;
};

static void add_unknown(struct unknown *u, const char *name) {
  int i = u->count;
  if (u->count == MAX_UNKNOWN_FIELDS) {
    u->left_out++;
    if (strcmp(name, u->names[u->count - 1]) >= 0) return;
    i--;
  } else {
    u->count++;
  }
  for (; i > 0 && strcmp(name, u->names[i - 1]) < 0; i--) u->names[i] = u->names[i - 1];
  u->names[i] = name;
}

static void collect_unknown(struct check *c, int index, const struct schema *schema,
                            const struct check_path *path, struct unknown *u) {
  lua_State *L = c->L;
  bool has_other_keys = false;
  lua_pushnil(L);
  while (lua_next(L, index)) {
    lua_pop(L, 1);
    if (lua_type(L, -1) != LUA_TSTRING)
      has_other_keys = true;
    else if (!schema->open && !check_field(L, -1, schema->fields, schema->field_count))
      add_unknown(u, lua_tostring(L, -1));
  }
  if (has_other_keys) check_report(c, path, "expected names as keys, got a list or other keys too");
}

/* Pushes a userdata that holds the field names as a NULL-terminated list. */
static const char *const *push_field_names(lua_State *L, const struct schema *schema) {
  const char **names = lua_newuserdatauv(L, (schema->field_count + 1) * sizeof *names, 0);
  for (unsigned i = 0; i < schema->field_count; i++) names[i] = schema->fields[i].name;
  names[schema->field_count] = NULL;
  return names;
}

static void check_unknown_fields(struct check *c, int index, const struct schema *schema,
                                 const struct check_path *path) {
  lua_State *L = c->L;
  struct unknown u = {.count = 0};
  collect_unknown(c, index, schema, path, &u);
  if (u.count == 0) return;
  const char *const *known = push_field_names(L, schema);
  for (int i = 0; i < u.count; i++) {
    struct check_path place = {.parent = path, .name = u.names[i]};
    check_report_unknown(c, &place, u.names[i], known);
  }
  if (u.left_out > 0) check_report(c, path, "%d more unknown fields", u.left_out);
  lua_pop(L, 1);
}

static void check_exactly_one(struct check *c, int index, const char *const *names,
                              const struct check_path *path) {
  lua_State *L = c->L;
  int given = 0;
  for (const char *const *name = names; *name; name++) {
    lua_pushstring(L, *name);
    given += lua_rawget(L, index) != LUA_TNIL;
    lua_pop(L, 1);
  }
  if (given == 1) return;
  push_names(L, names, "\"");
  check_report(c, path, "expected exactly one of %s, got %s", lua_tostring(L, -1),
               given == 0 ? "none" : "more than one");
  lua_pop(L, 1);
}

static unsigned count_required(const struct schema *schema) {
  unsigned count = 0;
  for (unsigned i = 0; i < schema->field_count; i++) count += schema->fields[i].required;
  return count;
}

/* Finds out whether there is a problem with what is given, in whatever order: most objects have far
 * fewer fields than are known. */
static void try_fields(struct check *c, int index, const struct schema *schema) {
  lua_State *L = c->L;
  unsigned missing = count_required(schema);
  lua_pushnil(L);
  for (; lua_next(L, index); lua_pop(L, 1)) {
    const struct field *field = check_field(L, -2, schema->fields, schema->field_count);
    if (field)
      visit_value(c, lua_gettop(L), field->schema, NULL);
    else if (lua_type(L, -2) != LUA_TSTRING || !schema->open)
      c->has_problem = true;
    missing -= field && field->required;
  }
  if (missing > 0) c->has_problem = true;
}

static void check_object(struct check *c, int index, const struct schema *schema,
                         const struct check_path *path) {
  if (c->on_trial) {
    try_fields(c, index, schema);
  } else {
    check_known_fields(c, index, schema, path);
    check_unknown_fields(c, index, schema, path);
  }
  if (schema->exactly_one_of) check_exactly_one(c, index, schema->exactly_one_of, path);
}

/* An empty table says nothing of its kind; where only an array will do, it is noted as one. */
static void note_empty_array(struct check *c, int index) {
  if (!c->empty_arrays) return;
  make_table(c->L, c->empty_arrays);
  lua_pushvalue(c->L, index);
  lua_pushboolean(c->L, true);
  lua_rawset(c->L, c->empty_arrays);
}

static void visit_value(struct check *c, int index, const struct schema *schema,
                        const struct check_path *path) {
  luaL_checkstack(c->L, LUA_MINSTACK, "value nested too deeply");
  unsigned types = types_of(c->L, index) & schema->types;
  if (types == 0) {
    report_mismatch(c, index, schema, path);
  } else if (types & SCHEMA_OBJECT) {
    check_object(c, index, schema, path);
  } else if (types & SCHEMA_ARRAY) {
    if (!json_is_array(c->L, index) && is_empty_table(c->L, index)) note_empty_array(c, index);
    check_array(c, index, schema, path);
  } else if (types & SCHEMA_STRING) {
    check_string(c, index, schema, path);
  } else if (types & (SCHEMA_NUMBER | SCHEMA_INTEGER)) {
    check_number(c, index, schema, path);
  }
}

/* What is right, as nearly all is, is found so without the order that reports are to have. */
void check_value(struct check *c, int index, const struct schema *schema,
                 const struct check_path *path) {
  c->on_trial = true;
  c->has_problem = false;
  visit_value(c, index, schema, path);
  c->on_trial = false;
  if (c->has_problem) visit_value(c, index, schema, path);
}
