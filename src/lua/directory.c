/* The module "anyreach.directory". What cannot be read is returned as nil and a message, as in io.
 */
#include "lua/directory.h"

#include <dirent.h>
#include <errno.h>
#include <lauxlib.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define LISTING_TYPE "anyreach.directory.listing"

/* [-0, +3, m] */
static int push_failure(lua_State *L, const char *path) {
  return luaL_fileresult(L, 0, path);
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

/* Makes the directories that `path` names, which is changed while this runs. */
static bool make_directories(char *path) {
  for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
    *slash = '\0';
    int status = mkdir(path, 0777);
    *slash = '/';
    if (status != 0 && errno != EEXIST) return false;
  }
  return mkdir(path, 0777) == 0 || errno == EEXIST;
}

/* make(path) -> true; or nil, message, errno. Makes a directory, and those above it; one that is
 * there already is left as it is. */
static int l_directory_make(lua_State *L) {
  size_t length;
  const char *path = luaL_checklstring(L, 1, &length);
  luaL_argcheck(L, length > 0, 1, "a path");
  char *copy = lua_newuserdatauv(L, length + 1, 0);
  memcpy(copy, path, length + 1);
  return luaL_fileresult(L, make_directories(copy), path);
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
