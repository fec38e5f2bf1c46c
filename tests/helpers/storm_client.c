/* A client as hostile as a network can make one, for specs (storm.lua).
 *
 *   storm_client PORT hold COUNT             opens connections and sends nothing
 *   storm_client PORT half-close COUNT FILE… sends a beginning of a request, and closes that half
 *   storm_client PORT abort COUNT BYTES      uploads BYTES of one more, and closes or resets
 *   storm_client PORT mutate COUNT SEED FILE…
 *                                            sends spoilt requests, and leaves at any moment
 *
 * Each FILE holds a request. When all is done it prints "done" and, after `mutate`, one line for
 * each status that was answered, "STATUS COUNT", and for anything else that came instead of an
 * answer. It keeps what it still has open until its input ends. */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { REQUEST_MAX = 16 * 1024, AT_ONCE = 64, STATUSES = 600, PIECE = 64 * 1024 };

struct request {
  char bytes[REQUEST_MAX];
  size_t length;
};

static struct sockaddr_in server = {.sin_family = AF_INET};
static struct request *seeds;
static size_t seed_count;
static unsigned statuses[STATUSES]; /* [0]: no status line */

static void fail(const char *what) {
  fprintf(stderr, "storm_client: %s: %s\n", what, strerror(errno));
  exit(1);
}

/* {====== chance ====== */

static uint64_t random_state = 1;

static size_t below(size_t limit) {
  random_state ^= random_state << 13;
  random_state ^= random_state >> 7;
  random_state ^= random_state << 17;
  return (size_t)((random_state >> 11) % limit);
}

/* Replaces `removed` bytes at `place`, as far as there are so many, and as far as the new fit. */
static void splice(struct request *request, size_t place, size_t removed, const char *bytes,
                   size_t length) {
  if (removed > request->length - place) removed = request->length - place;
  size_t rest = request->length - place - removed;
  if (place + length + rest > REQUEST_MAX) return;
  memmove(request->bytes + place + length, request->bytes + place + removed, rest);
  memcpy(request->bytes + place, bytes, length);
  request->length = place + length + rest;
}

static const struct {
  const char *bytes;
  size_t length;
} words[] = {
#define WORD(text)                                                                                 \
  { text, sizeof text - 1 }
    WORD("\r\n"),
    WORD("\n"),
    WORD("\r"),
    WORD("\0"),
    WORD(" "),
    WORD("\t"),
    WORD(":"),
    WORD("\xff"),
    WORD("%00"),
    WORD("%"),
    WORD("?"),
    WORD("/_sandbox/requests"),
    WORD("HTTP/1.0"),
    WORD("HTTP/9.9"),
    WORD("\r\nHost: 127.0.0.1"),
    WORD("\r\nContent-Length: 7"),
    WORD("\r\nContent-Length: -1"),
    WORD("\r\nContent-Length: 99999999999999999999"),
    WORD("\r\nTransfer-Encoding: chunked"),
    WORD("\r\nExpect: 100-continue"),
    WORD("\r\nConnection: close"),
    WORD("\r\nAuthorization: Bearer ak_sandbox.admin"),
    WORD("\r\nX-Sandbox-Fault: truncate"),
    WORD("\r\n folded"),
    WORD("\r\n\r\n"),
    WORD("{\"name\": \"\\ud800\"}"),
};

static void mutate(struct request *request) {
  size_t place = below(request->length + 1), word = below(sizeof words / sizeof *words);
  char byte = (char)below(256);
  switch (below(6)) {
  case 0: splice(request, place, 1, &byte, 1); break;
  case 1: splice(request, place, 1 + below(16), "", 0); break;
  case 2: {
    const struct request *other = &seeds[below(seed_count)];
    size_t start = below(other->length);
    splice(request, place, below(8), other->bytes + start, below(other->length - start + 1));
    break;
  }
  case 3: request->length = place; break;
  default: splice(request, place, 0, words[word].bytes, words[word].length);
  }
}

/* }====== */

/* {====== connections ====== */

/* The server may refuse for a moment: it is asked for more than it can hold. */
static int open_connection(void) {
  int descriptor = socket(AF_INET, SOCK_STREAM, 0);
  if (descriptor < 0) fail("socket");
  if (connect(descriptor, (struct sockaddr *)&server, sizeof server) != 0) fail("connect");
  return descriptor;
}

/* Sends what the server takes; it may have closed at any byte. */
static void send_bytes(int descriptor, const char *bytes, size_t length, int flags) {
  while (length) {
    ssize_t sent = send(descriptor, bytes, length, MSG_NOSIGNAL | flags);
    if (sent <= 0) return;
    bytes += sent;
    length -= (size_t)sent;
  }
}

/* Closes with a reset instead of an orderly end. */
static void reset(int descriptor) {
  struct linger linger = {.l_onoff = 1};
  setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
  close(descriptor);
}

static void note_answer(int descriptor) {
  char text[4096] = "";
  ssize_t length = recv(descriptor, text, sizeof text - 1, MSG_DONTWAIT);
  if (length <= 0) return;
  unsigned status = 0;
  if (sscanf(text, "HTTP/1.%*1[01] %3u ", &status) != 1 || status >= STATUSES) status = 0;
  statuses[status]++;
}

/* One of the ways in which a client goes away. */
static void leave(int descriptor) {
  struct pollfd readable = {.fd = descriptor, .events = POLLIN};
  if (below(2)) poll(&readable, 1, (int)below(20));
  note_answer(descriptor);
  if (below(3) == 0) {
    reset(descriptor);
    return;
  }
  if (below(2)) shutdown(descriptor, SHUT_WR);
  close(descriptor);
}

/* }====== */

static void half_close(int count) {
  for (int i = 0; i < count; i++) {
    const struct request *request = &seeds[below(seed_count)];
    int descriptor = open_connection();
    send_bytes(descriptor, request->bytes, 1 + below(request->length), 0);
    shutdown(descriptor, SHUT_WR);
  }
}

static void abort_uploads(int count, size_t bytes) {
  char head[256], *piece = calloc(1, PIECE);
  if (!piece) fail("memory");
  int length =
      snprintf(head, sizeof head,
               "POST /core/agents HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
               "Authorization: Bearer ak_sandbox.admin\r\nContent-Length: %zu\r\n\r\n",
               bytes + 1);
  for (int i = 0; i < count; i++) {
    int descriptor = open_connection();
    send_bytes(descriptor, head, (size_t)length, 0);
    for (size_t left = bytes; left;) {
      size_t part = left < PIECE ? left : PIECE;
      send_bytes(descriptor, piece, part, 0);
      left -= part;
    }
    if (i % 2)
      reset(descriptor);
    else
      close(descriptor);
  }
  free(piece);
}

/* Keeps up to AT_ONCE connections, of which any one goes away when another comes. */
static void send_spoilt(int count) {
  int open[AT_ONCE];
  for (int i = 0; i < AT_ONCE; i++) open[i] = -1;
  for (int i = 0; i < count; i++) {
    struct request request = seeds[below(seed_count)];
    for (size_t mutations = below(4); mutations; mutations--) mutate(&request);
    int *slot = &open[below(AT_ONCE)];
    if (*slot >= 0) leave(*slot);
    *slot = open_connection();
    size_t first = below(request.length + 1);
    send_bytes(*slot, request.bytes, first, MSG_DONTWAIT);
    send_bytes(*slot, request.bytes + first, request.length - first, MSG_DONTWAIT);
    if (below(4) == 0) shutdown(*slot, SHUT_WR);
  }
  for (int i = 0; i < AT_ONCE; i++)
    if (open[i] >= 0) leave(open[i]);
}

static void read_seeds(char **paths, int count) {
  seeds = calloc((size_t)count, sizeof *seeds);
  if (count < 1 || !seeds) fail("seeds");
  for (int i = 0; i < count; i++) {
    FILE *file = fopen(paths[i], "rb");
    if (!file) fail(paths[i]);
    seeds[seed_count].length = fread(seeds[seed_count].bytes, 1, REQUEST_MAX, file);
    if (seeds[seed_count].length) seed_count++;
    fclose(file);
  }
  if (!seed_count) fail("seeds");
}

static void allow_many_descriptors(void) {
  struct rlimit limit;
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

int main(int argc, char **argv) {
  if (argc < 4) return 2;
  allow_many_descriptors();
  server.sin_port = htons((uint16_t)atoi(argv[1]));
  server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const char *what = argv[2];
  int count = atoi(argv[3]);
  if (strcmp(what, "hold") == 0) {
    for (int i = 0; i < count; i++) open_connection();
  } else if (strcmp(what, "half-close") == 0) {
    read_seeds(argv + 4, argc - 4);
    half_close(count);
  } else if (strcmp(what, "abort") == 0 && argc > 4) {
    abort_uploads(count, strtoul(argv[4], NULL, 10));
  } else if (strcmp(what, "mutate") == 0 && argc > 5) {
    random_state += strtoul(argv[4], NULL, 10);
    read_seeds(argv + 5, argc - 5);
    send_spoilt(count);
  } else {
    return 2;
  }
  puts("done");
  for (unsigned status = 0; status < STATUSES; status++)
    if (statuses[status]) printf("%u %u\n", status, statuses[status]);
  fflush(stdout);
  while (getchar() != EOF) continue;
  return 0;
}
