/* on_files.h -- what another end needs of this one: files by their content.  Other half:
 * on_files_posix.c. */
#ifndef HOST_ON_FILES_H
#define HOST_ON_FILES_H

#include "on_shell.h"
#include "options.h"

typedef struct on_file {
    char *path, *name; /* owned; here, and in the folder of the run there */
    char digest[64];   /* its name among the files there: of content and size */
    char check[40];    /* what cksum says of it */
} on_file;

typedef struct on_files {
    on_file *items; /* owned */
    size_t num;
} on_files;

/* Adds a file; 0 or an exit code after a message, as below. */
int on_files_add(const options *o, on_files *files, const char *path, const char *name);
/* Adds all words of the command that name files, and writes its command line for there. */
int on_files_take(const options *o, on_files *files, script *line);
void on_files_free(on_files *files);

#endif
