#include "lua/private_file.h"

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

#include "net/loop.h"

enum { HOLD_PAUSE_MS = 10 };

/* Creates the directories above `path`, which is changed while this runs, for the user alone. */
static bool make_directories(char *path) {
  for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
    *slash = '\0';
    int status = mkdir(path, 0700);
    *slash = '/';
    if (status != 0 && errno != EEXIST) return false;
  }
  return true;
}

static bool write_all(int descriptor, const char *bytes, size_t length) {
  while (length > 0) {
    ssize_t written = write(descriptor, bytes, length);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    bytes += written;
    length -= (size_t)written;
  }
  return true;
}

/* How a new file gets its name: rename() replaces what has it, create_name() fails with EEXIST. */
typedef int (*name_file)(const char *from, const char *to);

static int create_name(const char *from, const char *to) {
  if (link(from, to) != 0) return -1;
  unlink(from);
  return 0;
}

/* Writes a new file, whose name is made of the template, and gives it its name. */
static bool write_new_file(const char *path, char *template, name_file give_name, const char *bytes,
                           size_t length) {
  int descriptor = mkostemp(template, O_CLOEXEC); /* mode 0600 */
  if (descriptor < 0) return false;
  bool written = write_all(descriptor, bytes, length);
  if (close(descriptor) != 0) written = false;
  if (written && give_name(template, path) == 0) return true;
  int problem = errno;
  unlink(template);
  errno = problem;
  return false;
}

/* Writes the text at index 2 to `target`, for the path at index 1. */
static int write_file(lua_State *L, const char *target, name_file give_name) {
  static const char suffix[] = ".XXXXXX";
  size_t length, target_length = strlen(target);
  const char *path = luaL_checkstring(L, 1), *text = luaL_checklstring(L, 2, &length);
  luaL_argcheck(L, *path, 1, "a path");
  char *template = lua_newuserdatauv(L, target_length + sizeof suffix, 0);
  memcpy(template, target, target_length);
  memcpy(template + target_length, suffix, sizeof suffix);
  bool written =
      make_directories(template) && write_new_file(target, template, give_name, text, length);
  return luaL_fileresult(L, written, path);
}

/* write(path, text) -> true; or nil, message, errno. Makes the directories above it; directories
 * and file are for the user alone. Whoever reads the path finds the old file or the new one. A link
 * stays one: what it points to is replaced. */
static int l_private_file_write(lua_State *L) {
  char resolved[PATH_MAX];
  const char *path = luaL_checkstring(L, 1);
  return write_file(L, realpath(path, resolved) ? resolved : path, rename);
}

/* create(path, text): the same for a path that nothing has; else nil, message, EEXIST. Of two who
 * create it at once one does. */
static int l_private_file_create(lua_State *L) {
  return write_file(L, luaL_checkstring(L, 1), create_name);
}

/* mode(path) -> the permission bits of a file, such as 0x1a4 (0644); or nil, message, errno. */
static int l_private_file_mode(lua_State *L) {
  const char *path = luaL_checkstring(L, 1);
  struct stat status;
  if (stat(path, &status) != 0) return luaL_fileresult(L, 0, path);
  lua_pushinteger(L, status.st_mode & 07777);
  return 1;
}

/* {====== holds ====== */

#define HOLD_TYPE "anyreach.hold"

struct hold {
  int descriptor; /* -1 when nothing is held */
};

static void close_hold(struct hold *hold) {
  if (hold->descriptor >= 0) close(hold->descriptor);
  hold->descriptor = -1;
}

static int hold_close(lua_State *L) {
  close_hold(luaL_checkudata(L, 1, HOLD_TYPE));
  return 0;
}

/* Opens what is to be held: a directory that is there, or a file, which is made if need be. */
static int open_held(char *path) {
  bool is_directory = path[strlen(path) - 1] == '/';
  if (is_directory) return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  return make_directories(path) ? open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;
}

/* True when the lock was got, also in a file system that has none. */
static bool try_lock(int descriptor) {
  return flock(descriptor, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK;
}

/* Waits for a lock, at most so many seconds. Nothing else runs meanwhile: it is for what takes
 * others an instant. */
static bool wait_for_lock(int descriptor, lua_Number seconds) {
  static const struct timespec pause = {.tv_nsec = HOLD_PAUSE_MS * 1000000L};
  for (lua_Number waited = 0; !try_lock(descriptor); waited += HOLD_PAUSE_MS / 1000.0) {
    if (waited >= seconds || loop_cancelled()) return false;
    nanosleep(&pause, NULL);
  }
  return true;
}

/* hold(path, seconds) -> a value that is to be closed, and until then nobody else holds the path;
 * false when another has held it for so many seconds; or nil, message, errno. The path of a
 * directory ends in a slash. A program that is killed holds nothing any more. */
static int l_private_file_hold(lua_State *L) {
  size_t length;
  const char *path = luaL_checklstring(L, 1, &length);
  lua_Number seconds = luaL_checknumber(L, 2);
  luaL_argcheck(L, *path, 1, "a path");
  struct hold *hold = lua_newuserdatauv(L, sizeof *hold, 0);
  hold->descriptor = -1;
  luaL_setmetatable(L, HOLD_TYPE);
  char *copy = memcpy(lua_newuserdatauv(L, length + 1, 0), path, length + 1);
  hold->descriptor = open_held(copy);
  if (hold->descriptor < 0) return luaL_fileresult(L, 0, path);
  lua_pop(L, 1);
  if (wait_for_lock(hold->descriptor, seconds)) return 1;
  close_hold(hold);
  lua_pushboolean(L, false);
  return 1;
}

static const luaL_Reg hold_methods[] = {
    {"__close", hold_close}, {"__gc", hold_close}, {NULL, NULL}};

/* }====== */

static const luaL_Reg functions[] = {{"write", l_private_file_write},
                                     {"create", l_private_file_create},
                                     {"mode", l_private_file_mode},
                                     {"hold", l_private_file_hold},
                                     {NULL, NULL}};

int luaopen_anyreach_private_file(lua_State *L) {
  luaL_newmetatable(L, HOLD_TYPE);
  luaL_setfuncs(L, hold_methods, 0);
  luaL_newlib(L, functions);
  return 1;
}
