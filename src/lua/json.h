/* Lossless JSON for Lua: what is decoded and encoded again is the same document, value by value.
 *
 * JSON            Lua
 * null            lightuserdata NULL (anyreach.null, cjson.null)
 * integer         integer when it fits int64, else a number object that keeps its digits
 * other number    float, or a number object when a double cannot hold its magnitude
 * array           table with the metatable "anyreach.array"
 * object          plain table
 *
 * A surrogate that is alone in its string ("\ud83d") has the three bytes that it would have in
 * UTF-8, and is written as that escape again.
 */
#ifndef ANYREACH_JSON_H
#define ANYREACH_JSON_H

#include <lua.h>
#include <stdbool.h>

#include "api/buf.h"

enum { JSON_MAX_DEPTH = 512, JSON_MAX_TEXT = 256 * 1024 * 1024 };

/* Type name of the response tables that calls return beside the body; json.encode takes none for
 * its options. */
#define JSON_RESPONSE_TYPE "anyreach.response"

enum json_secrets {
  JSON_SECRETS_REFUSE, /* a secret is an error */
  JSON_SECRETS_REVEAL, /* only for what goes to the wire */
  JSON_SECRETS_REDACT  /* written as "[secret]" */
};

/* What becomes of bytes in strings that are not valid UTF-8, and no surrogate either. */
enum json_invalid_bytes {
  JSON_BYTES_REFUSE,
  JSON_BYTES_REPLACE, /* by U+FFFD: for what is shown */
  JSON_BYTES_KEEP     /* the text is not JSON then: for what this program alone reads */
};

struct json_options {
  int empty_arrays; /* stack index of a table whose keys are tables to be written as [], or 0 */
  enum json_secrets secrets;
  enum json_invalid_bytes invalid_bytes;
  unsigned indent; /* spaces a level; 0: one line without spaces */
};

/* Pushes a userdata that owns a new, empty buffer and wipes it when collected or closed: for C code
 * that fills a buffer and may raise before it is done. [-0, +1, m] */
struct buf *json_new_buffer(lua_State *L, size_t maximum);

/* Decodes a whole document. On success pushes the value and returns true. Otherwise pushes a
 * message with line, column and byte (all from 1, columns in characters) and returns false. Raises
 * only when memory runs out. [-0, +1, m] */
bool json_decode(lua_State *L, const char *text, size_t length);

/* The same, but bytes in strings that are not valid UTF-8 are kept: for answers, where one odd
 * string must not take all others with it. [-0, +1, m] */
bool json_decode_keeping_bytes(lua_State *L, const char *text, size_t length);

/* Appends the value at `index` to `out`, keys sorted by bytes. Returns true and pushes nothing, or
 * returns false and pushes a message that names the path in the value. [-0, +(0|1), m] */
bool json_encode(lua_State *L, int index, struct buf *out, const struct json_options *options);

/* Marks the table at `index` as an array; checks whether it is marked. */
void json_mark_array(lua_State *L, int index);
bool json_is_array(lua_State *L, int index);

/* Pushes the metatable that marks arrays. [-0, +1, m] */
void json_push_array_metatable(lua_State *L);

/* Pushes the value of a number given as JSON text of `length` bytes: integer, float or number
 * object. Returns false and pushes nothing when the text is not a JSON number. [-0, +(0|1), m] */
bool json_push_number(lua_State *L, const char *text, size_t length);

/* The digits when the value at `index` is a number object, else NULL. */
const char *json_big_number(lua_State *L, int index, size_t *length);

/* Compares by value: tables by content, an array and an object without elements being equal when
 * one of them is not marked; numbers by value, number objects by digits, secrets by their bytes,
 * also with a string. Raises when nested deeper than JSON_MAX_DEPTH. [-0, +0, v] */
bool json_equal(lua_State *L, int a, int b);

/* Pushes the module: encode, decode, null, array, is_array, number, is_number, equal. */
int luaopen_anyreach_json(lua_State *L);

#endif
