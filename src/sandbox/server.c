/* The sandbox over HTTP. libmicrohttpd runs in external epoll mode: its one descriptor is a source
 * of our loop, so requests of the same process to itself need no thread and no lock.
 *
 * Here are libmicrohttpd's callbacks, the loop's, and start and stop. A connection has its place
 * among all (connections.h) from its notification to the end of its socket; a request (request.h)
 * lives from its first line to its completion, which libmicrohttpd always reports. */
#include "sandbox/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sandbox/answer.h"
#include "sandbox/connections.h"
#include "sandbox/head.h"
#include "sandbox/request.h"
#include "sandbox/rules.h"

enum {
  SERVER_HEAD_MAX = 64 * 1024, /* request line and headers of a connection */
  SERVER_BACKLOG = 511,
  SERVER_DESCRIPTION_MAX = 64 * 1024
};

struct server {
  struct loop *loop;
  struct loop_source source;
  struct MHD_Daemon *daemon;
  struct connections connections;
  bool has_closed; /* some connection, in the last run of the daemon */
  struct delays delays;
  struct lua_State *L; /* of the rules */
  char base_url[sizeof "http://127.0.0.1:65535"];
  struct buf description;
};

/* {====== libmicrohttpd's callbacks ====== */

static int socket_of(struct MHD_Connection *connection) {
  return MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
}

/* MHD_OPTION_NOTIFY_CONNECTION. A connection without a place among all, for want of memory, ends.
 */
static void note_connection(void *context, struct MHD_Connection *connection, void **place,
                            enum MHD_ConnectionNotificationCode code) {
  struct server *server = context;
  if (code == MHD_CONNECTION_NOTIFY_STARTED) {
    int socket = socket_of(connection);
    *place = connections_add(&server->connections, socket, loop_now());
    if (!*place) shutdown(socket, SHUT_RDWR);
  } else if (*place) {
    connections_remove(&server->connections, *place);
    server->has_closed = true;
    *place = NULL;
  }
}

/* MHD_OPTION_URI_LOG_CALLBACK: the only place that sees the target before it is decoded. */
static void *begin_request(void *context, const char *target, struct MHD_Connection *connection) {
  struct server *server = context;
  struct connection *place =
      MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
  struct request *request = place ? request_new(&server->delays, connection, target) : NULL;
  if (request) request->place = place;
  return request;
}

static void enter(struct server *server, struct request *request, enum connection_phase phase) {
  connections_enter(&server->connections, request->place, phase, loop_now());
}

/* MHD_OPTION_NOTIFY_COMPLETED */
static void complete_request(void *server, struct MHD_Connection *connection, void **context,
                             enum MHD_RequestTerminationCode code) {
  struct request *request = *context;
  (void)connection, (void)code;
  if (!request) return;
  enter(server, request, CONNECTION_WAITING);
  request_free(request);
  *context = NULL;
}

static enum MHD_Result refuse_large_body(struct MHD_Connection *connection) {
  char problem[64];
  snprintf(problem, sizeof problem, "body: more than %d bytes", REQUEST_BODY_MAX);
  return answer_refusal(connection, MHD_HTTP_CONTENT_TOO_LARGE, problem);
}

static bool announces_large_body(struct MHD_Connection *connection) {
  const char *length = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Content-Length");
  return length && strtoull(length, NULL, 10) > REQUEST_BODY_MAX;
}

/* Looks at the head alone. */
static enum MHD_Result admit(const struct server *server, const struct request *request,
                             const char *version) {
  struct MHD_Connection *connection = request->connection;
  char text[HEAD_PROBLEM_MAX];
  const char *problem = head_problem(request, version, text);
  if (problem) return answer_refusal(connection, MHD_HTTP_BAD_REQUEST, problem);
  if (connections_are_too_many(&server->connections, request->place))
    return answer_refusal(connection, MHD_HTTP_SERVICE_UNAVAILABLE, "too many connections");
  return announces_large_body(connection) ? refuse_large_body(connection) : MHD_YES;
}

/* MHD_NO closes the connection without an answer. */
static enum MHD_Result deliver(struct server *server, struct request *request) {
  if (request->drop || !request->response) return MHD_NO;
  enter(server, request, CONNECTION_DELIVERING);
  enum MHD_Result result =
      MHD_queue_response(request->connection, request->status, request->response);
  MHD_destroy_response(request->response);
  request->response = NULL;
  return result;
}

/* The request has arrived. Also called once more after a delay. */
static enum MHD_Result answer(struct server *server, struct request *request) {
  if (request->too_large) return refuse_large_body(request->connection);
  if (!request->answered) {
    request->answered = true;
    enter(server, request, CONNECTION_ANSWERING);
    rules_answer(server->L, request);
    if (request->delay > 0 && request_wait(request)) return MHD_YES;
  }
  return deliver(server, request);
}

/* Called for the head, every part of the body, its end, and once more after a delay. A body that is
 * too large is read to its end, so that the client gets to see the 413. */
static enum MHD_Result serve(void *context, struct MHD_Connection *connection, const char *url,
                             const char *method, const char *version, const char *upload,
                             size_t *upload_length, void **request_context) {
  struct server *server = context;
  struct request *request = *request_context;
  (void)connection, (void)url;
  if (!request) return MHD_NO;
  if (!request->started) {
    request->started = true;
    request->method = method;
    enter(server, request, CONNECTION_UPLOADING);
    return admit(server, request, version);
  }
  if (*upload_length == 0) return answer(server, request);
  size_t length = *upload_length;
  *upload_length = 0;
  return request_add(request, upload, length) ? MHD_YES : MHD_NO;
}

/* MHD would decode the target in place; the rules want it as it came. */
static size_t keep_escapes(void *context, struct MHD_Connection *connection, char *text) {
  (void)context, (void)connection;
  return strlen(text);
}

/* }====== */

/* {====== the loop's callbacks ====== */

/* When its connections had reached their limit, the daemon listens again only with the run after
 * the one in which some have closed: so that one follows at once. */
static long daemon_timeout(void *context) {
  struct server *server = context;
  MHD_UNSIGNED_LONG_LONG milliseconds;
  if (server->has_closed) return 0;
  long limit = connections_timeout(&server->connections, loop_now());
  if (MHD_get_timeout(server->daemon, &milliseconds) != MHD_YES) return limit;
  return limit >= 0 && (MHD_UNSIGNED_LONG_LONG)limit < milliseconds ? limit : (long)milliseconds;
}

static void run_daemon(void *context) {
  struct server *server = context;
  server->has_closed = false;
  connections_sweep(&server->connections, loop_now());
  MHD_run(server->daemon);
}

/* }====== */

/* {====== starting and stopping ====== */

/* A listening socket on 127.0.0.1, whose port `*port` then is; -1 with errno set on failure. */
static int open_listener(uint16_t *port) {
  int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return -1;
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(*port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  int yes = 1; /* a server that was stopped just now may start again on its port */
  setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (bind(descriptor, (struct sockaddr *)&address, length) == 0 &&
      listen(descriptor, SERVER_BACKLOG) == 0 &&
      getsockname(descriptor, (struct sockaddr *)&address, &length) == 0) {
    *port = ntohs(address.sin_port);
    return descriptor;
  }
  int reason = errno;
  close(descriptor);
  errno = reason;
  return -1;
}

/* Beyond its limit libmicrohttpd leaves connections unanswered. So its limit is above ours. */
static struct MHD_Daemon *start_daemon(struct server *server, int listener) {
  size_t limit = server->connections.limit;
  unsigned most = (unsigned)(limit + connections_surplus(limit));
  return MHD_start_daemon(
      MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | HEAD_STRICTNESS, 0, NULL, NULL, serve, server,
      MHD_OPTION_LISTEN_SOCKET, listener, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
      (size_t)SERVER_HEAD_MAX, MHD_OPTION_URI_LOG_CALLBACK, begin_request, server,
      MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes, NULL, MHD_OPTION_NOTIFY_COMPLETED,
      complete_request, server, MHD_OPTION_NOTIFY_CONNECTION, note_connection, server,
      MHD_OPTION_CONNECTION_LIMIT, most, MHD_OPTION_END);
}

/* Listens and hooks the daemon into the loop. */
static bool start_serving(struct server *server, uint16_t port, char error[SERVER_ERROR_MAX]) {
  uint16_t wanted = port;
  int listener = open_listener(&port);
  if (listener < 0) {
    snprintf(error, SERVER_ERROR_MAX, "sandbox: cannot listen on 127.0.0.1:%u: %s", wanted,
             strerror(errno));
    return false;
  }
  server->daemon = start_daemon(server, listener);
  if (!server->daemon) {
    snprintf(error, SERVER_ERROR_MAX, "sandbox: cannot start the HTTP server");
    return false;
  }
  snprintf(server->base_url, sizeof server->base_url, "http://127.0.0.1:%u", port);
  server->source = (struct loop_source){
      .descriptor = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd,
      .timeout_ms = daemon_timeout,
      .run = run_daemon,
      .context = server};
  loop_add_source(server->loop, &server->source);
  return true;
}

static size_t most_descriptors(void) {
  struct rlimit limit;
  return getrlimit(RLIMIT_NOFILE, &limit) == 0 ? (size_t)limit.rlim_cur : 1024;
}

struct server *server_start(struct loop *loop, const struct server_options *options,
                            char error[SERVER_ERROR_MAX]) {
  struct server *server = calloc(1, sizeof *server);
  snprintf(error, SERVER_ERROR_MAX, "sandbox: not enough memory");
  if (!server) return NULL;
  server->loop = server->delays.loop = loop;
  connections_init(&server->connections, connections_limit(most_descriptors()));
  buf_init(&server->description, SERVER_DESCRIPTION_MAX);
  server->L = rules_open(options, error);
  if (server->L && start_serving(server, options->port, error) &&
      rules_describe(server->L, server->base_url, &server->description, error)) {
    error[0] = '\0';
    return server;
  }
  server_stop(server);
  return NULL;
}

const char *server_base_url(const struct server *server) {
  return server->base_url;
}

const char *server_description(const struct server *server) {
  return server->description.data;
}

/* A daemon must not be stopped while connections are suspended: they are resumed first, and then
 * closed with all others, which completes their requests. */
static void stop_daemon(struct server *server) {
  delays_end(&server->delays);
  loop_remove_source(server->loop, &server->source);
  MHD_stop_daemon(server->daemon);
}

void server_stop(struct server *server) {
  if (!server) return;
  if (server->daemon) stop_daemon(server);
  rules_close(server->L);
  buf_free(&server->description);
  free(server);
}

/* }====== */
