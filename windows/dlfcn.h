/* dlfcn.h -- libraries opened at run time; other half: dlfcn.c. */
#ifndef KERF_WINDOWS_DLFCN_H
#define KERF_WINDOWS_DLFCN_H

enum { RTLD_LOCAL = 0, RTLD_NOW = 2 };

/* NULL is this program, without the libraries that it has open. */
void *dlopen(const char *path, int flags);
void *dlsym(void *library, const char *name);
/* Why the last call of this thread failed, once; NULL if it did not. */
char *dlerror(void);

typedef struct {
    const char *dli_fname; /* of the thread's last call */
} Dl_info;
int dladdr(const void *address, Dl_info *info);

#endif
