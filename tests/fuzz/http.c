/* What comes from a server before its body: the fields of an answer's head, Retry-After, and what
 * goes to it: a header that was accepted is one line. The first line of the input is a header's
 * name and value; the rest is an answer's head. */
#include "../../src/net/http.h"

#include <stdlib.h>
#include <string.h>

#include "../../src/net/retry.h"
#include "fuzz.h"

static void check_wait(const char *text, size_t length) {
  static const time_t times[] = {0, 1700000000, -1, (time_t)1 << 40};
  for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
    double seconds = retry_after_seconds(text, length, times[i]);
    fuzz_expect(seconds == -1 || (seconds >= 0 && seconds <= RETRY_AFTER_MAX_SECONDS));
  }
}

static void check_fields(const struct http_transfer *transfer) {
  const char *start = transfer->response_headers.data,
             *end = start + transfer->response_headers.length;
  struct http_field field;
  size_t offset = 0, before = 0;
  while (http_next_field(transfer, &offset, &field)) {
    fuzz_expect(offset > before && offset <= transfer->response_headers.length);
    before = offset;
    fuzz_expect(field.name >= start && field.name + field.name_length < field.value);
    fuzz_expect(field.value + field.value_length <= end && field.name_length > 0);
    fuzz_expect(!memchr(field.value, '\n', field.value_length));
    check_wait(field.value, field.value_length);
  }
  size_t length;
  const char *value = http_response_header(transfer, "Retry-After", &length);
  if (value) check_wait(value, length);
}

static void check_added(const char *name, const char *value, size_t length) {
  struct http_transfer transfer = {0};
  if (http_add_header(&transfer, name, value, length) == 0) {
    const char *line = transfer.headers->data;
    fuzz_expect(strlen(line) >= strlen(name) + length + 1);
    for (; *line; line++) fuzz_expect(*line == '\t' || (unsigned char)*line >= ' ');
  }
  http_release(&transfer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const uint8_t *end = size ? memchr(data, '\n', size) : NULL;
  size_t first = end ? (size_t)(end - data) : size;
  const uint8_t *colon = first ? memchr(data, ':', first) : NULL;
  size_t name_length = colon ? (size_t)(colon - data) : 0;
  char *name = fuzz_copy_text(data, name_length);
  char *value = fuzz_copy_bytes(data + name_length, first - name_length);
  check_added(name, value, first - name_length);

  struct http_transfer transfer = {0};
  size_t head = end ? size - first - 1 : 0;
  buf_init(&transfer.response_headers, HTTP_MAX_HEADERS);
  transfer.response_headers.data = fuzz_copy_bytes(end ? end + 1 : data, head);
  transfer.response_headers.length = transfer.response_headers.capacity = head;
  check_fields(&transfer);
  http_release(&transfer);
  free(name);
  free(value);
  return 0;
}
