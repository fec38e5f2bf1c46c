/* SQLite for Lua: module "anyreach.sqlite". Used by the sandbox's store and the run journal. */
#ifndef ANYREACH_SQLITE_H
#define ANYREACH_SQLITE_H

#include <lua.h>

/* Pushes the module: open(path[, options]) -> database. [-0, +1, m]
 *
 * open: path is a file, created when missing, or ":memory:". Options: busy_timeout (milliseconds to
 *   wait for another process, default 5000), exclusive (true: no other process may use the file
 *   from the first write until close).
 * database:execute(sql)     runs one or more statements without parameters
 * database:query(sql, ...)  -> array of rows, each a table by column name (NULL: absent)
 * database:run(sql, ...)    -> number of rows changed, those that triggers changed among them
 * database:steps()          -> how many steps of SQLite's machine query() and run() have taken so
 * far database:close()          may be called twice; also __gc and __close
 *
 * Parameters are strings, integers, floats, booleans (stored as 1 and 0), nil and json.null (NULL).
 * Errors are raised as "sqlite: message (in: SQL)". */
int luaopen_anyreach_sqlite(lua_State *L);

#endif
