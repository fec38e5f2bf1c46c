/* What Lua's own library lacks for files and directories. What fails is returned as nil, a message
 * that names the path, and errno, as io does. */
#ifndef ANYREACH_LUA_DISK_H
#define ANYREACH_LUA_DISK_H

#include <lua.h>
#include <sys/stat.h>

/* Pushes "anyreach.disk": write, write_through, create, mode, lock. Files replaced as a whole, and
 * file locks. */
int luaopen_anyreach_disk(lua_State *L);

/* Pushes "anyreach.directory": kind, make, names, resolved. */
int luaopen_anyreach_directory(lua_State *L);

/* What is no regular file, in words: "a directory", "a pipe". */
const char *disk_describe(mode_t mode);

#endif
