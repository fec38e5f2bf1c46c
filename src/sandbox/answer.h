/* What the sandbox answers with: libmicrohttpd's responses, whole or in pieces, and refusals that
 * the rules are not asked for. For the sandbox alone. */
#ifndef ANYREACH_SANDBOX_ANSWER_H
#define ANYREACH_SANDBOX_ANSWER_H

#include <microhttpd.h>
#include <stdbool.h>

/* They copy the body. NULL when memory runs out. */
struct MHD_Response *answer_whole(const char *body, size_t length);

/* A truncated answer announces its whole length and ends half-way; otherwise none is announced. */
struct MHD_Response *answer_in_pieces(const char *body, size_t length, bool truncate);

/* Queues {"detail": problem}, whose text needs no escape in JSON, and closes the connection
 * afterwards. Returns what MHD's access handler is to return. */
enum MHD_Result answer_refusal(struct MHD_Connection *connection, unsigned status,
                               const char *problem);

#endif
