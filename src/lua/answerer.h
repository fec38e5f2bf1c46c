/* Who answers a request. Every request that has passed the checks and the guard (of a binding, raw,
 * an upload, of whatever client) is given to one answerer, below all user code and before any
 * observer. Without another one the wire answers it.
 *
 * An answerer is a Lua function, answerer(request, send) -> answer, which runs in the caller's own
 * task and may wait there. It answers by itself, or calls send() once and returns what that gave,
 * or raises an error, which the caller gets. They compose: the one that was installed last is asked
 * first, and its `send` asks the one before it; the `send` of the first goes over the wire.
 *
 * request, to be read only:
 *   method, url (of a presigned one without its query), path and query as they are in the URL
 *   operation     name of the operation, also of a raw request for which there is a binding
 *   writes        boolean, as the guard judges it
 *   body          the bytes, or nil; of JSON canonical, with its keys sorted, and with its secrets
 *   content_type  of the body, or nil
 *   organization  the one that the client asks for, or nil
 *   place         of the task that asks: see place.h
 *   is_raw, is_presigned, is_internal (no step of the script: see client.internal)
 *   is_streamed   the caller takes a text answer piece by piece
 *
 * send([options]) waits for the answer and returns it, a failure as well. A streamed answer is
 * handed to the caller as it comes, and its `body` is what is left over; with `whole = true` in the
 * options it is handed over at the end, and `body` is all of it.
 *
 * answer: status, headers (lines, as on the wire) and body (bytes), or `failure` (a kind of error:
 * "network", "timeout", "tls", "answer") and message; may_have_been_sent, attempts and elapsed are
 * optional. The caller gets what is returned, whatever was sent. */
#ifndef ANYREACH_LUA_ANSWERER_H
#define ANYREACH_LUA_ANSWERER_H

#include <lua.h>
#include <stdbool.h>

#include "api/operation.h"
#include "lua/client.h"
#include "lua/task.h"
#include "net/request.h"

enum { CALL_MAX_URL = 64 * 1024, CALL_MAX_BODY = 64 * 1024 * 1024 };

/* User values of a call. */
enum {
  CALL_CLIENT = 1,
  CALL_ON_CHUNK, /* the function that takes a text answer piece by piece, or nil */
  CALL_ANSWERERS,
  CALL_REQUEST, /* as answerers have it */
  CALL_VALUES = CALL_REQUEST
};

/* A request and what becomes of it. Lives in a userdata on the caller's stack and is closed with
 * its slot: whoever gives up the wait gives up the request. */
struct call {
  /* Set by whoever makes it; of `request` the headers and the body. */
  struct request request;
  const struct operation *operation;
  struct operation raw;        /* the row of a raw request */
  const struct operation *row; /* the one that the guard judged by; NULL: it was not asked */
  bool writes;                 /* as the guard judged */
  struct buf url, body;
  const char *content_type; /* of the body */
  bool is_streamed;         /* there is a CALL_ON_CHUNK */
  bool by_client;           /* made by a method of a client: a 403 is explained */
  bool presigned;           /* goes to an address that is its own credential */
  bool try;                 /* a failure is returned */

  /* Private. */
  struct wait wait;
  struct loop_timer turn; /* to the next one, when nothing is sent */
  bool is_sent;           /* over the wire */
  bool is_kept_whole;
  bool over; /* the wire has answered, or the answerer has */
  bool is_returned;
  bool closed;
};

/* Pushes a call of the client at `client`, to be closed with its slot. [-0, +1, m] */
struct call *push_new_call(lua_State *L, int client, const struct operation *operation, bool try);

/* Ends a C function with `return answer_call(...)`: has the call at `index` answered, and returns
 * body and response, or raises or returns the error. */
int answer_call(lua_State *L, int index);

/* Pushes the module: install(answerer) -> a value whose closing, or method remove, takes the
 * answerer away again; requests that it is answering are not affected. */
int luaopen_anyreach_answerer(lua_State *L);

#endif
