/* A server that takes 20 ms for every answer, to the microsecond, and next to no processor time:
 * what a client takes beyond that is its own. HTTP/1.1 with keep-alive, one request at a time on a
 * connection, one canned answer a step. A connection's slot in the table is its descriptor.
 *
 * Usage: slow_server PORT DIRECTORY, with the answers in DIRECTORY/list.json, agent.json,
 * version.json and numbers.json. Runs until it is killed. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CONNECTIONS = 4096, BUFFER = 64 * 1024, EVENTS = 256, DELAY_NS = 20 * 1000 * 1000 };
enum answer { LIST, AGENT, VERSION, NUMBERS, ANSWER_COUNT };

struct connection {
  char *bytes; /* of the request so far; kept for the next connection */
  size_t length;
  enum answer answer;
  int64_t due;
};

struct server {
  int listener, epoll;
  struct connection connections[CONNECTIONS];
  int waiting[CONNECTIONS]; /* a ring of descriptors; all wait equally long, so in order of `due` */
  unsigned first, count;
  char *answers[ANSWER_COUNT]; /* whole responses */
  size_t lengths[ANSWER_COUNT];
};

static void die(const char *what) {
  fprintf(stderr, "slow_server: %s: %s\n", what, strerror(errno));
  exit(1);
}

static int64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static void load_answer(struct server *server, enum answer answer, const char *directory,
                        const char *name) {
  char path[512], *text = malloc(BUFFER), *response = malloc(BUFFER + 256);
  snprintf(path, sizeof path, "%s/%s", directory, name);
  FILE *file = fopen(path, "r");
  if (!file || !text || !response) die(path);
  size_t length = fread(text, 1, BUFFER, file);
  fclose(file);
  int head = snprintf(response, 256,
                      "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                      "Content-Length: %zu\r\n\r\n",
                      length);
  memcpy(response + head, text, length);
  free(text);
  server->answers[answer] = response;
  server->lengths[answer] = (size_t)head + length;
}

static void listen_on(struct server *server, uint16_t port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
  int yes = 1;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  server->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  setsockopt(server->listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (bind(server->listener, (struct sockaddr *)&address, sizeof address) != 0) die("bind");
  if (listen(server->listener, CONNECTIONS) != 0) die("listen");
}

static void watch(struct server *server, int descriptor) {
  struct epoll_event event = {.events = EPOLLIN, .data.fd = descriptor};
  if (epoll_ctl(server->epoll, EPOLL_CTL_ADD, descriptor, &event) != 0) die("epoll_ctl");
}

static void accept_all(struct server *server) {
  int descriptor, yes = 1;
  while ((descriptor = accept4(server->listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
    if (descriptor >= CONNECTIONS) die("too many connections");
    struct connection *connection = &server->connections[descriptor];
    if (!connection->bytes) connection->bytes = malloc(BUFFER);
    if (!connection->bytes) die("malloc");
    connection->length = 0;
    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    watch(server, descriptor);
  }
}

/* True when head and body are there. */
static int is_complete(const struct connection *connection) {
  const char *head = connection->bytes;
  const char *end = memmem(head, connection->length, "\r\n\r\n", 4);
  if (!end) return 0;
  const char *length = memmem(head, (size_t)(end - head), "Content-Length:", 15);
  size_t body = length ? strtoul(length + 15, NULL, 10) : 0;
  return connection->length >= (size_t)(end + 4 - head) + body;
}

static enum answer choose(const struct connection *connection) {
  const char *end = memchr(connection->bytes, '\r', connection->length);
  size_t length = (size_t)(end - connection->bytes);
  if (connection->bytes[0] == 'G') return LIST;
  if (memmem(connection->bytes, length, "/publish", 8)) return NUMBERS;
  return memmem(connection->bytes, length, "/versions", 9) ? VERSION : AGENT;
}

static void receive(struct server *server, int descriptor) {
  struct connection *connection = &server->connections[descriptor];
  ssize_t length =
      read(descriptor, connection->bytes + connection->length, BUFFER - connection->length);
  if (length <= 0) {
    if (length < 0 && errno == EAGAIN) return;
    close(descriptor); /* its answer, if it waits for one, goes nowhere: see answer_due() */
    connection->length = 0;
    return;
  }
  connection->length += (size_t)length;
  if (!is_complete(connection)) return;
  connection->answer = choose(connection);
  connection->due = now() + DELAY_NS;
  server->waiting[(server->first + server->count++) % CONNECTIONS] = descriptor;
}

static void answer_due(struct server *server) {
  while (server->count) {
    int descriptor = server->waiting[server->first];
    struct connection *connection = &server->connections[descriptor];
    if (connection->due > now()) return;
    server->first = (server->first + 1) % CONNECTIONS;
    server->count--;
    if (connection->length == 0) continue; /* gone meanwhile */
    connection->length = 0;
    send(descriptor, server->answers[connection->answer], server->lengths[connection->answer],
         MSG_NOSIGNAL);
  }
}

static int wait_for_events(struct server *server, struct epoll_event *events) {
  if (!server->count) return epoll_pwait2(server->epoll, events, EVENTS, NULL, NULL);
  int64_t left = server->connections[server->waiting[server->first]].due - now();
  struct timespec limit = {.tv_nsec = left > 0 ? (long)left : 0};
  return epoll_pwait2(server->epoll, events, EVENTS, &limit, NULL);
}

static void serve(struct server *server) {
  struct epoll_event events[EVENTS];
  for (;;) {
    int count = wait_for_events(server, events);
    for (int i = 0; i < count; i++) {
      if (events[i].data.fd == server->listener)
        accept_all(server);
      else
        receive(server, events[i].data.fd);
    }
    answer_due(server);
  }
}

int main(int count, char **arguments) {
  static struct server server;
  if (count != 3) {
    fputs("usage: slow_server PORT DIRECTORY\n", stderr);
    return 64;
  }
  load_answer(&server, LIST, arguments[2], "list.json");
  load_answer(&server, AGENT, arguments[2], "agent.json");
  load_answer(&server, VERSION, arguments[2], "version.json");
  load_answer(&server, NUMBERS, arguments[2], "numbers.json");
  listen_on(&server, (uint16_t)atoi(arguments[1]));
  server.epoll = epoll_create1(0);
  watch(&server, server.listener);
  serve(&server);
}
