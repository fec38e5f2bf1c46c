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

/* What has become of the secrets of a state since secrets_take() was last called. */
enum secrets_change { SECRETS_SAME, SECRETS_ADDED, SECRETS_LOST };
enum secrets_change secrets_change(lua_State *L);

/* Calls `take`, which must not raise, with the bytes of each secret that is alive, or only of those
 * that are new. Ends when it returns false, and returns that. [-0, +0, m] */
bool secrets_take(lua_State *L, bool only_new,
                  bool (*take)(void *context, const char *bytes, size_t length), void *context);

/* Keeps every secret alive from now on, so that secrets_take() gives those that only a
 * server still knows. */
void secrets_keep(lua_State *L);

/* Pushes the constructor anyreach.secret(text) and registers the metatable. */
int luaopen_anyreach_secret(lua_State *L);

#endif
