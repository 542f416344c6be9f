/* fnmatch.h -- names by patterns, flags 0; other half: fnmatch.c. */
#ifndef KERF_WINDOWS_FNMATCH_H
#define KERF_WINDOWS_FNMATCH_H

/* 0 if the text is as the pattern says: * ? [set] [!set] and a backslash before what means itself.
 */
int fnmatch(const char *pattern, const char *text, int flags);

#endif
