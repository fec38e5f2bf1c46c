/* Who is connected to the sandbox, and who has to go: those whose client has, those that take too
 * long, and, when more are open than the server can hold, those that wait for nothing. No Lua, and
 * nothing of libmicrohttpd: a connection is ended by shutting its socket down, which whoever owns
 * the socket notices. Times are those of loop_now(). For the sandbox alone. */
#ifndef ANYREACH_SANDBOX_CONNECTIONS_H
#define ANYREACH_SANDBOX_CONNECTIONS_H

#include <stdbool.h>
#include <stddef.h>

enum {
  CONNECTIONS_MAX = 1000,
  CONNECTIONS_PHASE_SECONDS = 75, /* for each phase but CONNECTION_ANSWERING */
  CONNECTIONS_GRACE_SECONDS = 1,  /* in which one that waits keeps its place */
  CONNECTIONS_SWEEP_MS = 1000
};

enum connection_phase {
  CONNECTION_WAITING,    /* for a request: silent, or in the middle of a head */
  CONNECTION_UPLOADING,  /* the body of a request arrives; up to here something is due */
  CONNECTION_ANSWERING,  /* the server is at work, or delays the answer */
  CONNECTION_DELIVERING, /* the answer goes out */
  CONNECTION_ENDED       /* its socket was shut down */
};

struct connection {
  int socket;
  enum connection_phase phase;
  double since;    /* when the phase began */
  bool is_surplus; /* came when there was no room for it */
  struct connection *next, *previous;
};

struct connections {
  struct connection *first, *last; /* in the order of `since` */
  size_t count;                    /* without those that have ended */
  size_t limit;
  double next_sweep;
};

/* A limit for a process that may open so many descriptors: some are left for those that are refused
 * (connections_surplus()), and for everything else. */
size_t connections_limit(size_t descriptors);

/* How many connections beyond the limit are accepted, so as to refuse their requests. */
size_t connections_surplus(size_t limit);

void connections_init(struct connections *connections, size_t limit);

/* A new connection, which waits. When there are too many, the one that has gone or waited longest
 * is ended; when there is none, the new one is a surplus. NULL when memory runs out. */
struct connection *connections_add(struct connections *connections, int socket, double now);

/* Forgets a connection before its socket is closed, and frees it. */
void connections_remove(struct connections *connections, struct connection *connection);

void connections_enter(struct connections *connections, struct connection *connection,
                       enum connection_phase phase, double now);

/* True when a request of this connection is to be refused: it is one too many, still. */
bool connections_are_too_many(const struct connections *connections,
                              const struct connection *connection);

/* Ends connections whose phase has taken too long, those whose client will send no more while a
 * request is due from it, and those that wait while there are too many. Does so once in
 * CONNECTIONS_SWEEP_MS. */
void connections_sweep(struct connections *connections, double now);

/* Milliseconds until there is something to sweep; -1 when nobody is connected. */
long connections_timeout(const struct connections *connections, double now);

#endif
