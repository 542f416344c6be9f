/* base/lines.h -- texts of lines NAME=VALUE that say what something is made of: whether two of them
 * are, and in what they differ.  Other half: lines.c. */
#ifndef KERF_BASE_LINES_H
#define KERF_BASE_LINES_H

enum { KERF__LINE = 256 };

/* 1 if they differ, and the first lines that do, KERF__LINE bytes at most and without their ends;
 * "no NAME" for a line that one of them has not. */
int kerf__lines_differ(const char *a, const char *b, char *line_a, char *line_b);

#endif
