/* Secrets as a type of their own: a value that stays secret through concatenation, prints as
 * [secret], and becomes text only at the wire. Bytes are wiped when collected. */
#ifndef ANYREACH_SECRET_H
#define ANYREACH_SECRET_H

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>

/* Pushes a secret with a copy of the bytes. [-0, +1, m] */
void push_secret(lua_State *L, const char *bytes, size_t length);

/* The bytes when the value at `index` is a secret, else NULL. Valid while the value is alive. */
const char *to_secret(lua_State *L, int index, size_t *length);

/* A string or a secret as bytes, else NULL: for places that put text on the wire. Never converts
 * numbers. */
const char *to_wire_text(lua_State *L, int index, size_t *length);

/* Pushes an array of all secrets that are alive. [-0, +1, m] */
void push_secret_list(lua_State *L);

/* Whether a secret of `length` bytes is searched for in a text of `text_length`. A secret of fewer
 * than four bytes would be found in every other word: it is only recognised when it is the whole
 * text. */
bool secret_is_sought(size_t length, size_t text_length);

/* Keeps every secret alive from now on, so that push_secret_list() includes those that only a
 * server still knows. */
void secrets_keep(lua_State *L);

/* Pushes the constructor anyreach.secret(text) and registers the metatable. */
int luaopen_anyreach_secret(lua_State *L);

#endif
