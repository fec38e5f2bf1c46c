/* Rows that come while the program runs, from OpenAPI documents. They are added to the operation
 * table, where every lookup sees them at once; rows that were handed out before stay valid. No
 * Lua; lua_operation_define.h makes rows of Lua tables. */
#ifndef ANYREACH_OPERATION_DEFINE_H
#define ANYREACH_OPERATION_DEFINE_H

#include "api/arena.h"
#include "api/operation.h"

enum {
  DEFINE_MAX_ROWS = 20000, /* of the whole table */
  DEFINE_MAX_NAME = 256,
  DEFINE_MAX_PATH = 1024,               /* bytes of a path template */
  DEFINE_MAX_SEGMENTS = 32,             /* of a path; operation_by_path() ranks them in a long */
  DEFINE_MAX_MEMORY = 64 * 1024 * 1024, /* of one definition */
  DEFINE_ERROR_MAX = 256
};

/* What keeps the row out of a table, or NULL. */
const char *operation_problem(const struct operation *row);

/* Adds rows, in which operation_problem() must find nothing. A row whose method and path (whatever
 * its parameters are called) are those of a known one takes its place. All are added, or none: then
 * `error` says why. What the rows point to must have been taken from `arena`, which is emptied when
 * rows were added: the table owns the memory from then until the program ends. */
bool operation_define(struct arena *arena, const struct operation *rows, size_t count,
                      char error[DEFINE_ERROR_MAX]);

#endif
