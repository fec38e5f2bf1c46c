#include "api/operation.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/operations.inc"

#define PATH_PUNCTUATION "-._~!$&'()*+,;=:@"

enum { OUR_ROWS = sizeof operations / sizeof *operations };

/* The table in force: at first the generated one. */
static const struct operation *rows = operations;
static size_t row_count = OUR_ROWS;

const struct operation *operation_all(size_t *count) {
  *count = row_count;
  return rows;
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

static const struct operation *best_match(const struct operation *table, size_t count,
                                          const char *method, const char *path, struct span *values,
                                          bool *path_known) {
  const struct operation *best = NULL;
  unsigned long best_rank = 0;
  *path_known = false;
  for (size_t i = 0; i < count; i++) {
    struct span found[OPERATION_MAX_PATH_FIELDS];
    unsigned long rank = match_path(table[i].path, path, found);
    if (rank == 0) continue;
    *path_known = true;
    if (rank <= best_rank || strcmp(table[i].method, method) != 0) continue;
    best = &table[i];
    best_rank = rank;
    memcpy(values, found, best->path_field_count * sizeof *values);
  }
  return best;
}

const struct operation *operation_by_path(const char *method, const char *path, struct span *values,
                                          bool *path_known) {
  return best_match(rows, row_count, method, path, values, path_known);
}

const struct operation *operation_of_ours(const char *method, const char *path,
                                          struct span *values) {
  bool path_known;
  return best_match(operations, OUR_ROWS, method, path, values, &path_known);
}

/* Most names differ in their first byte. */
const struct field *field_by_name(const struct field *fields, unsigned count, const char *name) {
  for (unsigned i = 0; i < count; i++) {
    if (fields[i].name[0] == name[0] && strcmp(fields[i].name, name) == 0) return &fields[i];
  }
  return NULL;
}

/* {====== what a row must be ====== */

static bool is_name(const char *name) {
  bool starts_word = true;
  for (const char *c = name; *c; c++) {
    bool is_letter = isalpha((unsigned char)*c) || *c == '_';
    if (*c == '.' ? starts_word : !is_letter && (starts_word || !isdigit((unsigned char)*c)))
      return false;
    starts_word = *c == '.';
  }
  return !starts_word;
}

static bool is_method(const char *method) {
  static const char *const methods[] = {"GET", "POST", "PUT", "PATCH", "DELETE"};
  for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
    if (strcmp(methods[i], method) == 0) return true;
  return false;
}

static bool is_literal(const char *segment, size_t length) {
  if (length == 0 || (length <= 2 && strspn(segment, ".") >= length)) return false;
  for (size_t i = 0; i < length; i++)
    if (!isalnum((unsigned char)segment[i]) && !strchr(PATH_PUNCTUATION, segment[i])) return false;
  return true;
}

/* True for "{name}" of that field. */
static bool is_parameter(const char *segment, size_t length, const struct field *field) {
  size_t name_length = strlen(field->name);
  return length == name_length + 2 && memcmp(segment + 1, field->name, name_length) == 0 &&
         segment[length - 1] == '}' && !strpbrk(field->name, "{}/");
}

static bool is_path(const struct operation *row) {
  unsigned parameters = 0, segments = 0;
  const char *rest = row->path;
  if (strlen(rest) > DEFINE_MAX_PATH || row->path_field_count > OPERATION_MAX_PATH_FIELDS)
    return false;
  while (*rest == '/') {
    size_t length = strcspn(++rest, "/");
    if (++segments > DEFINE_MAX_SEGMENTS) return false;
    if (*rest != '{') {
      if (!is_literal(rest, length)) return false;
    } else if (parameters == row->path_field_count ||
               !is_parameter(rest, length, &row->path_fields[parameters++])) {
      return false;
    }
    rest += length;
  }
  return *rest == '\0' && segments > 0 && parameters == row->path_field_count;
}

const char *operation_problem(const struct operation *row) {
  if (!is_name(row->name) || strlen(row->name) >= DEFINE_MAX_NAME)
    return "the name is not one that Lua can spell";
  if (!is_method(row->method)) return "the method is unknown";
  if (!is_path(row)) return "the path cannot be used, or its parameters do not fit it";
  return NULL;
}

/* }====== */

/* {====== adding rows ====== */

/* The definitions in force, so that their memory is reachable, and freed at the end. */
struct definition {
  struct arena arena;
  struct definition *next;
};

static struct definition *definitions;

static void free_definitions(void) {
  while (definitions) {
    struct definition *definition = definitions;
    definitions = definition->next;
    struct arena arena = definition->arena; /* the definition lies in it */
    arena_free(&arena);
  }
}

/* Moves the arena, in which the definition lies, to the definitions in force. */
static void keep(struct definition *definition, struct arena *arena) {
  if (!definitions) atexit(free_definitions);
  *definition = (struct definition){.arena = *arena, .next = definitions};
  definitions = definition;
  arena_init(arena, arena->maximum);
}

/* Compares templates, in which every "{…}" is like any other. */
static bool is_same_path(const char *a, const char *b) {
  while (*a && *a == *b) {
    bool parameter = *a == '{';
    a += parameter ? strcspn(a, "}") : 1;
    b += parameter ? strcspn(b, "}") : 1;
  }
  return *a == *b;
}

static struct operation *find_place(struct operation *table, size_t count,
                                    const struct operation *row) {
  for (size_t i = 0; i < count; i++)
    if (strcmp(table[i].method, row->method) == 0 && is_same_path(table[i].path, row->path))
      return &table[i];
  return &table[count];
}

static int compare_names(const void *a, const void *b) {
  return strcmp(((const struct operation *)a)->name, ((const struct operation *)b)->name);
}

/* In the table in force: a name belongs to one operation. */
static bool check_names(char error[DEFINE_ERROR_MAX]) {
  for (size_t i = 1; i < row_count; i++) {
    if (strcmp(rows[i - 1].name, rows[i].name) != 0) continue;
    snprintf(error, DEFINE_ERROR_MAX, "two operations have the name '%.80s'", rows[i].name);
    return false;
  }
  return true;
}

/* What a method promises by RFC 9110; PATCH promises nothing. */
static enum retry_class retry_of_method(const char *method) {
  if (strcmp(method, "GET") == 0) return RETRY_SAFE;
  return strcmp(method, "PUT") == 0 || strcmp(method, "DELETE") == 0 ? RETRY_IDEMPOTENT
                                                                     : RETRY_NEVER;
}

/* A row of somebody else's document is at least as strict as its method. */
static struct operation as_foreign(struct operation row) {
  enum retry_class least = retry_of_method(row.method);
  row.foreign = true;
  row.writes = row.writes || row.writes_when || least != RETRY_SAFE;
  if (row.writes && least == RETRY_SAFE) least = RETRY_IDEMPOTENT;
  if (row.retry < least) row.retry = least;
  return row;
}

/* The row in place of one of ours, which knows better what it does. */
static struct operation as_ours(struct operation row, const struct operation *ours) {
  row.foreign = false;
  row.writes = ours->writes;
  row.writes_when = ours->writes_when;
  row.retry = ours->retry;
  return row;
}

/* Puts the rows into the table of `count` rows, which has room for all. Returns the new count. */
static size_t merge(struct operation *table, size_t count, const struct operation *added,
                    size_t added_count) {
  for (size_t i = 0; i < added_count; i++) {
    struct operation *place = find_place(table, count, &added[i]);
    bool is_known = place != &table[count];
    struct operation row =
        is_known && !place->foreign ? as_ours(added[i], place) : as_foreign(added[i]);
    if (is_known) {
      row.name = place->name;
      row.writes = row.writes || place->writes;
      if (row.retry < place->retry) row.retry = place->retry;
    } else {
      count++;
    }
    *place = row;
  }
  qsort(table, count, sizeof *table, compare_names);
  return count;
}

bool operation_define(struct arena *arena, const struct operation *added, size_t count,
                      char error[DEFINE_ERROR_MAX]) {
  const struct operation *known = rows;
  size_t known_count = row_count;
  if (count == 0) return true;
  if (count > DEFINE_MAX_ROWS - known_count) {
    snprintf(error, DEFINE_ERROR_MAX, "more than %d operations", DEFINE_MAX_ROWS);
    return false;
  }
  struct definition *definition = arena_take(arena, sizeof *definition);
  struct operation *table = arena_take(arena, (known_count + count) * sizeof *table);
  if (!definition || !table) {
    snprintf(error, DEFINE_ERROR_MAX, "the operations take too much memory");
    return false;
  }
  memcpy(table, known, known_count * sizeof *table);
  row_count = merge(table, known_count, added, count);
  rows = table;
  if (!check_names(error)) {
    rows = known;
    row_count = known_count;
    return false;
  }
  keep(definition, arena);
  return true;
}

/* }====== */
