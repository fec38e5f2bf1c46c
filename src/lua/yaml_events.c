/* The function yaml.events (yaml_events.h). The parser belongs to a to-be-closed userdata, so
 * an error in the middle frees it. */
#include "lua/yaml_events.h"

#include <lauxlib.h>
#include <stdbool.h>
#include <string.h>
#include <yaml.h>

#define SCANNER_METATABLE "anyreach.yaml.scanner"

enum { BYTE_ORDER_MARK_LENGTH = 3 };

struct scanner {
  yaml_parser_t parser;
  yaml_event_t event; /* the current one */
  const unsigned char *text;
  size_t length;
  size_t index, offset; /* of one place in the text: characters, bytes */
};

static int scanner_close(lua_State *L) {
  struct scanner *s = lua_touserdata(L, 1);
  yaml_event_delete(&s->event);
  yaml_parser_delete(&s->parser);
  memset(s, 0, sizeof *s);
  return 0;
}

static struct scanner *push_scanner(lua_State *L) {
  struct scanner *s = lua_newuserdatauv(L, sizeof *s, 0);
  memset(s, 0, sizeof *s);
  if (luaL_newmetatable(L, SCANNER_METATABLE)) {
    lua_pushcfunction(L, scanner_close);
    lua_pushvalue(L, -1);
    lua_setfield(L, -3, "__close");
    lua_setfield(L, -2, "__gc");
  }
  lua_setmetatable(L, -2);
  lua_toclose(L, -1);
  if (!yaml_parser_initialize(&s->parser)) luaL_error(L, "not enough memory");
  return s;
}

static void next_event(lua_State *L, struct scanner *s) {
  yaml_event_delete(&s->event);
  if (yaml_parser_parse(&s->parser, &s->event)) return;
  if (s->parser.error == YAML_MEMORY_ERROR) luaL_error(L, "not enough memory");
  luaL_error(L, "line %d: %s", (int)s->parser.problem_mark.line + 1, s->parser.problem);
}

/* Places */

static bool is_continuation(const struct scanner *s, size_t offset) {
  return offset < s->length && (s->text[offset] & 0xC0) == 0x80;
}

/* libyaml counts characters. Places come almost in the order of the text, so it is not far from the
 * last one. */
static size_t byte_offset(struct scanner *s, size_t index) {
  while (s->index < index) {
    do s->offset++;
    while (is_continuation(s, s->offset));
    s->index++;
  }
  while (s->index > index) {
    do s->offset--;
    while (is_continuation(s, s->offset));
    s->index--;
  }
  return s->offset;
}

static void set_place(lua_State *L, struct scanner *s, const char *name, size_t index, int shift) {
  lua_pushinteger(L, (lua_Integer)byte_offset(s, index) + shift);
  lua_setfield(L, -2, name);
}

/* Fields */

static void set_text(lua_State *L, const char *name, const yaml_char_t *text) {
  lua_pushstring(L, (const char *)text);
  lua_setfield(L, -2, name);
}

static const char *scalar_style(yaml_scalar_style_t style) {
  switch (style) {
  case YAML_SINGLE_QUOTED_SCALAR_STYLE: return "single";
  case YAML_DOUBLE_QUOTED_SCALAR_STYLE: return "double";
  case YAML_LITERAL_SCALAR_STYLE: return "literal";
  case YAML_FOLDED_SCALAR_STYLE: return "folded";
  default: return "plain";
  }
}

static void set_scalar(lua_State *L, const yaml_event_t *event) {
  set_text(L, "tag", event->data.scalar.tag);
  set_text(L, "anchor", event->data.scalar.anchor);
  set_text(L, "style", (const yaml_char_t *)scalar_style(event->data.scalar.style));
  lua_pushlstring(L, (const char *)event->data.scalar.value, event->data.scalar.length);
  lua_setfield(L, -2, "value");
}

static void set_list(lua_State *L, const yaml_event_t *event) {
  bool is_flow = event->data.sequence_start.style == YAML_FLOW_SEQUENCE_STYLE;
  set_text(L, "tag", event->data.sequence_start.tag);
  set_text(L, "anchor", event->data.sequence_start.anchor);
  set_text(L, "style", (const yaml_char_t *)(is_flow ? "flow" : "block"));
}

static void set_map(lua_State *L, const yaml_event_t *event) {
  bool is_flow = event->data.mapping_start.style == YAML_FLOW_MAPPING_STYLE;
  set_text(L, "tag", event->data.mapping_start.tag);
  set_text(L, "anchor", event->data.mapping_start.anchor);
  set_text(L, "style", (const yaml_char_t *)(is_flow ? "flow" : "block"));
}

static void set_alias(lua_State *L, const yaml_event_t *event) {
  set_text(L, "value", event->data.alias.anchor);
}

static void set_nothing(lua_State *L, const yaml_event_t *event) {
  (void)L;
  (void)event;
}

/* The events that are shown: all but the start and end of the stream and of documents. */
static const struct kind {
  yaml_event_type_t type;
  const char *name;
  void (*set)(lua_State *L, const yaml_event_t *event);
} kinds[] = {
    {YAML_SCALAR_EVENT, "scalar", set_scalar},     {YAML_ALIAS_EVENT, "alias", set_alias},
    {YAML_SEQUENCE_START_EVENT, "list", set_list}, {YAML_MAPPING_START_EVENT, "map", set_map},
    {YAML_SEQUENCE_END_EVENT, "end", set_nothing}, {YAML_MAPPING_END_EVENT, "end", set_nothing},
};

/* Pushes the current event, if it is one that is shown. */
static bool push_event(lua_State *L, struct scanner *s, int shift) {
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
    if (kinds[i].type != s->event.type) continue;
    lua_newtable(L);
    set_text(L, "kind", (const yaml_char_t *)kinds[i].name);
    set_place(L, s, "first", s->event.start_mark.index, shift + 1);
    set_place(L, s, "last", s->event.end_mark.index, shift);
    kinds[i].set(L, &s->event);
    return true;
  }
  return false;
}

int l_yaml_events(lua_State *L) {
  size_t length;
  const char *text = luaL_checklstring(L, 1, &length);
  bool has_mark =
      length >= BYTE_ORDER_MARK_LENGTH && memcmp(text, "\xEF\xBB\xBF", BYTE_ORDER_MARK_LENGTH) == 0;
  int shift = has_mark ? BYTE_ORDER_MARK_LENGTH : 0;
  struct scanner *s = push_scanner(L);
  s->text = (const unsigned char *)text + shift;
  s->length = length - (size_t)shift;
  yaml_parser_set_encoding(&s->parser, YAML_UTF8_ENCODING);
  yaml_parser_set_input_string(&s->parser, s->text, s->length);
  lua_newtable(L);
  lua_Integer count = 0;
  do {
    next_event(L, s);
    if (push_event(L, s, shift)) lua_rawseti(L, -2, ++count);
  } while (s->event.type != YAML_STREAM_END_EVENT);
  return 1;
}
