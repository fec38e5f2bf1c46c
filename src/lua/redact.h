/* What may be shown of texts and of requests: without secrets, and without the credential, which
 * never becomes a Lua string. */
#ifndef ANYREACH_LUA_REDACT_H
#define ANYREACH_LUA_REDACT_H

#include <lua.h>
#include <stdbool.h>

#include "net/http.h"

/* Pushes the module. A secret is replaced by "[secret]"; see api/redaction.h for where it is found.
 *   known(text)               without the secrets of this state
 *   shapes(text)              without what looks like one
 *   text(text)                without both
 *   body(text)                and without what a piece of JSON in it calls a secret
 *   url(text[, presigned])    an address; presigned: its query is a credential
 *   header(name, value)       the value of a header
 *   json(text[, indent[, depth]])  a JSON document, or nil for what is none
 *   kind(text)                what it seems to hold, such as "a bearer token", or nil
 *   add_field(path)           makes json() hide the field, such as "config.webhook.key"
 *   is_secret_name(name)      whether a field of this name holds a secret
 *   is_group_name(name)       whether all below such a field is one */
int luaopen_anyreach_redact(lua_State *L);

/* Pushes a text without secrets, as text() has it. [-0, +1, m] */
void push_shown_text(lua_State *L, const char *text);

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
