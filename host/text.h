/* text.h -- texts: copied, and made fit for a terminal.  Other half: text.c. */
#ifndef HOST_TEXT_H
#define HOST_TEXT_H

#include <stddef.h>

/* Names come from files: control characters and broken UTF-8 become '?' in place, so that a
 * model cannot talk to the terminal. */
void clean_text(char *text);

/* The first `length` bytes of a text (or all of it, if it is shorter), with room for
 * `more_bytes` behind; freed with free().  NULL when memory is short. */
char *copy_text(const char *text, size_t length, size_t more_bytes);

#endif
