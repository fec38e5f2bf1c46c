/* Writing files whole. Each system call of file_write() can be made to fail, or to kill the process
 * instead: the Makefile links them with --wrap. What needs root, or another user, is skipped. */
#include "../../src/lua/file_write.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { NOBODY = 65534, OTHER_USER = 12345, OTHER_GROUP = 54321 };

/* {====== system calls ====== */

static int calls_left; /* until the fault; 0: none is to come */
static int fault;      /* errno, or -SIGKILL */
static size_t write_most = SIZE_MAX;
static int syncs;

static void arm(int calls, int what) {
  calls_left = calls;
  fault = what;
}

static bool is_due(void) {
  if (calls_left == 0 || --calls_left > 0) return false;
  if (fault == -SIGKILL) raise(SIGKILL);
  errno = fault;
  return true;
}

int __wrap_open(const char *path, int flags, ...);
#define WRAP(result, name, parameters, arguments)                                                  \
  result __real_##name parameters;                                                                 \
  result __wrap_##name parameters;                                                                 \
  result __wrap_##name parameters {                                                                \
    return is_due() ? -1 : __real_##name arguments;                                                \
  }
WRAP(int, flock, (int descriptor, int operation), (descriptor, operation))
WRAP(int, fstat, (int descriptor, struct stat *status), (descriptor, status))
WRAP(int, fchown, (int descriptor, uid_t owner, gid_t group), (descriptor, owner, group))
WRAP(int, fchmod, (int descriptor, mode_t mode), (descriptor, mode))
WRAP(int, link, (const char *from, const char *to), (from, to))
WRAP(int, rename, (const char *from, const char *to), (from, to))
WRAP(int, unlink, (const char *path), (path))

int __real_open(const char *path, int flags, mode_t mode);
int __wrap_open(const char *path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  mode_t mode = flags & O_CREAT ? va_arg(rest, mode_t) : 0;
  va_end(rest);
  return is_due() ? -1 : __real_open(path, flags, mode);
}

ssize_t __real_write(int descriptor, const void *bytes, size_t length);
ssize_t __wrap_write(int descriptor, const void *bytes, size_t length);
ssize_t __wrap_write(int descriptor, const void *bytes, size_t length) {
  if (is_due()) return -1;
  return __real_write(descriptor, bytes, length < write_most ? length : write_most);
}

int __real_fsync(int descriptor);
int __wrap_fsync(int descriptor);
int __wrap_fsync(int descriptor) {
  syncs++;
  return is_due() ? -1 : __real_fsync(descriptor);
}

/* }====== */

/* {====== a directory for each test, which the test is in ====== */

static int enter_directory(void **state) {
  char directory[] = "/tmp/anyreach-file-XXXXXX";
  assert_non_null(mkdtemp(directory));
  assert_int_equal(chdir(directory), 0);
  assert_int_equal(chmod(".", 0777), 0);
  *state = strdup(directory);
  umask(022);
  syncs = 0;
  return 0;
}

static int leave_directory(void **state) {
  char command[64];
  arm(0, 0);
  write_most = SIZE_MAX;
  snprintf(command, sizeof command, "chmod 755 %s; rm -rf %s", (char *)*state, (char *)*state);
  assert_int_equal(chdir("/"), 0);
  free(*state);
  return system(command);
}

static const char *step;

static bool put(const char *path, const char *text, unsigned flags) {
  return file_write(path, text, strlen(text), flags, &step);
}

static const char *content(const char *path) {
  static char text[256];
  FILE *file = fopen(path, "r");
  if (!file) return "(none)";
  text[fread(text, 1, sizeof text - 1, file)] = '\0';
  fclose(file);
  return text;
}

static mode_t mode_of(const char *path) {
  struct stat status;
  assert_int_equal(stat(path, &status), 0);
  return status.st_mode & 07777;
}

static int count_names(void) {
  int count = 0;
  DIR *directory = opendir(".");
  while (readdir(directory)) count++;
  closedir(directory);
  return count - 2;
}

/* Runs a function in a child process; returns its exit code, or minus the signal that ended it. */
static int in_child(int (*run)(void)) {
  int status;
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) _exit(run());
  assert_int_equal(waitpid(child, &status, 0), child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void need_root(void) {
  if (geteuid() == 0) return;
  print_message("only root can do this\n");
  skip();
}

static void become_nobody(void) {
  if (setgroups(0, NULL) != 0 || setgid(NOBODY) != 0 || setuid(NOBODY) != 0) _exit(100);
}

/* }====== */

static void makes_and_replaces_a_file(void **state) {
  (void)state;
  assert_true(put("file", "old", 0));
  assert_string_equal(content("file"), "old");
  assert_true(put("file", "", 0));
  assert_string_equal(content("file"), "");
  assert_int_equal(count_names(), 1);
}

static void writes_on_after_short_writes(void **state) {
  (void)state;
  write_most = 3;
  assert_true(put("file", "0123456789", 0));
  assert_string_equal(content("file"), "0123456789");
}

static void syncs_file_and_directory_unless_asked_not_to(void **state) {
  (void)state;
  assert_true(put("file", "one", 0));
  assert_int_equal(syncs, 2);
  assert_true(put("file", "two", FILE_WRITE_UNSYNCED));
  assert_int_equal(syncs, 2);
}

/* {====== faults at each step ====== */

static int kill_at;
static unsigned fault_flags;

static int write_and_be_killed(void) {
  arm(kill_at, -SIGKILL);
  return put("file", "new", fault_flags) ? 0 : 1;
}

/* Returns how many steps there are at which the writer can be killed. */
static int kill_at_each_step(unsigned flags, const char *before) {
  fault_flags = flags;
  for (kill_at = 1;; kill_at++) {
    unlink("file");
    if (*before) assert_true(put("file", before, 0));
    int code = in_child(write_and_be_killed);
    const char *now = content("file");
    assert_true(strcmp(now, *before ? before : "(none)") == 0 || strcmp(now, "new") == 0);
    assert_true(count_names() <= 2);
    assert_true(put("file", "later", 0));
    assert_int_equal(count_names(), 1);
    if (code == 0) return kill_at - 1;
    assert_int_equal(code, -SIGKILL);
  }
}

static void killed_at_any_step_leaves_old_or_new(void **state) {
  (void)state;
  assert_in_range(kill_at_each_step(0, "old"), 8, 20);
  assert_in_range(kill_at_each_step(0, ""), 7, 20);
  assert_in_range(kill_at_each_step(FILE_WRITE_NEW, ""), 7, 20);
}

static void a_failure_at_any_step_keeps_the_old_and_names_the_step(void **state) {
  static const char *const steps[] = {"creating a new file beside it", "keeping its owner and mode",
                                      "writing the new file", "syncing the new file",
                                      "replacing it"};
  (void)state;
  size_t seen = 0;
  for (int call = 1;; call++) {
    assert_true(put("file", "old", 0));
    arm(call, ENOSPC);
    bool is_written = put("file", "new", 0);
    bool was_due = calls_left == 0;
    arm(0, 0);
    assert_int_equal(count_names(), 1);
    if (!was_due) break;
    if (is_written) continue; /* a call that may fail, such as flock() */
    if (step == FILE_WRITE_SYNCING_DIRECTORY) {
      assert_string_equal(content("file"), "new");
      continue;
    }
    assert_string_equal(content("file"), "old");
    if (seen < 5 && strcmp(step, steps[seen]) == 0) seen++;
  }
  assert_int_equal(seen, 5);
}

static void a_failure_to_sync_the_directory_is_reported(void **state) {
  (void)state;
  assert_true(put("file", "old", 0));
  int most = 40;
  for (int call = 1; call < most; call++) {
    arm(call, EIO);
    if (!put("file", "new", 0) && step == FILE_WRITE_SYNCING_DIRECTORY) most = 0;
  }
  assert_int_equal(most, 0);
  assert_int_equal(errno, EIO);
}

/* }====== */

/* {====== permissions ====== */

static void keeps_the_mode(void **state) {
  static const mode_t modes[] = {0600, 0640, 0644, 0755, 0444};
  (void)state;
  for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
    assert_true(put("file", "old", 0));
    assert_int_equal(chmod("file", modes[i]), 0);
    assert_true(put("file", "new", 0));
    assert_int_equal(mode_of("file"), modes[i]);
  }
}

static void gives_a_new_file_what_the_umask_leaves(void **state) {
  (void)state;
  umask(027);
  assert_true(put("file", "new", 0));
  assert_int_equal(mode_of("file"), 0640);
}

static void keeps_private_files_from_others(void **state) {
  (void)state;
  umask(0);
  assert_true(put("a/b/file", "new", FILE_WRITE_PRIVATE));
  assert_int_equal(mode_of("a/b/file"), 0600);
  assert_int_equal(mode_of("a/b"), 0700);
  assert_int_equal(chmod("a/b/file", 0755), 0);
  assert_true(put("a/b/file", "newer", FILE_WRITE_PRIVATE));
  assert_int_equal(mode_of("a/b/file"), 0700);
}

static void keeps_the_owner(void **state) {
  struct stat status;
  (void)state;
  need_root();
  assert_true(put("file", "old", 0));
  assert_int_equal(chown("file", OTHER_USER, OTHER_GROUP), 0);
  assert_int_equal(chmod("file", 04640), 0);
  assert_true(put("file", "new", 0));
  assert_int_equal(stat("file", &status), 0);
  assert_int_equal(status.st_uid, OTHER_USER);
  assert_int_equal(status.st_gid, OTHER_GROUP);
  assert_int_equal(status.st_mode & 07777, 04640);
}

static int write_as_nobody(void) {
  become_nobody();
  return put("file", "new", 0) ? 0 : errno;
}

static void gives_nobody_more_when_the_owner_is_lost(void **state) {
  struct stat status;
  (void)state;
  need_root();
  assert_true(put("file", "old", 0));
  assert_int_equal(chmod("file", 06674), 0);
  assert_int_equal(in_child(write_as_nobody), 0);
  assert_int_equal(stat("file", &status), 0);
  assert_int_equal(status.st_uid, NOBODY);
  assert_int_equal(status.st_gid, NOBODY);
  assert_int_equal(status.st_mode & 07777, 0644);
}

static int write_as_another_than_root(void) {
  if (geteuid() == 0) become_nobody();
  return put("file", "new", 0) ? 0 : errno;
}

static void fails_where_the_directory_may_not_be_written(void **state) {
  (void)state;
  assert_true(put("file", "old", 0));
  assert_int_equal(chmod(".", 0555), 0);
  assert_int_equal(in_child(write_as_another_than_root), EACCES);
  assert_string_equal(content("file"), "old");
}

/* }====== */

/* {====== links, and what is no file ====== */

static void follows_links_and_leaves_them(void **state) {
  char target[32];
  (void)state;
  assert_int_equal(mkdir("kept", 0755), 0);
  assert_true(put("kept/file", "old", 0));
  assert_int_equal(symlink("kept/file", "link"), 0);
  assert_int_equal(symlink("link", "link-to-link"), 0);
  assert_true(put("link-to-link", "new", 0));
  assert_string_equal(content("kept/file"), "new");
  assert_int_equal(readlink("link", target, sizeof target), strlen("kept/file"));
  assert_int_equal(count_names(), 3);
}

static void follows_a_link_to_what_does_not_exist_yet(void **state) {
  char target[32];
  (void)state;
  assert_int_equal(mkdir("kept", 0755), 0);
  assert_int_equal(symlink("again", "kept/link"), 0);
  assert_int_equal(symlink("kept/link", "link"), 0);
  assert_true(put("link", "new", 0));
  assert_string_equal(content("kept/again"), "new");
  assert_int_equal(readlink("link", target, sizeof target), strlen("kept/link"));
}

static void refuses_a_circle_of_links(void **state) {
  (void)state;
  assert_int_equal(symlink("b", "a"), 0);
  assert_int_equal(symlink("a", "b"), 0);
  assert_false(put("a", "new", 0));
  assert_int_equal(errno, ELOOP);
}

static void refuses_what_is_not_a_regular_file(void **state) {
  (void)state;
  assert_int_equal(mkfifo("pipe", 0600), 0);
  assert_int_equal(mkdir("directory", 0700), 0);
  assert_false(put("pipe", "new", 0));
  assert_int_equal(errno, EINVAL);
  assert_string_equal(step, "it is not a regular file");
  assert_false(put("directory", "new", 0));
  assert_int_equal(errno, EISDIR);
  assert_false(put("/dev/null", "new", FILE_WRITE_PRIVATE));
  assert_int_equal(errno, EINVAL);
  assert_int_equal(count_names(), 2);
}

static void fails_where_there_is_no_directory(void **state) {
  (void)state;
  assert_false(put("none/file", "new", 0));
  assert_int_equal(errno, ENOENT);
  assert_true(put("file", "old", 0));
  assert_false(put("file/file", "new", FILE_WRITE_PRIVATE));
  assert_int_equal(errno, ENOTDIR);
}

static void creates_only_what_nothing_has(void **state) {
  (void)state;
  assert_true(put("file", "one", FILE_WRITE_NEW));
  assert_false(put("file", "two", FILE_WRITE_NEW));
  assert_int_equal(errno, EEXIST);
  assert_string_equal(content("file"), "one");
  assert_int_equal(symlink("nowhere", "link"), 0);
  assert_false(put("link", "two", FILE_WRITE_NEW));
  assert_int_equal(errno, EEXIST);
  assert_int_equal(count_names(), 2);
}

/* }====== */

/* {====== names ====== */

static void writes_a_file_with_the_longest_name(void **state) {
  char name[NAME_MAX + 1];
  (void)state;
  memset(name, 'n', NAME_MAX);
  name[NAME_MAX] = '\0';
  assert_true(put(name, "new", 0));
  assert_string_equal(content(name), "new");
}

static void refuses_too_long_a_path(void **state) {
  static char path[2 * PATH_MAX];
  (void)state;
  for (size_t i = 0; i + 2 < sizeof path; i += 2) memcpy(path + i, "x/", 2);
  assert_false(put(path, "new", 0));
  assert_int_equal(errno, ENAMETOOLONG);
  assert_false(put(path, "new", FILE_WRITE_NEW | FILE_WRITE_PRIVATE));
  assert_int_equal(errno, ENAMETOOLONG);
}

/* What another process is writing stays; what one that was killed has left goes. */
static void removes_what_a_killed_writer_left_and_nothing_else(void **state) {
  static const char name[] = ".file.anyreach-new";
  (void)state;
  int other = open(name, O_WRONLY | O_CREAT, 0600);
  assert_int_equal(flock(other, LOCK_EX), 0);
  assert_true(put("file", "one", 0));
  assert_int_equal(access(name, F_OK), 0);
  assert_int_equal(count_names(), 2);
  close(other);
  assert_true(put("file", "two", 0));
  assert_int_equal(access(name, F_OK), -1);
  assert_int_equal(mkdir(name, 0700), 0);
  assert_true(put("file", "three", 0));
  assert_int_equal(count_names(), 2);
}

/* }====== */

/* {====== no room ====== */

enum { BIG = 1 << 20 };

static int write_big(void) {
  static char bytes[BIG];
  return file_write("file", bytes, sizeof bytes, 0, &step) ? 0 : errno;
}

static int write_beyond_the_limit(void) {
  struct rlimit limit = {4096, 4096};
  signal(SIGXFSZ, SIG_IGN);
  if (setrlimit(RLIMIT_FSIZE, &limit) != 0) return 100;
  return write_big();
}

static void a_file_size_limit_keeps_the_old(void **state) {
  (void)state;
  assert_true(put("file", "old", 0));
  assert_int_equal(in_child(write_beyond_the_limit), EFBIG);
  assert_string_equal(content("file"), "old");
  assert_int_equal(count_names(), 1);
}

static void a_full_disk_keeps_the_old(void **state) {
  (void)state;
  need_root();
  assert_int_equal(mkdir("small", 0777), 0);
  if (mount("tmpfs", "small", "tmpfs", 0, "size=64k") != 0) {
    print_message("a small file system cannot be mounted here: %s\n", strerror(errno));
    skip();
  }
  int entered = chdir("small");
  bool is_put = put("file", "old", 0);
  int problem = in_child(write_big), count = count_names();
  bool is_old = strcmp(content("file"), "old") == 0;
  int left = chdir("..");
  assert_int_equal(umount("small"), 0);
  assert_true(entered == 0 && left == 0 && is_put && is_old);
  assert_int_equal(problem, ENOSPC);
  assert_int_equal(count, 1);
}

/* }====== */

#define IN_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, enter_directory, leave_directory)

int main(void) {
  const struct CMUnitTest tests[] = {
      IN_DIRECTORY(makes_and_replaces_a_file),
      IN_DIRECTORY(writes_on_after_short_writes),
      IN_DIRECTORY(syncs_file_and_directory_unless_asked_not_to),
      IN_DIRECTORY(killed_at_any_step_leaves_old_or_new),
      IN_DIRECTORY(a_failure_at_any_step_keeps_the_old_and_names_the_step),
      IN_DIRECTORY(a_failure_to_sync_the_directory_is_reported),
      IN_DIRECTORY(keeps_the_mode),
      IN_DIRECTORY(gives_a_new_file_what_the_umask_leaves),
      IN_DIRECTORY(keeps_private_files_from_others),
      IN_DIRECTORY(keeps_the_owner),
      IN_DIRECTORY(gives_nobody_more_when_the_owner_is_lost),
      IN_DIRECTORY(fails_where_the_directory_may_not_be_written),
      IN_DIRECTORY(follows_links_and_leaves_them),
      IN_DIRECTORY(follows_a_link_to_what_does_not_exist_yet),
      IN_DIRECTORY(refuses_a_circle_of_links),
      IN_DIRECTORY(refuses_what_is_not_a_regular_file),
      IN_DIRECTORY(fails_where_there_is_no_directory),
      IN_DIRECTORY(creates_only_what_nothing_has),
      IN_DIRECTORY(writes_a_file_with_the_longest_name),
      IN_DIRECTORY(refuses_too_long_a_path),
      IN_DIRECTORY(removes_what_a_killed_writer_left_and_nothing_else),
      IN_DIRECTORY(a_file_size_limit_keeps_the_old),
      IN_DIRECTORY(a_full_disk_keeps_the_old),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
