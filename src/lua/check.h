/* Checks Lua values against the schemas of the operation table: the one check behind bindings, the
 * `call` command and the sandbox's 422 answers. Collects every problem; raises nothing itself. */
#ifndef ANYREACH_LUA_CHECK_H
#define ANYREACH_LUA_CHECK_H

#include <lua.h>
#include <stdbool.h>

#include "api/operation.h"

struct check {
  lua_State *L;
  int problems;     /* stack index of an array of {path=, message=} that is appended to */
  int empty_arrays; /* stack index of a set that collects unmarked empty tables where the schema
                       wants an array (see json_options), or 0; both are made when they
                       are needed, in place of nil */
  bool on_trial;    /* private: problems are not reported, it is only noted that there are any */
  bool has_problem; /* private: found on trial */
};

/* The path of a value: a name or, when that is NULL, a position within what `parent` names. Lives
 * on the C stack, and is written out ("config.tools[2].name") only for a problem. A NULL path is
 * the whole value. */
struct check_path {
  const struct check_path *parent;
  const char *name;
  lua_Integer position;
};

/* The field that the key at stack index `key` names, or NULL. A key with a NUL byte names none. */
const struct field *check_field(lua_State *L, int key, const struct field *fields, unsigned count);

/* Checks the value at stack index `index`. */
void check_value(struct check *c, int index, const struct schema *schema,
                 const struct check_path *path);

/* Appends a problem; the format follows lua_pushfstring (%s %d %I %f %%). */
void check_report(struct check *c, const struct check_path *path, const char *format, ...);

/* Appends "unknown field", with the nearest of the names in the NULL-terminated list if one is
 * near. */
void check_report_unknown(struct check *c, const struct check_path *path, const char *name,
                          const char *const *known);

#endif
