#include "sandbox/head.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* What may be given once. */
enum single { HOST, LENGTH, CODING, CREDENTIAL, KEY, ORGANIZATION, TYPE, SINGLES };

static const char *const single_names[SINGLES] = {
    [HOST] = "Host",
    [LENGTH] = "Content-Length",
    [CODING] = "Transfer-Encoding",
    [CREDENTIAL] = "Authorization",
    [KEY] = "X-Api-Key",
    [ORGANIZATION] = "X-Anyreach-Org",
    [TYPE] = "Content-Type",
};

struct survey {
  unsigned counts[SINGLES];
  const char *values[SINGLES];
  bool has_bad_name, has_bad_value;
};

static bool is_token(const char *text) {
  const char *at = text;
  while (isalnum((unsigned char)*at) || (*at && strchr("!#$%&'*+-.^_`|~", *at))) at++;
  return at > text && *at == '\0';
}

static bool has_control(const char *text) {
  for (; *text; text++)
    if (iscntrl((unsigned char)*text) && *text != '\t') return true;
  return false;
}

/* Control characters are no less wrong in a target. */
static bool has_space(const char *target) {
  return strpbrk(target, " \t") || has_control(target);
}

static enum MHD_Result look_at(void *context, enum MHD_ValueKind kind, const char *name,
                               const char *value) {
  struct survey *survey = context;
  (void)kind;
  survey->has_bad_name |= !is_token(name);
  survey->has_bad_value |= value && has_control(value);
  for (int i = 0; i < SINGLES; i++) {
    if (strcasecmp(name, single_names[i]) != 0) continue;
    survey->counts[i]++;
    survey->values[i] = value;
  }
  return MHD_YES;
}

/* One of this machine's names, with any port or none; blanks may follow. */
static bool is_own_host(const char *host) {
  static const char *const names[] = {"127.0.0.1", "localhost", "[::1]"};
  for (size_t i = 0; host && i < sizeof names / sizeof *names; i++) {
    size_t length = strlen(names[i]);
    if (strncasecmp(host, names[i], length) != 0) continue;
    const char *rest = host + length;
    if (*rest == ':') rest += 1 + strspn(rest + 1, "0123456789");
    if (rest[strspn(rest, " \t")] == '\0') return true;
  }
  return false;
}

static bool is_coding_understood(const struct survey *survey, const char *version) {
  if (!survey->counts[CODING]) return true;
  const char *coding = survey->values[CODING];
  return coding && strcasecmp(coding, "chunked") == 0 && strcmp(version, "HTTP/1.0") != 0;
}

static const char *problem_of_line(const struct request *request) {
  if (!is_token(request->method)) return "the method is not a token of HTTP";
  if (has_space(request->path) || has_space(request->query)) return "the target has a space";
  return NULL;
}

static const char *problem_of_headers(const struct survey *survey, const char *version,
                                      char text[HEAD_PROBLEM_MAX]) {
  if (survey->has_bad_name) return "the name of a header is not a token of HTTP";
  if (survey->has_bad_value) return "a header has a control character";
  for (int i = 0; i < SINGLES; i++) {
    if (survey->counts[i] <= 1) continue;
    snprintf(text, HEAD_PROBLEM_MAX, "%s: given more than once", single_names[i]);
    return text;
  }
  if (survey->counts[LENGTH] && survey->counts[CODING])
    return "Content-Length: given beside Transfer-Encoding";
  if (!is_coding_understood(survey, version)) return "Transfer-Encoding: expected chunked";
  if (!survey->counts[HOST]) return "Host: missing";
  return is_own_host(survey->values[HOST]) ? NULL : "Host: expected 127.0.0.1 or localhost";
}

const char *head_problem(const struct request *request, const char *version,
                         char text[HEAD_PROBLEM_MAX]) {
  struct survey survey = {.has_bad_name = false};
  MHD_get_connection_values(request->connection, MHD_HEADER_KIND, look_at, &survey);
  const char *problem = problem_of_line(request);
  return problem ? problem : problem_of_headers(&survey, version, text);
}
