#include "scenarios.h"

#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/api/arena.h"
#include "../../src/api/buf.h"
#include "../../src/lua/modules.h"
#include "../../src/lua/redact.h"
#include "../../src/net/loop.h"
#include "../../src/net/request.h"
#include "../../src/net/url.h"
#include "../../src/program/host.h"
#include "../../src/sandbox/server.h"

/* Ends the program unless the condition holds. */
#define expect(condition) ((condition) ? (void)0 : fail(__LINE__, #condition))

static _Noreturn void fail(int line, const char *condition) {
  fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, line, condition);
  abort();
}

/* What went well went well although memory may have run out; without that it must have. */
static void expect_reason(bool good) {
  expect(good || memory_was_refused());
}

/* {====== no Lua ====== */

static unsigned long torture_buf(struct memory_refusal refusal) {
  struct buf b;
  memory_start(refusal);
  buf_init(&b, 100000);
  for (int i = 0; i < 3000; i++) {
    size_t before = b.length;
    int status = buf_append_format(&b, "%d,", i % 10);
    expect(status == BUF_OK ? b.length == before + 2 : b.length == before);
    expect(status == BUF_OK || status == BUF_NO_MEMORY);
    expect_reason(status == BUF_OK);
  }
  const char *text = buf_text(&b);
  expect(!text || strlen(text) == b.length);
  buf_wipe(&b);
  return memory_stop();
}

static unsigned long torture_url(struct memory_refusal refusal) {
  static const char *const unsafe[] = {"http://a.example", "https://me:pw@a.example",
                                       "https://me@a.example", "http://127.0.0.256"};
  static const char *const no_base[] = {"https://a.example?q=1", "https://a.example#f"};
  struct buf b;
  bool first = true;
  const char *problem;
  memory_start(refusal);
  buf_init(&b, 100000);
  const struct url_value value = {.bytes = "a/b", .length = 3};
  int status = url_append_path(&b, "/core/agents/{agent_id}", &value);
  if (status == BUF_OK) status = url_append_query(&b, &first, "name", "a b", 3);
  expect_reason(status == BUF_OK);
  for (size_t i = 0; i < sizeof unsafe / sizeof *unsafe; i++)
    expect(!url_is_safe(unsafe[i], &problem) && problem);
  for (size_t i = 0; i < sizeof no_base / sizeof *no_base; i++)
    expect(!url_is_base(no_base[i], &problem) && problem);
  expect_reason(url_is_base("https://a.example/base", &problem));
  buf_free(&b);
  return memory_stop();
}

static unsigned long torture_arena(struct memory_refusal refusal) {
  struct arena arena;
  memory_start(refusal);
  arena_init(&arena, 1 << 20);
  for (size_t size = 1; size < 200000; size *= 3) {
    char *piece = arena_take(&arena, size);
    expect_reason(piece != NULL);
    if (piece) memset(piece, 1, size);
  }
  arena_free(&arena);
  return memory_stop();
}

static void count_call(void *context) {
  ++*(int *)context;
}

static unsigned long torture_loop(struct memory_refusal refusal) {
  enum { TIMERS = 100 };
  struct loop_timer timers[TIMERS] = {0};
  int fired = 0, started = 0;
  memory_start(refusal);
  struct loop *loop = loop_new();
  expect_reason(loop != NULL);
  for (int i = 0; loop && i < TIMERS; i++) {
    timers[i] = (struct loop_timer){.fire = count_call, .context = &fired};
    bool good = loop_timer_start(loop, &timers[i], (i % 7) * -1.0) == 0;
    expect_reason(good);
    started += good;
  }
  if (loop) loop_turn(loop, false);
  expect(fired == started);
  loop_free(loop);
  return memory_stop();
}

/* }====== */

/* {====== Lua modules ====== */

/* Runs a chunk in a state with the modules of the program. */
static const luaL_Reg redact_module[] = {{"anyreach.redact", luaopen_anyreach_redact},
                                         {NULL, NULL}};

static unsigned long torture_chunk(struct memory_refusal refusal, const char *chunk) {
  memory_start((struct memory_refusal){0, 0});
  lua_State *L = luaL_newstate();
  luaL_openlibs(L);
  modules_open(L);
  modules_preload(L, redact_module);
  expect(luaL_loadstring(L, chunk) == LUA_OK);
  memory_start(refusal);
  int status = lua_pcall(L, 0, 0, 0);
  unsigned long count = memory_stop();
  if (status != LUA_OK && !memory_was_refused()) fprintf(stderr, "%s\n", lua_tostring(L, -1));
  expect_reason(status == LUA_OK);
  lua_close(L);
  return count;
}

static unsigned long torture_json(struct memory_refusal refusal) {
  return torture_chunk(refusal,
                       "local json = require 'anyreach.json'\n"
                       "local text = '{\"a\":[1,2.5,12345678901234567890,\"\\\\u00e4\\\\n\"],"
                       "\"b\":{\"c\":null},\"d\":[' .. ('[\"x\"],'):rep(100) .. '1e400]}'\n"
                       "local value = json.decode(text)\n"
                       "assert(json.equal(json.decode(json.encode(value, {indent = 2})), value))\n"
                       "assert(not pcall(json.decode, text .. 'x'))\n"
                       "assert(not pcall(json.encode, {print}))\n");
}

static unsigned long torture_yaml(struct memory_refusal refusal) {
  return torture_chunk(
      refusal, "local yaml = require 'anyreach.yaml'\n"
               "local value = yaml.decode('a: &x [1, 2.5, !file b]\\nc: *x\\nd: |\\n  e\\n')\n"
               "assert(value.c[3].tag == '!file')\n"
               "assert(not pcall(yaml.decode, 'a: [1, {b: \"c\\n'))\n");
}

static unsigned long torture_secret(struct memory_refusal refusal) {
  return torture_chunk(refusal, "local secret = require 'anyreach.secret'\n"
                                "local joined = 'Bearer ' .. secret(('x'):rep(300)) .. '!'\n"
                                "assert(tostring(joined) == '[secret]')\n");
}

static unsigned long torture_redact(struct memory_refusal refusal) {
  return torture_chunk(
      refusal,
      "local redact, secret = require 'anyreach.redact', require 'anyreach.secret'\n"
      "local kept = {}\n"
      "for i = 1, 20 do kept[i] = secret('hush-' .. i * 7919) end\n"
      "assert(redact.text('a hush%2D7919 ' .. ('b'):rep(3000)):sub(1, 11) == 'a [secret] ')\n"
      "kept[21] = secret 'another one'\n"
      "assert(redact.json('{\"a\":\"another\\\\u0020one\",\"token\":[1]}', 2))\n"
      "kept = nil collectgarbage()\n"
      "assert(redact.text 'another one' == 'another one')\n");
}

static unsigned long torture_sqlite(struct memory_refusal refusal) {
  return torture_chunk(
      refusal, "local database <close> = require('anyreach.sqlite').open(':memory:')\n"
               "database:execute 'CREATE TABLE t (a, b); BEGIN'\n"
               "for i = 1, 50 do database:run('INSERT INTO t VALUES (?, ?)', i, ('x'):rep(i)) end\n"
               "database:execute 'COMMIT'\n"
               "assert(#database:query('SELECT * FROM t WHERE a > ? ORDER BY b', 10) == 40)\n"
               "assert(not pcall(database.query, database, 'SELECT nothing'))\n"
               "database:close()\n");
}

static unsigned long torture_regex(struct memory_refusal refusal) {
  return torture_chunk(refusal, "local regex = require 'anyreach.regex'\n"
                                "local words = assert(regex.compile('^(?:\\\\w+ ?)+$'))\n"
                                "assert(words:matches 'one two' and words:matches '-' == false)\n"
                                "local slow = assert(regex.compile('^(a+)+$'))\n"
                                "assert(slow:matches(('a'):rep(40) .. 'b') == nil)\n"
                                "assert(not regex.compile '(')\n");
}

static unsigned long torture_schema(struct memory_refusal refusal) {
  return torture_chunk(
      refusal, "local schema = require 'anyreach.schema'\n"
               "local validator = schema.compile {type = 'object', required = {'a'}, properties = "
               "{a = {anyOf = {{type = 'string', pattern = '^x+$'}, {type = 'null'}}}}}\n"
               "assert(#validator:validate {a = 'y', b = 1} == 1)\n"
               "assert(validator:is_valid {a = 'xx'})\n"
               "assert(not pcall(schema.compile, {type = 5}))\n");
}

/* The rows are refused, for their name: the table of operations must be the same in every run. */
static unsigned long torture_openapi(struct memory_refusal refusal) {
  return torture_chunk(
      refusal,
      "local openapi, operations = require 'anyreach.openapi.operations', require "
      "'anyreach.operations'\n"
      "local schema = {type = 'object', properties = {name = {type = 'string', minLength = 1}}}\n"
      "local rows = openapi.read {openapi = '3.1.0', paths = {['/core/x/{id}'] = {put = {\n"
      "  parameters = {{name = 'id', ['in'] = 'path', required = true, schema = {type = "
      "'string'}}},\n"
      "  requestBody = {content = {['application/json'] = {schema = schema}}}}}}}\n"
      "assert(#rows == 1)\n"
      "rows[1].method = 1\n"
      "assert(#operations.define(rows) == 1)\n"
      "assert(operations.describe('agents.versions.create').body)\n"
      "assert(operations.check('agents.create', 'body', {name = 1}))\n");
}

/* }====== */

/* {====== over the wire ====== */

/* A loop with a sandbox in it. */
struct wire {
  struct loop *loop;
  struct server *server;
};

static struct wire open_wire(void) {
  char error[SERVER_ERROR_MAX];
  struct wire wire = {.loop = loop_new()};
  const struct server_options options = {.seed = "torture"};
  wire.server = server_start(wire.loop, &options, error);
  expect(wire.server);
  return wire;
}

static void close_wire(struct wire *wire) {
  server_stop(wire->server);
  loop_free(wire->loop);
}

struct exchange {
  struct request request;
  char url[128];
  int done;
};

static bool add_header(struct request *request, const char *name, const char *value) {
  return http_add_header(&request->transfer, name, value, strlen(value)) == 0;
}

static bool start_exchange(struct exchange *exchange, struct wire *wire, struct throttle *throttle,
                           const char *method, const char *path, const char *body) {
  *exchange = (struct exchange){.done = 0};
  snprintf(exchange->url, sizeof exchange->url, "%s%s", server_base_url(wire->server), path);
  struct request *request = &exchange->request;
  request->transfer.method = method;
  request->transfer.url = exchange->url;
  request->transfer.body = body;
  request->transfer.body_length = body ? strlen(body) : 0;
  request->transfer.limits = (struct http_limits){.connect_timeout_ms = 5000, .timeout_ms = 5000};
  request->throttle = throttle;
  request->retry = RETRY_NEVER;
  request->done = count_call;
  request->context = &exchange->done;
  return add_header(request, "Authorization", "Bearer ak_sandbox.admin") &&
         add_header(request, "Content-Type", "application/json") &&
         request_start(request, wire->loop) == 0;
}

/* What was asked for has been sent, or nothing. The sandbox may have run out of memory, too, and
 * says so then. */
static void check_exchange(struct exchange *exchange, long status) {
  struct http_transfer *transfer = &exchange->request.transfer;
  const char *body = buf_text(&transfer->response_body);
  expect(exchange->done == 1);
  expect(!transfer->too_large);
  bool lacked_memory = transfer->status == 500 || strstr(body, "not enough memory");
  if (transfer->verdict != CURLE_OK || lacked_memory) {
    expect_reason(false);
  } else if (transfer->status != status) {
    fprintf(stderr, "%s %s: %ld %s\n", transfer->method, transfer->url, transfer->status, body);
    abort();
  }
}

static unsigned long torture_request(struct memory_refusal refusal) {
  enum { EXCHANGES = 4 };
  static const struct {
    const char *method, *path, *body;
    long status;
  } requests[EXCHANGES] = {{"GET", "/core/agents", NULL, 200},
                           {"POST", "/core/agents", "{\"name\":\"a\"}", 200},
                           {"PUT", "/core/agents/none", "{\"name\":\"a\"}", 404},
                           {"DELETE", "/core/agents/none", NULL, 404}};
  struct exchange exchanges[EXCHANGES];
  bool started[EXCHANGES];
  struct throttle throttle;
  struct wire wire = open_wire();
  throttle_init(&throttle, wire.loop, 2);
  throttle_set_rate(&throttle, 1000);
  memory_start(refusal);
  for (int i = 0; i < EXCHANGES; i++) {
    started[i] = start_exchange(&exchanges[i], &wire, &throttle, requests[i].method,
                                requests[i].path, requests[i].body);
    expect_reason(started[i]);
  }
  for (int i = 0; i < EXCHANGES; i++)
    while (started[i] && !exchanges[i].done) loop_turn(wire.loop, true);
  unsigned long count = memory_stop();
  for (int i = 0; i < EXCHANGES; i++) {
    if (started[i]) check_exchange(&exchanges[i], requests[i].status);
    request_release(&exchanges[i].request);
  }
  throttle_free(&throttle);
  close_wire(&wire);
  return count;
}

/* Given up while it is under way, waits for the throttle, or has just begun. */
static unsigned long torture_cancel(struct memory_refusal refusal) {
  enum { EXCHANGES = 3 };
  struct exchange exchanges[EXCHANGES];
  struct throttle throttle;
  struct wire wire = open_wire();
  throttle_init(&throttle, wire.loop, 1);
  memory_start(refusal);
  for (int i = 0; i < EXCHANGES; i++)
    expect_reason(start_exchange(&exchanges[i], &wire, &throttle, "GET", "/core/agents", NULL));
  loop_turn(wire.loop, false);
  for (int i = EXCHANGES - 1; i >= 0; i--) request_release(&exchanges[i].request);
  throttle_free(&throttle);
  unsigned long count = memory_stop();
  close_wire(&wire);
  return count;
}

static unsigned long torture_server(struct memory_refusal refusal) {
  char error[SERVER_ERROR_MAX];
  const struct server_options options = {.seed = "torture", .faults = "latency=1"};
  memory_start(refusal);
  struct loop *loop = loop_new();
  struct server *server = loop ? server_start(loop, &options, error) : NULL;
  expect_reason(server != NULL);
  if (loop && !server) expect(error[0]);
  server_stop(server);
  loop_free(loop);
  return memory_stop();
}

/* }====== */

/* {====== the program ====== */

/* Runs code as `anyreach OPTIONS -e CODE` does. */
static unsigned long torture_code(struct memory_refusal refusal, const struct options *options,
                                  const char *code) {
  static char *arguments[] = {NULL};
  const struct program program = {.text = code, .arguments = arguments};
  struct options copy = *options;
  memory_start(refusal);
  struct host *host = host_open(&copy);
  int status = host ? host_run(host, &program) : EXIT_SCRIPT;
  if (host) host_close(host);
  unsigned long count = memory_stop();
  expect_reason(status == 0);
  return count;
}

static unsigned long torture_program(struct memory_refusal refusal) {
  const struct options options = {.values = {[OPTION_SANDBOX] = "", [OPTION_QUIET] = ""}};
  return torture_code(
      refusal, &options,
      "local api = anyreach.client()\n"
      "local agent = api.agents.create { name = 'a' }\n"
      "api.agents.versions.create(agent.id, { config = { instructions = 'x' } })\n"
      "assert(api.agents.get(agent.id).name == 'a')\n"
      "for found in api.agents.each() do assert(found.id == agent.id) end\n"
      "local ok, err = api.try.agents.get('none')\n"
      "assert(not ok and tostring(err):find '404')\n"
      "anyreach.map({ 1, 2, 3 }, function(i) api.agents.create { name = 'n' .. i } end)\n");
}

static unsigned long torture_replay(struct memory_refusal refusal) {
  const struct options options = {
      .values = {[OPTION_REPLAY] = "tests/torture/recording", [OPTION_QUIET] = ""}};
  return torture_code(refusal, &options,
                      "local api = anyreach.client()\n"
                      "assert(api.agents.list()[1].name == 'Front desk')\n"
                      "local ok, err = pcall(api.agents.list, { name = 'x' })\n"
                      "assert(not ok and err.kind == 'replay')\n");
}

/* Answerers that wait, send, and answer by themselves, one around the other. */
static unsigned long torture_answerer(struct memory_refusal refusal) {
  const struct options options = {.values = {[OPTION_SANDBOX] = "", [OPTION_QUIET] = ""}};
  return torture_code(
      refusal, &options,
      "local answerer = require 'anyreach.answerer'\n"
      "local seen = 0\n"
      "local inner <close> = answerer.install(function(request, send)\n"
      "  if request.method == 'DELETE' then return { status = 204 } end\n"
      "  return send { whole = true }\n"
      "end)\n"
      "local outer <close> = answerer.install(function(request, send)\n"
      "  anyreach.sleep(0)\n"
      "  local answer = coroutine.wrap(function() return send() end)()\n"
      "  seen = seen + 1\n"
      "  return answer\n"
      "end)\n"
      "local api = anyreach.client()\n"
      "local agent = api.agents.create { name = 'a' }\n"
      "api.agents.delete(agent.id)\n"
      "assert(anyreach.map({ 1, 2 }, function() return api.agents.get(agent.id).name end)[2] == "
      "'a')\n"
      "anyreach.spawn(api.agents.list):cancel()\n"
      "assert(seen == 4)\n");
}

/* Tasks that wait for events, for each other and for a time, also inside coroutines, and what is
 * left of those that lacked the memory to wait, which the collector finds. */
static unsigned long torture_waits(struct memory_refusal refusal) {
  const struct options options = {.values = {[OPTION_QUIET] = ""}};
  return torture_code(refusal, &options,
                      "local host = require 'anyreach.host'\n"
                      "local woken, lacking = 0, 0\n"
                      "local function inside(f) return coroutine.wrap(f)() end\n"
                      "for round = 1, 2 do\n"
                      "  local event = host.event()\n"
                      "  local ok, sleeper = pcall(anyreach.spawn, function()\n"
                      "    inside(function() inside(function() event:wait() end) end)\n"
                      "    woken = woken + 1\n"
                      "  end)\n"
                      "  local waits, waiter = pcall(anyreach.spawn, function()\n"
                      "    inside(function() pcall(sleeper.wait, sleeper, 100) end)\n"
                      "    woken = woken + 1\n"
                      "  end)\n"
                      "  if not (ok and waits) then lacking = lacking + 1 end\n"
                      "  pcall(anyreach.sleep, 0)\n"
                      "  collectgarbage()\n"
                      "  event:set()\n"
                      "  if ok then pcall(sleeper.wait, sleeper) end\n"
                      "  if waits then pcall(waiter.wait, waiter) end\n"
                      "  sleeper, waiter, event = nil, nil, nil\n"
                      "  collectgarbage()\n"
                      "end\n"
                      "assert(woken == 4 and lacking == 0)\n");
}

/* }====== */

const struct scenario scenarios[] = {
    {"buf", torture_buf},         {"url", torture_url},
    {"arena", torture_arena},     {"loop", torture_loop},
    {"json", torture_json},       {"yaml", torture_yaml},
    {"secret", torture_secret},   {"redact", torture_redact},
    {"sqlite", torture_sqlite},   {"regex", torture_regex},
    {"schema", torture_schema},   {"openapi", torture_openapi},
    {"request", torture_request}, {"cancel", torture_cancel},
    {"server", torture_server},   {"program", torture_program},
    {"replay", torture_replay},   {"answerer", torture_answerer},
    {"waits", torture_waits},     {NULL, NULL},
};
