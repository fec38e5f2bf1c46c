/* What this process has written, for the report that it gives when it is stopped: how many writes
 * were answered with success, and which were under way and may have been carried out. No Lua. */
#ifndef ANYREACH_WRITE_TALLY_H
#define ANYREACH_WRITE_TALLY_H

/* A write was answered with success. */
void write_tally_note_applied(void);

/* A write was given up after it may have been sent. Of the first WRITE_TALLY_NAMED_MAX the text is
 * kept, cut at WRITE_TALLY_TEXT_MAX bytes. */
void write_tally_note_open(const char *method, const char *path);

enum { WRITE_TALLY_NAMED_MAX = 20, WRITE_TALLY_TEXT_MAX = 200 };

unsigned long write_tally_applied(void);
unsigned long write_tally_open(void);

/* "METHOD PATH" of the one with this index, below WRITE_TALLY_NAMED_MAX and write_tally_open(). */
const char *write_tally_open_text(unsigned long index);

#endif
