/* Answers out of recordings, for --replay: what to do in place of sending. The recordings are read
 * and searched by lua/anyreach/observe/replay.lua. */
#ifndef ANYREACH_LUA_REPLAY_H
#define ANYREACH_LUA_REPLAY_H

#include <lua.h>
#include <stdbool.h>

#include "net/http.h"

/* Gives a request that is set up, and not sent, the recorded answer to it; raises an error when
 * none is recorded. `content_type` is the body's, or NULL. [-0, +0, e] */
void replay_answer(lua_State *L, struct http_transfer *transfer, const char *content_type,
                   bool presigned);

#endif
