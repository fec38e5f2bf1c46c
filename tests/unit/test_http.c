/* One request over the loop, against a listener in the same loop that answers with given bytes. */
#include "../../src/net/http.h"

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

/* Accepts connections, and answers the first bytes of each with `reply`, or not at all. */
struct listener {
  struct loop *loop;
  struct loop_source source;
  int connection;
  const char *reply;
  char received[4096];
  char url[64];
};

static void serve(void *context) {
  struct listener *listener = context;
  if (listener->connection < 0)
    listener->connection = accept4(listener->source.descriptor, NULL, NULL, SOCK_NONBLOCK);
  if (listener->connection < 0) return;
  size_t length = strlen(listener->received);
  ssize_t count = read(listener->connection, listener->received + length,
                       sizeof listener->received - 1 - length);
  if (count == 0) {
    close(listener->connection);
    listener->connection = -1;
  }
  if (count <= 0 || !listener->reply) return;
  assert_int_equal(write(listener->connection, listener->reply, strlen(listener->reply)),
                   strlen(listener->reply));
  shutdown(listener->connection, SHUT_WR);
}

/* The listener has no descriptor for its connection in the loop: so it looks often. */
static long look_often(void *context) {
  (void)context;
  return 1;
}

static int set_up(void **state) {
  struct listener *listener = calloc(1, sizeof *listener);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof address;
  int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  if (bind(descriptor, (struct sockaddr *)&address, size) != 0 || listen(descriptor, 8) != 0 ||
      getsockname(descriptor, (struct sockaddr *)&address, &size) != 0)
    return -1;
  snprintf(listener->url, sizeof listener->url, "http://127.0.0.1:%d/x", ntohs(address.sin_port));
  listener->connection = -1;
  listener->loop = loop_new();
  listener->source = (struct loop_source){
      .descriptor = descriptor, .timeout_ms = look_often, .run = serve, .context = listener};
  loop_add_source(listener->loop, &listener->source);
  *state = listener;
  return 0;
}

static int tear_down(void **state) {
  struct listener *listener = *state;
  loop_free(listener->loop);
  close(listener->source.descriptor);
  if (listener->connection >= 0) close(listener->connection);
  free(listener);
  return 0;
}

static void note_done(void *context) {
  ++*(int *)context;
}

static struct http_transfer new_transfer(const struct listener *listener, int *done) {
  return (struct http_transfer){.method = "GET",
                                .url = listener->url,
                                .may_repeat = true,
                                .limits = {.connect_timeout_ms = 5000, .timeout_ms = 5000},
                                .done = note_done,
                                .context = done};
}

static void finish(struct listener *listener, const int *done) {
  while (!*done) loop_turn(listener->loop, true);
}

static void gives_the_answer(void **state) {
  struct listener *listener = *state;
  int done = 0;
  struct http_transfer transfer = new_transfer(listener, &done);
  listener->reply = "HTTP/1.1 404 Gone\r\nX-One:  a \r\nx-two:b\r\nContent-Length: 4\r\n\r\nbody";
  assert_int_equal(http_start(&transfer, listener->loop), 0);
  assert_int_equal(done, 0);
  finish(listener, &done);
  assert_int_equal(transfer.verdict, CURLE_OK);
  assert_int_equal(transfer.status, 404);
  assert_string_equal(buf_text(&transfer.response_body), "body");
  assert_true(transfer.elapsed > 0);
  assert_true(transfer.may_have_been_sent);
  size_t length;
  const char *value = http_response_header(&transfer, "X-ONE", &length);
  assert_int_equal(length, 1);
  assert_memory_equal(value, "a", 1);
  assert_non_null(http_response_header(&transfer, "X-Two", &length));
  assert_null(http_response_header(&transfer, "X-Three", &length));
  assert_null(http_response_header(&transfer, "X", &length));
  http_release(&transfer);
  assert_int_equal(done, 1);
}

static void sends_method_headers_and_body(void **state) {
  struct listener *listener = *state;
  int done = 0;
  struct http_transfer transfer = new_transfer(listener, &done);
  listener->reply = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
  transfer.method = "PUT";
  transfer.body = "{}";
  transfer.body_length = 2;
  assert_int_equal(http_add_header(&transfer, "X-A", "1", 1), 0);
  assert_int_equal(http_add_header(&transfer, "X-Empty", "", 0), 0);
  assert_int_equal(http_start(&transfer, listener->loop), 0);
  finish(listener, &done);
  assert_memory_equal(listener->received, "PUT /x HTTP/1.1\r\n", 17);
  assert_non_null(strstr(listener->received, "\r\nX-A: 1\r\nX-Empty:\r\n"));
  assert_non_null(strstr(listener->received, "\r\nContent-Length: 2\r\n"));
  assert_null(strstr(listener->received, "Expect"));
  http_release(&transfer);
}

static void refuses_headers_that_would_break_the_line(void **state) {
  (void)state;
  struct http_transfer transfer = {0};
  assert_int_equal(http_add_header(&transfer, "X", "a\r\nb", 4), -1);
  assert_int_equal(http_add_header(&transfer, "X", "a\nb", 3), -1);
  assert_int_equal(http_add_header(&transfer, "X", "a\0b", 3), -1);
  assert_int_equal(http_add_header(&transfer, "X", "a\x7f", 2), -1);
  assert_int_equal(http_add_header(&transfer, "X\r\nY", "a", 1), -1);
  assert_null(transfer.headers);
  assert_int_equal(http_add_header(&transfer, "X", "a\tb \xc3\xbc", 6), 0);
  http_release(&transfer);
}

static void can_be_cancelled_at_any_time(void **state) {
  struct listener *listener = *state;
  for (int turns = 0; turns < 5; turns++) {
    int done = 0;
    struct http_transfer transfer = new_transfer(listener, &done);
    assert_int_equal(http_start(&transfer, listener->loop), 0);
    for (int i = 0; i < turns; i++) loop_turn(listener->loop, true);
    assert_true(loop_is_busy(listener->loop));
    http_cancel(&transfer);
    http_cancel(&transfer);
    assert_false(loop_is_busy(listener->loop));
    http_release(&transfer);
    assert_int_equal(done, 0);
  }
}

static void gives_up_when_time_is_up(void **state) {
  struct listener *listener = *state;
  int done = 0;
  struct http_transfer transfer = new_transfer(listener, &done);
  transfer.limits.timeout_ms = 50;
  assert_int_equal(http_start(&transfer, listener->loop), 0);
  finish(listener, &done);
  assert_int_equal(transfer.verdict, CURLE_OPERATION_TIMEDOUT);
  assert_true(transfer.may_have_been_sent);
  http_release(&transfer);
}

static void knows_when_nothing_was_sent(void **state) {
  struct listener *listener = *state;
  int done = 0;
  struct http_transfer transfer = new_transfer(listener, &done);
  transfer.url = "http://127.0.0.1:1/";
  assert_int_equal(http_start(&transfer, listener->loop), 0);
  finish(listener, &done);
  assert_int_equal(transfer.verdict, CURLE_COULDNT_CONNECT);
  assert_false(transfer.may_have_been_sent);
  http_release(&transfer);
}

static void refuses_what_is_not_http(void **state) {
  struct listener *listener = *state;
  static const char *const urls[] = {"file:///etc/passwd", "ftp://127.0.0.1/",
                                     "gopher://127.0.0.1/", NULL};
  for (int i = 0; urls[i]; i++) {
    int done = 0;
    struct http_transfer transfer = new_transfer(listener, &done);
    transfer.url = urls[i];
    assert_int_equal(http_start(&transfer, listener->loop), 0);
    finish(listener, &done);
    assert_int_equal(transfer.verdict, CURLE_UNSUPPORTED_PROTOCOL);
    http_release(&transfer);
  }
}

static void follows_no_redirect(void **state) {
  struct listener *listener = *state;
  int done = 0;
  struct http_transfer transfer = new_transfer(listener, &done);
  listener->reply =
      "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n";
  assert_int_equal(http_start(&transfer, listener->loop), 0);
  finish(listener, &done);
  assert_int_equal(transfer.verdict, CURLE_OK);
  assert_int_equal(transfer.status, 302);
  http_release(&transfer);
}

/* Decided by codes, not by what libcurl says. */
static void gives_the_reason(void **state) {
  struct listener *listener = *state;
  char secured_url[80];
  snprintf(secured_url, sizeof secured_url, "https://%s", strchr(listener->url, '/') + 2);
  const struct {
    const char *url, *reply, *reason;
    struct http_limits limits;
  } cases[] = {
      {"http://127.0.0.1:1/", NULL, "nothing answers at this address (Failed ", {5000, 5000, 0}},
      {listener->url, NULL, "no whole answer within the time for a request; ", {5000, 50, 0}},
      {listener->url, NULL, "the answer stalled (Operation too slow", {500, 5000, 1}},
      {secured_url, NULL, "no TLS within the time for connecting (", {1000, 60000, 0}},
      {secured_url,
       "HTTP/1.1 400 No\r\n\r\n",
       "the server does not speak TLS at this address (",
       {60000, 60000, 0}},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    int done = 0;
    struct http_transfer transfer = new_transfer(listener, &done);
    transfer.url = cases[i].url;
    transfer.limits = cases[i].limits;
    listener->reply = cases[i].reply;
    assert_int_equal(http_start(&transfer, listener->loop), 0);
    finish(listener, &done);
    if (strncmp(transfer.error, cases[i].reason, strlen(cases[i].reason)) != 0)
      fail_msg("case %zu: %d: %s", i, transfer.verdict, transfer.error);
    http_release(&transfer);
    if (listener->connection >= 0) close(listener->connection);
    listener->connection = -1;
    listener->received[0] = '\0';
  }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(gives_the_answer),
      TEST(sends_method_headers_and_body),
      TEST(refuses_headers_that_would_break_the_line),
      TEST(can_be_cancelled_at_any_time),
      TEST(gives_up_when_time_is_up),
      TEST(knows_when_nothing_was_sent),
      TEST(refuses_what_is_not_http),
      TEST(follows_no_redirect),
      TEST(gives_the_reason),
  };
  curl_global_init(CURL_GLOBAL_DEFAULT);
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  curl_global_cleanup();
  return failed;
}
