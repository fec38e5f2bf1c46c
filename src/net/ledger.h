/* What this process has written, for the account that it gives when it is stopped: how many writes
 * were answered well, and which were under way and may have been carried out. No Lua. */
#ifndef ANYREACH_LEDGER_H
#define ANYREACH_LEDGER_H

/* A write was answered with success. */
void ledger_note_applied(void);

/* A write was given up after it may have been sent. Of the first LEDGER_NAMED_MAX the text is kept,
 * cut at LEDGER_TEXT_MAX bytes. */
void ledger_note_open(const char *method, const char *path);

enum { LEDGER_NAMED_MAX = 20, LEDGER_TEXT_MAX = 200 };

unsigned long ledger_applied(void);
unsigned long ledger_open(void);

/* "METHOD PATH" of the one with this index, below LEDGER_NAMED_MAX and ledger_open(). */
const char *ledger_open_text(unsigned long index);

#endif
