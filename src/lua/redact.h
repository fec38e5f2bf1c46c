/* What may be shown of texts and of requests: without secrets, and without the credential, which
 * never becomes a Lua string. */
#ifndef ANYREACH_LUA_REDACT_H
#define ANYREACH_LUA_REDACT_H

#include <lua.h>
#include <stdbool.h>

#include "net/http.h"

/* Pushes the module, the function redact(text) -> text, with "[secret]" wherever a secret of this
 * state occurs in it: as it is, percent-encoded, or escaped as in a JSON string. A secret of fewer
 * than four bytes is replaced only where it is all of the text: see secret_is_sought(). */
int luaopen_anyreach_redact(lua_State *L);

/* What takes the place of the credential in the header Authorization. */
#define CREDENTIAL_MARK "Bearer $ANYREACH_TOKEN"

/* Pushes an array of {name=, value=} of header lines; lines without a colon are left out.
 * [-0, +1, m] */
void push_header_lines(lua_State *L, const char *lines, size_t length);

/* Pushes {method, url, headers, presigned, body?} of a request that is set up. A presigned one is
 * without the query and the body, a file's bytes. [-0, +1, m] */
void push_shown_request(lua_State *L, const struct http_transfer *transfer, bool presigned);

/* Pushes a name for the credential that a request carries, fit to be shown: the public part of an
 * organisation's key, "ak_<id>.…", else the kind alone, "pat_…"; nil when it carries none, or one
 * of no known kind. [-0, +1, m] */
void push_credential_name(lua_State *L, const struct http_transfer *transfer);

#endif
