/* The sandbox over HTTP. libmicrohttpd runs in external epoll mode: its one descriptor is a source
 * of our loop, so requests of the same process to itself need no thread and no lock.
 *
 * A request lives from its first line (MHD's URI callback) to its completion, which MHD always
 * reports, and owns all that belongs to it. The rules run in a Lua state of the server's own; every
 * call into it is protected, and a defect of a rule is a 500 for that request alone. */
#include "sandbox/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <lauxlib.h>
#include <lualib.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "api/buf.h"
#include "lua/json.h"
#include "lua/modules.h"
#include "sandbox/head.h"

enum {
  SERVER_BODY_MAX = 16 * 1024 * 1024,
  SERVER_HEAD_MAX = 64 * 1024, /* request line and headers of a connection */
  SERVER_BACKLOG = 511,
  SERVER_IDLE_SECONDS = 75, /* a connection that is silent for so long is closed */
  SERVER_PIECE_MAX = 256,   /* bytes of a streamed answer that are sent at a time */
  SERVER_DESCRIPTION_MAX = 64 * 1024
};

struct server {
  struct loop *loop;
  struct loop_source source;
  struct MHD_Daemon *daemon;
  lua_State *L;
  struct request *delayed; /* suspended connections */
  char base_url[sizeof "http://127.0.0.1:65535"];
  struct buf description;
};

struct request {
  struct server *server;
  struct MHD_Connection *connection;
  const char *method;
  char *path;  /* as it came, without the query */
  char *query; /* within `path`'s allocation */
  struct buf body;
  bool started, too_large, answered;

  unsigned status;
  double delay; /* seconds before the answer */
  bool drop;    /* close the connection instead of answering */
  struct MHD_Response *response;

  struct loop_timer timer; /* runs while the request is delayed */
  struct request *next, *previous;
};

/* Its address is the registry key of the sandbox object. */
static const char sandbox_key;

/* {====== requests ====== */

/* MHD_OPTION_URI_LOG_CALLBACK: the only place that sees the target before it is decoded. */
static void *begin_request(void *server, const char *target, struct MHD_Connection *connection) {
  struct request *request = calloc(1, sizeof *request);
  if (!request) return NULL;
  request->server = server;
  request->connection = connection;
  buf_init(&request->body, SERVER_BODY_MAX);
  request->path = strdup(target);
  if (!request->path) {
    free(request);
    return NULL;
  }
  request->query = request->path + strcspn(request->path, "?");
  if (*request->query) *request->query++ = '\0';
  return request;
}

/* Takes the request from the list of delayed ones, if it is there. */
static void end_delay(struct request *request) {
  loop_timer_stop(request->server->loop, &request->timer);
  if (request->previous)
    request->previous->next = request->next;
  else if (request->server->delayed == request)
    request->server->delayed = request->next;
  if (request->next) request->next->previous = request->previous;
  request->next = request->previous = NULL;
}

static void complete_request(void *server, struct MHD_Connection *connection, void **context,
                             enum MHD_RequestTerminationCode code) {
  struct request *request = *context;
  (void)server, (void)connection, (void)code;
  if (!request) return;
  end_delay(request);
  if (request->response) MHD_destroy_response(request->response);
  buf_wipe(&request->body);
  free(request->path);
  free(request);
  *context = NULL;
}

static void resume(void *context) {
  struct request *request = context;
  end_delay(request);
  MHD_resume_connection(request->connection);
}

/* Suspends the connection. Without memory for a timer the answer goes out at once. */
static void delay_request(struct request *request) {
  struct server *server = request->server;
  request->timer.fire = resume;
  request->timer.context = request;
  if (loop_timer_start(server->loop, &request->timer, request->delay) != 0) return;
  request->next = server->delayed;
  if (request->next) request->next->previous = request;
  server->delayed = request;
  MHD_suspend_connection(request->connection);
}

/* }====== */

/* {====== answers in pieces ====== */

/* A body that is sent piece by piece: streamed, or cut off at `end`. */
struct pieces {
  size_t end;
  bool cut;
  char bytes[];
};

static ssize_t read_piece(void *context, uint64_t position, char *out, size_t maximum) {
  const struct pieces *pieces = context;
  if (position >= pieces->end)
    return pieces->cut ? MHD_CONTENT_READER_END_WITH_ERROR : MHD_CONTENT_READER_END_OF_STREAM;
  size_t length = pieces->end - (size_t)position;
  if (length > maximum) length = maximum;
  memcpy(out, pieces->bytes + position, length);
  return (ssize_t)length;
}

/* A truncated answer announces its whole length and ends half-way; a streamed one announces none.
 * NULL when memory runs out. */
static struct MHD_Response *respond_in_pieces(const char *body, size_t length, bool truncate) {
  struct pieces *pieces = malloc(sizeof *pieces + length);
  if (!pieces) return NULL;
  pieces->end = truncate ? length / 2 : length;
  pieces->cut = truncate;
  memcpy(pieces->bytes, body, length);
  struct MHD_Response *response = MHD_create_response_from_callback(
      truncate ? length : MHD_SIZE_UNKNOWN, SERVER_PIECE_MAX, read_piece, pieces, free);
  if (!response) free(pieces);
  return response;
}

static struct MHD_Response *respond_whole(const char *body, size_t length) {
  return MHD_create_response_from_buffer(length, (void *)body, MHD_RESPMEM_MUST_COPY);
}

/* }====== */

/* {====== asking the rules ====== */

struct header {
  const char *name, *value;
};

struct headers {
  struct header *list;
  size_t count, capacity;
};

static enum MHD_Result collect_header(void *context, enum MHD_ValueKind kind, const char *name,
                                      const char *value) {
  struct headers *headers = context;
  (void)kind;
  if (headers->count == headers->capacity) return MHD_NO;
  headers->list[headers->count++] = (struct header){name, value ? value : ""};
  return MHD_YES;
}

/* What call_rules() works on; `headers` is freed by its caller, whatever happens. */
struct call {
  struct request *request;
  struct headers headers;
};

static void push_lower_case(lua_State *L, const char *name) {
  luaL_Buffer buffer;
  luaL_buffinit(L, &buffer);
  for (; *name; name++) luaL_addchar(&buffer, *name >= 'A' && *name <= 'Z' ? *name + 32 : *name);
  luaL_pushresult(&buffer);
}

static void push_headers(lua_State *L, const struct headers *headers) {
  lua_createtable(L, 0, (int)headers->count);
  for (size_t i = 0; i < headers->count; i++) {
    push_lower_case(L, headers->list[i].name);
    lua_pushstring(L, headers->list[i].value);
    lua_rawset(L, -3);
  }
}

static bool field_is(lua_State *L, int answer, const char *name, const char *text) {
  lua_getfield(L, answer, name);
  const char *value = lua_tostring(L, -1);
  bool same = value && strcmp(value, text) == 0;
  lua_pop(L, 1);
  return same;
}

static bool field_is_true(lua_State *L, int answer, const char *name) {
  lua_getfield(L, answer, name);
  bool value = lua_toboolean(L, -1);
  lua_pop(L, 1);
  return value;
}

static double field_number(lua_State *L, int answer, const char *name) {
  lua_getfield(L, answer, name);
  double value = lua_tonumber(L, -1);
  lua_pop(L, 1);
  return value;
}

static void add_headers(lua_State *L, int answer, struct MHD_Response *response) {
  if (lua_getfield(L, answer, "headers") == LUA_TTABLE) {
    for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
      lua_pushvalue(L, -2); /* lua_tostring would change the key that lua_next needs */
      MHD_add_response_header(response, lua_tostring(L, -1), luaL_checkstring(L, -2));
      lua_pop(L, 1);
    }
  }
  lua_pop(L, 1);
}

/* Takes over what the rules answered; the request owns the response at once. */
static void take_answer(lua_State *L, int answer, struct request *request) {
  luaL_checktype(L, answer, LUA_TTABLE);
  request->delay = field_number(L, answer, "delay");
  request->drop = field_is(L, answer, "fault", "drop");
  if (request->drop) return;
  bool truncate = field_is(L, answer, "fault", "truncate");
  bool in_pieces = truncate || field_is_true(L, answer, "stream");
  size_t length = 0;
  lua_getfield(L, answer, "body");
  const char *body = luaL_optlstring(L, -1, "", &length);
  request->response =
      in_pieces ? respond_in_pieces(body, length, truncate) : respond_whole(body, length);
  if (!request->response) luaL_error(L, "not enough memory");
  request->status = (unsigned)field_number(L, answer, "status");
  add_headers(L, answer, request->response);
}

/* Protected: asks sandbox:handle(method, path, query, headers, body). */
static int call_rules(lua_State *L) {
  const struct call *call = lua_touserdata(L, 1);
  struct request *request = call->request;
  lua_rawgetp(L, LUA_REGISTRYINDEX, &sandbox_key);
  lua_getfield(L, -1, "handle");
  lua_insert(L, -2);
  lua_pushstring(L, request->method);
  lua_pushstring(L, request->path);
  lua_pushstring(L, request->query);
  push_headers(L, &call->headers);
  lua_pushlstring(L, request->body.data ? request->body.data : "", request->body.length);
  lua_call(L, 6, 1);
  take_answer(L, lua_gettop(L), request);
  return 0;
}

/* Protected: answers {"detail": "sandbox: …"} for the message at index 2. */
static int answer_defect(lua_State *L) {
  struct request *request = lua_touserdata(L, 1);
  lua_newtable(L);
  lua_pushfstring(L, "sandbox: %s", luaL_tolstring(L, 2, NULL));
  lua_setfield(L, 3, "detail");
  struct buf *text = json_new_buffer(L, SERVER_BODY_MAX);
  struct json_options plain = {0};
  bool written = json_encode(L, 3, text, &plain);
  static const char fallback[] = "{\"detail\":\"sandbox: internal error\"}";
  request->status = 500;
  request->response = written ? respond_whole(text->data, text->length)
                              : respond_whole(fallback, sizeof fallback - 1);
  if (request->response)
    MHD_add_response_header(request->response, "Content-Type", "application/json");
  return 0;
}

/* Message handler: writes the traceback to standard error and keeps the message. */
static int report_defect(lua_State *L) {
  const char *message = luaL_tolstring(L, 1, NULL);
  luaL_traceback(L, L, message, 1);
  fprintf(stderr, "anyreach: sandbox: %s\n", lua_tostring(L, -1));
  lua_pop(L, 1);
  return 1;
}

static void ask_rules(struct request *request) {
  lua_State *L = request->server->L;
  int total = MHD_get_connection_values(request->connection, MHD_HEADER_KIND, NULL, NULL);
  struct call call = {.request = request};
  call.headers.capacity = total > 0 ? (size_t)total : 0;
  call.headers.list = calloc(call.headers.capacity + 1, sizeof *call.headers.list);
  if (!call.headers.list) return;
  MHD_get_connection_values(request->connection, MHD_HEADER_KIND, collect_header, &call.headers);

  lua_pushcfunction(L, report_defect);
  lua_pushcfunction(L, call_rules);
  lua_pushlightuserdata(L, &call);
  if (lua_pcall(L, 1, 0, -3) != LUA_OK) {
    if (request->response) MHD_destroy_response(request->response);
    request->response = NULL;
    request->drop = false;
    lua_pushcfunction(L, answer_defect);
    lua_insert(L, -2);
    lua_pushlightuserdata(L, request);
    lua_insert(L, -2);
    lua_pcall(L, 2, 0, 0);
  }
  lua_settop(L, 0);
  free(call.headers.list);
}

/* }====== */

/* {====== libmicrohttpd's callbacks ====== */

/* A refusal that the rules are not asked for; `problem` needs no escape in JSON. */
static enum MHD_Result refuse(struct MHD_Connection *connection, unsigned status,
                              const char *problem) {
  char text[128];
  int length = snprintf(text, sizeof text, "{\"detail\":\"%s\"}", problem);
  struct MHD_Response *response = respond_whole(text, (size_t)length);
  if (!response) return MHD_NO;
  MHD_add_response_header(response, "Content-Type", "application/json");
  MHD_add_response_header(response, "Connection", "close");
  enum MHD_Result result = MHD_queue_response(connection, status, response);
  MHD_destroy_response(response);
  return result;
}

static enum MHD_Result refuse_large_body(struct MHD_Connection *connection) {
  char problem[64];
  snprintf(problem, sizeof problem, "body: more than %d bytes", SERVER_BODY_MAX);
  return refuse(connection, MHD_HTTP_CONTENT_TOO_LARGE, problem);
}

static bool announces_large_body(struct MHD_Connection *connection) {
  const char *length = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Content-Length");
  return length && strtoull(length, NULL, 10) > SERVER_BODY_MAX;
}

/* Looks at the head alone. */
static enum MHD_Result admit(struct MHD_Connection *connection, const char *method) {
  const char *problem = head_problem(connection, method);
  if (problem) return refuse(connection, MHD_HTTP_BAD_REQUEST, problem);
  return announces_large_body(connection) ? refuse_large_body(connection) : MHD_YES;
}

/* What does not fit is read and thrown away, so that the client gets to see the 413. */
static enum MHD_Result take_body(struct request *request, const char *bytes, size_t length) {
  if (request->too_large) return MHD_YES;
  int status = buf_append(&request->body, bytes, length);
  if (status == BUF_FULL) {
    request->too_large = true;
    buf_free(&request->body);
  }
  return status == BUF_NO_MEMORY ? MHD_NO : MHD_YES;
}

/* MHD_NO closes the connection without an answer. */
static enum MHD_Result deliver(struct request *request) {
  if (request->drop || !request->response) return MHD_NO;
  enum MHD_Result result =
      MHD_queue_response(request->connection, request->status, request->response);
  MHD_destroy_response(request->response);
  request->response = NULL;
  return result;
}

/* Called for the head, every part of the body, its end, and once more after a delay. */
static enum MHD_Result serve(void *server, struct MHD_Connection *connection, const char *url,
                             const char *method, const char *version, const char *upload,
                             size_t *upload_length, void **context) {
  struct request *request = *context;
  (void)server, (void)url, (void)version;
  if (!request) return MHD_NO;
  if (!request->started) {
    request->started = true;
    request->method = method;
    return admit(connection, method);
  }
  if (*upload_length) {
    size_t length = *upload_length;
    *upload_length = 0;
    return take_body(request, upload, length);
  }
  if (request->too_large) return refuse_large_body(connection);
  if (!request->answered) {
    request->answered = true;
    ask_rules(request);
    if (request->delay > 0) {
      delay_request(request);
      if (request->timer.position) return MHD_YES;
    }
  }
  return deliver(request);
}

/* MHD would decode the target in place; the rules want it as it came. */
static size_t keep_escapes(void *context, struct MHD_Connection *connection, char *text) {
  (void)context, (void)connection;
  return strlen(text);
}

/* }====== */

/* {====== the loop's callbacks ====== */

static long daemon_timeout(void *context) {
  struct server *server = context;
  MHD_UNSIGNED_LONG_LONG milliseconds;
  if (MHD_get_timeout(server->daemon, &milliseconds) != MHD_YES) return -1;
  return milliseconds > 60000 ? 60000 : (long)milliseconds;
}

static void run_daemon(void *context) {
  struct server *server = context;
  MHD_run(server->daemon);
}

/* }====== */

/* {====== starting and stopping ====== */

static void set_option(lua_State *L, const char *name, const char *value) {
  lua_pushstring(L, value);
  lua_setfield(L, -2, name);
}

/* Protected: makes the sandbox and keeps it in the registry. */
static int open_sandbox(lua_State *L) {
  const struct server_options *options = lua_touserdata(L, 1);
  luaL_openlibs(L);
  modules_open(L);
  embedded_require(L, "anyreach.sandbox");
  lua_getfield(L, -1, "new");
  lua_newtable(L);
  set_option(L, "file", options->file);
  set_option(L, "faults", options->faults);
  set_option(L, "seed", options->seed);
  lua_call(L, 1, 1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &sandbox_key);
  return 0;
}

/* Protected: sandbox:describe(base_url) as one line of JSON. */
static int describe_sandbox(lua_State *L) {
  struct server *server = lua_touserdata(L, 1);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &sandbox_key);
  lua_getfield(L, -1, "describe");
  lua_insert(L, -2);
  lua_pushstring(L, server->base_url);
  lua_call(L, 2, 1);
  struct json_options plain = {0};
  if (!json_encode(L, -1, &server->description, &plain)) return lua_error(L);
  if (!buf_text(&server->description)) return luaL_error(L, "not enough memory");
  return 0;
}

/* Protected: closes the store while the state is whole, so that a file is left tidy. */
static int close_sandbox(lua_State *L) {
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &sandbox_key) == LUA_TNIL) return 0;
  lua_getfield(L, -1, "close");
  lua_insert(L, -2);
  lua_call(L, 1, 0);
  return 0;
}

/* Calls a protected function with one pointer. On failure puts its message into `error`. */
static bool run_protected(lua_State *L, lua_CFunction function, const void *argument,
                          char error[SERVER_ERROR_MAX]) {
  lua_pushcfunction(L, function);
  lua_pushlightuserdata(L, (void *)argument);
  bool done = lua_pcall(L, 1, 0, 0) == LUA_OK;
  if (!done && error) {
    const char *message = lua_tostring(L, -1);
    snprintf(error, SERVER_ERROR_MAX, "%s", message ? message : "sandbox: unknown error");
  }
  lua_settop(L, 0);
  return done;
}

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

static struct MHD_Daemon *start_daemon(struct server *server, int listener) {
  return MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, serve, server,
                          MHD_OPTION_LISTEN_SOCKET, listener, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
                          (size_t)SERVER_HEAD_MAX, MHD_OPTION_URI_LOG_CALLBACK, begin_request,
                          server, MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes, NULL,
                          MHD_OPTION_NOTIFY_COMPLETED, complete_request, server,
                          MHD_OPTION_CONNECTION_TIMEOUT, SERVER_IDLE_SECONDS, MHD_OPTION_END);
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

struct server *server_start(struct loop *loop, const struct server_options *options,
                            char error[SERVER_ERROR_MAX]) {
  struct server *server = calloc(1, sizeof *server);
  snprintf(error, SERVER_ERROR_MAX, "sandbox: not enough memory");
  if (!server) return NULL;
  server->loop = loop;
  buf_init(&server->description, SERVER_DESCRIPTION_MAX);
  server->L = luaL_newstate();
  if (server->L && run_protected(server->L, open_sandbox, options, error) &&
      start_serving(server, options->port, error) &&
      run_protected(server->L, describe_sandbox, server, error)) {
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
  while (server->delayed) resume(server->delayed);
  loop_remove_source(server->loop, &server->source);
  MHD_stop_daemon(server->daemon);
}

void server_stop(struct server *server) {
  if (!server) return;
  if (server->daemon) stop_daemon(server);
  if (server->L) {
    run_protected(server->L, close_sandbox, NULL, NULL);
    lua_close(server->L);
  }
  buf_free(&server->description);
  free(server);
}

/* }====== */
