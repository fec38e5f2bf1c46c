/* How the values of parameters are written in paths, queries, headers and cookies: by the styles of
 * OpenAPI, https://spec.openapis.org/oas/v3.1.0#style-values. What has no form there is refused by
 * parameter_check(), so that nothing that was given is left out; the other functions expect what
 * has passed it. */
#ifndef ANYREACH_LUA_PARAMETER_H
#define ANYREACH_LUA_PARAMETER_H

#include <lua.h>
#include <stdbool.h>

#include "api/buf.h"
#include "api/operation.h"
#include "lua/check.h"

/* Reports what cannot be written of the value at `index`. */
void parameter_check(struct check *c, int index, const struct field *field, bool is_in_path,
                     const struct check_path *place);

/* Pushes a scalar as it is written, and returns its bytes. [-0, +1, m] */
const char *parameter_push_text(lua_State *L, int index, size_t *length);

/* Append the value at `index`; they return a buf status and raise only for want of memory, or for
 * what JSON cannot hold. [-0, +0, e] */
int parameter_append_path(lua_State *L, struct buf *out, const struct field *field, int index);
int parameter_append_query(lua_State *L, struct buf *out, bool *first, const struct field *field,
                           int index);
int parameter_append_header(lua_State *L, struct buf *out, const struct field *field, int index);
int parameter_append_cookie(lua_State *L, struct buf *out, const struct field *field, int index);

/* The name under which it is sent. */
static inline const char *parameter_wire_name(const struct field *field) {
  return field->wire_name ? field->wire_name : field->name;
}

#endif
