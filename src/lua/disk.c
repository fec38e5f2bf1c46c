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

#include "net/loop.h"

/* {====== anyreach.directory ====== */

#define LISTING_TYPE "anyreach.directory.listing"

/* [-0, +3, m] */
static int push_failure(lua_State *L, const char *path) {
  return luaL_fileresult(L, 0, path);
}

/* Makes the directories above `path`, which is changed while this runs. */
static bool make_parents(char *path, mode_t mode) {
  for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
    *slash = '\0';
    int status = mkdir(path, mode);
    *slash = '/';
    if (status != 0 && errno != EEXIST) return false;
  }
  return true;
}

/* kind(path) -> "file", "directory" or "other"; nil, message when there is nothing. Links are
 * followed. */
static int l_directory_kind(lua_State *L) {
  const char *path = luaL_checkstring(L, 1);
  struct stat status;
  if (stat(path, &status) != 0) return push_failure(L, path);
  lua_pushstring(L, S_ISREG(status.st_mode)   ? "file"
                    : S_ISDIR(status.st_mode) ? "directory"
                                              : "other");
  return 1;
}

/* resolved(path) -> the path of what it leads to, without links; or nil, message, errno. */
static int l_directory_resolved(lua_State *L) {
  char resolved[PATH_MAX];
  const char *path = luaL_checkstring(L, 1);
  if (!realpath(path, resolved)) return push_failure(L, path);
  lua_pushstring(L, resolved);
  return 1;
}

/* Appends what is left of the open directory to the list at the top. Returns 0 or an errno. */
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

/* make(path) -> true; or nil, message, errno. Makes a directory, and those above it; one that is
 * there already is left as it is. */
static int l_directory_make(lua_State *L) {
  size_t length;
  const char *path = luaL_checklstring(L, 1, &length);
  luaL_argcheck(L, length > 0, 1, "a path");
  char *copy = lua_newuserdatauv(L, length + 1, 0);
  memcpy(copy, path, length + 1);
  bool made = make_parents(copy, 0777) && (mkdir(path, 0777) == 0 || errno == EEXIST);
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

enum { LOCK_PAUSE_MS = 10 };

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
      make_parents(template, 0700) && write_new_file(target, template, give_name, text, length);
  return luaL_fileresult(L, written, path);
}

/* write(path, text) -> true; or nil, message, errno. Makes the directories above it; directories
 * and file are for the user alone. Whoever reads the path finds the old file or the new one. A link
 * stays one: what it points to is replaced. */
static int l_disk_write(lua_State *L) {
  char resolved[PATH_MAX];
  const char *path = luaL_checkstring(L, 1);
  return write_file(L, realpath(path, resolved) ? resolved : path, rename);
}

/* create(path, text): the same for a path that nothing has; else nil, message, EEXIST. Of two who
 * create it at once one does. */
static int l_disk_create(lua_State *L) {
  return write_file(L, luaL_checkstring(L, 1), create_name);
}

/* mode(path) -> the permission bits of a file, such as 0x1a4 (0644); or nil, message, errno. */
static int l_disk_mode(lua_State *L) {
  const char *path = luaL_checkstring(L, 1);
  struct stat status;
  if (stat(path, &status) != 0) return luaL_fileresult(L, 0, path);
  lua_pushinteger(L, status.st_mode & 07777);
  return 1;
}

/* {====== file locks ====== */

#define LOCK_TYPE "anyreach.lock"

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

/* Opens what is to be held: a directory that is there, or a file, which is made if need be. */
static int open_held(char *path) {
  bool is_directory = path[strlen(path) - 1] == '/';
  if (is_directory) return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  return make_parents(path, 0700) ? open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;
}

/* True when the lock was got, also in a file system that has none. */
static bool try_lock(int descriptor) {
  return flock(descriptor, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK;
}

/* Waits for a lock, at most so many seconds. Nothing else runs meanwhile: it is for what takes
 * others an instant. */
static bool wait_for_lock(int descriptor, lua_Number seconds) {
  static const struct timespec pause = {.tv_nsec = LOCK_PAUSE_MS * 1000000L};
  for (lua_Number waited = 0; !try_lock(descriptor); waited += LOCK_PAUSE_MS / 1000.0) {
    if (waited >= seconds || loop_cancelled()) return false;
    nanosleep(&pause, NULL);
  }
  return true;
}

/* lock(path, seconds) -> a value that is to be closed, and until then nobody else holds the path;
 * false when another has held it for so many seconds; or nil, message, errno. The path of a
 * directory ends in a slash. A program that is killed holds nothing any more. */
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

static const luaL_Reg disk_functions[] = {{"write", l_disk_write},
                                          {"create", l_disk_create},
                                          {"mode", l_disk_mode},
                                          {"lock", l_disk_lock},
                                          {NULL, NULL}};

int luaopen_anyreach_disk(lua_State *L) {
  luaL_newmetatable(L, LOCK_TYPE);
  luaL_setfuncs(L, lock_methods, 0);
  luaL_newlib(L, disk_functions);
  return 1;
}
