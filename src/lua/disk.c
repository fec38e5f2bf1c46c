/* The modules "anyreach.disk" and "anyreach.directory"; see disk.h. */
#include "lua/disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <lauxlib.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lua/file_write.h"
#include "net/loop.h"

/* {====== anyreach.directory ====== */

#define LISTING_TYPE "anyreach.directory.listing"

/* [-0, +3, m] */
static int push_failure(lua_State *L, const char *path) {
  return luaL_fileresult(L, 0, path);
}

const char *disk_describe(mode_t mode) {
  if (S_ISDIR(mode)) return "a directory";
  if (S_ISFIFO(mode)) return "a pipe";
  return S_ISSOCK(mode) ? "a socket" : "a device";
}

/* kind(path) -> "file", "directory" or "other", and what it is unless it is a file, in words; or
 * nil, message, errno. Links are followed. */
static int l_directory_kind(lua_State *L) {
  const char *path = luaL_checkstring(L, 1);
  struct stat status;
  if (stat(path, &status) != 0) return push_failure(L, path);
  bool is_file = S_ISREG(status.st_mode);
  lua_pushstring(L, is_file ? "file" : S_ISDIR(status.st_mode) ? "directory" : "other");
  if (is_file) return 1;
  lua_pushstring(L, disk_describe(status.st_mode));
  return 2;
}

/* resolved(path) -> the absolute path without links; or nil, message, errno. */
static int l_directory_resolved(lua_State *L) {
  char resolved[PATH_MAX];
  const char *path = luaL_checkstring(L, 1);
  if (!realpath(path, resolved)) return push_failure(L, path);
  lua_pushstring(L, resolved);
  return 1;
}

/* Appends the remaining names of the open directory to the list on top. Returns 0 or an errno. */
static int append_names(lua_State *L, DIR *directory) {
  struct dirent *entry;
  for (lua_Integer i = 1;;) {
    errno = 0;
    if (!(entry = readdir(directory))) return errno;
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
    lua_pushstring(L, entry->d_name);
    lua_rawseti(L, -2, i++);
  }
}

/* names(path) -> array of the names in a directory, in no particular order; or nil, message. */
static int l_directory_names(lua_State *L) {
  const char *path = luaL_checkstring(L, 1);
  DIR **listing = lua_newuserdatauv(L, sizeof *listing, 0);
  *listing = NULL;
  luaL_setmetatable(L, LISTING_TYPE);
  lua_toclose(L, -1);
  if (!(*listing = opendir(path))) return push_failure(L, path);
  lua_newtable(L);
  int problem = append_names(L, *listing);
  if (problem == 0) return 1;
  errno = problem;
  return push_failure(L, path);
}

/* make(path) -> true; or nil, message, errno. Makes a directory and those above it, unless they
 * exist. */
static int l_directory_make(lua_State *L) {
  size_t length;
  const char *path = luaL_checklstring(L, 1, &length);
  luaL_argcheck(L, length > 0, 1, "a path");
  char *copy = lua_newuserdatauv(L, length + 1, 0);
  memcpy(copy, path, length + 1);
  bool made = file_make_parents(copy, 0777) && (mkdir(path, 0777) == 0 || errno == EEXIST);
  return luaL_fileresult(L, made, path);
}

static int l_listing_close(lua_State *L) {
  DIR **listing = luaL_checkudata(L, 1, LISTING_TYPE);
  if (*listing) closedir(*listing);
  *listing = NULL;
  return 0;
}

static const luaL_Reg listing_metamethods[] = {
    {"__gc", l_listing_close}, {"__close", l_listing_close}, {NULL, NULL}};

static const luaL_Reg directory_functions[] = {{"kind", l_directory_kind},
                                               {"make", l_directory_make},
                                               {"names", l_directory_names},
                                               {"resolved", l_directory_resolved},
                                               {NULL, NULL}};

int luaopen_anyreach_directory(lua_State *L) {
  luaL_newmetatable(L, LISTING_TYPE);
  luaL_setfuncs(L, listing_metamethods, 0);
  lua_pop(L, 1);
  luaL_newlib(L, directory_functions);
  return 1;
}

/* }====== */

/* {====== files ====== */

static unsigned check_flag(lua_State *L, int index, const char *name, bool flag_when,
                           unsigned flag) {
  int type = lua_getfield(L, index, name);
  luaL_argexpected(L, type == LUA_TNIL || type == LUA_TBOOLEAN, index, "options");
  bool is_set = type != LUA_TNIL && lua_toboolean(L, -1) == flag_when;
  lua_pop(L, 1);
  return is_set ? flag : 0;
}

/* {private = boolean, sync = boolean} at an index, or nothing -> flags of file_write(). */
static unsigned check_write_flags(lua_State *L, int index) {
  if (lua_isnoneornil(L, index)) return 0;
  luaL_checktype(L, index, LUA_TTABLE);
  return check_flag(L, index, "private", true, FILE_WRITE_PRIVATE) |
         check_flag(L, index, "sync", false, FILE_WRITE_UNSYNCED);
}

static int push_written(lua_State *L, unsigned flags) {
  size_t length;
  const char *path = luaL_checkstring(L, 1), *text = luaL_checklstring(L, 2, &length), *step;
  flags |= check_write_flags(L, 3);
  luaL_argcheck(L, *path, 1, "a path");
  bool is_written = file_write(path, text, length, flags, &step);
  int problem = errno;
  if (is_written || problem == EEXIST) return luaL_fileresult(L, is_written, path);
  luaL_pushfail(L);
  lua_pushfstring(L, "%s: %s (%s)", path, strerror(problem), step);
  lua_pushinteger(L, problem);
  return 3;
}

/* write(path, text[, {private = false, sync = true}]) -> true; or nil, message, errno. Replaces a
 * file whole, or makes it: see file_write.h, also for `private`. Without `sync` it is faster, for
 * what can be made again. */
static int l_disk_write(lua_State *L) {
  return push_written(L, 0);
}

/* create(path, text[, options]): the same for a path that nothing has; else nil, message, EEXIST.
 */
static int l_disk_create(lua_State *L) {
  return push_written(L, FILE_WRITE_NEW);
}

/* mode(path) -> the permission bits of a file, such as 0x1a4 (0644); or nil, message, errno. */
static int l_disk_mode(lua_State *L) {
  const char *path = luaL_checkstring(L, 1);
  struct stat status;
  if (stat(path, &status) != 0) return luaL_fileresult(L, 0, path);
  lua_pushinteger(L, status.st_mode & 07777);
  return 1;
}

/* }====== */

/* {====== file locks ====== */

#define LOCK_TYPE "anyreach.lock"

enum { LOCK_PAUSE_MS = 10 };

struct lock {
  int descriptor; /* -1 when nothing is held */
};

static void close_lock(struct lock *lock) {
  if (lock->descriptor >= 0) close(lock->descriptor);
  lock->descriptor = -1;
}

static int lock_close(lua_State *L) {
  close_lock(luaL_checkudata(L, 1, LOCK_TYPE));
  return 0;
}

/* Opens what will be locked: an existing directory, or a file, which is created if necessary. */
static int open_held(char *path) {
  bool is_directory = path[strlen(path) - 1] == '/';
  if (is_directory) return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  return file_make_parents(path, 0700) ? open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;
}

/* True when the lock was obtained, and on a file system without locks. */
static bool try_lock(int descriptor) {
  return flock(descriptor, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK;
}

/* Waits for a lock, at most so many seconds. No other task runs meanwhile: this is for locks that
 * others hold for an instant. */
static bool wait_for_lock(int descriptor, lua_Number seconds) {
  static const struct timespec pause = {.tv_nsec = LOCK_PAUSE_MS * 1000000L};
  for (lua_Number waited = 0; !try_lock(descriptor); waited += LOCK_PAUSE_MS / 1000.0) {
    if (waited >= seconds || loop_cancelled()) return false;
    nanosleep(&pause, NULL);
  }
  return true;
}

/* lock(path, seconds) -> a value to be closed; until then no other process locks the path. False
 * when another process has held the lock for so many seconds; or nil, message, errno. The path of a
 * directory ends in a slash. When a process ends, even by a kill, its locks end, too. */
static int l_disk_lock(lua_State *L) {
  size_t length;
  const char *path = luaL_checklstring(L, 1, &length);
  lua_Number seconds = luaL_checknumber(L, 2);
  luaL_argcheck(L, *path, 1, "a path");
  struct lock *lock = lua_newuserdatauv(L, sizeof *lock, 0);
  lock->descriptor = -1;
  luaL_setmetatable(L, LOCK_TYPE);
  char *copy = memcpy(lua_newuserdatauv(L, length + 1, 0), path, length + 1);
  lock->descriptor = open_held(copy);
  if (lock->descriptor < 0) return luaL_fileresult(L, 0, path);
  lua_pop(L, 1);
  if (wait_for_lock(lock->descriptor, seconds)) return 1;
  close_lock(lock);
  lua_pushboolean(L, false);
  return 1;
}

static const luaL_Reg lock_methods[] = {
    {"__close", lock_close}, {"__gc", lock_close}, {NULL, NULL}};

/* }====== */

static bool write_all(int descriptor, const char *bytes, size_t length) {
  while (length) {
    ssize_t written = write(descriptor, bytes, length);
    if (written < 0 && errno != EINTR) return false;
    if (written > 0) bytes += written, length -= (size_t)written;
  }
  return true;
}

/* write_through(path, bytes) -> true; or nil, message, errno. Writes to a pipe or a device. A pipe
 * that nobody reads is an error (ENXIO): opening it would wait. */
static int l_disk_write_through(lua_State *L) {
  size_t length;
  const char *path = luaL_checkstring(L, 1), *bytes = luaL_checklstring(L, 2, &length);
  int descriptor = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  if (descriptor < 0) return luaL_fileresult(L, 0, path);
  fcntl(descriptor, F_SETFL, 0);
  bool is_written = write_all(descriptor, bytes, length);
  int problem = errno;
  bool is_closed = close(descriptor) == 0;
  if (!is_written) errno = problem;
  return luaL_fileresult(L, is_written && is_closed, path);
}

static const luaL_Reg disk_functions[] = {
    {"write", l_disk_write},   {"write_through", l_disk_write_through},
    {"create", l_disk_create}, {"mode", l_disk_mode},
    {"lock", l_disk_lock},     {NULL, NULL}};

int luaopen_anyreach_disk(lua_State *L) {
  luaL_newmetatable(L, LOCK_TYPE);
  luaL_setfuncs(L, lock_methods, 0);
  luaL_newlib(L, disk_functions);
  return 1;
}
