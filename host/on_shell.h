/* on_shell.h -- scripts run by a shell at another end, and what comes home of them.  Other half:
 * on_shell_posix.c. */
#ifndef HOST_ON_SHELL_H
#define HOST_ON_SHELL_H

#include "options.h"

/* What a script printed, and how it ended. */
typedef struct told {
    char *text; /* owned; without the last line, which is the shell's own */
    size_t num;
    int code; /* of what the script told to end with */
} told;

/* Hands `script` to --on's command as its last word, with the file `from` on its standard input;
 * NULL: with an input that ends when this process does, or is interrupted.  A script says itself
 * how it ended, by on_end: whoever goes without doing so has vanished.  0 or an exit code after a
 * message; free told in any case. */
int on_shell(const options *o, const char *script, const char *from, told *out);
/* What each script ends with; "$c" is the code. */
extern const char on_end[];

/* A growing text. */
typedef struct script {
    char *text; /* owned; NULL when memory was short */
    size_t num, capacity;
} script;
void script_add(script *s, const char *text);
/* As one word of a shell, whatever is in it. */
void script_add_word(script *s, const char *word);

#endif
