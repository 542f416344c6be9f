/* table.h -- aligned tables for people.  Other half: table.c. */
#ifndef HOST_TABLE_H
#define HOST_TABLE_H

#include <stdio.h>

#include "say.h"

typedef struct table table;

/* header: columns parted by '|'; one that begins with '>' is set flush right.  NULL when
 * memory is short; all other functions take NULL and then do nothing. */
table *table_create(const char *header);
void table_destroy(table *t);
/* Fills the next cell of the row, then begins the next row after the last column. */
void table_cell(table *t, const char *format, ...) SAY_PRINTF(2, 3);
/* A cell with one number, or with `unknown` where there is none. */
void table_number(table *t, const char *format, double value, const char *unknown);
/* A line under what was added so far. */
void table_rule(table *t);
void table_print(const table *t, FILE *out);

/* 1234567 as "1,234,567"; text_bytes 32 hold any.  Returns text. */
const char *grouped(double x, char *text, size_t text_bytes);
/* 1070000 as "1.02 MiB". */
const char *bytes_text(double bytes, char *text, size_t text_bytes);

#endif
