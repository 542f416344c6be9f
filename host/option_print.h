/* option_print.h -- what options were given, as the text that recipes have.  Other half:
 * option_print.c. */
#ifndef HOST_OPTION_PRINT_H
#define HOST_OPTION_PRINT_H

#include <stdio.h>

#include "options.h"

void option_print(const options *o, const option_row *row, FILE *out);

void print_real(double x, FILE *out); /* the shortest that is read back as the same */
void print_text(const char *text, FILE *out);
void print_choice(const char *choices, int place, FILE *out); /* "a|b|c", one of them */
void print_list(const char *const *items, size_t num, FILE *out);

#endif
