/* process_windows.c -- see process.h.
 *
 * A child shares the console, so Ctrl-C reaches it as it reaches the parent, and it writes its
 * checkpoint by itself.  One whose parent is ended from outside goes on. */
#include "process.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <windows.h>

enum { FATAL = 0xC, BY_SIGNAL = 128 };

/* A word as a child's C library reads it: in quotation marks, with a backslash before each of its
 * own, and another one beside each backslash that stands before such a mark or the end. */
static char *put_word(char *at, const char *word)
{
    size_t slashes = 0;
    *at++ = '"';
    for (;; word++) {
        for (; slashes > 0 && (*word == '"' || *word == '\0'); slashes--)
            *at++ = '\\';
        if (*word == '\0')
            break;
        if (*word == '"')
            *at++ = '\\';
        slashes = *word == '\\' ? slashes + 1 : 0;
        *at++ = *word;
    }
    *at++ = '"';
    return at;
}

/* Freed with free(); NULL when memory is short. */
static char *command_line(const char *const *words)
{
    size_t bytes = 1;
    for (const char *const *w = words; *w != NULL; w++)
        bytes += 2 * strlen(*w) + 3;
    char *line = malloc(bytes), *at = line;
    for (; line != NULL && *words != NULL; words++) {
        at = put_word(at, *words);
        *at++ = words[1] != NULL ? ' ' : '\0';
    }
    return line;
}

/* For a child to write to. */
static HANDLE open_for_child(const char *path, DWORD how)
{
    SECURITY_ATTRIBUTES handed_on = {.nLength = sizeof handed_on, .bInheritHandle = TRUE};
    return CreateFileA(path, GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE, &handed_on, how, 0,
                       NULL);
}

static void close_if_open(HANDLE file)
{
    if (file != INVALID_HANDLE_VALUE)
        CloseHandle(file);
}

int process_start(const options *o, process *p, const char *const *words, const char *log)
{
    char path[MAX_PATH];
    PROCESS_INFORMATION made = {0};
    char *line = command_line(words);
    HANDLE null = open_for_child("NUL", OPEN_EXISTING);
    HANDLE told = log != NULL ? open_for_child(log, CREATE_ALWAYS) : INVALID_HANDLE_VALUE;
    STARTUPINFOA how = {.cb = sizeof how,
                        .dwFlags = STARTF_USESTDHANDLES,
                        .hStdInput = null,
                        .hStdOutput = null,
                        .hStdError =
                            told != INVALID_HANDLE_VALUE ? told : GetStdHandle(STD_ERROR_HANDLE)};
    fflush(NULL);
    const DWORD length = GetModuleFileNameA(NULL, path, sizeof path);
    const int good = line != NULL && length > 0 && length < sizeof path &&
                     CreateProcessA(path, line, NULL, NULL, TRUE, 0, NULL, NULL, &how, &made);
    const DWORD why = GetLastError();
    p->id = good ? (intptr_t)made.hProcess : 0;
    if (good)
        CloseHandle(made.hThread);
    close_if_open(null);
    close_if_open(told);
    free(line);
    return good ? 0 : fail_work(o, "no process for a run: Windows says %lu", why);
}

/* What ends a process from within has codes of its own, 0xC0000005 for one, and counts as SIGSEGV.
 */
int process_has_ended(process *p, int *code)
{
    DWORD ended = 0;
    HANDLE handle = (HANDLE)p->id;
    if (WaitForSingleObject(handle, 0) != WAIT_OBJECT_0)
        return 0;
    GetExitCodeProcess(handle, &ended);
    CloseHandle(handle);
    *code = ended >> 28 == FATAL ? BY_SIGNAL + SIGSEGV : (int)(ended & 0xff);
    p->id = 0;
    return 1;
}

void process_stop(const process *p)
{
    (void)p;
}
