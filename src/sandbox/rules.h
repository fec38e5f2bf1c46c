/* The rules (lua/anyreach/sandbox), in a Lua state of their own. Every call into it is protected: a
 * defect of a rule is a 500 for one request alone. For the sandbox alone. */
#ifndef ANYREACH_SANDBOX_RULES_H
#define ANYREACH_SANDBOX_RULES_H

#include "api/buf.h"
#include "sandbox/request.h"
#include "sandbox/server.h"

struct lua_State;

/* NULL, with a message in `error`, when the sandbox cannot be made: because of its file, its faults
 * or memory. */
struct lua_State *rules_open(const struct server_options *options, char error[SERVER_ERROR_MAX]);

/* Appends the organisations and tokens, as one line of JSON with a NUL at its end. Returns false
 * with a message in `error`. */
bool rules_describe(struct lua_State *L, const char *base_url, struct buf *description,
                    char error[SERVER_ERROR_MAX]);

/* Gives the request its answer: status and response, delay, or drop. Without memory it gets no
 * response. */
void rules_answer(struct lua_State *L, struct request *request);

/* Leaves the file tidy. `L` may be NULL. */
void rules_close(struct lua_State *L);

#endif
