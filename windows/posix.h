/* posix.h -- the part of POSIX that Kerf uses and mingw-w64 lacks, so that no other file asks which
 * system it is built for.  Read before each file of a build for Windows (cmake/KerfWindows.cmake);
 * other halves: the .c files beside, by subject.
 *
 * A promise that Windows cannot keep is left out rather than half kept: there is no fork() here,
 * and what needs one has a file NAME_windows.c in place of NAME_posix.c.  Texts are UTF-8, paths
 * have slashes either way (start.c). */
#ifndef KERF_WINDOWS_POSIX_H
#define KERF_WINDOWS_POSIX_H

#include <direct.h>
#include <dirent.h>
#include <fcntl.h>
#include <io.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

/* Windows' headers declare it, and files of Kerf have one of their own. */
#define tell kerf_own_tell

/* ---- files and folders: files.c, folders.c -------------------------------------------------- */

/* Handles are not handed on unless asked, links are not followed by hand, and no pipe has a name
 * among files, so these ask for what is so anyway. */
#define O_CLOEXEC  O_NOINHERIT
#define O_NOFOLLOW 0
#define O_NONBLOCK 0

ssize_t pread(int file, void *bytes, size_t num_bytes, off_t at);
ssize_t pwrite(int file, const void *bytes, size_t num_bytes, off_t at);
ssize_t kerf_posix_write(int file, const void *bytes, size_t num_bytes);
#define write kerf_posix_write
int fsync(int file);
/* As POSIX has it: what has the new name is replaced. */
int kerf_posix_rename(const char *from, const char *to);
#define rename kerf_posix_rename
/* Others may remove or replace a file that is open, as they may elsewhere. */
int kerf_posix_open(const char *path, int flags, ...);
#define open kerf_posix_open

/* With nanoseconds, true numbers of links, and lengths of 64 bits. */
struct kerf_posix_stat {
    unsigned st_mode;
    unsigned st_nlink; /* 0: removed while it is open */
    off_t st_size;
    struct timespec st_mtim;
};
#define st_mtime st_mtim.tv_sec
int kerf_posix_stat(const char *path, struct kerf_posix_stat *info);
int kerf_posix_fstat(int file, struct kerf_posix_stat *info);
#undef stat
#undef fstat
#define stat  kerf_posix_stat
#define fstat kerf_posix_fstat
#define lstat kerf_posix_stat

/* Now, for `times` NULL, and from here for the folder AT_FDCWD, the one way that Kerf asks. */
enum { AT_FDCWD = -100 };
int utimensat(int folder, const char *path, const struct timespec *times, int flags);

/* Windows knows no rights by number. */
int kerf_posix_mkdir(const char *path, int mode);
#define mkdir kerf_posix_mkdir

/* The path behind all links, with slashes, in fresh memory; `place` must be NULL. */
char *realpath(const char *path, char *place);
/* Of "/proc/self/exe" alone: where this program lies. */
ssize_t readlink(const char *path, char *place, size_t place_bytes);
char *mkdtemp(char *name_template);

enum { LOCK_SH = 1, LOCK_EX = 2, LOCK_NB = 4 }; /* they go when the file is closed */
int flock(int file, int how);

/* A stream that becomes a text when it is closed. */
FILE *open_memstream(char **text, size_t *num_bytes);
int kerf_posix_fclose(FILE *stream);
#define fclose kerf_posix_fclose

/* ---- the process: process.c, start.c -------------------------------------------------------- */

/* A program's own begins behind that of start.c, which makes its surroundings POSIX's. */
#define main kerf_posix_main
int main(int argc, char **argv);

int setenv(const char *name, const char *value, int replace);
int unsetenv(const char *name);
int strerror_r(int number, char *text, size_t text_bytes);
enum { _SC_NPROCESSORS_ONLN = 1 };
long sysconf(int what);
/* `number` 0 alone: whether such a process is there. */
int kill(pid_t pid, int number);

/* Never sent here, so a handler of them is never called. */
#define SIGPIPE    13
#define SIGBUS     SIGSEGV
#define SA_RESTART 0
struct sigaction {
    void (*sa_handler)(int number);
    int sa_flags;
};
int sigaction(int number, const struct sigaction *now, struct sigaction *before);

#endif
