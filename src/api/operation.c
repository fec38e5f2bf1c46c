#include "api/operation.h"

#include <string.h>

#include "api/operations.inc"

/* The table in force: at first the generated one. */
static const struct operation *rows = operations;
static size_t row_count = sizeof operations / sizeof *operations;

const struct operation *operation_all(size_t *count) {
  *count = row_count;
  return rows;
}

void operation_use(const struct operation *new_rows, size_t count) {
  rows = new_rows;
  row_count = count;
}

/* The position of the first row whose name is not before `name`. */
static size_t lower_bound(const char *name) {
  size_t low = 0, high = row_count;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (strcmp(rows[middle].name, name) < 0)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

const struct operation *operation_by_name(const char *name) {
  size_t i = lower_bound(name);
  return i < row_count && strcmp(rows[i].name, name) == 0 ? &rows[i] : NULL;
}

/* Nothing sorts between "x." and the names that start with it, but "x-y" sorts before them: so the
 * search begins at "x" and looks on while names start with it. */
bool operation_is_namespace(const char *prefix) {
  size_t length = strlen(prefix);
  for (size_t i = lower_bound(prefix); i < row_count; i++) {
    const char *name = rows[i].name;
    if (strncmp(name, prefix, length) != 0) return false;
    if (length > 0 && name[length] == '.') return true;
  }
  return false;
}

/* Matches a path against a template. Returns 0 when it does not fit; otherwise a rank that is
 * higher the further left a literal stands where another template has a parameter. */
static unsigned long match_path(const char *template, const char *path, struct span *values) {
  unsigned long rank = 1;
  while (*template == '/' && *path == '/') {
    size_t wanted = strcspn(++template, "/");
    size_t given = strcspn(++path, "/");
    bool is_parameter = *template == '{';
    if (is_parameter) {
      if (given == 0) return 0;
      *values++ = (struct span){path, given};
    } else if (wanted != given || memcmp(template, path, given) != 0) {
      return 0;
    }
    rank = rank << 1 | !is_parameter;
    template += wanted;
    path += given;
  }
  return *template == '\0' && *path == '\0' ? rank : 0;
}

const struct operation *operation_by_path(const char *method, const char *path, struct span *values,
                                          bool *path_known) {
  const struct operation *best = NULL;
  unsigned long best_rank = 0;
  *path_known = false;
  for (size_t i = 0; i < row_count; i++) {
    struct span found[OPERATION_MAX_PATH_FIELDS];
    unsigned long rank = match_path(rows[i].path, path, found);
    if (rank == 0) continue;
    *path_known = true;
    if (rank <= best_rank || strcmp(rows[i].method, method) != 0) continue;
    best = &rows[i];
    best_rank = rank;
    memcpy(values, found, best->path_field_count * sizeof *values);
  }
  return best;
}

/* Most names differ in their first byte. */
const struct field *field_by_name(const struct field *fields, unsigned count, const char *name) {
  for (unsigned i = 0; i < count; i++) {
    if (fields[i].name[0] == name[0] && strcmp(fields[i].name, name) == 0) return &fields[i];
  }
  return NULL;
}
