#include "lua/file_write.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

const char FILE_WRITE_SYNCING_DIRECTORY[] = "syncing its directory";

enum {
  LINKS_MAX = 40,      /* as many as Linux follows */
  NAME_KEPT_MAX = 200, /* bytes of a long name that the new file's name keeps, of 255 */
  TRIES_MAX = 20       /* for a name that nobody else has */
};

struct new_file {
  char target[PATH_MAX]; /* what is replaced; links are resolved */
  char name[PATH_MAX];   /* of the new file, in the same directory */
  struct stat before;    /* of the target, when there is one */
  bool replaces;         /* there is one */
  unsigned flags;
  int descriptor; /* locked until the file has its final name */
  const char *step;
};

bool file_make_parents(char *path, mode_t mode) {
  for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
    *slash = '\0';
    int status = mkdir(path, mode);
    *slash = '/';
    if (status != 0 && errno != EEXIST) return false;
  }
  return true;
}

/* {====== the target ====== */

/* Returns the length of the directory's part of a path, its slash included. */
static size_t directory_length(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash ? (size_t)(slash - path) + 1 : 0;
}

static bool copy_path(char to[PATH_MAX], const char *directory, size_t length, const char *name) {
  int size = snprintf(to, PATH_MAX, "%.*s%s", (int)length, directory, name);
  if (size < PATH_MAX) return true;
  errno = ENAMETOOLONG;
  return false;
}

/* Resolves a path to something that does not exist yet, which a link may lead to. */
static bool resolve_new(const char *path, char target[PATH_MAX]) {
  char link[PATH_MAX], from[PATH_MAX];
  if (!copy_path(target, "", 0, path)) return false;
  for (int i = 0; i < LINKS_MAX; i++) {
    ssize_t length = readlink(target, link, sizeof link - 1);
    if (length < 0) return true; /* not a link, or nothing at all: opening will tell */
    link[length] = '\0';
    memcpy(from, target, sizeof from);
    if (!copy_path(target, from, *link == '/' ? 0 : directory_length(from), link)) return false;
  }
  errno = ELOOP;
  return false;
}

static bool find_target(struct new_file *file, const char *path) {
  file->step = "finding it";
  if (file->flags & FILE_WRITE_NEW) return copy_path(file->target, "", 0, path);
  if (!realpath(path, file->target)) return errno == ENOENT && resolve_new(path, file->target);
  if (stat(file->target, &file->before) != 0) return false;
  file->replaces = true;
  file->step = "it is not a regular file";
  errno = S_ISDIR(file->before.st_mode) ? EISDIR : EINVAL;
  return S_ISREG(file->before.st_mode);
}

/* }====== */

/* {====== the new file beside it ====== */

/* Removes a new file of that name unless its writer is still at work. Only who holds the lock of a
 * new file renames or removes it, so what the name leads to cannot change after the check. */
static void remove_left_behind(const char *name) {
  struct stat opened, named;
  int descriptor = open(name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (descriptor < 0) return;
  bool is_left_behind = flock(descriptor, LOCK_EX | LOCK_NB) == 0 &&
                        fstat(descriptor, &opened) == 0 && S_ISREG(opened.st_mode) &&
                        lstat(name, &named) == 0 && opened.st_ino == named.st_ino &&
                        opened.st_dev == named.st_dev;
  if (is_left_behind) unlink(name);
  close(descriptor);
}

/* False when another process took the file, before it was locked, for one left behind. A file
 * system without locks is trusted. */
static bool lock_new(int descriptor) {
  struct stat status;
  if (flock(descriptor, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) return false;
  return fstat(descriptor, &status) != 0 || status.st_nlink > 0;
}

/* The plain name serves unless another process writes to the same path at this moment. */
static bool make_name(struct new_file *file, int tries) {
  size_t directory = directory_length(file->target);
  const char *name = file->target + directory;
  char suffix[sizeof "-12345678"] = "";
  uint32_t number = 0;
  if (tries > 1 && getrandom(&number, sizeof number, GRND_NONBLOCK) < 0)
    number = (uint32_t)getpid();
  if (tries > 1) snprintf(suffix, sizeof suffix, "-%08x", number + (uint32_t)tries);
  int size = snprintf(file->name, sizeof file->name, "%.*s.%.*s.anyreach-new%s", (int)directory,
                      file->target, NAME_KEPT_MAX, name, suffix);
  if (size < (int)sizeof file->name) return true;
  errno = ENAMETOOLONG;
  return false;
}

static bool open_new(struct new_file *file) {
  bool is_closed = file->replaces || file->flags & FILE_WRITE_PRIVATE;
  file->step = "creating a new file beside it";
  for (int tries = 0; tries < TRIES_MAX; tries++) {
    if (!make_name(file, tries)) return false;
    file->descriptor = open(file->name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                            is_closed ? 0600 : 0666);
    if (file->descriptor >= 0 && lock_new(file->descriptor)) return true;
    if (file->descriptor >= 0)
      close(file->descriptor);
    else if (errno != EEXIST)
      return false;
    file->descriptor = -1;
    if (tries == 0) remove_left_behind(file->name);
  }
  errno = EEXIST;
  return false;
}

/* The mode that gives nobody more than before when the file's owner or group is another now. */
static mode_t mode_without(mode_t mode, bool owner_lost, bool group_lost) {
  if (owner_lost) mode &= ~(mode_t)S_ISUID;
  if (group_lost) mode &= ~(mode_t)(S_ISGID | S_IRWXG) | (mode & S_IRWXO) << 3;
  return mode;
}

/* Asks for a change only where there is one: some file systems refuse any. */
static bool keep_owner_and_mode(struct new_file *file) {
  const struct stat *before = &file->before;
  struct stat now;
  file->step = "keeping its owner and mode";
  if (!file->replaces) return true;
  if (fstat(file->descriptor, &now) != 0) return false;
  bool owner_lost = now.st_uid != before->st_uid, group_lost = now.st_gid != before->st_gid;
  if (owner_lost) owner_lost = fchown(file->descriptor, before->st_uid, (gid_t)-1) != 0;
  if (group_lost) group_lost = fchown(file->descriptor, (uid_t)-1, before->st_gid) != 0;
  mode_t mode = mode_without(before->st_mode & 07777, owner_lost, group_lost);
  if (file->flags & FILE_WRITE_PRIVATE) mode &= ~(mode_t)(S_IRWXG | S_IRWXO);
  return mode == (now.st_mode & 07777) || fchmod(file->descriptor, mode) == 0;
}

static bool write_bytes(struct new_file *file, const char *bytes, size_t length) {
  file->step = "writing the new file";
  while (length > 0) {
    ssize_t written = write(file->descriptor, bytes, length);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    bytes += written;
    length -= (size_t)written;
  }
  return true;
}

/* }====== */

/* {====== taking its place ====== */

static bool sync_new(struct new_file *file) {
  file->step = "syncing the new file";
  return file->flags & FILE_WRITE_UNSYNCED || fsync(file->descriptor) == 0;
}

static bool give_name(struct new_file *file) {
  if (file->flags & FILE_WRITE_NEW) {
    file->step = "giving it its name";
    if (link(file->name, file->target) != 0) return false;
    unlink(file->name);
    return true;
  }
  file->step = "replacing it";
  return rename(file->name, file->target) == 0;
}

/* A directory that cannot be read, or a file system that has no such thing, is no failure. */
static bool sync_directory(struct new_file *file) {
  char directory[PATH_MAX];
  size_t length = directory_length(file->target);
  file->step = FILE_WRITE_SYNCING_DIRECTORY;
  if (file->flags & FILE_WRITE_UNSYNCED) return true;
  if (!copy_path(directory, file->target, length, length ? "" : ".")) return false;
  int descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return errno == EACCES;
  bool is_synced = fsync(descriptor) == 0 || errno == EINVAL;
  int problem = errno;
  close(descriptor);
  errno = problem;
  return is_synced;
}

/* Ends the work on the new file, which is removed unless it has its final name. Keeps errno. */
static void close_new(struct new_file *file, bool is_named) {
  int problem = errno;
  if (!is_named) unlink(file->name);
  close(file->descriptor);
  errno = problem;
}

/* }====== */

static bool prepare(struct new_file *file, const char *path) {
  if (!find_target(file, path)) return false;
  file->step = "making its directory";
  if (file->flags & FILE_WRITE_PRIVATE && !file_make_parents(file->target, 0700)) return false;
  return open_new(file);
}

bool file_write(const char *path, const char *bytes, size_t length, unsigned flags,
                const char **step) {
  struct new_file file = {.flags = flags, .descriptor = -1};
  bool is_written = prepare(&file, path);
  if (is_written) {
    is_written = keep_owner_and_mode(&file) && write_bytes(&file, bytes, length) &&
                 sync_new(&file) && give_name(&file);
    close_new(&file, is_written);
    if (is_written) is_written = sync_directory(&file);
  }
  *step = file.step;
  return is_written;
}
