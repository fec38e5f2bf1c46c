/* The sandbox's server over HTTP: what only the wire shows. Links everything but main.c. */
#include "sandbox/server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/buf.h"

enum { ANSWER_MAX = 1024 * 1024 };

struct fixture {
  struct loop *loop;
  struct server *server;
};

/* One request, from start to verdict. */
struct exchange {
  struct loop_transfer transfer;
  CURL *easy;
  struct curl_slist *headers;
  struct buf body;
  CURLcode verdict;
  long status;
  bool done;
};

static int open_fixture(void **state) {
  char error[SERVER_ERROR_MAX];
  struct fixture *fixture = calloc(1, sizeof *fixture);
  struct server_options options = {.seed = "test"};
  fixture->loop = loop_new();
  fixture->server = server_start(fixture->loop, &options, error);
  *state = fixture;
  return fixture->server ? 0 : -1;
}

static int close_fixture(void **state) {
  struct fixture *fixture = *state;
  server_stop(fixture->server);
  loop_free(fixture->loop);
  free(fixture);
  return 0;
}

static size_t collect(char *bytes, size_t size, size_t count, void *body) {
  return buf_append(body, bytes, size * count) == BUF_OK ? size * count : 0;
}

static void finish(void *context, CURLcode verdict) {
  struct exchange *exchange = context;
  exchange->verdict = verdict;
  exchange->done = true;
  curl_easy_getinfo(exchange->easy, CURLINFO_RESPONSE_CODE, &exchange->status);
}

static void add_header(struct exchange *exchange, const char *line) {
  if (line) exchange->headers = curl_slist_append(exchange->headers, line);
}

/* `fault` is a whole header line, or NULL; a body makes it a POST. */
static void begin(struct fixture *fixture, struct exchange *exchange, const char *path,
                  const char *fault, const char *body, long body_length) {
  char url[256];
  snprintf(url, sizeof url, "%s%s", server_base_url(fixture->server), path);
  *exchange = (struct exchange){.transfer = {finish, exchange}, .easy = curl_easy_init()};
  buf_init(&exchange->body, ANSWER_MAX);
  add_header(exchange, "Authorization: Bearer ak_sandbox.admin");
  add_header(exchange, "Content-Type: application/json");
  add_header(exchange, fault);
  curl_easy_setopt(exchange->easy, CURLOPT_URL, url);
  curl_easy_setopt(exchange->easy, CURLOPT_PATH_AS_IS, 1L);
  curl_easy_setopt(exchange->easy, CURLOPT_HTTPHEADER, exchange->headers);
  curl_easy_setopt(exchange->easy, CURLOPT_WRITEFUNCTION, collect);
  curl_easy_setopt(exchange->easy, CURLOPT_WRITEDATA, &exchange->body);
  if (body) {
    curl_easy_setopt(exchange->easy, CURLOPT_POSTFIELDSIZE, body_length);
    curl_easy_setopt(exchange->easy, CURLOPT_POSTFIELDS, body);
  }
  assert_int_equal(loop_attach(fixture->loop, exchange->easy, &exchange->transfer), 0);
}

static void end(struct fixture *fixture, struct exchange *exchange) {
  if (!exchange->done) loop_detach(fixture->loop, exchange->easy);
  curl_easy_cleanup(exchange->easy);
  curl_slist_free_all(exchange->headers);
  buf_free(&exchange->body);
}

static void wait_for(struct fixture *fixture, struct exchange *exchange) {
  while (!exchange->done) loop_turn(fixture->loop, true);
}

static void turn_for(struct fixture *fixture, double seconds) {
  for (double end_time = loop_now() + seconds; loop_now() < end_time;)
    loop_turn(fixture->loop, false);
}

/* Asserts verdict and status of a GET of the agents under a fault. */
static void expect_fault(struct fixture *fixture, const char *fault, CURLcode verdict,
                         long status) {
  struct exchange exchange;
  begin(fixture, &exchange, "/core/agents", fault, NULL, 0);
  wait_for(fixture, &exchange);
  assert_int_equal(exchange.verdict, verdict);
  assert_int_equal(exchange.status, status);
  end(fixture, &exchange);
}

static void test_answers_and_creates(void **state) {
  struct exchange exchange;
  static const char body[] = "{\"name\":\"\\u00e9\"}";
  begin(*state, &exchange, "/core/agents", NULL, body, sizeof body - 1);
  wait_for(*state, &exchange);
  assert_int_equal(exchange.status, 200);
  assert_non_null(strstr(buf_text(&exchange.body), "\"agent_id\":"));
  end(*state, &exchange);
}

static void test_path_arrives_encoded(void **state) {
  struct exchange exchange;
  begin(*state, &exchange, "/core/phone-numbers/%2B15551234567?x", NULL, NULL, 0);
  wait_for(*state, &exchange);
  assert_int_equal(exchange.status, 422); /* the number is found; the query is not allowed */
  end(*state, &exchange);
}

static void test_faults_on_the_wire(void **state) {
  expect_fault(*state, "X-Sandbox-Fault: 503", CURLE_OK, 503);
  expect_fault(*state, "X-Sandbox-Fault: drop", CURLE_GOT_NOTHING, 0);
  expect_fault(*state, "X-Sandbox-Fault: truncate", CURLE_PARTIAL_FILE, 200);
  expect_fault(*state, "X-Sandbox-Fault: latency=10;drop", CURLE_GOT_NOTHING, 0);
  expect_fault(*state, "X-Sandbox-Fault: latency=10;truncate", CURLE_PARTIAL_FILE, 200);
  expect_fault(*state, "X-Sandbox-Fault: nonsense", CURLE_OK, 400);
  expect_fault(*state, NULL, CURLE_OK, 200);
}

static void test_delays_run_side_by_side(void **state) {
  enum { COUNT = 20 };
  struct exchange exchanges[COUNT];
  double start = loop_now();
  for (int i = 0; i < COUNT; i++)
    begin(*state, &exchanges[i], "/core/agents", "X-Sandbox-Fault: latency=100", NULL, 0);
  for (int i = 0; i < COUNT; i++) wait_for(*state, &exchanges[i]);
  double elapsed = loop_now() - start;
  assert_true(elapsed >= 0.1 && elapsed < 1.0);
  for (int i = 0; i < COUNT; i++) end(*state, &exchanges[i]);
}

static void test_body_has_a_limit(void **state) {
  enum { LIMIT = 16 * 1024 * 1024 };
  char *body = malloc(LIMIT + 1);
  assert_non_null(body);
  memset(body, ' ', LIMIT + 1);
  for (int chunked = 0; chunked <= 1; chunked++) {
    struct exchange exchange;
    const char *header = chunked ? "Transfer-Encoding: chunked" : NULL;
    begin(*state, &exchange, "/core/agents", header, body, LIMIT + 1);
    wait_for(*state, &exchange);
    assert_int_equal(exchange.status, 413);
    end(*state, &exchange);
  }
  free(body);
}

static void test_a_client_that_leaves_is_no_harm(void **state) {
  struct exchange exchange;
  begin(*state, &exchange, "/core/agents", "X-Sandbox-Fault: latency=50", NULL, 0);
  turn_for(*state, 0.02);
  end(*state, &exchange);
  turn_for(*state, 0.1);
  expect_fault(*state, NULL, CURLE_OK, 200);
}

/* The fixture stops the server while these wait. */
static void test_stop_ends_delayed_requests(void **state) {
  struct fixture *fixture = *state;
  struct exchange exchanges[3];
  for (int i = 0; i < 3; i++)
    begin(fixture, &exchanges[i], "/core/agents", "X-Sandbox-Fault: latency=60000", NULL, 0);
  turn_for(fixture, 0.05);
  server_stop(fixture->server);
  fixture->server = NULL;
  for (int i = 0; i < 3; i++) {
    wait_for(fixture, &exchanges[i]);
    assert_int_equal(exchanges[i].verdict, CURLE_GOT_NOTHING);
    end(fixture, &exchanges[i]);
  }
}

static void test_a_port_in_use_is_named(void **state) {
  struct fixture *fixture = *state;
  char error[SERVER_ERROR_MAX];
  const char *port = strrchr(server_base_url(fixture->server), ':') + 1;
  struct server_options options = {.port = (uint16_t)atoi(port)};
  assert_null(server_start(fixture->loop, &options, error));
  assert_non_null(strstr(error, "cannot listen on 127.0.0.1:"));
  assert_non_null(strstr(error, port));
}

static void test_a_file_that_does_not_open_is_named(void **state) {
  struct fixture *fixture = *state;
  char error[SERVER_ERROR_MAX];
  struct server_options options = {.file = "/nonexistent/state.db"};
  assert_null(server_start(fixture->loop, &options, error));
  assert_non_null(strstr(error, "cannot use /nonexistent/state.db"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_fixture, close_fixture)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(test_answers_and_creates),
      TEST(test_path_arrives_encoded),
      TEST(test_faults_on_the_wire),
      TEST(test_delays_run_side_by_side),
      TEST(test_body_has_a_limit),
      TEST(test_a_client_that_leaves_is_no_harm),
      TEST(test_stop_ends_delayed_requests),
      TEST(test_a_port_in_use_is_named),
      TEST(test_a_file_that_does_not_open_is_named),
  };
  curl_global_init(CURL_GLOBAL_DEFAULT);
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  curl_global_cleanup();
  return failed;
}
