/* Reads an entry from a terminal, with editing, history, completion and hints, by libedit, in
 * UTF-8. An entry may have several lines: Enter ends it only when it is complete. While waiting for
 * a key the editor calls its owner, which lets other work go on. One editor at a time, on stdin and
 * stdout. No Lua.
 *
 * Libedit edits and draws. What it does badly is done here: going through the history and the
 * search with Ctrl-R (libedit's search treats a prefix as a regular expression, and cuts entries at
 * 1,024 characters), hints (its right prompt has room for a few words only), Ctrl-Z, and pasting.
 * Known limits: combining characters are part of the entry but not visible while it is edited; of
 * an entry taller than the screen only the end is visible, with the cursor where it belongs.
 */
#ifndef ANYREACH_LINE_EDITOR_H
#define ANYREACH_LINE_EDITOR_H

#include <stdbool.h>
#include <stddef.h>

struct line_editor;

/* What Tab does: `insert` replaces `length` bytes before the cursor, and `listing` is shown above.
 * The texts belong to the owner and must last until the next call. */
struct line_completion {
  size_t length;
  const char *insert;  /* or NULL */
  const char *listing; /* or NULL */
};

/* Called by line_editor_read() only; `text` is the entry, and `cursor` the bytes before the cursor.
 */
struct line_hooks {
  void *context;
  /* Returns true when stdin can be read or line_editor_has_signal(), false to give up the entry. */
  bool (*wait)(void *context);
  bool (*is_complete)(void *context, const char *text);
  /* `again`: the key before was Tab too. */
  void (*complete)(void *context, const char *text, size_t cursor, bool again,
                   struct line_completion *completion);
  /* A line to show below the entry, or NULL. */
  const char *(*hint)(void *context, const char *text, size_t cursor);
};

/* Entries are kept in memory, and in the file `history` unless that is NULL; others cannot read it.
 * Returns NULL without a terminal, or without memory. */
struct line_editor *line_editor_new(const struct line_hooks *hooks, const char *history);
void line_editor_free(struct line_editor *editor);

/* Reads an entry. The prompt is a single line; text between two \1 takes no room (colours). The
 * entry lasts until the next call. LINE_END: Ctrl-D in an empty entry, or the terminal is gone. */
enum line_status { LINE_READ, LINE_END, LINE_GIVEN_UP };
enum line_status line_editor_read(struct line_editor *editor, const char *prompt,
                                  const char *initial, const char **text);

/* Writes lines, above the entry if one is being read. */
void line_editor_print(struct line_editor *editor, const char *text, size_t length);

void line_editor_add_history(struct line_editor *editor, const char *text);

/* For signal handlers of SIGWINCH, SIGCONT and, while an entry is read, SIGTSTP: the reader acts on
 * them. */
void line_editor_note_signal(int signal_number);
bool line_editor_has_signal(void);

/* A signal handler: restores the terminal, and lets the signal end the program. */
void line_editor_end_by_signal(int signal_number);

#endif
