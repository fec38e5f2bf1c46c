/* The operation table: one row an endpoint, generated from src/openapi by src/gen, never parsed at
 * start-up; operation_define() adds rows from documents that are read at run time. Bindings,
 * argument checks, the sandbox router, help and completion read these rows. A row is immutable and
 * lives as long as the program. No Lua here. */
#ifndef ANYREACH_OPERATION_H
#define ANYREACH_OPERATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/arena.h"

/* JSON types, as bits: a schema accepts any of the set. */
enum schema_type {
  SCHEMA_NULL = 1,
  SCHEMA_BOOLEAN = 2,
  SCHEMA_INTEGER = 4,
  SCHEMA_NUMBER = 8, /* integers included */
  SCHEMA_STRING = 16,
  SCHEMA_ARRAY = 32,
  SCHEMA_OBJECT = 64,
  SCHEMA_ANY = 127
};

struct field;

/* What a value must look like. Unset members do not restrict. */
struct schema {
  unsigned types;             /* set of enum schema_type */
  bool open;                  /* object: fields beyond `fields` are allowed */
  bool json_text;             /* query: an object that travels as JSON in a string */
  const char *format;         /* OpenAPI format, such as "date-time", or NULL */
  const char *const *choices; /* enum of strings, NULL-terminated, or NULL */
  const struct field *fields; /* object: known fields */
  unsigned field_count;
  const char *const *exactly_one_of; /* object: names of which just one is given, NULL-terminated */
  const struct schema *items;        /* array: schema of the elements, or NULL */
  const char *default_json;          /* the documented default as JSON text, or NULL */
  const int64_t *minimum, *maximum;  /* bounds of a number, or NULL */
  unsigned min_length;               /* string: at least this many bytes */
};

/* Where a parameter beside the path is sent. */
enum parameter_place { PLACE_QUERY, PLACE_HEADER, PLACE_COOKIE };

/* How arrays and objects are written, in OpenAPI's terms; STYLE_DEFAULT is "form" or, in paths and
 * headers, "simple". */
enum parameter_style {
  STYLE_DEFAULT,
  STYLE_DEEP_OBJECT,
  STYLE_SPACES,
  STYLE_PIPES,
  STYLE_LABEL,
  STYLE_MATRIX
};
enum parameter_explode { EXPLODE_BY_STYLE, EXPLODE_YES, EXPLODE_NO };

/* A named value: a parameter, or a field of an object. */
struct field {
  const char *name;
  const struct schema *schema;
  const char *summary; /* or NULL */
  bool required;
  bool unverified; /* inferred, not documented */

  /* Of parameters. */
  const char *wire_name; /* when `name` is not the one that is sent, else NULL */
  enum parameter_place place;
  enum parameter_style style;
  enum parameter_explode explode;
};

enum paging {
  PAGING_NONE,
  PAGING_CURSOR, /* limit + cursor; the next cursor is in the answer, else built from created_at */
  PAGING_OFFSET  /* limit + offset */
};

enum retry_class {
  RETRY_SAFE,       /* reads: may be sent again at will */
  RETRY_IDEMPOTENT, /* writes that end in the same state when sent twice */
  RETRY_NEVER       /* sent once; only a proof that it did not arrive allows another try */
};

/* What a call returns: a decoded value, the bytes (of text or anything else), or nothing. */
enum answer_kind { ANSWER_JSON, ANSWER_TEXT, ANSWER_NONE };

/* How the body is written. BODY_RAW: it is the bytes that are given. */
enum body_kind { BODY_JSON, BODY_URLENCODED, BODY_MULTIPART, BODY_RAW };

struct operation {
  const char *name;                /* Lua name: "agents.versions.publish" */
  const char *method;              /* "GET" … */
  const char *path;                /* template from the host's root: "/core/agents/{agent_id}" */
  const char *service;             /* "core" … */
  const char *operation_id;        /* OpenAPI operationId */
  const char *summary;             /* one line */
  const char *description;         /* more, or NULL */
  const char *source;              /* the page of the docs it comes from, or NULL */
  const struct field *path_fields; /* in path order */
  unsigned path_field_count;
  const struct field *parameters; /* of query, headers and cookies */
  unsigned parameter_count;
  const struct schema *body; /* NULL: the operation takes no body */
  bool body_required;
  enum body_kind body_kind;
  const char *content_type;     /* of JSON and raw bodies, or NULL: application/json */
  const char *const *multipart; /* fields that hold files, NULL-terminated, or NULL; a body of
                                   another kind is multipart when one of them is given */
  const struct schema *answer;  /* schema of the success body, or NULL */
  enum answer_kind answer_kind;
  const char *accept;        /* the content types of the answer, or NULL: those of its kind */
  int success_status;        /* the status the sandbox answers with */
  const char *const *scopes; /* one of them is enough; NULL-terminated; NULL: not known */
  const char *id_alias;      /* results answer to `id` and to this name alike, or NULL */
  enum paging paging;
  enum retry_class retry;
  const char *wait_json;   /* how to wait for the work it starts (x-wait), as JSON, or NULL */
  bool writes;             /* changes state on the server */
  const char *writes_when; /* a path value with which a read may write after all, or NULL */
  bool public_;            /* takes no credential */
  bool unverified;         /* inferred, not documented */
  bool foreign;            /* known from a document that was read at run time, and not from ours */
};

enum { OPERATION_MAX_PATH_FIELDS = 8 };

/* A piece of a request path, not NUL-terminated. */
struct span {
  const char *start;
  size_t length;
};

/* All rows, sorted by name. The array stays valid, but operation_define() replaces it. */
const struct operation *operation_all(size_t *count);

/* The row of that Lua name, or NULL. */
const struct operation *operation_by_name(const char *name);

/* The row that serves a method and a path (still percent-encoded, without query), or NULL. Literal
 * segments win over parameters. `values` receives one span per path field. When no row serves the
 * method but one serves the path, `*path_known` is set. */
const struct operation *operation_by_path(const char *method, const char *path, struct span *values,
                                          bool *path_known);

/* The same among our own rows alone, for a path whose bytes are decoded. */
const struct operation *operation_of_ours(const char *method, const char *path,
                                          struct span *values);

/* True when some operation's name starts with `prefix` and a dot. */
bool operation_is_namespace(const char *prefix);

/* The field of that name, or NULL. */
const struct field *field_by_name(const struct field *fields, unsigned count, const char *name);

/* {====== rows that are added at run time ====== */

enum {
  DEFINE_MAX_ROWS = 20000, /* of the whole table */
  DEFINE_MAX_NAME = 256,
  DEFINE_MAX_PATH = 1024,               /* bytes of a path template */
  DEFINE_MAX_SEGMENTS = 30,             /* of a path; operation_by_path() ranks them in a long */
  DEFINE_MAX_MEMORY = 64 * 1024 * 1024, /* of one definition */
  DEFINE_ERROR_MAX = 256
};

/* What keeps the row out of a table, or NULL. */
const char *operation_problem(const struct operation *row);

/* Adds rows, in which operation_problem() must find nothing; every lookup sees them at once. A row
 * with the method and path (whatever its parameters are called) of a known one replaces it under
 * its name; rows that were handed out before stay valid. What a row says of writing and repeating
 * makes nothing laxer: for a path of ours our own row decides, elsewhere it may only be stricter
 * than its method. All are added, or none: then `error` says why. What the
 * rows point to must have been taken from `arena`, which is emptied when rows were added: the table
 * owns the memory from then on until the program ends. */
bool operation_define(struct arena *arena, const struct operation *added, size_t count,
                      char error[DEFINE_ERROR_MAX]);

/* }====== */

#endif
