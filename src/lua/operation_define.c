/* Copies rows out of Lua tables. Whatever the tables hold, even metamethods or themselves, nothing
 * but an error comes of it: access is raw, and depth, width and memory have bounds. Memory belongs
 * to a userdata until the rows are in the table. */
#include "lua/operation_define.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

#include "api/operation.h"
#include "lua/json.h"

#define ARENA_TYPE "anyreach.operations.arena"

enum {
  MAX_DEPTH = 64,     /* of schemas in schemas */
  MAX_WEIGHT = 20000, /* schemas of an operation, a shared one counted wherever it stands */
  MAX_LIST = 20000    /* elements of a list */
};

struct copier {
  lua_State *L;
  struct arena *arena;
  int memo; /* stack index: Lua table of a schema -> its copy */
};

/* A copied schema, and how big it is with all that it holds. */
struct copy {
  struct schema schema; /* first */
  unsigned weight, depth;
};

static int arena_gc(lua_State *L) {
  arena_free(lua_touserdata(L, 1));
  return 0;
}

static struct arena *push_arena(lua_State *L) {
  struct arena *arena = lua_newuserdatauv(L, sizeof *arena, 0);
  arena_init(arena, DEFINE_MAX_MEMORY);
  if (luaL_newmetatable(L, ARENA_TYPE)) {
    lua_pushcfunction(L, arena_gc);
    lua_setfield(L, -2, "__gc");
  }
  lua_setmetatable(L, -2);
  return arena;
}

static _Noreturn void refuse(struct copier *c, const char *key, const char *expected) {
  luaL_error(c->L, "%s: expected %s", key, expected);
  abort(); /* luaL_error does not return */
}

static void *take(struct copier *c, size_t count, size_t size) {
  void *memory = arena_take(c->arena, count * size);
  if (!memory) luaL_error(c->L, "the operations take too much memory");
  return memory;
}

/* Pushes table[key], and returns its type. [-0, +1, m] */
static int get(lua_State *L, int table, const char *key) {
  table = lua_absindex(L, table);
  lua_pushstring(L, key);
  return lua_rawget(L, table);
}

/* {====== plain values: what is missing or null is not set ====== */

/* Copies and pops the string on top. [-1, +0, v] */
static const char *copy_top(struct copier *c, const char *key) {
  size_t length;
  const char *text = lua_type(c->L, -1) == LUA_TSTRING ? lua_tolstring(c->L, -1, &length) : NULL;
  if (!text || strlen(text) != length) refuse(c, key, "a string");
  char *copied = memcpy(take(c, length + 1, 1), text, length + 1);
  lua_pop(c->L, 1);
  return copied;
}

static const char *copy_text(struct copier *c, int table, const char *key) {
  if (get(c->L, table, key) != LUA_TNIL) return copy_top(c, key);
  lua_pop(c->L, 1);
  return NULL;
}

static const char *copy_required(struct copier *c, int table, const char *key) {
  const char *text = copy_text(c, table, key);
  if (!text) refuse(c, key, "a string");
  return text;
}

static bool is_true(struct copier *c, int table, const char *key) {
  get(c->L, table, key);
  bool value = lua_toboolean(c->L, -1);
  lua_pop(c->L, 1);
  return value;
}

static bool get_integer(struct copier *c, int table, const char *key, lua_Integer *value) {
  int is_integer = 0;
  bool given = get(c->L, table, key) != LUA_TNIL;
  if (given) *value = lua_tointegerx(c->L, -1, &is_integer);
  if (given && !is_integer) refuse(c, key, "an integer");
  lua_pop(c->L, 1);
  return given;
}

static const int64_t *copy_bound(struct copier *c, int table, const char *key) {
  lua_Integer value;
  if (!get_integer(c, table, key, &value)) return NULL;
  int64_t *bound = take(c, 1, sizeof *bound);
  *bound = value;
  return bound;
}

/* Pushes the list table[key] and returns its length; when there is none, pushes nil and returns -1.
 * [-0, +1, v] */
static lua_Integer push_list(struct copier *c, int table, const char *key) {
  if (get(c->L, table, key) == LUA_TNIL) return -1;
  if (!lua_istable(c->L, -1) || lua_rawlen(c->L, -1) > MAX_LIST) refuse(c, key, "a list");
  return (lua_Integer)lua_rawlen(c->L, -1);
}

static const char *const *copy_names(struct copier *c, int table, const char *key) {
  lua_Integer count = push_list(c, table, key);
  const char **names = count < 0 ? NULL : take(c, (size_t)count + 1, sizeof *names);
  for (lua_Integer i = 0; i < count; i++) {
    lua_rawgeti(c->L, -1, i + 1);
    names[i] = copy_top(c, key);
  }
  lua_pop(c->L, 1);
  return names;
}

/* The position of table[key] in the names. */
static int copy_choice(struct copier *c, int table, const char *key, const char *const *names) {
  int found = 0;
  const char *word = get(c->L, table, key) == LUA_TSTRING ? lua_tostring(c->L, -1) : "";
  while (names[found] && strcmp(names[found], word) != 0) found++;
  if (!names[found]) refuse(c, key, "one of the known words");
  lua_pop(c->L, 1);
  return found;
}

/* The same, or 0 when it is not set. */
static int copy_option(struct copier *c, int table, const char *key, const char *const *names) {
  bool is_set = get(c->L, table, key) != LUA_TNIL;
  lua_pop(c->L, 1);
  return is_set ? copy_choice(c, table, key, names) : 0;
}

/* }====== */

/* {====== schemas ====== */

static const struct copy *copy_schema(struct copier *c, unsigned depth);

static void add_size(struct copier *c, struct copy *copy, const struct copy *part) {
  copy->weight += part->weight;
  if (part->depth + 1 > copy->depth) copy->depth = part->depth + 1;
  if (copy->weight > MAX_WEIGHT) refuse(c, "schema", "fewer fields in fields");
}

static unsigned copy_types(struct copier *c, int table) {
  static const char *const names[] = {"null",   "boolean", "integer", "number",
                                      "string", "array",   "object"};
  unsigned types = 0;
  for (lua_Integer i = push_list(c, table, "types"); i > 0; i--) {
    unsigned bit = 0;
    lua_rawgeti(c->L, -1, i);
    const char *word = lua_type(c->L, -1) == LUA_TSTRING ? lua_tostring(c->L, -1) : "";
    while (bit < sizeof names / sizeof *names && strcmp(names[bit], word) != 0) bit++;
    if (bit == sizeof names / sizeof *names) refuse(c, "types", "JSON types");
    types |= 1u << bit;
    lua_pop(c->L, 1);
  }
  lua_pop(c->L, 1);
  return types;
}

/* Copies and pops the field on top; adds its size to `size`. */
static void copy_field(struct copier *c, struct field *field, struct copy *size, unsigned depth) {
  static const char *const places[] = {"query", "header", "cookie", NULL};
  static const char *const styles[] = {
      "default", "deepObject", "spaceDelimited", "pipeDelimited", "label", "matrix", NULL};
  static const char *const explodes[] = {"default", "yes", "no", NULL};
  int table = lua_gettop(c->L);
  if (!lua_istable(c->L, table)) refuse(c, "field", "a table");
  field->name = copy_required(c, table, "name");
  field->summary = copy_text(c, table, "summary");
  field->required = is_true(c, table, "required");
  field->unverified = is_true(c, table, "unverified");
  field->wire_name = copy_text(c, table, "wire_name");
  field->place = (enum parameter_place)copy_option(c, table, "place", places);
  field->style = (enum parameter_style)copy_option(c, table, "style", styles);
  field->explode = (enum parameter_explode)copy_option(c, table, "explode", explodes);
  get(c->L, table, "schema");
  const struct copy *copy = copy_schema(c, depth + 1);
  field->schema = &copy->schema;
  add_size(c, size, copy);
  lua_settop(c->L, table - 1);
}

static const struct field *copy_fields(struct copier *c, int table, const char *key,
                                       unsigned *count, struct copy *size, unsigned depth) {
  lua_Integer given = push_list(c, table, key);
  struct field *fields = given > 0 ? take(c, (size_t)given, sizeof *fields) : NULL;
  for (lua_Integer i = 0; i < given; i++) {
    lua_rawgeti(c->L, -1, i + 1);
    copy_field(c, &fields[i], size, depth);
  }
  lua_pop(c->L, 1);
  *count = given > 0 ? (unsigned)given : 0;
  return fields;
}

static void fill_schema(struct copier *c, int table, struct copy *copy, unsigned depth) {
  struct schema *schema = &copy->schema;
  lua_Integer length = 0;
  schema->types = copy_types(c, table);
  schema->open = is_true(c, table, "open");
  schema->json_text = is_true(c, table, "json_text");
  schema->format = copy_text(c, table, "format");
  schema->choices = copy_names(c, table, "choices");
  schema->fields = copy_fields(c, table, "fields", &schema->field_count, copy, depth);
  schema->exactly_one_of = copy_names(c, table, "exactly_one_of");
  schema->default_json = copy_text(c, table, "default_json");
  schema->minimum = copy_bound(c, table, "minimum");
  schema->maximum = copy_bound(c, table, "maximum");
  if (get_integer(c, table, "min_length", &length) && length > 0)
    schema->min_length = length < INT32_MAX ? (unsigned)length : INT32_MAX;
  if (get(c->L, table, "items") != LUA_TNIL) {
    const struct copy *items = copy_schema(c, depth + 1);
    schema->items = &items->schema;
    add_size(c, copy, items);
  } else {
    lua_pop(c->L, 1);
  }
}

/* Pops the schema on top: returns its copy, which is made once per table. */
static const struct copy *copy_schema(struct copier *c, unsigned depth) {
  lua_State *L = c->L;
  int table = lua_gettop(L);
  luaL_checkstack(L, LUA_MINSTACK, "schema nested too deeply");
  if (!lua_istable(L, table)) refuse(c, "schema", "a table");
  lua_pushvalue(L, table);
  lua_rawget(L, c->memo);
  struct copy *copy = lua_touserdata(L, -1);
  if (depth + (copy ? copy->depth : 0) > MAX_DEPTH) refuse(c, "schema", "less nesting");
  if (!copy) {
    copy = take(c, 1, sizeof *copy);
    copy->weight = 1;
    fill_schema(c, table, copy, depth);
    lua_pushvalue(L, table);
    lua_pushlightuserdata(L, copy);
    lua_rawset(L, c->memo);
  }
  lua_settop(L, table - 1);
  return copy;
}

/* The schema table[key] or NULL. */
static const struct schema *copy_member(struct copier *c, int table, const char *key,
                                        struct copy *size) {
  if (get(c->L, table, key) == LUA_TNIL) {
    lua_pop(c->L, 1);
    return NULL;
  }
  const struct copy *copy = copy_schema(c, 0);
  add_size(c, size, copy);
  return &copy->schema;
}

/* }====== */

static const char *copy_wait(struct copier *c, int table) {
  lua_State *L = c->L;
  int top = lua_gettop(L);
  if (get(L, table, "wait") == LUA_TNIL) {
    lua_settop(L, top);
    return NULL;
  }
  struct buf *text = json_new_buffer(L, DEFINE_MAX_MEMORY);
  struct json_options options = {.secrets = JSON_SECRETS_REFUSE};
  if (!json_encode(L, top + 1, text, &options)) refuse(c, "wait", "what JSON can hold");
  lua_pushlstring(L, text->data, text->length);
  const char *wait = copy_top(c, "wait");
  lua_settop(L, top);
  return wait;
}

/* The row on top. */
static void copy_row(struct copier *c, struct operation *row) {
  static const char *const answers[] = {"json", "text", "none", NULL};
  static const char *const pagings[] = {"none", "cursor", "offset", NULL};
  static const char *const bodies[] = {"json", "urlencoded", "multipart", "raw", NULL};
  static const char *const retries[] = {"safe", "idempotent", "never", NULL};
  int table = lua_gettop(c->L);
  struct copy size = {.weight = 0};
  lua_Integer status = 200;
  if (!lua_istable(c->L, table)) refuse(c, "row", "a table");
  row->name = copy_required(c, table, "name");
  row->method = copy_required(c, table, "method");
  row->path = copy_required(c, table, "path");
  row->service = copy_required(c, table, "service");
  row->operation_id = copy_required(c, table, "operation_id");
  row->summary = copy_required(c, table, "summary");
  row->description = copy_text(c, table, "description");
  row->source = copy_text(c, table, "source");
  row->path_fields = copy_fields(c, table, "path_fields", &row->path_field_count, &size, 0);
  row->parameters = copy_fields(c, table, "parameters", &row->parameter_count, &size, 0);
  row->body = copy_member(c, table, "body", &size);
  row->body_required = is_true(c, table, "body_required");
  row->body_kind = (enum body_kind)copy_option(c, table, "body_kind", bodies);
  row->content_type = copy_text(c, table, "content_type");
  row->accept = copy_text(c, table, "accept");
  row->multipart = copy_names(c, table, "multipart");
  row->answer = copy_member(c, table, "answer", &size);
  row->answer_kind = (enum answer_kind)copy_choice(c, table, "answer_kind", answers);
  get_integer(c, table, "success_status", &status);
  row->success_status = status >= 200 && status <= 299 ? (int)status : 200;
  row->scopes = copy_names(c, table, "scopes");
  row->id_alias = copy_text(c, table, "id_alias");
  row->paging = (enum paging)copy_choice(c, table, "paging", pagings);
  row->retry = (enum retry_class)copy_choice(c, table, "retry", retries);
  row->wait_json = copy_wait(c, table);
  row->writes = is_true(c, table, "writes");
  row->writes_when = copy_text(c, table, "writes_when");
  row->public_ = is_true(c, table, "public");
  row->unverified = is_true(c, table, "unverified");
}

/* copy(copier, row, memo, table): a call of its own, so that a bad table spoils one row alone. */
static int l_copy(lua_State *L) {
  struct copier c = *(struct copier *)lua_touserdata(L, 1);
  struct operation *row = lua_touserdata(L, 2);
  c.memo = 3;
  copy_row(&c, row);
  const char *problem = operation_problem(row);
  if (problem) return luaL_error(L, "%s", problem);
  return 0;
}

/* Copies the table on top, which is popped. On failure appends {name=, reason=} to the list at
 * `refused` and returns false. */
static bool copy_or_report(struct copier *c, struct operation *row, int refused) {
  lua_State *L = c->L;
  int table = lua_gettop(L);
  lua_pushcfunction(L, l_copy);
  lua_pushlightuserdata(L, c);
  lua_pushlightuserdata(L, row);
  lua_pushvalue(L, c->memo);
  lua_pushvalue(L, table);
  bool copied = lua_pcall(L, 4, 0, 0) == LUA_OK;
  if (!copied) {
    lua_createtable(L, 0, 2);
    lua_insert(L, -2);
    lua_setfield(L, -2, "reason");
    if (lua_istable(L, table))
      get(L, table, "name");
    else
      lua_pushnil(L);
    lua_setfield(L, -2, "name");
    lua_rawseti(L, refused, (lua_Integer)lua_rawlen(L, refused) + 1);
  }
  lua_settop(L, table - 1);
  return copied;
}

/* define(rows) -> array of {name=, reason=}: the rows that were refused. Raises, and adds no row,
 * when the names of the others clash or are too many. */
int l_operations_define(lua_State *L) {
  enum { ROWS = 1, MEMO, REFUSED };
  char error[DEFINE_ERROR_MAX];
  luaL_checktype(L, ROWS, LUA_TTABLE);
  lua_settop(L, ROWS);
  lua_newtable(L);
  lua_newtable(L);
  json_mark_array(L, REFUSED);
  struct copier c = {.L = L, .memo = MEMO, .arena = push_arena(L)};
  size_t given = lua_rawlen(L, ROWS), count = 0;
  if (given > DEFINE_MAX_ROWS) return luaL_error(L, "more than %d operations", DEFINE_MAX_ROWS);
  struct operation *rows = take(&c, given ? given : 1, sizeof *rows);
  for (size_t i = 0; i < given; i++) {
    lua_rawgeti(L, ROWS, (lua_Integer)i + 1);
    rows[count] = (struct operation){0};
    if (copy_or_report(&c, &rows[count], REFUSED)) count++;
  }
  if (!operation_define(c.arena, rows, count, error)) return luaL_error(L, "%s", error);
  lua_pushvalue(L, REFUSED);
  return 1;
}
