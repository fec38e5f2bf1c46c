/* What the core schema of YAML 1.2 makes of a plain scalar: null, a boolean, a number or a string.
 */
#ifndef ANYREACH_YAML_SCALAR_H
#define ANYREACH_YAML_SCALAR_H

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>

/* Pushes the value. [-0, +1, m] */
void yaml_push_plain(lua_State *L, const char *text, size_t length);

/* Pushes base64 without the white space in it, as JSON holds bytes; false when it is none. [-0,
 * +(0|1), m] */
bool yaml_push_base64(lua_State *L, const char *text, size_t length);

/* Converts the value on top to the type of a standard tag, "null", "bool", "int" or "float"; false
 * when that is impossible. [-1, +1, m] */
bool yaml_apply_standard_tag(lua_State *L, const char *kind);

#endif
