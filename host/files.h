/* files.h -- small files of the command's own, complete or not at all, and clocks.
 * Other half: files.c. */
#ifndef HOST_FILES_H
#define HOST_FILES_H

#include <jansson.h>
#include <stddef.h>

#include "say.h"

/* 0 or an exit code after a message.  A file is written beside its target and renamed. */
int file_write(const options *o, const char *path, const char *text, size_t num_bytes);
int file_write_json(const options *o, const char *path, const json_t *object);
/* A text file whole, up to 16 MiB; *text is freed with free(). */
int file_read_text(const options *o, const char *path, char **text);
/* A text file, lines cut apart in place; *lines is freed with free(), then *text. */
int file_read_lines(const options *o, const char *path, char **text, char ***lines, size_t *num);
int file_exists(const char *path);
/* Makes a folder; one that is there is fine. */
int folder_make(const options *o, const char *path);
/* The same, and all that it stands in. */
int folders_make(const options *o, const char *path);
/* "dir/name", freed with free(); NULL when memory is short. */
char *path_join(const char *dir, const char *name);
int folder_has(const char *dir, const char *name);
/* 1 if a run can be taken up there; between two renames the checkpoint before is all there is. */
int folder_has_checkpoint(const char *dir);
/* What that file says, or NULL where it is not there or cannot be read. */
json_t *folder_read_json(const char *dir, const char *name);

double now_ms(void);

#endif
