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

/* The length of the literal that begins here, up to a parameter or the end. */
static size_t literal_length(const char *template, size_t length) {
  const char *brace = memchr(template, '{', length);
  return brace ? (size_t)(brace - template) : length;
}

/* Where the literal stands in the text, at its end if it `is_last`, with something before it. */
static const char *find_literal(const char *text, size_t length, const char *literal, size_t size,
                                bool is_last) {
  if (length <= size) return NULL;
  if (!is_last) return memmem(text + 1, length - 1, literal, size);
  const char *end = text + length - size;
  return memcmp(end, literal, size) == 0 ? end : NULL;
}

/* Matches a segment against one of a template, in which literals and parameters take turns. A
 * parameter takes what stands before the first place of the literal behind it. Returns how many
 * parameters there are, or -1 when it does not fit. */
static int match_segment(const char *template, size_t wanted, const char *text, size_t length,
                         struct span *values) {
  int count = 0;
  size_t literal = literal_length(template, wanted);
  if (length < literal || memcmp(template, text, literal) != 0) return -1;
  template += literal, wanted -= literal, text += literal, length -= literal;
  while (wanted > 0) {
    size_t name = (size_t)((const char *)memchr(template, '}', wanted) - template) + 1;
    template += name, wanted -= name;
    literal = literal_length(template, wanted);
    const char *end = find_literal(text, length, template, literal, literal == wanted);
    if (!end) return -1;
    values[count++] = (struct span){text, (size_t)(end - text)};
    length -= (size_t)(end - text) + literal;
    text = end + literal;
    template += literal, wanted -= literal;
  }
  return length == 0 ? count : -1;
}

/* Matches a path against a template. Returns 0 when it does not fit; otherwise a rank that is
 * higher the further left a literal stands where another template has a parameter. */
static unsigned long match_path(const char *template, const char *path, struct span *values) {
  unsigned long rank = 1;
  while (*template == '/' && *path == '/') {
    size_t wanted = strcspn(++template, "/"), given = strcspn(++path, "/");
    int parameters = match_segment(template, wanted, path, given, values);
    if (parameters < 0) return 0;
    bool is_whole = *template == '{' && memchr(template, '}', wanted) == template + wanted - 1;
    values += parameters;
    rank = rank << 2 | (parameters == 0 ? 3 : is_whole ? 1 : 2);
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

static bool is_literal(const char *text, size_t length) {
  for (size_t i = 0; i < length; i++)
    if (!isalnum((unsigned char)text[i]) && !strchr(PATH_PUNCTUATION, text[i])) return false;
  return true;
}

/* True for "{name}" of that field, of `length` bytes. */
static bool is_parameter(const char *text, size_t length, const struct field *field) {
  size_t name_length = strlen(field->name);
  return length == name_length + 2 && memcmp(text + 1, field->name, name_length) == 0 &&
         !strpbrk(field->name, "{}/");
}

/* True for literals and parameters in turns; no parameter follows another at once, since nobody
 * could tell where one ends. `*parameters` counts those of the path. */
static bool is_segment(const struct operation *row, const char *text, size_t length,
                       unsigned *parameters) {
  bool is_dots = length <= 2 && strspn(text, ".") >= length;
  for (bool first = true; length > 0; first = false) {
    size_t literal = literal_length(text, length);
    if (!is_literal(text, literal) || (literal == 0 && !first)) return false;
    text += literal, length -= literal;
    if (length == 0) break;
    const char *end = memchr(text, '}', length);
    if (!end || *parameters == row->path_field_count) return false;
    size_t size = (size_t)(end - text) + 1;
    if (!is_parameter(text, size, &row->path_fields[(*parameters)++])) return false;
    text += size, length -= size;
  }
  return !is_dots;
}

static bool is_path(const struct operation *row) {
  unsigned parameters = 0, segments = 0;
  const char *rest = row->path;
  if (strlen(rest) > DEFINE_MAX_PATH || row->path_field_count > OPERATION_MAX_PATH_FIELDS)
    return false;
  while (*rest == '/') {
    size_t length = strcspn(++rest, "/");
    if (length == 0 && *rest == '\0') break; /* a slash at the end */
    if (++segments > DEFINE_MAX_SEGMENTS) return false;
    if (!is_segment(row, rest, length, &parameters)) return false;
    rest += length;
  }
  return rest > row->path && *rest == '\0' && parameters == row->path_field_count;
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

static bool is_at_end(const char *path) {
  return *path == '\0' || (*path == '/' && path[1] == '\0');
}

/* Compares templates, in which every "{…}" is like any other, and a slash at the end is like none.
 */
static bool is_same_path(const char *a, const char *b) {
  while (*a && *a == *b) {
    bool parameter = *a == '{';
    a += parameter ? strcspn(a, "}") : 1;
    b += parameter ? strcspn(b, "}") : 1;
  }
  return is_at_end(a) && is_at_end(b);
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
