/* SQLite for Lua: a database handle with prepared statements cached by their text.
 *
 * Files use WAL with synchronous=NORMAL. A committed transaction then survives the death of the
 * process, kill -9 included, because the log was written to the operating system before COMMIT
 * returned; only a power failure may take the last commits, and never harms older ones. A caller
 * that must survive that too executes "PRAGMA synchronous = FULL" and pays one fsync a commit.
 *
 * The userdata owns the connection and, through it, every statement. Its user value is the cache:
 * SQL text -> statement as a light userdata. */
#include "lua/sqlite.h"

#include <lauxlib.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/stat.h>

#include "lua/disk.h"

#define DATABASE_TYPE "anyreach.sqlite"

enum { CACHE_MAX = 256, DEFAULT_BUSY_TIMEOUT_MS = 5000, SQL_SHOWN_MAX = 200 };

struct database {
  sqlite3 *connection; /* NULL: closed */
  int cached;          /* statements in the cache */
  lua_Integer steps;   /* that SQLite's machine has taken for query() and run() */
};

/* {====== errors ====== */

/* Raises "sqlite: message (in: where)", with a long `where` cut. */
static int raise(lua_State *L, const char *message, const char *where) {
  size_t length = strlen(where), shown = length > SQL_SHOWN_MAX ? SQL_SHOWN_MAX : length;
  while (shown && (where[shown] & 0xC0) == 0x80) shown--; /* never half a UTF-8 character */
  lua_pushfstring(L, "sqlite: %s (in: ", message);
  lua_pushlstring(L, where, shown);
  lua_pushstring(L, shown < length ? "…)" : ")");
  lua_concat(L, 3);
  return lua_error(L);
}

static int raise_from(lua_State *L, const struct database *database, const char *where) {
  return raise(L, sqlite3_errmsg(database->connection), where);
}

/* Text that C code may take up to its NUL. */
static const char *check_text(lua_State *L, int index, size_t *length) {
  const char *text = luaL_checklstring(L, index, length);
  luaL_argcheck(L, strlen(text) == *length, index, "string contains a NUL byte");
  return text;
}

static struct database *check_database(lua_State *L) {
  struct database *database = luaL_checkudata(L, 1, DATABASE_TYPE);
  luaL_argcheck(L, database->connection, 1, "attempt to use a closed database");
  return database;
}

/* }====== */

/* {====== opening and closing ====== */

static void finalize_statements(struct database *database) {
  sqlite3_stmt *statement;
  while ((statement = sqlite3_next_stmt(database->connection, NULL))) sqlite3_finalize(statement);
  database->cached = 0;
}

static int l_sqlite_close(lua_State *L) {
  struct database *database = luaL_checkudata(L, 1, DATABASE_TYPE);
  if (!database->connection) return 0;
  finalize_statements(database);
  sqlite3_close(database->connection);
  database->connection = NULL;
  return 0;
}

/* Pushes a closed database with an empty cache. [-0, +1, m] */
static struct database *new_database(lua_State *L) {
  struct database *database = lua_newuserdatauv(L, sizeof *database, 1);
  *database = (struct database){0};
  luaL_setmetatable(L, DATABASE_TYPE);
  lua_newtable(L);
  lua_setiuservalue(L, -2, 1);
  return database;
}

static int option_timeout(lua_State *L, int index) {
  if (lua_isnoneornil(L, index)) return DEFAULT_BUSY_TIMEOUT_MS;
  lua_getfield(L, index, "busy_timeout");
  lua_Integer value = luaL_optinteger(L, -1, DEFAULT_BUSY_TIMEOUT_MS);
  luaL_argcheck(L, value >= 0 && value <= 3600 * 1000, index, "busy_timeout is out of range");
  lua_pop(L, 1);
  return (int)value;
}

static int option_boolean(lua_State *L, int index, const char *name) {
  if (lua_isnoneornil(L, index)) return 0;
  lua_getfield(L, index, name);
  int value = lua_toboolean(L, -1);
  lua_pop(L, 1);
  return value;
}

/* The first statement that reads the file: it refuses what is not a database, and leaves it
 * unchanged. */
#define SET_UP "PRAGMA foreign_keys = ON; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"

/* SQLite itself fails late, and vaguely. A file that is missing is made. */
static void refuse_other_kinds(lua_State *L, const char *path, const char *where) {
  struct stat status;
  if (stat(path, &status) != 0 || S_ISREG(status.st_mode)) return;
  raise(L, lua_pushfstring(L, "expected a file, this is %s", disk_describe(status.st_mode)), where);
}

static int l_sqlite_open(lua_State *L) {
  size_t length;
  const char *path = check_text(L, 1, &length);
  if (!lua_isnoneornil(L, 2)) luaL_checktype(L, 2, LUA_TTABLE);
  int busy_timeout = option_timeout(L, 2);
  int exclusive = option_boolean(L, 2, "exclusive");
  const char *where = lua_pushfstring(L, "open %s", path);
  refuse_other_kinds(L, path, where);

  struct database *database = new_database(L);
  int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
  int status = sqlite3_open_v2(path, &database->connection, flags, NULL);
  if (!database->connection) return raise(L, "out of memory", where);
  if (status != SQLITE_OK) return raise_from(L, database, where);
  sqlite3_busy_timeout(database->connection, busy_timeout);
  if (exclusive)
    sqlite3_exec(database->connection, "PRAGMA locking_mode = EXCLUSIVE", NULL, NULL, NULL);
  if (sqlite3_exec(database->connection, SET_UP, NULL, NULL, NULL) != SQLITE_OK)
    return raise_from(L, database, where);
  return 1;
}

/* }====== */

/* {====== statements ====== */

/* Pushes the cache, emptied first when it is full: no statement is running between two calls, so
 * all of them may go. [-0, +1, m] */
static void push_cache(lua_State *L, struct database *database) {
  if (database->cached >= CACHE_MAX) {
    finalize_statements(database);
    lua_newtable(L);
    lua_setiuservalue(L, 1, 1);
  }
  lua_getiuservalue(L, 1, 1);
}

static sqlite3_stmt *prepare(lua_State *L, struct database *database, const char *sql, int length) {
  sqlite3_stmt *statement;
  const char *rest;
  if (sqlite3_prepare_v3(database->connection, sql, length + 1, SQLITE_PREPARE_PERSISTENT,
                         &statement, &rest) != SQLITE_OK)
    raise_from(L, database, sql);
  if (!statement) raise(L, "expected a statement", sql);
  if (rest[strspn(rest, " \t\r\n;")]) {
    sqlite3_finalize(statement);
    raise(L, "expected one statement; execute() takes several", sql);
  }
  return statement;
}

/* The statement for the SQL text at index 2, reset and without values. [-0, +0, e] */
static sqlite3_stmt *check_statement(lua_State *L, struct database *database) {
  size_t length;
  const char *sql = check_text(L, 2, &length);
  luaL_argcheck(L, length < 1024 * 1024, 2, "SQL text is too long");
  push_cache(L, database);
  lua_pushvalue(L, 2);
  sqlite3_stmt *statement = lua_rawget(L, -2) ? lua_touserdata(L, -1) : NULL;
  if (statement) {
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
  } else {
    statement = prepare(L, database, sql, (int)length);
    lua_pushvalue(L, 2);
    lua_pushlightuserdata(L, statement);
    lua_rawset(L, -4);
    database->cached++;
  }
  lua_pop(L, 2);
  return statement;
}

/* Strings are bound without a copy: the arguments stay on the stack until the statement is reset,
 * and values are bound anew before it runs again. */
static int bind(lua_State *L, sqlite3_stmt *statement, int parameter, int index) {
  size_t length;
  switch (lua_type(L, index)) {
  case LUA_TNIL: return sqlite3_bind_null(statement, parameter);
  case LUA_TBOOLEAN: return sqlite3_bind_int(statement, parameter, lua_toboolean(L, index));
  case LUA_TNUMBER:
    if (lua_isinteger(L, index))
      return sqlite3_bind_int64(statement, parameter, lua_tointeger(L, index));
    return sqlite3_bind_double(statement, parameter, lua_tonumber(L, index));
  case LUA_TSTRING: {
    const char *text = lua_tolstring(L, index, &length);
    return sqlite3_bind_text64(statement, parameter, text, length, SQLITE_STATIC, SQLITE_UTF8);
  }
  case LUA_TLIGHTUSERDATA:
    if (!lua_touserdata(L, index)) return sqlite3_bind_null(statement, parameter);
    /* fall through */
  default:
    return luaL_argerror(L, index,
                         lua_pushfstring(L, "string, number, boolean or nil expected, got %s",
                                         luaL_typename(L, index)));
  }
}

static void bind_all(lua_State *L, struct database *database, sqlite3_stmt *statement, int last) {
  int wanted = sqlite3_bind_parameter_count(statement), given = last - 2;
  if (wanted != given)
    raise(L, lua_pushfstring(L, "expected %d parameters, got %d", wanted, given),
          lua_tostring(L, 2));
  for (int parameter = 1; parameter <= wanted; parameter++)
    if (bind(L, statement, parameter, parameter + 2) != SQLITE_OK)
      raise_from(L, database, lua_tostring(L, 2));
}

/* Pushes nothing for NULL. Returns the number of values pushed. [-0, +(0|1), m] */
static int push_column(lua_State *L, sqlite3_stmt *statement, int column) {
  switch (sqlite3_column_type(statement, column)) {
  case SQLITE_INTEGER: lua_pushinteger(L, sqlite3_column_int64(statement, column)); return 1;
  case SQLITE_FLOAT: lua_pushnumber(L, sqlite3_column_double(statement, column)); return 1;
  case SQLITE_NULL: return 0;
  default: {
    const char *bytes = sqlite3_column_blob(statement, column);
    lua_pushlstring(L, bytes ? bytes : "", (size_t)sqlite3_column_bytes(statement, column));
    return 1;
  }
  }
}

static void push_row(lua_State *L, sqlite3_stmt *statement) {
  int columns = sqlite3_column_count(statement);
  lua_createtable(L, 0, columns);
  for (int column = 0; column < columns; column++)
    if (push_column(L, statement, column))
      lua_setfield(L, -2, sqlite3_column_name(statement, column));
}

/* Resets before it raises: a statement left half-way would keep its transaction open. */
static void finish(lua_State *L, struct database *database, sqlite3_stmt *statement, int status) {
  database->steps += sqlite3_stmt_status(statement, SQLITE_STMTSTATUS_VM_STEP, 1);
  if (status == SQLITE_DONE) {
    sqlite3_reset(statement);
    return;
  }
  lua_pushstring(L, sqlite3_errmsg(database->connection));
  sqlite3_reset(statement);
  raise(L, lua_tostring(L, -1), lua_tostring(L, 2));
}

static int l_sqlite_query(lua_State *L) {
  struct database *database = check_database(L);
  int last = lua_gettop(L), status;
  sqlite3_stmt *statement = check_statement(L, database);
  bind_all(L, database, statement, last);
  lua_newtable(L);
  for (lua_Integer row = 1; (status = sqlite3_step(statement)) == SQLITE_ROW; row++) {
    push_row(L, statement);
    lua_rawseti(L, -2, row);
  }
  finish(L, database, statement, status);
  return 1;
}

static int l_sqlite_run(lua_State *L) {
  struct database *database = check_database(L);
  int last = lua_gettop(L), status;
  sqlite3_stmt *statement = check_statement(L, database);
  bind_all(L, database, statement, last);
  int before = sqlite3_total_changes(database->connection);
  do status = sqlite3_step(statement);
  while (status == SQLITE_ROW);
  finish(L, database, statement, status);
  lua_pushinteger(L, sqlite3_total_changes(database->connection) - before);
  return 1;
}

static int l_sqlite_execute(lua_State *L) {
  struct database *database = check_database(L);
  size_t length;
  const char *sql = check_text(L, 2, &length);
  if (sqlite3_exec(database->connection, sql, NULL, NULL, NULL) != SQLITE_OK)
    raise_from(L, database, sql);
  return 0;
}

/* How many steps queries have taken so far: effort that does not depend on the machine. */
static int l_sqlite_steps(lua_State *L) {
  lua_pushinteger(L, check_database(L)->steps);
  return 1;
}

/* }====== */

static int l_sqlite_tostring(lua_State *L) {
  struct database *database = luaL_checkudata(L, 1, DATABASE_TYPE);
  if (database->connection)
    lua_pushfstring(L, "database (%p)", (void *)database);
  else
    lua_pushliteral(L, "database (closed)");
  return 1;
}

static const luaL_Reg methods[] = {{"execute", l_sqlite_execute}, {"query", l_sqlite_query},
                                   {"run", l_sqlite_run},         {"steps", l_sqlite_steps},
                                   {"close", l_sqlite_close},     {NULL, NULL}};

static const luaL_Reg metamethods[] = {{"__gc", l_sqlite_close},
                                       {"__close", l_sqlite_close},
                                       {"__tostring", l_sqlite_tostring},
                                       {NULL, NULL}};

static const luaL_Reg functions[] = {{"open", l_sqlite_open}, {NULL, NULL}};

int luaopen_anyreach_sqlite(lua_State *L) {
  luaL_newmetatable(L, DATABASE_TYPE);
  luaL_setfuncs(L, metamethods, 0);
  luaL_newlib(L, methods);
  lua_setfield(L, -2, "__index");
  lua_pop(L, 1);
  luaL_newlib(L, functions);
  return 1;
}
