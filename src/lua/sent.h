/* What a request sends, as Lua values for those who show it. The credential is not among them: it
 * never becomes a Lua string, and stands there as $ANYREACH_TOKEN. */
#ifndef ANYREACH_LUA_SENT_H
#define ANYREACH_LUA_SENT_H

#include <lua.h>
#include <stdbool.h>

#include "net/http.h"

#define CREDENTIAL_MARK "Bearer $ANYREACH_TOKEN"

/* Pushes an array of {name=, value=} of header lines: what has no colon is left out. [-0, +1, m] */
void push_header_lines(lua_State *L, const char *lines, size_t length);

/* Pushes {method, url, headers, body?} of a request that was set up. Of a presigned one the query
 * and the body, a file's bytes, are left out. [-0, +1, m] */
void push_sent(lua_State *L, const struct http_transfer *transfer, bool presigned);

/* Pushes by what name the credential may be told that a request carries: of an organisation's key
 * its public part, "ak_<id>.…", else its kind alone, "pat_…"; nil when it carries none, or
 * one of no known kind. [-0, +1, m]
 */
void push_credential_name(lua_State *L, const struct http_transfer *transfer);

#endif
