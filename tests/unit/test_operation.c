/* The operation table: that the generated rows keep the promises of operation.h, and the lookups.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "api/operation.h"

static void test_rows_are_sorted_and_found(void **state) {
  (void)state;
  size_t count;
  const struct operation *all = operation_all(&count);
  assert_true(count >= 18);
  for (size_t i = 0; i < count; i++) {
    if (i > 0) assert_true(strcmp(all[i - 1].name, all[i].name) < 0);
    assert_ptr_equal(operation_by_name(all[i].name), &all[i]);
  }
  assert_null(operation_by_name("agents"));
  assert_null(operation_by_name("agents.lists"));
  assert_null(operation_by_name(""));
  assert_null(operation_by_name("zzz"));
}

static void test_rows_are_complete(void **state) {
  (void)state;
  size_t count;
  const struct operation *all = operation_all(&count);
  for (size_t i = 0; i < count; i++) {
    const struct operation *o = &all[i];
    assert_non_null(o->method);
    assert_non_null(o->operation_id);
    assert_non_null(o->summary);
    assert_int_equal(o->path[0], '/');
    assert_int_equal(strncmp(o->path + 1, o->service, strlen(o->service)), 0);
    assert_true(o->path_field_count <= OPERATION_MAX_PATH_FIELDS);
    assert_true(o->success_status >= 200 && o->success_status < 300);
    if (strcmp(o->method, "GET") == 0) assert_int_equal(o->retry, RETRY_SAFE);
    if (o->retry == RETRY_SAFE) assert_false(o->writes);
  }
}

static void test_each_row_is_reached_by_its_path(void **state) {
  (void)state;
  size_t count;
  const struct operation *all = operation_all(&count);
  for (size_t i = 0; i < count; i++) {
    struct span values[OPERATION_MAX_PATH_FIELDS];
    bool path_known = false;
    assert_ptr_equal(operation_by_path(all[i].method, all[i].path, values, &path_known), &all[i]);
    for (unsigned j = 0; j < all[i].path_field_count; j++) {
      const char *name = all[i].path_fields[j].name;
      assert_int_equal(values[j].length, strlen(name) + 2); /* "{name}" */
      assert_memory_equal(values[j].start + 1, name, strlen(name));
    }
  }
}

static const char *match(const char *method, const char *path, struct span *values) {
  bool path_known = false;
  const struct operation *found = operation_by_path(method, path, values, &path_known);
  return found ? found->name : path_known ? "method" : "path";
}

static void test_literals_win_over_parameters(void **state) {
  (void)state;
  struct span values[OPERATION_MAX_PATH_FIELDS];
  assert_string_equal(match("POST", "/core/agents/a/versions/compare", values),
                      "agents.versions.compare");
  assert_string_equal(match("GET", "/core/agents/a/versions/compare", values),
                      "agents.versions.get");
  assert_int_equal(values[1].length, strlen("compare"));
}

static void test_escaped_slash_stays_in_its_segment(void **state) {
  (void)state;
  struct span values[OPERATION_MAX_PATH_FIELDS];
  assert_string_equal(match("GET", "/core/agents/a%2Fversions", values), "agents.get");
  assert_int_equal(values[0].length, strlen("a%2Fversions"));
}

static void test_paths_that_do_not_match(void **state) {
  (void)state;
  struct span values[OPERATION_MAX_PATH_FIELDS];
  const char *const paths[] = {"",
                               "/",
                               "//",
                               "/core",
                               "/core/agents/",
                               "core/agents",
                               "/core/agents//versions",
                               "/core/agents/a/versions/1/publish/x"};
  for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
    assert_string_equal(match("GET", paths[i], values), "path");
  assert_string_equal(match("DELETE", "/core/agents", values), "method");
  assert_string_equal(match("get", "/core/agents", values), "method");
}

static void test_path_of_countless_segments(void **state) {
  (void)state;
  char path[4096];
  for (size_t i = 0; i + 1 < sizeof path; i++) path[i] = i % 2 ? 'a' : '/';
  path[sizeof path - 1] = '\0';
  struct span values[OPERATION_MAX_PATH_FIELDS];
  assert_string_equal(match("GET", path, values), "path");
}

static void test_namespaces(void **state) {
  (void)state;
  assert_true(operation_is_namespace("agents"));
  assert_true(operation_is_namespace("agents.versions"));
  assert_true(operation_is_namespace("phone_numbers"));
  assert_false(operation_is_namespace("agent"));
  assert_false(operation_is_namespace("agents.list"));
  assert_false(operation_is_namespace("agents."));
  assert_false(operation_is_namespace(""));
  assert_false(operation_is_namespace("zzz"));
}

static void test_fields(void **state) {
  (void)state;
  const struct operation *publish = operation_by_name("agents.versions.publish");
  const struct schema *body = publish->body;
  assert_non_null(field_by_name(body->fields, body->field_count, "direction"));
  assert_null(field_by_name(body->fields, body->field_count, "directions"));
  assert_null(field_by_name(NULL, 0, "direction"));
}

/* {====== rows that come at run time ====== */

static struct operation new_row(const char *name, const char *method, const char *path) {
  return (struct operation){.name = name,
                            .method = method,
                            .path = path,
                            .service = "core",
                            .operation_id = name,
                            .summary = "A row of a test."};
}

static bool define(const struct operation *rows, size_t count, char error[DEFINE_ERROR_MAX]) {
  struct arena arena;
  arena_init(&arena, DEFINE_MAX_MEMORY);
  bool defined = operation_define(&arena, rows, count, error);
  arena_free(&arena);
  return defined;
}

static void test_defined_rows_are_found(void **state) {
  (void)state;
  char error[DEFINE_ERROR_MAX];
  struct span values[OPERATION_MAX_PATH_FIELDS];
  size_t before, after;
  const struct operation *known = operation_by_name("agents.list");
  const struct operation rows[] = {new_row("zoo.keepers.list", "GET", "/core/zoo/keepers"),
                                   new_row("aardvarks", "POST", "/core/aardvarks")};
  operation_all(&before);
  assert_true(define(rows, 2, error));
  operation_all(&after);
  assert_int_equal(after, before + 2);
  assert_string_equal(operation_by_name("aardvarks")->path, "/core/aardvarks");
  assert_string_equal(match("GET", "/core/zoo/keepers", values), "zoo.keepers.list");
  assert_true(operation_is_namespace("zoo"));
  assert_true(operation_is_namespace("zoo.keepers"));
  assert_string_equal(operation_by_name("agents.list")->path, known->path);
  test_each_row_is_reached_by_its_path(NULL);
}

static void test_defined_row_takes_the_place_of_a_known_one(void **state) {
  (void)state;
  static const struct schema text = {.types = SCHEMA_STRING};
  static const struct field id = {.name = "id", .schema = &text, .required = true};
  char error[DEFINE_ERROR_MAX];
  size_t before, after;
  const struct operation *old = operation_by_name("agents.get");
  struct operation row = new_row("agents.get", "GET", "/core/agents/{id}");
  row.path_fields = &id;
  row.path_field_count = 1;
  operation_all(&before);
  assert_true(define(&row, 1, error));
  operation_all(&after);
  assert_int_equal(after, before);
  assert_string_equal(operation_by_name("agents.get")->path, "/core/agents/{id}");
  assert_string_equal(old->path, "/core/agents/{agent_id}"); /* still there for who holds it */
}

static void test_a_name_that_is_taken(void **state) {
  (void)state;
  char error[DEFINE_ERROR_MAX];
  size_t before, after;
  const struct operation *table = operation_all(&before);
  const struct operation taken = new_row("agents.list", "GET", "/core/others");
  assert_false(define(&taken, 1, error));
  assert_string_equal(error, "two operations have the name 'agents.list'");
  assert_ptr_equal(operation_all(&after), table);
  assert_int_equal(after, before);
}

static void test_what_keeps_a_row_out(void **state) {
  (void)state;
  const char *const paths[] = {"",          "core",        "/core/../x", "/core/./x", "/core//",
                               "/core/a b", "/core/a%2Fb", "/core/{id}", "/core/{id", "/a?b=c",
                               "/a#b",      "/core/\n",    "/core/a\x7f"};
  const char *const names[] = {"", ".", "a.", ".a", "a..b", "1a", "a-b", "a b", "a.2"};
  struct operation row = new_row("fine", "GET", "/core/fine");
  assert_null(operation_problem(&row));
  for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
    row = new_row("fine", "GET", paths[i]);
    assert_non_null(operation_problem(&row));
  }
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    row = new_row(names[i], "GET", "/core/fine");
    assert_non_null(operation_problem(&row));
  }
  row = new_row("fine", "get", "/core/fine");
  assert_non_null(operation_problem(&row));
}

static void test_parameters_must_be_those_of_the_path(void **state) {
  (void)state;
  static const struct schema text = {.types = SCHEMA_STRING};
  static const struct field fields[] = {{.name = "a", .schema = &text},
                                        {.name = "b", .schema = &text}};
  struct operation row = new_row("fine", "GET", "/core/{a}/{b}");
  row.path_fields = fields;
  row.path_field_count = 2;
  assert_null(operation_problem(&row));
  row.path_field_count = 1;
  assert_non_null(operation_problem(&row));
  row.path_field_count = 2;
  row.path = "/core/{b}/{a}";
  assert_non_null(operation_problem(&row));
  row.path = "/core/{a}";
  assert_non_null(operation_problem(&row));
}

/* }====== */

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_rows_are_sorted_and_found),
      cmocka_unit_test(test_rows_are_complete),
      cmocka_unit_test(test_each_row_is_reached_by_its_path),
      cmocka_unit_test(test_literals_win_over_parameters),
      cmocka_unit_test(test_escaped_slash_stays_in_its_segment),
      cmocka_unit_test(test_paths_that_do_not_match),
      cmocka_unit_test(test_path_of_countless_segments),
      cmocka_unit_test(test_namespaces),
      cmocka_unit_test(test_fields),
      cmocka_unit_test(test_defined_rows_are_found),
      cmocka_unit_test(test_defined_row_takes_the_place_of_a_known_one),
      cmocka_unit_test(test_a_name_that_is_taken),
      cmocka_unit_test(test_what_keeps_a_row_out),
      cmocka_unit_test(test_parameters_must_be_those_of_the_path),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
