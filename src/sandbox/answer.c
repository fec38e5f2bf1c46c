#include "sandbox/answer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ANSWER_PIECE_MAX = 256 }; /* bytes that are sent at a time */

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

struct MHD_Response *answer_in_pieces(const char *body, size_t length, bool truncate) {
  struct pieces *pieces = malloc(sizeof *pieces + length);
  if (!pieces) return NULL;
  pieces->end = truncate ? length / 2 : length;
  pieces->cut = truncate;
  memcpy(pieces->bytes, body, length);
  struct MHD_Response *response = MHD_create_response_from_callback(
      truncate ? length : MHD_SIZE_UNKNOWN, ANSWER_PIECE_MAX, read_piece, pieces, free);
  if (!response) free(pieces);
  return response;
}

struct MHD_Response *answer_whole(const char *body, size_t length) {
  return MHD_create_response_from_buffer(length, (void *)body, MHD_RESPMEM_MUST_COPY);
}

enum MHD_Result answer_refusal(struct MHD_Connection *connection, unsigned status,
                               const char *problem) {
  char text[128];
  int length = snprintf(text, sizeof text, "{\"detail\":\"%s\"}", problem);
  struct MHD_Response *response = answer_whole(text, (size_t)length);
  if (!response) return MHD_NO;
  MHD_add_response_header(response, "Content-Type", "application/json");
  MHD_add_response_header(response, "Connection", "close");
  if (status == MHD_HTTP_SERVICE_UNAVAILABLE) MHD_add_response_header(response, "Retry-After", "1");
  enum MHD_Result result = MHD_queue_response(connection, status, response);
  MHD_destroy_response(response);
  return result;
}
