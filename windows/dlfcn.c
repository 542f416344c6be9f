/* dlfcn.c -- see dlfcn.h. */
#include "dlfcn.h"

#include <windows.h>

static _Thread_local DWORD last_error;

void *dlopen(const char *path, int flags)
{
    (void)flags;
    HMODULE library = path != NULL ? LoadLibraryA(path) : GetModuleHandleA(NULL);
    last_error = library != NULL ? 0 : GetLastError();
    return library;
}

void *dlsym(void *library, const char *name)
{
    void *found = (void *)(size_t)GetProcAddress(library, name);
    last_error = found != NULL ? 0 : GetLastError();
    return found;
}

char *dlerror(void)
{
    static _Thread_local char text[64];
    if (last_error == 0)
        return NULL;
    snprintf(text, sizeof text, "Windows' error %lu", last_error);
    last_error = 0;
    return text;
}

int dladdr(const void *address, Dl_info *info)
{
    static _Thread_local char path[MAX_PATH];
    HMODULE library = NULL;
    const DWORD how =
        GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT;
    info->dli_fname = path;
    return GetModuleHandleExA(how, address, &library) &&
           GetModuleFileNameA(library, path, sizeof path) > 0;
}
