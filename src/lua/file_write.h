/* Writing a whole file at once: whoever opens the path finds the old content or the new one, even
 * after a crash, a kill or a full disk. Everybody who replaces a file uses this. No Lua.
 *
 * The content is written to a new file in the same directory, named `.NAME.anyreach-new`, which is
 * then renamed. A run that is killed may leave that file behind; the next write to the same path
 * removes it. It is locked (flock) while it is being written, so one that is not locked is known to
 * be left behind.
 */
#ifndef ANYREACH_LUA_FILE_WRITE_H
#define ANYREACH_LUA_FILE_WRITE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum file_write_flags {
  /* For the user alone: a new file gets the mode 0600, missing directories above it are made with
   * 0700, and an existing file loses the permissions of group and others. */
  FILE_WRITE_PRIVATE = 1,
  /* Nothing may have the path yet, else EEXIST. Of two who create it at once, one succeeds. */
  FILE_WRITE_NEW = 2,
  /* For what can be made again: a power cut may lose the new content, or leave the file empty. */
  FILE_WRITE_UNSYNCED = 4
};

/* Writes the file. It keeps its mode, and its owner and group as far as the process may set them;
 * where the group is lost, the group's permissions shrink to those of others. A new file has the
 * mode that the umask leaves. A symbolic link stays: what it leads to is replaced. What is not a
 * regular file is refused (EISDIR, EINVAL).
 *
 * Returns true. Otherwise false with errno set and `*step` naming what failed, for a message; the
 * old file is then as it was, unless the step is FILE_WRITE_SYNCING_DIRECTORY: then the new content
 * is in place, but may not survive a power cut. */
bool file_write(const char *path, const char *bytes, size_t length, unsigned flags,
                const char **step);

extern const char FILE_WRITE_SYNCING_DIRECTORY[];

/* Makes the missing directories above `path`, which is changed while this runs. False with errno.
 */
bool file_make_parents(char *path, mode_t mode);

#endif
