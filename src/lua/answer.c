#include "lua/answer.h"

#include <ctype.h>
#include <lauxlib.h>
#include <string.h>
#include <time.h>

#include "lua/error.h"
#include "lua/json.h"
#include "lua/redact.h"
#include "net/retry.h"

static void set_text(lua_State *L, const char *name, const char *text) {
  lua_pushstring(L, text);
  lua_setfield(L, -2, name);
}

static void set_number(lua_State *L, const char *name, double number) {
  lua_pushnumber(L, number);
  lua_setfield(L, -2, name);
}

enum { USUAL_HEADERS = 12, USUAL_NAME_LENGTH = 64 };

/* Pushes a header's name in lower case. [-0, +1, m] */
static void push_header_name(lua_State *L, const char *name, size_t length) {
  char usual[USUAL_NAME_LENGTH];
  bool is_usual = length <= sizeof usual;
  char *lower = is_usual ? usual : lua_newuserdatauv(L, length, 0);
  for (size_t i = 0; i < length; i++)
    lower[i] = (char)(name[i] >= 'A' && name[i] <= 'Z' ? name[i] + ('a' - 'A') : name[i]);
  lua_pushlstring(L, lower, length);
  if (!is_usual) lua_remove(L, -2);
}

/* Pushes the header fields by lower-case name; repeated ones are joined by ", ". [-0, +1, m] */
static void push_headers(lua_State *L, const struct http_transfer *transfer) {
  struct http_field field;
  size_t offset = 0;
  lua_createtable(L, 0, USUAL_HEADERS);
  while (http_next_field(transfer, &offset, &field)) {
    push_header_name(L, field.name, field.name_length);
    lua_pushvalue(L, -1);
    if (lua_rawget(L, -3) == LUA_TSTRING) {
      lua_pushliteral(L, ", ");
      lua_pushlstring(L, field.value, field.value_length);
      lua_concat(L, 3);
    } else {
      lua_pop(L, 1);
      lua_pushlstring(L, field.value, field.value_length);
    }
    lua_rawset(L, -3);
  }
}

/* Sets in the table on top the server's name for the request, from the header fields at `headers`,
 * under the names that servers use. */
static void set_request_id(lua_State *L, int headers) {
  static const char *const names[] = {"x-request-id", "x-correlation-id", "request-id"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    lua_pushstring(L, names[i]);
    if (lua_rawget(L, headers) != LUA_TNIL) {
      lua_setfield(L, -2, "request_id");
      return;
    }
    lua_pop(L, 1);
  }
}

void push_response(lua_State *L, const struct exchange *exchange) {
  push_headers(L, exchange->transfer);
  int headers = lua_gettop(L);
  lua_createtable(L, 0, 5);
  luaL_newmetatable(L, JSON_RESPONSE_TYPE);
  lua_setmetatable(L, -2);
  lua_pushinteger(L, exchange->transfer->status);
  lua_setfield(L, -2, "status");
  lua_pushvalue(L, headers);
  lua_setfield(L, -2, "headers");
  set_request_id(L, headers);
  set_number(L, "elapsed", exchange->transfer->elapsed);
  lua_pushinteger(L, exchange->attempts);
  lua_setfield(L, -2, "attempts");
  lua_remove(L, headers);
}

/* Pushes the table of raw fields that every failure has. [-0, +1, m] */
static void push_failure(lua_State *L, const struct exchange *exchange) {
  lua_createtable(L, 0, 12);
  set_text(L, "operation", exchange->operation->name);
  set_text(L, "method", exchange->operation->method);
  const char *url = exchange->transfer->url;
  lua_pushlstring(L, url, exchange->presigned ? strcspn(url, "?") : strlen(url));
  lua_setfield(L, -2, "url");
  lua_pushinteger(L, exchange->attempts);
  lua_setfield(L, -2, "attempts");
  lua_pushboolean(L, exchange->operation->writes && exchange->may_have_been_sent);
  lua_setfield(L, -2, "may_have_been_sent");
  push_shown_request(L, exchange->transfer, exchange->presigned);
  lua_setfield(L, -2, "sent");
}

/* Those that are not here are "network". */
const char *verdict_kind(CURLcode verdict, bool too_large) {
  static const struct {
    CURLcode verdict;
    const char *kind;
  } kinds[] = {{CURLE_OPERATION_TIMEDOUT, "timeout"},  {CURLE_PEER_FAILED_VERIFICATION, "tls"},
               {CURLE_SSL_CONNECT_ERROR, "tls"},       {CURLE_SSL_CERTPROBLEM, "tls"},
               {CURLE_SSL_CACERT_BADFILE, "tls"},      {CURLE_SSL_ISSUER_ERROR, "tls"},
               {CURLE_BAD_CONTENT_ENCODING, "answer"}, {CURLE_WEIRD_SERVER_REPLY, "answer"},
               {CURLE_UNSUPPORTED_PROTOCOL, "answer"}, {CURLE_OUT_OF_MEMORY, "memory"}};
  if (too_large) return "answer";
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
    if (kinds[i].verdict == verdict) return kinds[i].kind;
  return "network";
}

const char *verdict_message(const struct http_transfer *transfer) {
  return *transfer->error ? transfer->error : curl_easy_strerror(transfer->verdict);
}

/* True when no connection could be made: a matter of the network or the server, not of the request.
 */
static bool is_unreachable(const struct http_transfer *transfer) {
  return transfer->verdict == CURLE_COULDNT_RESOLVE_PROXY ||
         transfer->verdict == CURLE_COULDNT_RESOLVE_HOST ||
         transfer->verdict == CURLE_COULDNT_CONNECT || transfer->step != HTTP_SENDING;
}

static void push_transport_error(lua_State *L, const struct exchange *exchange) {
  const struct http_transfer *transfer = exchange->transfer;
  push_failure(L, exchange);
  if (is_unreachable(transfer)) {
    lua_pushboolean(L, 1);
    lua_setfield(L, -2, "unreachable");
  }
  set_text(L, "kind", verdict_kind(transfer->verdict, transfer->too_large));
  set_text(L, "message", verdict_message(transfer));
  make_error(L);
}

/* Sets in the table on top, as `body`, the start of one that is not JSON. errors.lua removes
 * secrets from it and then cuts it shorter, so that none is cut in two. */
static void set_body(lua_State *L, const struct buf *body) {
  enum { BODY_MAX = 64 * 1024 };
  size_t length = body->length < BODY_MAX ? body->length : BODY_MAX;
  lua_pushlstring(L, body->data ? body->data : "", length);
  lua_setfield(L, -2, "body");
}

/* Pushes what the server says went wrong: the decoded body's `detail`, else `error` or `message`,
 * else the start of the text, which the table below gets as `body`, too. [-0, +1, m] */
static void push_detail(lua_State *L, const struct buf *body) {
  static const char *const names[] = {"detail", "error", "message"};
  int top = lua_gettop(L);
  bool decoded = body->length && json_decode_keeping_bytes(L, body->data, body->length);
  if (decoded && lua_istable(L, -1)) {
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
      lua_pushstring(L, names[i]);
      if (lua_rawget(L, top + 1) != LUA_TNIL) {
        lua_replace(L, top + 1);
        lua_settop(L, top + 1);
        return;
      }
      lua_pop(L, 1);
    }
    return;
  }
  lua_settop(L, top);
  if (body->length && !decoded) set_body(L, body);
  size_t length = body->length < 200 ? body->length : 200;
  lua_pushlstring(L, body->data ? body->data : "", length);
}

/* Pushes the error code of a storage service's XML, or nil. Its other words stay unsaid: they may
 * repeat the signature of the address. [-0, +1, m] */
static void push_storage_code(lua_State *L, const struct buf *body) {
  static const char tag[] = "<Code>";
  const char *code = body->length ? memmem(body->data, body->length, tag, sizeof tag - 1) : NULL;
  if (!code) {
    lua_pushnil(L);
    return;
  }
  code += sizeof tag - 1;
  size_t left = (size_t)(body->data + body->length - code), length = 0;
  while (length < left && length < 80 && isalnum((unsigned char)code[length])) length++;
  lua_pushlstring(L, code, length);
}

static void set_retry_after(lua_State *L, const struct http_transfer *transfer) {
  size_t length;
  const char *value = http_response_header(transfer, "Retry-After", &length);
  double seconds = value ? retry_after_seconds(value, length, time(NULL)) : -1;
  if (seconds >= 0) set_number(L, "retry_after", seconds);
}

static void set_scopes(lua_State *L, const struct operation *operation) {
  if (!operation->scopes) return;
  lua_newtable(L);
  for (lua_Integer i = 0; operation->scopes[i]; i++) {
    lua_pushstring(L, operation->scopes[i]);
    lua_rawseti(L, -2, i + 1);
  }
  lua_setfield(L, -2, "scopes");
}

static void push_status_error(lua_State *L, const struct exchange *exchange) {
  push_failure(L, exchange);
  lua_pushinteger(L, exchange->transfer->status);
  lua_setfield(L, -2, "status");
  if (exchange->operation->writes && exchange->transfer->status >= 500) {
    lua_pushboolean(L, 1);
    lua_setfield(L, -2, "may_have_been_sent");
  }
  if (exchange->presigned)
    push_storage_code(L, &exchange->transfer->response_body);
  else
    push_detail(L, &exchange->transfer->response_body);
  lua_setfield(L, -2, "detail");
  push_headers(L, exchange->transfer);
  lua_insert(L, -2);
  set_request_id(L, lua_gettop(L) - 1);
  lua_remove(L, -2);
  set_retry_after(L, exchange->transfer);
  if (exchange->transfer->status == 403) set_scopes(L, exchange->operation);
  if (exchange->transfer->status == 401 || exchange->transfer->status == 403) {
    push_credential_name(L, exchange->transfer);
    lua_setfield(L, -2, "credential");
  }
  make_error(L);
}

/* Pushes the fields of a failure whose status is good. [-0, +1, m] */
static void push_answer_failure(lua_State *L, const struct exchange *exchange) {
  push_failure(L, exchange);
  lua_pushboolean(L, exchange->operation->writes);
  lua_setfield(L, -2, "may_have_been_sent");
  set_text(L, "kind", "answer");
  lua_pushinteger(L, exchange->transfer->status);
  lua_setfield(L, -2, "status");
}

/* An answer with a good status and nothing else. [-0, +1, m] */
static void push_empty_answer_error(lua_State *L, const struct exchange *exchange) {
  push_answer_failure(L, exchange);
  set_text(L, "message", "the answer is empty; expected JSON");
  make_error(L);
}

/* An answer with a good status that is no JSON. Stack: the decoder's message on top, replaced. */
static void push_answer_error(lua_State *L, const struct exchange *exchange) {
  const struct buf *body = &exchange->transfer->response_body;
  int message = lua_gettop(L);
  push_answer_failure(L, exchange);
  set_body(L, body);
  size_t line = 0;
  while (line < body->length && line < 80 && body->data[line] != '\n') line++;
  lua_pushlstring(L, body->data, line);
  lua_pushfstring(L, "the answer is not JSON: %s; it starts with: %s", lua_tostring(L, message),
                  lua_tostring(L, -1));
  lua_remove(L, -2);
  lua_setfield(L, -2, "message");
  make_error(L);
  lua_replace(L, message);
}

/* Lets the table on top be asked for `id` by the alias, and for the alias by `id`. Neither becomes
 * a field: a table that is sent back is what came. */
static int l_alias_index(lua_State *L) {
  const char *alias = lua_tostring(L, lua_upvalueindex(1));
  const char *name = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "";
  if (strcmp(name, "id") == 0)
    lua_pushstring(L, alias);
  else if (strcmp(name, alias) == 0)
    lua_pushliteral(L, "id");
  else
    return 0;
  lua_rawget(L, 1);
  return 1;
}

static void push_alias_metatable(lua_State *L, const char *alias) {
  const char *type = lua_pushfstring(L, "anyreach.alias.%s", alias);
  if (luaL_newmetatable(L, type)) {
    lua_pushstring(L, alias);
    lua_pushcclosure(L, l_alias_index, 1);
    lua_setfield(L, -2, "__index");
    lua_pushliteral(L, "table"); /* what print shows */
    lua_setfield(L, -2, "__name");
  }
  lua_remove(L, -2);
}

/* Gives the table at `index` and, in an array or an envelope of one, its elements the alias. */
static void set_alias(lua_State *L, int index, const char *alias) {
  static const char *const envelopes[] = {"data", "items", "results"};
  if (!json_is_array(L, index)) {
    push_alias_metatable(L, alias);
    lua_setmetatable(L, index);
    for (size_t i = 0; i < sizeof envelopes / sizeof *envelopes; i++) {
      lua_pushstring(L, envelopes[i]);
      if (lua_rawget(L, index) == LUA_TTABLE && json_is_array(L, -1))
        set_alias(L, lua_gettop(L), alias);
      lua_pop(L, 1);
    }
    return;
  }
  for (lua_Integer i = 1, count = (lua_Integer)lua_rawlen(L, index); i <= count; i++) {
    if (lua_rawgeti(L, index, i) == LUA_TTABLE && !json_is_array(L, -1)) {
      push_alias_metatable(L, alias);
      lua_setmetatable(L, -2);
    }
    lua_pop(L, 1);
  }
}

/* True when the answer is declared as JSON, or has no content type. */
static bool is_json(const struct http_transfer *transfer) {
  size_t length;
  const char *type = http_response_header(transfer, "Content-Type", &length);
  return !type || memmem(type, length, "json", 4) != NULL;
}

/* True when the documentation says what the answer holds. */
static bool expects_content(const struct operation *operation) {
  return operation->answer_kind == ANSWER_JSON && operation->answer &&
         operation->answer->types != SCHEMA_ANY;
}

/* Pushes the decoded body and returns true, or pushes an error object. [-0, +1, m] */
static bool push_body(lua_State *L, const struct exchange *exchange) {
  const struct operation *operation = exchange->operation;
  const struct buf *body = &exchange->transfer->response_body;
  bool raw_text = exchange->raw && !is_json(exchange->transfer);
  if (operation->answer_kind == ANSWER_TEXT || raw_text) {
    lua_pushlstring(L, body->data ? body->data : "", body->length);
    return true;
  }
  if (body->length == 0) {
    bool is_error = expects_content(operation);
    is_error ? push_empty_answer_error(L, exchange) : lua_pushnil(L);
    return !is_error;
  }
  if (!json_decode_keeping_bytes(L, body->data, body->length)) {
    push_answer_error(L, exchange);
    return false;
  }
  if (operation->id_alias && lua_istable(L, -1)) set_alias(L, lua_gettop(L), operation->id_alias);
  return true;
}

bool push_answer(lua_State *L, const struct exchange *exchange) {
  if (exchange->transfer->verdict != CURLE_OK) {
    push_transport_error(L, exchange);
    return false;
  }
  if (exchange->transfer->status < 200 || exchange->transfer->status > 299) {
    push_status_error(L, exchange);
    return false;
  }
  return push_body(L, exchange);
}
