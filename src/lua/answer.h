/* The answer to a request as Lua values: the decoded body and the response table, or an error
 * object with the facts of the failure (lua/anyreach/errors.lua words them). */
#ifndef ANYREACH_LUA_ANSWER_H
#define ANYREACH_LUA_ANSWER_H

#include <lua.h>
#include <stdbool.h>

#include "api/operation.h"
#include "net/http.h"

struct exchange {
  const struct operation *operation;
  const struct http_transfer *transfer; /* finished; of the last attempt */
  unsigned attempts;
  bool may_have_been_sent; /* some attempt may have arrived without an answer */
  bool raw;                /* a raw request: an answer that is not JSON is text */
  bool presigned;          /* the query is a credential, never shown */
};

/* Pushes the body (nil when there is none) and returns true, or pushes an error object. [-0, +1, m]
 */
bool push_answer(lua_State *L, const struct exchange *exchange);

/* Pushes {status, headers, request_id, elapsed, attempts}. [-0, +1, m] */
void push_response(lua_State *L, const struct exchange *exchange);

/* The kind of error that a verdict of libcurl other than CURLE_OK is. */
const char *verdict_kind(CURLcode verdict, bool too_large);

/* Its message, for whoever reads the error. Lives as long as the transfer. */
const char *verdict_message(const struct http_transfer *transfer);

#endif
