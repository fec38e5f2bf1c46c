/* The YAML reader behind the module "anyreach.yaml": libyaml's events become Lua values in one
 * pass, with the place of every key beside them. Whatever goes wrong is raised as
 * "name:line:column: message". The parser belongs to a to-be-closed userdata, so an error in the
 * middle frees it. Aliases are copied, never shared, and what they may grow to is bounded. */
#include "lua/yaml.h"

#include <lauxlib.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "lua/json.h"
#include "lua/yaml_events.h"
#include "lua/yaml_scalar.h"

#define TAG_METATABLE    "anyreach.yaml.tag"
#define READER_METATABLE "anyreach.yaml.reader"
#define STANDARD_TAG     "tag:yaml.org,2002:"

enum { MAX_COPIED_NODES = 100000, BYTE_ORDER_MARK_LENGTH = 3 };

struct reader {
  lua_State *L;
  yaml_parser_t parser;
  yaml_event_t event; /* the current one */
  const char *name;   /* of the document, for messages */
  const char *text;
  int anchors;   /* stack index: anchor -> value, or this table itself while the node is read */
  int positions; /* stack index: container -> places of its keys, see note_position() */
  int plain;     /* stack index: container -> key -> what note_plain() says; 0: not wanted */
  unsigned copied_nodes;
};

static int reader_close(lua_State *L) {
  struct reader *r = lua_touserdata(L, 1);
  yaml_event_delete(&r->event);
  yaml_parser_delete(&r->parser);
  memset(r, 0, sizeof *r);
  return 0;
}

/* Errors */

_Noreturn static void raise_at(struct reader *r, yaml_mark_t mark, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  lua_pushfstring(r->L, "%s:%d:%d: ", r->name, (int)mark.line + 1, (int)mark.column + 1);
  lua_pushvfstring(r->L, format, arguments);
  va_end(arguments);
  lua_concat(r->L, 2);
  lua_error(r->L);
  abort(); /* not reached */
}

/* libyaml gives only a byte offset when it cannot read the characters themselves. */
static yaml_mark_t mark_of_offset(const char *text, size_t offset) {
  yaml_mark_t mark = {0};
  for (size_t i = 0; i < offset; i++) {
    unsigned char c = (unsigned char)text[i];
    if (c == '\n') {
      mark.line++;
      mark.column = 0;
    } else if ((c & 0xC0) != 0x80) {
      mark.column++;
    }
  }
  return mark;
}

_Noreturn static void raise_parser_error(struct reader *r) {
  const yaml_parser_t *p = &r->parser;
  if (p->error == YAML_MEMORY_ERROR) luaL_error(r->L, "not enough memory");
  if (p->error == YAML_READER_ERROR)
    raise_at(r, mark_of_offset(r->text, p->problem_offset), "%s", p->problem);
  if (!p->context) raise_at(r, p->problem_mark, "%s", p->problem);
  raise_at(r, p->problem_mark, "%s (%s, line %d)", p->problem, p->context,
           (int)p->context_mark.line + 1);
}

static void next_event(struct reader *r) {
  yaml_event_delete(&r->event);
  if (!yaml_parser_parse(&r->parser, &r->event)) raise_parser_error(r);
}

/* Places */

/* Sets two fields of the table on top. */
static void set_mark(lua_State *L, yaml_mark_t mark, const char *line, const char *column) {
  lua_pushinteger(L, (lua_Integer)mark.line + 1);
  lua_setfield(L, -2, line);
  lua_pushinteger(L, (lua_Integer)mark.column + 1);
  lua_setfield(L, -2, column);
}

/* Notes where something starts: pops a key and sets it in the table at `places`. [-1, +0, m] */
static void note_position(struct reader *r, int places, yaml_mark_t mark) {
  lua_createtable(r->L, 0, 2);
  set_mark(r->L, mark, "line", "column");
  lua_rawset(r->L, places);
}

/* Pushes a new table of places for the container at the top; its [0] is the container's own. */
static int push_places(struct reader *r, yaml_mark_t mark) {
  lua_State *L = r->L;
  lua_newtable(L);
  int places = lua_gettop(L);
  lua_pushvalue(L, -2);
  lua_pushvalue(L, places);
  lua_rawset(L, r->positions);
  lua_pushinteger(L, 0);
  note_position(r, places, mark);
  return places;
}

/* Notes how a plain scalar, the current event, is spelled, under the key on top of the stack:
 * {text =, line =, column =, end_line =, end_column =}; the last is that of the character behind
 * it.
 * [-0, +0, m] */
static void note_plain(struct reader *r, int container) {
  lua_State *L = r->L;
  const yaml_event_t *e = &r->event;
  if (!r->plain || e->type != YAML_SCALAR_EVENT || e->data.scalar.tag ||
      e->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
    return;
  int key = lua_gettop(L);
  lua_pushvalue(L, container);
  if (lua_rawget(L, r->plain) == LUA_TNIL) {
    lua_newtable(L);
    lua_replace(L, -2);
    lua_pushvalue(L, container);
    lua_pushvalue(L, -2);
    lua_rawset(L, r->plain);
  }
  lua_pushvalue(L, key);
  lua_createtable(L, 0, 5);
  lua_pushlstring(L, (const char *)e->data.scalar.value, e->data.scalar.length);
  lua_setfield(L, -2, "text");
  set_mark(L, e->start_mark, "line", "column");
  set_mark(L, e->end_mark, "end_line", "end_column");
  lua_rawset(L, -3);
  lua_settop(L, key);
}

/* Scalars */

/* A scalar under a tag of the user's own is its text: `!env NULL` names a variable. */
static void push_scalar(struct reader *r, const char *tag) {
  const char *text = (const char *)r->event.data.scalar.value;
  size_t length = r->event.data.scalar.length;
  if (!tag && r->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE) {
    yaml_push_plain(r->L, text, length);
  } else if (!tag || strncmp(tag, STANDARD_TAG, strlen(STANDARD_TAG)) != 0 ||
             strcmp(tag, YAML_STR_TAG) == 0) {
    lua_pushlstring(r->L, text, length);
  } else {
    const char *kind = tag + strlen(STANDARD_TAG);
    if (strcmp(kind, "binary") == 0 && yaml_push_base64(r->L, text, length)) return;
    yaml_push_plain(r->L, text, length);
    if (!yaml_apply_standard_tag(r->L, kind))
      raise_at(r, r->event.start_mark, "the tag !!%s does not fit this value", kind);
  }
}

/* Nodes */

static void push_node(struct reader *r, unsigned depth);

static void push_sequence(struct reader *r, unsigned depth) {
  lua_State *L = r->L;
  lua_newtable(L);
  int list = lua_gettop(L);
  json_mark_array(L, list);
  int places = push_places(r, r->event.start_mark);
  next_event(r);
  for (lua_Integer i = 1; r->event.type != YAML_SEQUENCE_END_EVENT; i++) {
    lua_pushinteger(L, i);
    lua_pushvalue(L, -1);
    note_position(r, places, r->event.start_mark);
    note_plain(r, list);
    push_node(r, depth + 1);
    lua_rawset(L, list);
    next_event(r);
  }
  lua_pop(L, 1);
}

static void refuse_repeated_key(struct reader *r, int places) {
  lua_State *L = r->L;
  lua_pushvalue(L, -1);
  if (lua_rawget(L, places) != LUA_TNIL) {
    lua_getfield(L, -1, "line");
    raise_at(r, r->event.start_mark, "the key \"%s\" is already given in line %d",
             lua_tostring(L, -3), (int)lua_tointeger(L, -1));
  }
  lua_pop(L, 1);
}

static void push_key(struct reader *r) {
  if (r->event.type != YAML_SCALAR_EVENT)
    raise_at(r, r->event.start_mark, "a key must be plain text, not a list, a mapping or an alias");
  const char *tag = (const char *)r->event.data.scalar.tag;
  if (tag && strcmp(tag, YAML_STR_TAG) != 0 && strcmp(tag, "!") != 0)
    raise_at(r, r->event.start_mark, "a key cannot carry the tag %s", tag);
  lua_pushlstring(r->L, (const char *)r->event.data.scalar.value, r->event.data.scalar.length);
  if (!r->event.data.scalar.anchor) return;
  lua_pushvalue(r->L, -1);
  lua_setfield(r->L, r->anchors, (const char *)r->event.data.scalar.anchor);
}

/* Merge keys: `<<: *base` or `<<: [*one, *other]` put the entries of other mappings into one. What
 * the mapping says itself wins, then the earlier of the others. Quoted, "<<" is a key like others.
 */

static bool is_merge_key(const yaml_event_t *e) {
  static const char merge_tag[] = STANDARD_TAG "merge";
  const char *tag = (const char *)e->data.scalar.tag;
  return e->type == YAML_SCALAR_EVENT && strcmp((const char *)e->data.scalar.value, "<<") == 0 &&
         (tag ? strcmp(tag, merge_tag) == 0 : e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE);
}

/* Lists and tags have metatables. */
static bool is_mapping(lua_State *L) {
  if (!lua_istable(L, -1)) return false;
  if (!lua_getmetatable(L, -1)) return true;
  lua_pop(L, 1);
  return false;
}

static void refuse_merge(struct reader *r, yaml_mark_t mark) {
  raise_at(r, mark,
           "the key << takes a mapping or a list of mappings, such as *base; quote it if "
           "it is no merge key");
}

/* Puts what the mapping on top has, and the one at `map` has not, into the latter. [-0, +0, m] */
static void merge_mapping(struct reader *r, int map, int places, yaml_mark_t mark) {
  lua_State *L = r->L;
  if (!is_mapping(L)) refuse_merge(r, mark);
  int from = lua_gettop(L);
  lua_pushvalue(L, from);
  lua_rawget(L, r->positions);
  lua_pushnil(L);
  while (lua_next(L, from)) {
    lua_pushvalue(L, -2);
    if (lua_rawget(L, map) == LUA_TNIL) {
      lua_pushvalue(L, -3);
      lua_pushvalue(L, -3);
      lua_rawset(L, map);
      lua_pushvalue(L, -3);
      lua_pushvalue(L, -1);
      lua_rawget(L, from + 1);
      lua_rawset(L, places);
    }
    lua_pop(L, 2);
  }
  lua_settop(L, from);
}

/* Pops the value of a merge key, once the mapping is complete otherwise. [-1, +0, m] */
static void merge(struct reader *r, int map, int places, yaml_mark_t mark) {
  lua_State *L = r->L;
  if (lua_istable(L, -1) && json_is_array(L, lua_gettop(L))) {
    lua_Integer count = luaL_len(L, -1);
    for (lua_Integer i = 1; i <= count; i++) {
      lua_rawgeti(L, -1, i);
      merge_mapping(r, map, places, mark);
      lua_pop(L, 1);
    }
  } else {
    merge_mapping(r, map, places, mark);
  }
  lua_pop(L, 1);
}

/* Reads a key and its value into the mapping, or, of a merge key, leaves the value at places + 1
 * and its place in *merge_mark. */
static void read_entry(struct reader *r, int map, int places, unsigned depth,
                       yaml_mark_t *merge_mark) {
  lua_State *L = r->L;
  bool is_merge = is_merge_key(&r->event);
  if (is_merge)
    lua_pushliteral(L, "<<");
  else
    push_key(r);
  refuse_repeated_key(r, places);
  lua_pushvalue(L, -1);
  note_position(r, places, r->event.start_mark);
  next_event(r);
  if (is_merge)
    *merge_mark = r->event.start_mark;
  else
    note_plain(r, map);
  push_node(r, depth + 1);
  if (!is_merge) {
    lua_rawset(L, map);
    return;
  }
  lua_replace(L, places + 1);
  lua_pop(L, 1);
}

static void push_mapping(struct reader *r, unsigned depth) {
  lua_State *L = r->L;
  yaml_mark_t merge_mark = {0};
  lua_newtable(L);
  int map = lua_gettop(L);
  int places = push_places(r, r->event.start_mark);
  lua_pushnil(L);
  next_event(r);
  while (r->event.type != YAML_MAPPING_END_EVENT) {
    read_entry(r, map, places, depth, &merge_mark);
    next_event(r);
  }
  if (lua_isnil(L, -1))
    lua_pop(L, 1);
  else
    merge(r, map, places, merge_mark);
  lua_pop(L, 1);
}

/* Replaces the value on top by a copy, with the same places. */
static void copy_value(struct reader *r, yaml_mark_t mark, unsigned depth) {
  lua_State *L = r->L;
  if (++r->copied_nodes > MAX_COPIED_NODES)
    raise_at(r, mark, "the aliases expand to more than %d values", MAX_COPIED_NODES);
  if (!lua_istable(L, -1)) return;
  if (depth > JSON_MAX_DEPTH) raise_at(r, mark, "nested deeper than %d levels", JSON_MAX_DEPTH);
  luaL_checkstack(L, LUA_MINSTACK, "YAML nested too deeply");
  int original = lua_gettop(L);
  lua_newtable(L);
  if (lua_getmetatable(L, original)) lua_setmetatable(L, -2);
  lua_pushvalue(L, -1);
  lua_pushvalue(L, original);
  lua_rawget(L, r->positions);
  lua_rawset(L, r->positions);
  lua_pushnil(L);
  while (lua_next(L, original)) {
    copy_value(r, mark, depth + 1);
    lua_pushvalue(L, -2);
    lua_insert(L, -2);
    lua_rawset(L, original + 1);
  }
  lua_replace(L, original);
}

static void push_alias(struct reader *r, unsigned depth) {
  const char *anchor = (const char *)r->event.data.alias.anchor;
  yaml_mark_t mark = r->event.start_mark;
  if (lua_getfield(r->L, r->anchors, anchor) == LUA_TNIL)
    raise_at(r, mark, "there is no anchor &%s before this alias", anchor);
  if (lua_rawequal(r->L, -1, r->anchors))
    raise_at(r, mark, "the alias *%s is inside the value that it names", anchor);
  copy_value(r, mark, depth);
}

/* Wraps the value at the top as {tag=, value=}. */
static void wrap_tag(lua_State *L, const char *tag) {
  lua_createtable(L, 0, 2);
  lua_insert(L, -2);
  lua_setfield(L, -2, "value");
  lua_pushstring(L, tag);
  lua_setfield(L, -2, "tag");
  luaL_setmetatable(L, TAG_METATABLE);
}

static bool is_own_tag(const char *tag) {
  return tag && strncmp(tag, STANDARD_TAG, strlen(STANDARD_TAG)) != 0;
}

/* The elements of a set are keys without values. */
static void check_set(struct reader *r, yaml_mark_t start) {
  lua_State *L = r->L;
  for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1))
    if (!lua_islightuserdata(L, -1)) raise_at(r, start, "a !!set holds keys without values");
}

static void push_content(struct reader *r, const char *tag, unsigned depth) {
  yaml_mark_t start = r->event.start_mark;
  bool sequence = r->event.type == YAML_SEQUENCE_START_EVENT;
  bool set = !sequence && tag && strcmp(tag, STANDARD_TAG "set") == 0;
  if (r->event.type == YAML_SCALAR_EVENT) {
    push_scalar(r, tag);
  } else {
    const char *fitting = sequence ? YAML_SEQ_TAG : YAML_MAP_TAG;
    if (tag && !is_own_tag(tag) && strcmp(tag, fitting) != 0 && !set)
      raise_at(r, start, "the tag !!%s does not fit a %s", tag + strlen(STANDARD_TAG),
               sequence ? "list" : "mapping");
    (sequence ? push_sequence : push_mapping)(r, depth);
    if (set) check_set(r, start);
  }
  if (is_own_tag(tag)) {
    wrap_tag(r->L, tag);
    push_places(r, start);
    lua_pop(r->L, 1);
  }
}

/* Pushes a copy of a name that libyaml gives and will free, or nil. The tag "!" only says that the
 * value has no special type, so a scalar under it is a string. */
static const char *push_name(lua_State *L, const yaml_char_t *name) {
  return lua_pushstring(L, (const char *)name);
}

static const yaml_char_t *event_tag(const yaml_event_t *event) {
  const yaml_char_t *tag = event->type == YAML_SCALAR_EVENT ? event->data.scalar.tag
                           : event->type == YAML_SEQUENCE_START_EVENT
                               ? event->data.sequence_start.tag
                               : event->data.mapping_start.tag;
  if (!tag || strcmp((const char *)tag, "!") != 0) return tag;
  return event->type == YAML_SCALAR_EVENT ? (const yaml_char_t *)YAML_STR_TAG : NULL;
}

static const yaml_char_t *event_anchor(const yaml_event_t *event) {
  return event->type == YAML_SCALAR_EVENT           ? event->data.scalar.anchor
         : event->type == YAML_SEQUENCE_START_EVENT ? event->data.sequence_start.anchor
                                                    : event->data.mapping_start.anchor;
}

/* Pushes the value whose first event is the current one; its last event is the current one then. */
static void push_node(struct reader *r, unsigned depth) {
  lua_State *L = r->L;
  luaL_checkstack(L, LUA_MINSTACK, "YAML nested too deeply");
  if (depth > JSON_MAX_DEPTH)
    raise_at(r, r->event.start_mark, "nested deeper than %d levels", JSON_MAX_DEPTH);
  if (r->event.type == YAML_ALIAS_EVENT) {
    push_alias(r, depth);
    return;
  }
  const char *tag = push_name(L, event_tag(&r->event));
  const char *anchor = push_name(L, event_anchor(&r->event));
  if (anchor) {
    lua_pushvalue(L, r->anchors);
    lua_setfield(L, r->anchors, anchor);
  }
  push_content(r, tag, depth);
  if (anchor) {
    lua_pushvalue(L, -1);
    lua_setfield(L, r->anchors, anchor);
  }
  lua_replace(L, -3);
  lua_pop(L, 1);
}

/* Pushes the value of the only document; an empty stream is null. */
static void push_document(struct reader *r) {
  next_event(r); /* the stream's start */
  next_event(r);
  if (r->event.type == YAML_STREAM_END_EVENT) {
    lua_pushlightuserdata(r->L, NULL);
    return;
  }
  next_event(r);
  push_node(r, 1);
  next_event(r); /* the document's end */
  next_event(r);
  if (r->event.type != YAML_STREAM_END_EVENT)
    raise_at(r, r->event.start_mark, "expected one document, but a second one starts here");
}

/* To libyaml, which reads YAML 1.1, these three end a line: the text around them would come back
 * changed. To YAML 1.2 they are characters like others. */
static void refuse_old_line_breaks(struct reader *r, const char *end) {
  static const struct {
    const char *bytes, *name, *escape;
  } breaks[] = {{"\xC2\x85", "U+0085 (next line)", "\\N"},
                {"\xE2\x80\xA8", "U+2028 (line separator)", "\\L"},
                {"\xE2\x80\xA9", "U+2029 (paragraph separator)", "\\P"}};
  for (size_t i = 0; i < sizeof breaks / sizeof *breaks; i++) {
    const char *bytes = breaks[i].bytes;
    const char *at = memmem(r->text, (size_t)(end - r->text), bytes, strlen(bytes));
    if (at)
      raise_at(r, mark_of_offset(r->text, (size_t)(at - r->text)),
               "the character %s must be written as %s in double quotes", breaks[i].name,
               breaks[i].escape);
  }
}

/* The module */

static struct reader *new_reader(lua_State *L) {
  struct reader *r = lua_newuserdatauv(L, sizeof *r, 0);
  memset(r, 0, sizeof *r);
  r->L = L;
  luaL_setmetatable(L, READER_METATABLE);
  lua_toclose(L, -1);
  if (!yaml_parser_initialize(&r->parser)) luaL_error(L, "not enough memory");
  return r;
}

static const char *document_name(lua_State *L, int options) {
  const char *name = "YAML";
  if (lua_getfield(L, options, "name") != LUA_TNIL) name = luaL_checkstring(L, -1);
  return name;
}

static bool wants_plain(lua_State *L, int options) {
  lua_getfield(L, options, "plain");
  bool wanted = lua_toboolean(L, -1);
  lua_pop(L, 1);
  return wanted;
}

/* decode(text [, {name = "file.yaml", plain = false}]) -> value, positions, and if `plain`, how the
 * plain scalars are spelled: container -> key -> what note_plain() says. */
static int l_yaml_decode(lua_State *L) {
  size_t length;
  const char *text = luaL_checklstring(L, 1, &length);
  lua_settop(L, 2);
  if (lua_isnil(L, 2)) {
    lua_newtable(L);
    lua_replace(L, 2);
  }
  luaL_checktype(L, 2, LUA_TTABLE);
  bool plain = wants_plain(L, 2);
  const char *name = document_name(L, 2);
  if (length >= BYTE_ORDER_MARK_LENGTH &&
      memcmp(text, "\xEF\xBB\xBF", BYTE_ORDER_MARK_LENGTH) == 0) {
    text += BYTE_ORDER_MARK_LENGTH;
    length -= BYTE_ORDER_MARK_LENGTH;
  }
  struct reader *r = new_reader(L);
  r->name = name;
  r->text = text;
  refuse_old_line_breaks(r, text + length);
  lua_newtable(L);
  r->anchors = lua_gettop(L);
  lua_newtable(L);
  r->positions = lua_gettop(L);
  lua_newtable(L);
  r->plain = plain ? lua_gettop(L) : 0;
  yaml_parser_set_encoding(&r->parser, YAML_UTF8_ENCODING);
  yaml_parser_set_input_string(&r->parser, (const unsigned char *)text, length);
  push_document(r);
  lua_pushvalue(L, r->positions);
  if (!plain) return 2;
  lua_pushvalue(L, r->plain);
  return 3;
}

/* tag("!file", value) -> what decode() makes of `!file value` */
static int l_yaml_tag(lua_State *L) {
  const char *tag = luaL_checkstring(L, 1);
  luaL_checkany(L, 2);
  lua_settop(L, 2);
  wrap_tag(L, tag);
  return 1;
}

/* is_tag(value) -> the tag's name, or nil */
static int l_yaml_is_tag(lua_State *L) {
  luaL_checkany(L, 1);
  if (!lua_istable(L, 1) || !lua_getmetatable(L, 1)) return 0;
  luaL_getmetatable(L, TAG_METATABLE);
  if (!lua_rawequal(L, -1, -2)) return 0;
  lua_pushliteral(L, "tag");
  lua_rawget(L, 1);
  return 1;
}

static const luaL_Reg reader_methods[] = {
    {"__gc", reader_close}, {"__close", reader_close}, {NULL, NULL}};

static const luaL_Reg functions[] = {{"decode", l_yaml_decode},
                                     {"events", l_yaml_events},
                                     {"tag", l_yaml_tag},
                                     {"is_tag", l_yaml_is_tag},
                                     {NULL, NULL}};

int luaopen_anyreach_yaml(lua_State *L) {
  luaL_newmetatable(L, READER_METATABLE);
  luaL_setfuncs(L, reader_methods, 0);
  luaL_newmetatable(L, TAG_METATABLE);
  lua_pop(L, 2);
  luaL_newlib(L, functions);
  return 1;
}
