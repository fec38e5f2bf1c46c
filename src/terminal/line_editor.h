/* Reading an entry from a terminal: editing, history, completion and hints, by libedit, in UTF-8.
 * An entry may have several lines: Enter ends it only when it is complete. While it waits for a key
 * it calls its owner, who lets other work go on. No Lua. One editor at a time, on stdin and stdout.
 *
 * Libedit edits and draws; what it does badly is done here: going through the history (its own
 * search takes a prefix for a regular expression, and cuts entries at 1,024 characters), the search
 * with Ctrl-R for the same reasons, hints (its right prompt has room for a few words only), Ctrl-Z,
 * and pasting. What it cannot do: combining characters are in the entry but not seen while it is
 * edited; of an entry that is higher than the screen only the end is seen, where the cursor is in
 * its place.
 */
#ifndef ANYREACH_LINE_EDITOR_H
#define ANYREACH_LINE_EDITOR_H

#include <stdbool.h>
#include <stddef.h>

struct line_editor;

/* What Tab does: `length` bytes before the cursor give way to `insert`, and `listing` is shown
 * above. Texts belong to the owner and need to last only until the next call. */
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
  /* One line to be shown below the entry, or NULL. */
  const char *(*hint)(void *context, const char *text, size_t cursor);
};

/* Entries are remembered in memory, and in the file `history` (or NULL), which others cannot read.
 * NULL when there is no terminal, or no memory. */
struct line_editor *line_editor_new(const struct line_hooks *hooks, const char *history);
void line_editor_free(struct line_editor *editor);

/* Reads an entry. In the prompt, a single line, what stands between two \1 takes no room (colours).
 * The text lasts until the next call. LINE_END: Ctrl-D in an empty entry, or there is no terminal
 * any more. */
enum line_status { LINE_READ, LINE_END, LINE_GIVEN_UP };
enum line_status line_editor_read(struct line_editor *editor, const char *prompt,
                                  const char *initial, const char **text);

/* Writes lines above the entry that is being read, if one is. */
void line_editor_print(struct line_editor *editor, const char *text, size_t length);

void line_editor_add_history(struct line_editor *editor, const char *text);

/* For signal handlers: SIGWINCH, SIGCONT and, while an entry is read, SIGTSTP are heeded by whoever
 * reads. */
void line_editor_note_signal(int signal_number);
bool line_editor_has_signal(void);

/* A signal handler: the terminal becomes what it was, and the signal ends the program. */
void line_editor_end_by_signal(int signal_number);

#endif
