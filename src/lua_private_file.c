#include "lua_private_file.h"

#include <errno.h>
#include <lauxlib.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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

/* Writes a new file, whose name is made of the template, and gives it its name. */
static bool replace_file(const char *path, char *template, const char *bytes, size_t length) {
  int descriptor = mkstemp(template); /* mode 0600 */
  if (descriptor < 0) return false;
  bool written = write_all(descriptor, bytes, length);
  if (close(descriptor) != 0) written = false;
  if (written && rename(template, path) == 0) return true;
  int problem = errno;
  unlink(template);
  errno = problem;
  return false;
}

/* write(path, text) -> true; or nil, message, errno. Makes the directories above it; directories
 * and file are for the user alone. Whoever reads the path finds the old file or the new one. A link
 * stays one: what it points to is replaced. */
static int l_private_file_write(lua_State *L) {
  static const char suffix[] = ".XXXXXX";
  char resolved[PATH_MAX];
  size_t length;
  const char *path = luaL_checkstring(L, 1), *text = luaL_checklstring(L, 2, &length);
  luaL_argcheck(L, *path, 1, "a path");
  const char *target = realpath(path, resolved) ? resolved : path;
  size_t target_length = strlen(target);
  char *template = lua_newuserdatauv(L, target_length + sizeof suffix, 0);
  memcpy(template, target, target_length);
  memcpy(template + target_length, suffix, sizeof suffix);
  bool written = make_directories(template) && replace_file(target, template, text, length);
  return luaL_fileresult(L, written, path);
}

/* mode(path) -> the permission bits of a file, such as 0x1a4 (0644); or nil, message, errno. */
static int l_private_file_mode(lua_State *L) {
  const char *path = luaL_checkstring(L, 1);
  struct stat status;
  if (stat(path, &status) != 0) return luaL_fileresult(L, 0, path);
  lua_pushinteger(L, status.st_mode & 07777);
  return 1;
}

static const luaL_Reg functions[] = {
    {"write", l_private_file_write}, {"mode", l_private_file_mode}, {NULL, NULL}};

int luaopen_anyreach_private_file(lua_State *L) {
  luaL_newlib(L, functions);
  return 1;
}
