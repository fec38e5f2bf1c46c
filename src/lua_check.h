/* Checks Lua values against the schemas of the operation table: the one check behind bindings, the
 * `call` command and the sandbox's 422 answers. Collects every problem; raises nothing itself. */
#ifndef ANYREACH_LUA_CHECK_H
#define ANYREACH_LUA_CHECK_H

#include <lua.h>

#include "operation.h"

struct check {
  lua_State *L;
  int problems;     /* stack index of an array of {path=, message=} that is appended to */
  int empty_arrays; /* stack index of a set that collects unmarked empty tables where the schema
                       wants an array (see json_options), or 0 */
};

/* Checks the value at stack index `index`; `path` names it in messages ("body.config"). */
void check_value(struct check *c, int index, const struct schema *schema, const char *path);

/* Appends a problem; the format follows lua_pushfstring (%s %d %I %f %%). */
void check_report(struct check *c, const char *path, const char *format, ...);

/* Appends "unknown field", with the nearest of the names in the NULL-terminated list if one is
 * near. */
void check_report_unknown(struct check *c, const char *path, const char *name,
                          const char *const *known);

#endif
