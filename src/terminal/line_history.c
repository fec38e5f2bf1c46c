#include "terminal/line_history.h"

#include <fcntl.h>
#include <histedit.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lua/file_write.h"

enum {
  ENTRIES_MAX = 5000,
  FILE_MAX =
      4 << 20 /* bytes; a longer file is rewritten with the entries that are kept in memory */
};

struct line_history {
  HistoryW *entries;
  char *path;       /* or NULL */
  bool is_at_start; /* after the newest; else the place is that of `entries` */
};

/* {====== the file ====== */

/* Libedit writes a heading into an empty file, and counts from 0: this means one entry. */
enum { NEWEST_ONLY = 0 };

/* Appends one entry, so that two sessions at once keep the entries of both. */
static void append_newest(struct line_history *history) {
  HistEventW event;
  int descriptor = open(history->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  FILE *file = descriptor < 0 ? NULL : fdopen(descriptor, "a");
  if (file) {
    fseek(file, 0, SEEK_END);
    history_w(history->entries, &event, H_NSAVE_FP, (size_t)NEWEST_ONLY, file);
    fclose(file);
  } else if (descriptor >= 0) {
    close(descriptor);
  }
}

/* On failure the file stays as long as it is. */
static void write_anew(struct line_history *history) {
  HistEventW event;
  char *text = NULL;
  size_t length = 0;
  const char *step;
  FILE *file = open_memstream(&text, &length);
  if (!file) return;
  bool is_saved = history_w(history->entries, &event, H_SAVE_FP, file) >= 0;
  if (fclose(file) == 0 && is_saved)
    file_write(history->path, text, length, FILE_WRITE_PRIVATE, &step);
  free(text);
}

static void load(struct line_history *history) {
  struct stat about;
  HistEventW event;
  if (!history->path || history_w(history->entries, &event, H_LOAD, history->path) < 0) return;
  if (stat(history->path, &about) == 0 && about.st_size > FILE_MAX) write_anew(history);
}

/* }====== */

struct line_history *line_history_new(const char *path) {
  HistEventW event;
  struct line_history *history = calloc(1, sizeof *history);
  if (!history) return NULL;
  history->is_at_start = true;
  history->path = path ? strdup(path) : NULL;
  history->entries = history_winit();
  if (!history->entries || (path && !history->path)) {
    line_history_free(history);
    return NULL;
  }
  history_w(history->entries, &event, H_SETSIZE, ENTRIES_MAX);
  history_w(history->entries, &event, H_SETUNIQUE, 1);
  load(history);
  return history;
}

void line_history_free(struct line_history *history) {
  if (!history) return;
  if (history->entries) history_wend(history->entries);
  free(history->path);
  free(history);
}

void line_history_add(struct line_history *history, const wchar_t *entry) {
  HistEventW event;
  bool is_new = history_w(history->entries, &event, H_ENTER, entry) > 0;
  if (is_new && history->path) append_newest(history);
  line_history_rewind(history);
}

/* {====== going through the entries ====== */

void line_history_rewind(struct line_history *history) {
  history->is_at_start = true;
}

/* What is looked for. */
struct wanted {
  const wchar_t *text;
  size_t length;
  const wchar_t *current;
  bool is_prefix;
};

static bool matches(const struct wanted *wanted, const wchar_t *entry) {
  bool holds = wanted->is_prefix ? wcsncmp(entry, wanted->text, wanted->length) == 0
                                 : wcsstr(entry, wanted->text) != NULL;
  return holds && wcscmp(entry, wanted->current) != 0;
}

static const wchar_t *go_older(struct line_history *history, const struct wanted *wanted) {
  HistEventW event, before;
  bool was_inside = !history->is_at_start && history_w(history->entries, &before, H_CURR) >= 0;
  int status = history_w(history->entries, &event, was_inside ? H_NEXT : H_FIRST);
  while (status >= 0 && !matches(wanted, event.str))
    status = history_w(history->entries, &event, H_NEXT);
  if (status >= 0) {
    history->is_at_start = false;
    return event.str;
  }
  if (was_inside) history_w(history->entries, &event, H_SET, before.num);
  return NULL;
}

const wchar_t *line_history_older(struct line_history *history, const wchar_t *text, size_t length,
                                  const wchar_t *current) {
  return go_older(history, &(struct wanted){text, length, current, .is_prefix = true});
}

const wchar_t *line_history_find(struct line_history *history, const wchar_t *text,
                                 const wchar_t *current) {
  return go_older(history, &(struct wanted){.text = text, .current = current});
}

const wchar_t *line_history_newer(struct line_history *history, const wchar_t *text, size_t length,
                                  const wchar_t *current) {
  struct wanted wanted = {text, length, current, .is_prefix = true};
  HistEventW event;
  while (!history->is_at_start) {
    history->is_at_start = history_w(history->entries, &event, H_PREV) < 0;
    if (!history->is_at_start && matches(&wanted, event.str)) return event.str;
  }
  return NULL;
}

/* }====== */
