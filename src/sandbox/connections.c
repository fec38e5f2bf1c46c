#include "sandbox/connections.h"

#include <stdlib.h>
#include <sys/socket.h>

/* {====== the list ====== */

static void append(struct connections *connections, struct connection *connection) {
  connection->next = NULL;
  connection->previous = connections->last;
  *(connections->last ? &connections->last->next : &connections->first) = connection;
  connections->last = connection;
}

static void take_out(struct connections *connections, struct connection *connection) {
  *(connection->previous ? &connection->previous->next : &connections->first) = connection->next;
  *(connection->next ? &connection->next->previous : &connections->last) = connection->previous;
}

/* }====== */

size_t connections_limit(size_t descriptors) {
  enum { RESERVE = 128 };
  size_t limit = descriptors > 2 * RESERVE ? descriptors - RESERVE : descriptors / 2;
  return limit < CONNECTIONS_MAX ? limit : CONNECTIONS_MAX;
}

size_t connections_surplus(size_t limit) {
  enum { MOST = 64 };
  return limit / 4 < MOST ? limit / 4 : MOST;
}

void connections_init(struct connections *connections, size_t limit) {
  *connections = (struct connections){.limit = limit};
}

/* Its owner sees the socket end, whatever the client does, and closes it. */
static void end(struct connections *connections, struct connection *connection) {
  shutdown(connection->socket, SHUT_RDWR);
  connection->phase = CONNECTION_ENDED;
  connections->count--;
}

/* recv()'s result for a byte that stays where it is: 0 when all was read and no more will come. */
static ssize_t peek(const struct connection *connection) {
  char byte;
  return recv(connection->socket, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
}

/* Nothing that is due from the client will come. */
static bool has_gone(const struct connection *connection) {
  return connection->phase <= CONNECTION_UPLOADING && peek(connection) == 0;
}

/* One that has come just now may be about to send, and one that has sent is about to be read. */
static bool may_go(const struct connection *connection, double now) {
  if (has_gone(connection)) return true;
  return connection->phase == CONNECTION_WAITING &&
         now - connection->since >= CONNECTIONS_GRACE_SECONDS && peek(connection) < 0;
}

/* Ends the one that has gone or waited longest. Returns false when there is none. */
static bool make_room(struct connections *connections, double now) {
  struct connection *connection = connections->first;
  while (connection && !may_go(connection, now)) connection = connection->next;
  if (connection) end(connections, connection);
  return connection != NULL;
}

struct connection *connections_add(struct connections *connections, int socket, double now) {
  struct connection *connection = calloc(1, sizeof *connection);
  if (!connection) return NULL;
  if (connections->count >= connections->limit)
    connection->is_surplus = !make_room(connections, now);
  connection->socket = socket;
  connection->since = now;
  append(connections, connection);
  if (connections->count++ == 0) connections->next_sweep = now + CONNECTIONS_SWEEP_MS / 1000.0;
  return connection;
}

void connections_remove(struct connections *connections, struct connection *connection) {
  if (connection->phase != CONNECTION_ENDED) connections->count--;
  take_out(connections, connection);
  free(connection);
}

void connections_enter(struct connections *connections, struct connection *connection,
                       enum connection_phase phase, double now) {
  if (connection->phase == CONNECTION_ENDED) return;
  connection->phase = phase;
  connection->since = now;
  take_out(connections, connection);
  append(connections, connection);
}

bool connections_are_too_many(const struct connections *connections,
                              const struct connection *connection) {
  return connection->is_surplus && connections->count > connections->limit;
}

/* {====== sweeping ====== */

static bool is_over(const struct connection *connection, double now) {
  if (connection->phase == CONNECTION_ANSWERING || connection->phase == CONNECTION_ENDED)
    return false;
  return now - connection->since > CONNECTIONS_PHASE_SECONDS || has_gone(connection);
}

void connections_sweep(struct connections *connections, double now) {
  if (now < connections->next_sweep) return;
  connections->next_sweep = now + CONNECTIONS_SWEEP_MS / 1000.0;
  for (struct connection *connection = connections->first; connection;
       connection = connection->next)
    if (is_over(connection, now)) end(connections, connection);
  while (connections->count > connections->limit && make_room(connections, now)) continue;
}

long connections_timeout(const struct connections *connections, double now) {
  if (connections->count == 0) return -1;
  double left = connections->next_sweep - now;
  return left > 0 ? (long)(left * 1000) + 1 : 0;
}

/* }====== */
