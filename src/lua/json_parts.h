/* What the decoder and the encoder of JSON share with each other and with json.c; for these alone.
 */
#ifndef ANYREACH_JSON_PARTS_H
#define ANYREACH_JSON_PARTS_H

#include <lua.h>
#include <stddef.h>
#include <stdint.h>

#include "api/number.h"

/* Pushes the value of a number that was read from `text` and is not wrong. [-0, +1, m] */
void json_push_parsed_number(lua_State *L, const char *text, const struct number *n);

/* {====== the bytes of strings ====== */

/* Where the run of bytes ends that stand for themselves in a JSON string: at a quote, a backslash,
 * a control character, a byte that is not valid UTF-8, or `end`. */
const char *json_plain_end(const char *at, const char *end);

/* The length of the valid UTF-8 character at `at`, or 0. */
size_t json_character_length(const char *at, const char *end);

enum { JSON_CHARACTER_MAX = 32 };

/* Describes what is at `at` for a message: the end of the text, 'x', or byte 0x07. */
const char *json_describe_character(const char *at, const char *end, char text[JSON_CHARACTER_MAX]);

/* }====== */

#endif
