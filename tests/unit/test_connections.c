/* Who has to go from the sandbox, over pairs of sockets and on a clock of the test's own. */
#include "../../src/sandbox/connections.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

/* A connection of the server's, and the client's end of it. */
struct pair {
  struct connection *connection;
  int server, client;
};

static struct pair connect_client(struct connections *connections, double now) {
  int ends[2];
  assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  struct pair pair = {.server = ends[0], .client = ends[1]};
  pair.connection = connections_add(connections, pair.server, now);
  assert_non_null(pair.connection);
  return pair;
}

static void disconnect(struct connections *connections, struct pair *pair) {
  connections_remove(connections, pair->connection);
  close(pair->server);
  close(pair->client);
}

/* What the client sees. */
static bool has_ended(const struct pair *pair) {
  char byte;
  return recv(pair->client, &byte, 1, MSG_DONTWAIT) == 0;
}

static void has_room_for_other_descriptors(void **state) {
  (void)state;
  for (size_t descriptors = 16; descriptors < 100000; descriptors++) {
    size_t limit = connections_limit(descriptors);
    assert_in_range(limit, 8, CONNECTIONS_MAX);
    assert_true(descriptors - limit >= 128 || limit == descriptors / 2);
    assert_true(descriptors - limit - connections_surplus(limit) >=
                (descriptors < 1024 ? descriptors / 16 : 64));
    assert_true(connections_surplus(limit) > 0);
    assert_true(connections_limit(descriptors + 1) >= limit);
  }
  assert_int_equal(connections_limit(1024), 896);
  assert_int_equal(connections_limit(SIZE_MAX), CONNECTIONS_MAX);
}

/* Each phase, with a client that says a little all the time. */
static void no_phase_takes_for_ever_but_answering(void **state) {
  (void)state;
  for (int phase = CONNECTION_WAITING; phase < CONNECTION_ENDED; phase++) {
    struct connections connections;
    connections_init(&connections, 10);
    struct pair pair = connect_client(&connections, 0);
    connections_enter(&connections, pair.connection, phase, 100);
    for (int second = 1; second <= CONNECTIONS_PHASE_SECONDS; second++) {
      assert_int_equal(write(pair.client, "x", 1), 1);
      connections_sweep(&connections, 100 + second);
      assert_false(has_ended(&pair));
    }
    connections_sweep(&connections, 1e9);
    assert_int_equal(has_ended(&pair), phase != CONNECTION_ANSWERING);
    assert_int_equal(connections.count, phase == CONNECTION_ANSWERING);
    disconnect(&connections, &pair);
    assert_int_equal(connections.count, 0);
  }
}

static void a_client_that_sends_no_more_is_ended_once_it_has_its_answer(void **state) {
  (void)state;
  struct connections connections;
  connections_init(&connections, 10);
  struct pair pair = connect_client(&connections, 0);
  assert_int_equal(write(pair.client, "x", 1), 1);
  shutdown(pair.client, SHUT_WR);
  connections_sweep(&connections, 1);
  assert_false(has_ended(&pair)); /* something is to be read still */
  char byte;
  assert_int_equal(read(pair.server, &byte, 1), 1);
  connections_enter(&connections, pair.connection, CONNECTION_ANSWERING, 1);
  connections_sweep(&connections, 2);
  assert_false(has_ended(&pair));
  connections_enter(&connections, pair.connection, CONNECTION_DELIVERING, 2);
  connections_sweep(&connections, 3);
  assert_false(has_ended(&pair));
  connections_enter(&connections, pair.connection, CONNECTION_WAITING, 3);
  connections_sweep(&connections, 4);
  assert_true(has_ended(&pair));
  disconnect(&connections, &pair);
}

static void an_upload_that_broke_off_is_ended(void **state) {
  (void)state;
  struct connections connections;
  connections_init(&connections, 10);
  struct pair pair = connect_client(&connections, 0);
  connections_enter(&connections, pair.connection, CONNECTION_UPLOADING, 0);
  connections_sweep(&connections, 1);
  assert_false(has_ended(&pair));
  shutdown(pair.client, SHUT_WR);
  connections_sweep(&connections, 2);
  assert_true(has_ended(&pair));
  disconnect(&connections, &pair);
}

static void sweeps_once_in_a_while_and_only_when_somebody_is_there(void **state) {
  (void)state;
  struct connections connections;
  connections_init(&connections, 10);
  assert_int_equal(connections_timeout(&connections, 5), -1);
  struct pair pair = connect_client(&connections, 5);
  assert_in_range(connections_timeout(&connections, 5), 1, CONNECTIONS_SWEEP_MS + 1);
  shutdown(pair.client, SHUT_WR);
  connections_sweep(&connections, 5.5);
  assert_false(has_ended(&pair));
  assert_int_equal(connections_timeout(&connections, 7), 0);
  connections_sweep(&connections, 7);
  assert_true(has_ended(&pair));
  assert_int_equal(connections_timeout(&connections, 7), -1);
  disconnect(&connections, &pair);
}

static void one_that_has_come_just_now_or_is_to_be_read_keeps_its_place(void **state) {
  (void)state;
  struct connections connections;
  connections_init(&connections, 2);
  struct pair early = connect_client(&connections, 0), quiet = connect_client(&connections, 0.1);
  struct pair soon = connect_client(&connections, 0.9);
  assert_true(connections_are_too_many(&connections, soon.connection));
  assert_int_equal(write(early.client, "x", 1), 1);
  struct pair gone = connect_client(&connections, 0.9);
  shutdown(gone.client, SHUT_WR);
  struct pair later = connect_client(&connections, 0.9);
  assert_true(has_ended(&gone));
  disconnect(&connections, &gone);
  disconnect(&connections, &later);
  struct pair late = connect_client(&connections, 1.2);
  assert_false(has_ended(&early));
  assert_true(has_ended(&quiet));
  assert_false(has_ended(&soon));
  assert_false(connections_are_too_many(&connections, late.connection));
  connections_sweep(&connections, 1.8); /* there is still one too many, but all are young or busy */
  assert_int_equal(connections.count, 3);
  connections_sweep(&connections, 3);
  assert_false(has_ended(&early));
  assert_true(has_ended(&soon));
  assert_false(has_ended(&late));
  disconnect(&connections, &early);
  disconnect(&connections, &quiet);
  disconnect(&connections, &soon);
  disconnect(&connections, &late);
}

/* Random arrivals, phases and departures, beside a plain model of who should be there. */
enum { LIMIT = 6, CLIENTS = 24, STEPS = 20000 };

struct client {
  struct pair pair;
  bool is_here, has_ended, is_surplus;
  enum connection_phase phase;
  double since;
};

static struct client *longest_waiting(struct client *clients) {
  struct client *oldest = NULL;
  for (struct client *c = clients; c < clients + CLIENTS; c++)
    if (c->is_here && !c->has_ended && c->phase == CONNECTION_WAITING &&
        (!oldest || c->since < oldest->since))
      oldest = c;
  return oldest;
}

static size_t count(const struct client *clients) {
  size_t number = 0;
  for (const struct client *c = clients; c < clients + CLIENTS; c++)
    number += c->is_here && !c->has_ended;
  return number;
}

static void arrive(struct connections *connections, struct client *clients, struct client *client,
                   double now) {
  bool is_full = count(clients) >= LIMIT;
  struct client *oldest = is_full ? longest_waiting(clients) : NULL;
  if (oldest) oldest->has_ended = true;
  *client = (struct client){.is_here = true, .since = now, .is_surplus = is_full && !oldest};
  client->pair = connect_client(connections, now);
}

static void makes_room_by_those_that_wait(void **state) {
  (void)state;
  struct connections connections;
  struct client clients[CLIENTS] = {0};
  unsigned surplus = 0, ended = 0;
  connections_init(&connections, LIMIT);
  srand(1);
  for (int step = 1; step < STEPS; step++) {
    struct client *client = &clients[rand() % CLIENTS];
    if (!client->is_here) {
      arrive(&connections, clients, client, step);
    } else if (rand() % 4 == 0) {
      disconnect(&connections, &client->pair);
      client->is_here = false;
    } else if (!client->has_ended) {
      client->phase = rand() % 3 ? CONNECTION_ANSWERING : CONNECTION_WAITING;
      client->since = step;
      connections_enter(&connections, client->pair.connection, client->phase, step);
    }
    assert_int_equal(connections.count, count(clients));
    for (struct client *c = clients; c < clients + CLIENTS; c++) {
      if (!c->is_here) continue;
      assert_int_equal(has_ended(&c->pair), c->has_ended);
      bool refused = connections_are_too_many(&connections, c->pair.connection);
      assert_int_equal(refused, c->is_surplus && count(clients) > LIMIT);
      surplus += refused;
      ended += c->has_ended;
    }
  }
  assert_true(surplus > 100 && ended > 100);
  for (struct client *c = clients; c < clients + CLIENTS; c++)
    if (c->is_here) disconnect(&connections, &c->pair);
  assert_null(connections.first);
  assert_null(connections.last);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(has_room_for_other_descriptors),
      cmocka_unit_test(no_phase_takes_for_ever_but_answering),
      cmocka_unit_test(a_client_that_sends_no_more_is_ended_once_it_has_its_answer),
      cmocka_unit_test(an_upload_that_broke_off_is_ended),
      cmocka_unit_test(sweeps_once_in_a_while_and_only_when_somebody_is_there),
      cmocka_unit_test(one_that_has_come_just_now_or_is_to_be_read_keeps_its_place),
      cmocka_unit_test(makes_room_by_those_that_wait),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
