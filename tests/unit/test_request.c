/* Requests to a server in the same loop that answers each request by a list: what is sent
 * how often, and what is known of it in the end. */
#include "../../src/net/request.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define CLOSING "Connection: close\r\nContent-Length: 2\r\n\r\n{}"
#define OK      "HTTP/1.1 200 OK\r\n" CLOSING
#define ERROR   "HTTP/1.1 500 Broken\r\n" CLOSING
#define BUSY    "HTTP/1.1 503 Busy\r\n" CLOSING
#define REFUSED "HTTP/1.1 429 Slowly\r\n" CLOSING
#define LATER   "HTTP/1.1 429 Slowly\r\nRetry-After: 0.05\r\n" CLOSING
#define HOURS   "HTTP/1.1 429 Slowly\r\nRetry-After: 3600\r\n" CLOSING
#define MISSING "HTTP/1.1 404 Gone\r\n" CLOSING
#define DEATH   ""
#define CUT     "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 9\r\n\r\n{"

enum { REPLIES_MAX = 8 };

struct server {
  struct loop *loop;
  struct loop_source source;
  int connection;
  const char *const *replies; /* the last one is repeated */
  int request_count;
  char url[64];
};

/* Reads the one request of a connection, which fits into one packet, and answers it. */
static void answer(struct server *server) {
  char request[4096];
  if (read(server->connection, request, sizeof request) < 0) return;
  const char *reply = server->replies[server->request_count];
  if (server->replies[++server->request_count] == NULL) server->request_count--;
  size_t length = strlen(reply);
  assert_int_equal(write(server->connection, reply, length), length);
  close(server->connection);
  server->connection = -1;
}

static void serve(void *context) {
  struct server *server = context;
  if (server->connection < 0)
    server->connection = accept4(server->source.descriptor, NULL, NULL, SOCK_NONBLOCK);
  if (server->connection >= 0) answer(server);
}

/* The connection itself is not in the loop: so the server looks often. */
static long look_often(void *context) {
  (void)context;
  return 1;
}

static int set_up(void **state) {
  struct server *server = calloc(1, sizeof *server);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof address;
  int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  if (bind(descriptor, (struct sockaddr *)&address, size) != 0 || listen(descriptor, 8) != 0 ||
      getsockname(descriptor, (struct sockaddr *)&address, &size) != 0)
    return -1;
  snprintf(server->url, sizeof server->url, "http://127.0.0.1:%d/", ntohs(address.sin_port));
  server->connection = -1;
  server->loop = loop_new();
  server->source = (struct loop_source){
      .descriptor = descriptor, .timeout_ms = look_often, .run = serve, .context = server};
  loop_add_source(server->loop, &server->source);
  *state = server;
  return 0;
}

static int tear_down(void **state) {
  struct server *server = *state;
  int left = loop_is_busy(server->loop);
  loop_free(server->loop);
  close(server->source.descriptor);
  if (server->connection >= 0) close(server->connection);
  free(server);
  return left ? -1 : 0;
}

static void note_done(void *context) {
  ++*(int *)context;
}

static struct request new_request(const struct server *server, enum retry_class class, int *done) {
  *done = 0;
  return (struct request){
      .transfer = {.method = class == RETRY_NEVER ? "POST" : "PUT",
                   .url = server->url,
                   .body = "{}",
                   .body_length = 2,
                   .may_repeat = class != RETRY_NEVER,
                   .limits = {.connect_timeout_ms = 5000, .timeout_ms = 5000}},
      .retry = class,
      .policy = {.retries = 2, .refusals = 3, .patience = 60},
      .done = note_done,
      .context = done,
  };
}

static void finish(struct server *server, struct request *request, const int *done) {
  assert_int_equal(request_start(request, server->loop), 0);
  assert_int_equal(*done, 0);
  while (!*done) loop_turn(server->loop, true);
  assert_int_equal(*done, 1);
}

struct row {
  const char *replies[REPLIES_MAX];
  enum retry_class class;
  unsigned attempts;
  long status; /* 0: no whole answer */
  bool may_have_been_sent;
};

static const struct row rows[] = {
    {{OK}, RETRY_NEVER, 1, 200, false},
    {{MISSING}, RETRY_SAFE, 1, 404, false},
    {{ERROR, OK}, RETRY_IDEMPOTENT, 2, 200, true},
    {{ERROR, OK}, RETRY_NEVER, 1, 500, true},
    {{BUSY, OK}, RETRY_NEVER, 1, 503, true},
    {{DEATH, CUT, OK}, RETRY_IDEMPOTENT, 3, 200, true},
    {{DEATH, OK}, RETRY_NEVER, 1, 0, true},
    {{CUT, OK}, RETRY_NEVER, 1, 0, true},
    {{REFUSED, OK}, RETRY_NEVER, 2, 200, false},
    {{LATER, LATER, OK}, RETRY_NEVER, 3, 200, false},
    {{LATER, DEATH, OK}, RETRY_NEVER, 2, 0, true},
    {{LATER, ERROR, LATER, DEATH, LATER, OK}, RETRY_IDEMPOTENT, 6, 200, true},
    {{ERROR, MISSING}, RETRY_IDEMPOTENT, 2, 404, true},
    {{HOURS, OK}, RETRY_NEVER, 1, 429, false},
    {{HOURS, OK}, RETRY_SAFE, 1, 429, false},
    {{DEATH}, RETRY_IDEMPOTENT, 3, 0, true}, /* gives up after its retries */
    {{LATER}, RETRY_NEVER, 4, 429, false},   /* and after its refusals */
};

static void sends_again_what_may_be(void **state) {
  struct server *server = *state;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    int done;
    struct request request = new_request(server, rows[i].class, &done);
    server->replies = rows[i].replies;
    server->request_count = 0;
    finish(server, &request, &done);
    bool whole = request.transfer.verdict == CURLE_OK;
    if (request.attempts != rows[i].attempts || whole != (rows[i].status > 0) ||
        (whole && request.transfer.status != rows[i].status) ||
        request.may_have_been_sent != rows[i].may_have_been_sent)
      fail_msg("row %zu: %u attempts, status %ld, verdict %d, sent %d", i, request.attempts,
               request.transfer.status, request.transfer.verdict, request.may_have_been_sent);
    request_release(&request);
  }
}

static void sends_again_what_could_not_connect(void **state) {
  struct server *server = *state;
  int done;
  struct request request = new_request(server, RETRY_NEVER, &done);
  request.transfer.url = "http://127.0.0.1:1/";
  request.policy.retries = 1;
  finish(server, &request, &done);
  assert_int_equal(request.attempts, 2);
  assert_false(request.may_have_been_sent);
  request_release(&request);
}

static void gives_up_at_once_without_retries(void **state) {
  static const char *const replies[][2] = {{LATER}, {ERROR}, {DEATH}};
  struct server *server = *state;
  struct throttle throttle;
  throttle_init(&throttle, server->loop, 4);
  for (int i = 0; i < 3; i++) {
    int done;
    struct request request = new_request(server, RETRY_IDEMPOTENT, &done);
    server->replies = replies[i];
    server->request_count = 0;
    request.throttle = &throttle;
    request.policy = (struct request_policy){0};
    finish(server, &request, &done);
    assert_int_equal(request.attempts, 1);
    request_release(&request);
  }
  throttle_free(&throttle);
}

/* While one waits to be sent again it holds no place. */
static void leaves_the_throttle_between_attempts(void **state) {
  static const char *const replies[] = {ERROR, OK, NULL};
  struct server *server = *state;
  struct throttle throttle;
  throttle_init(&throttle, server->loop, 1);
  int first_done, second_done;
  struct request first = new_request(server, RETRY_SAFE, &first_done);
  struct request second = new_request(server, RETRY_SAFE, &second_done);
  server->replies = replies;
  first.throttle = second.throttle = &throttle;
  assert_int_equal(request_start(&first, server->loop), 0);
  finish(server, &second, &second_done);
  while (!first_done) loop_turn(server->loop, true);
  assert_int_equal(first.attempts, 2);
  assert_int_equal(second.attempts, 1);
  assert_int_equal(throttle.in_flight, 0);
  request_release(&first);
  request_release(&second);
  throttle_free(&throttle);
}

/* Before its turn at the throttle, on the wire, between attempts and afterwards; tear_down sees to
 * it that nothing is left. */
static void can_be_released_at_any_time(void **state) {
  static const char *const replies[] = {LATER, DEATH, ERROR, OK, NULL};
  struct server *server = *state;
  for (int turns = 0; turns < 40; turns++) {
    struct throttle throttle;
    throttle_init(&throttle, server->loop, 1);
    int done[2];
    struct request requests[2];
    server->replies = replies;
    server->request_count = 0;
    for (int i = 0; i < 2; i++) {
      requests[i] = new_request(server, RETRY_IDEMPOTENT, &done[i]);
      requests[i].throttle = &throttle;
      assert_int_equal(request_start(&requests[i], server->loop), 0);
    }
    for (int i = 0; i < turns; i++) loop_turn(server->loop, true);
    for (int i = 0; i < 2; i++) {
      int before = done[i];
      request_release(&requests[i]);
      request_release(&requests[i]);
      assert_int_equal(done[i], before);
    }
    assert_int_equal(throttle.in_flight, 0);
    throttle_free(&throttle);
    assert_false(loop_is_busy(server->loop));
    if (server->connection >= 0) close(server->connection);
    server->connection = -1;
  }
}

static void one_that_never_started_can_be_released(void **state) {
  (void)state;
  struct request request = {0};
  request_release(&request);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(sends_again_what_may_be),          TEST(sends_again_what_could_not_connect),
      TEST(gives_up_at_once_without_retries), TEST(leaves_the_throttle_between_attempts),
      TEST(can_be_released_at_any_time),      TEST(one_that_never_started_can_be_released),
  };
  curl_global_init(CURL_GLOBAL_DEFAULT);
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  curl_global_cleanup();
  return failed;
}
