/* A server for wire tests, on 127.0.0.1: records the exact bytes of every request and answers what
 * the test has put down. Prints its port as the first line; ends when its standard input does.
 *
 * Usage: wire_server DIRECTORY
 *   DIRECTORY/N.request      what the Nth request was, byte by byte
 *   DIRECTORY/N.reply        how it is answered; without it as DIRECTORY/default.reply says
 *   DIRECTORY/log            one line an event: "connection C opened", "connection C request N",
 *                            "connection C closed"
 * The first line of a reply is one of the rows of `manners` below; the rest is sent as it is. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CONNECTIONS_MAX = 64, TEXT_MAX = 4 * 1024 * 1024, ANSWERS_A_SECOND = 20, TOGETHER = 24 };

struct text {
  char bytes[TEXT_MAX];
  size_t length;
};

struct connection {
  int descriptor, number;
  char *bytes; /* what has been read of the next request */
  size_t length;
};

static struct connection connections[CONNECTIONS_MAX];
static int connection_count, opened_count, request_count;
static FILE *event_log;
static struct text reply;

static void die(const char *what) {
  perror(what);
  exit(1);
}

static void log_event(const struct connection *c, const char *event, int number) {
  fprintf(event_log, number ? "connection %d %s %d\n" : "connection %d %s\n", c->number, event,
          number);
  fflush(event_log);
}

/* {====== manners of answering: return false to close the connection ====== */

static bool send_all(const struct connection *c, const char *bytes, size_t length) {
  while (length > 0) {
    ssize_t sent = send(c->descriptor, bytes, length, MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes += sent;
    length -= (size_t)sent;
  }
  return true;
}

static bool answer_and_stay(const struct connection *c, const char *bytes, size_t length) {
  return send_all(c, bytes, length);
}

static bool answer_and_close(const struct connection *c, const char *bytes, size_t length) {
  send_all(c, bytes, length);
  return false;
}

static bool answer_slowly(const struct connection *c, const char *bytes, size_t length) {
  for (size_t i = 0; i < length; i++) {
    if (!send_all(c, bytes + i, 1)) return false;
    usleep(1000);
  }
  return true;
}

static bool close_unanswered(const struct connection *c, const char *bytes, size_t length) {
  (void)c, (void)bytes, (void)length;
  return false;
}

static bool reset(const struct connection *c, const char *bytes, size_t length) {
  struct linger at_once = {.l_onoff = 1, .l_linger = 0};
  setsockopt(c->descriptor, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  return close_unanswered(c, bytes, length);
}

/* Sends the bytes so many times in a second, which begins with a request; refuses the rest. */
static bool answer_within_limit(const struct connection *c, const char *bytes, size_t length,
                                const char *refusal) {
  static double second_began;
  static int count;
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  double now = (double)time.tv_sec + (double)time.tv_nsec / 1e9;
  if (now - second_began >= 1) {
    second_began = now;
    count = 0;
  }
  if (count++ < ANSWERS_A_SECOND) return send_all(c, bytes, length);
  return send_all(c, refusal, strlen(refusal));
}

static bool answer_limited(const struct connection *c, const char *bytes, size_t length) {
  return answer_within_limit(
      c, bytes, length, "HTTP/1.1 429 Too many\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n");
}

static bool answer_limited_tersely(const struct connection *c, const char *bytes, size_t length) {
  return answer_within_limit(c, bytes, length,
                             "HTTP/1.1 429 Too many\r\nContent-Length: 0\r\n\r\n");
}

static bool stay_silent(const struct connection *c, const char *bytes, size_t length) {
  (void)c, (void)bytes, (void)length;
  return true;
}

/* Those who wait until they are enough. */
static struct connection waiting[TOGETHER];
static int waiting_count;

/* Answers nobody before so many requests wait; then all of them, with the bytes for the last one.
 */
static bool answer_together(const struct connection *c, const char *bytes, size_t length) {
  waiting[waiting_count++] = *c;
  if (waiting_count < TOGETHER) return true;
  while (waiting_count > 0) send_all(&waiting[--waiting_count], bytes, length);
  return true;
}

static void wait_no_more(const struct connection *c) {
  for (int i = waiting_count - 1; i >= 0; i--)
    if (waiting[i].descriptor == c->descriptor) waiting[i] = waiting[--waiting_count];
}

static const struct {
  const char *name;
  bool (*answer)(const struct connection *c, const char *bytes, size_t length);
} manners[] = {{"send", answer_and_stay},
               {"close", answer_and_close},
               {"trickle", answer_slowly},
               {"die", close_unanswered},
               {"reset", reset},
               {"stall", stay_silent},
               {"limited", answer_limited},
               {"limited tersely", answer_limited_tersely},
               {"together", answer_together}};

static bool read_reply(const char *name) {
  FILE *file = fopen(name, "rb");
  if (!file) return false;
  reply.length = fread(reply.bytes, 1, TEXT_MAX, file);
  fclose(file);
  return true;
}

static bool answer(const struct connection *c, int number) {
  char name[64];
  snprintf(name, sizeof name, "%d.reply", number);
  if (!read_reply(name) && !read_reply("default.reply")) die("no reply");
  const char *line_end = memchr(reply.bytes, '\n', reply.length);
  if (!line_end) die("a reply without a first line");
  size_t name_length = (size_t)(line_end - reply.bytes);
  for (size_t i = 0; i < sizeof manners / sizeof *manners; i++) {
    if (strlen(manners[i].name) != name_length) continue;
    if (memcmp(manners[i].name, reply.bytes, name_length) != 0) continue;
    return manners[i].answer(c, line_end + 1, reply.length - name_length - 1);
  }
  die("a reply in an unknown manner");
  return false;
}

/* }====== */

/* The length of the first request in the text, its body included; 0 while it is not complete. */
static size_t request_length(const char *bytes, size_t length) {
  const char *end = memmem(bytes, length, "\r\n\r\n", 4);
  if (!end) return 0;
  size_t head = (size_t)(end - bytes) + 4;
  static const char field[] = "\r\nContent-Length: ";
  const char *announced = memmem(bytes, head, field, sizeof field - 1);
  size_t body = announced ? strtoul(announced + sizeof field - 1, NULL, 10) : 0;
  return head + body <= length ? head + body : 0;
}

static void record(const struct connection *c, size_t length, int number) {
  char name[64];
  snprintf(name, sizeof name, "%d.request", number);
  FILE *file = fopen(name, "wb");
  if (!file || fwrite(c->bytes, 1, length, file) != length || fclose(file) != 0) die(name);
  log_event(c, "request", number);
}

static bool serve(struct connection *c) {
  ssize_t received = recv(c->descriptor, c->bytes + c->length, TEXT_MAX - c->length, 0);
  if (received <= 0) return false;
  c->length += (size_t)received;
  for (size_t length; (length = request_length(c->bytes, c->length)) > 0;) {
    int number = ++request_count;
    record(c, length, number);
    c->length -= length;
    memmove(c->bytes, c->bytes + length, c->length);
    if (!answer(c, number)) return false;
  }
  return true;
}

static void accept_connection(int listener) {
  int descriptor = accept(listener, NULL, NULL);
  if (descriptor < 0) return;
  if (connection_count == CONNECTIONS_MAX) die("too many connections");
  struct connection *c = &connections[connection_count++];
  *c = (struct connection){.descriptor = descriptor, .number = ++opened_count};
  c->bytes = malloc(TEXT_MAX);
  if (!c->bytes) die("malloc");
  log_event(c, "opened", 0);
}

static void close_connection(struct connection *c) {
  wait_no_more(c);
  close(c->descriptor);
  log_event(c, "closed", 0);
  free(c->bytes);
  *c = connections[--connection_count];
}

static int listen_somewhere(void) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof address;
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  if (listener < 0 || bind(listener, (struct sockaddr *)&address, size) != 0 ||
      listen(listener, 64) != 0 || getsockname(listener, (struct sockaddr *)&address, &size) != 0)
    die("listen");
  printf("%d\n", ntohs(address.sin_port));
  fflush(stdout);
  return listener;
}

/* One turn; returns false when standard input has ended. */
static bool turn(int listener) {
  struct pollfd polled[CONNECTIONS_MAX + 2] = {{.fd = STDIN_FILENO, .events = POLLIN},
                                               {.fd = listener, .events = POLLIN}};
  int count = connection_count;
  for (int i = 0; i < count; i++)
    polled[i + 2] = (struct pollfd){.fd = connections[i].descriptor, .events = POLLIN};
  poll(polled, (nfds_t)count + 2, -1);
  for (int i = count - 1; i >= 0; i--)
    if (polled[i + 2].revents && !serve(&connections[i])) close_connection(&connections[i]);
  if (polled[1].revents) accept_connection(listener);
  return polled[0].revents == 0;
}

int main(int count, char **arguments) {
  if (count != 2 || chdir(arguments[1]) != 0) die("usage: wire_server DIRECTORY");
  event_log = fopen("log", "w");
  if (!event_log) die("log");
  int listener = listen_somewhere();
  while (turn(listener)) continue;
  while (connection_count > 0) close_connection(&connections[0]);
  close(listener);
  fclose(event_log);
  return 0;
}
