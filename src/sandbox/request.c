#include "sandbox/request.h"

#include <stdlib.h>
#include <string.h>

struct request *request_new(struct delays *delays, struct MHD_Connection *connection,
                            const char *target) {
  struct request *request = calloc(1, sizeof *request);
  if (!request) return NULL;
  request->delays = delays;
  request->connection = connection;
  buf_init(&request->body, REQUEST_BODY_MAX);
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
  loop_timer_stop(request->delays->loop, &request->timer);
  if (request->previous)
    request->previous->next = request->next;
  else if (request->delays->first == request)
    request->delays->first = request->next;
  if (request->next) request->next->previous = request->previous;
  request->next = request->previous = NULL;
}

void request_free(struct request *request) {
  end_delay(request);
  if (request->response) MHD_destroy_response(request->response);
  buf_wipe(&request->body);
  free(request->path);
  free(request);
}

bool request_add(struct request *request, const char *bytes, size_t length) {
  if (request->too_large) return true;
  int status = buf_append(&request->body, bytes, length);
  if (status == BUF_FULL) {
    request->too_large = true;
    buf_free(&request->body);
  }
  return status != BUF_NO_MEMORY;
}

static void resume(void *context) {
  struct request *request = context;
  end_delay(request);
  MHD_resume_connection(request->connection);
}

bool request_wait(struct request *request) {
  struct delays *delays = request->delays;
  request->timer.fire = resume;
  request->timer.context = request;
  if (loop_timer_start(delays->loop, &request->timer, request->delay) != 0) return false;
  request->next = delays->first;
  if (request->next) request->next->previous = request;
  delays->first = request;
  MHD_suspend_connection(request->connection);
  return true;
}

void delays_end(struct delays *delays) {
  while (delays->first) resume(delays->first);
}
