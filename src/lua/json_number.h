/* What the decoder needs of json_number.c beside json.h. */
#ifndef ANYREACH_JSON_NUMBER_H
#define ANYREACH_JSON_NUMBER_H

#include <lua.h>

#include "api/number.h"

/* Pushes the value of a number that was read from `text` and is not wrong. [-0, +1, m] */
void json_push_parsed_number(lua_State *L, const char *text, const struct number *n);

#endif
