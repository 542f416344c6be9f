/* device/helper_windows.c -- see helper_process.h.
 *
 * A pipe of Windows cannot be waited for with a bound, so it is looked at every few milliseconds.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <windows.h>

#include "base/alloc.h"
#include "base/file.h"
#include "device/helper_process.h"

enum { GLANCE_MS = 5, FATAL = 0xC };

typedef struct child {
    PROCESS_INFORMATION process;
    HANDLE from; /* its standard output; NULL: not started */
} child;

/* Strings behind each other, each with its 0, and a 0 behind the last. */
static char *environment_block(char **environment)
{
    size_t bytes = 1;
    for (char **e = environment; *e != NULL; e++)
        bytes += strlen(*e) + 1;
    char *block = kerf__alloc(bytes, 1), *at = block;
    for (char **e = environment; block != NULL && *e != NULL; e++) {
        memcpy(at, *e, strlen(*e) + 1);
        at += strlen(*e) + 1;
    }
    return block;
}

/* None of Kerf's own words has a blank or a quotation mark in it. */
static void command_line(char **words, char *line, size_t line_bytes)
{
    line[0] = '\0';
    for (size_t i = 0; words[i] != NULL; i++) {
        const size_t length = strlen(line);
        snprintf(line + length, line_bytes - length, "%s%s", i > 0 ? " " : "", words[i]);
    }
}

static void start(child *c, const char *path, char **words, char *block)
{
    char line[256];
    HANDLE to = NULL;
    SECURITY_ATTRIBUTES handed_on = {.nLength = sizeof handed_on, .bInheritHandle = TRUE};
    HANDLE null =
        CreateFileA("NUL", GENERIC_READ | GENERIC_WRITE, 0, &handed_on, OPEN_EXISTING, 0, NULL);
    command_line(words, line, sizeof line);
    if (CreatePipe(&c->from, &to, &handed_on, 0)) {
        STARTUPINFOA how = {.cb = sizeof how,
                            .dwFlags = STARTF_USESTDHANDLES,
                            .hStdInput = null,
                            .hStdOutput = to,
                            .hStdError = null};
        SetHandleInformation(c->from, HANDLE_FLAG_INHERIT, 0);
        if (!CreateProcessA(path, line, NULL, NULL, TRUE, CREATE_NO_WINDOW, block, NULL, &how,
                            &c->process)) {
            CloseHandle(c->from);
            c->from = NULL;
        }
        CloseHandle(to);
    }
    if (null != INVALID_HANDLE_VALUE)
        CloseHandle(null);
}

/* Reads to the end; 0 when time is up or there is more than there is room for. */
static int listen_to(HANDLE from, double timeout_ms, char *text, size_t text_bytes)
{
    size_t length = 0;
    DWORD waiting, got;
    const double end = kerf__now_ms() + timeout_ms;
    while (PeekNamedPipe(from, NULL, 0, NULL, &waiting, NULL)) {
        if (kerf__now_ms() > end || length + 1 >= text_bytes)
            return 0;
        if (waiting == 0) {
            Sleep(GLANCE_MS);
            continue;
        }
        if (!ReadFile(from, text + length, (DWORD)(text_bytes - 1 - length), &got, NULL))
            break;
        length += got; /* the 0 behind it is there already */
    }
    return 1;
}

/* What ends a process from within has codes of its own, 0xC0000005 for one. */
static void tell_end(DWORD code, kerf__process_end *end)
{
    end->is_outer = end->is_late;
    end->code = (int)(code & 0xffff);
    if (!end->is_late && code >> 28 == FATAL)
        snprintf(end->crash, sizeof end->crash, "0x%08lX", code);
}

int kerf__process_run(const char *path, char **words, char **environment, double timeout_ms,
                      char *text, size_t text_bytes, kerf__process_end *end)
{
    child c = {.from = NULL};
    DWORD code = 0;
    *end = (kerf__process_end){0};
    char *block = environment_block(environment);
    if (block != NULL)
        start(&c, path, words, block);
    free(block);
    if (c.from == NULL)
        return 0;
    end->is_late = !listen_to(c.from, timeout_ms, text, text_bytes);
    if (end->is_late)
        TerminateProcess(c.process.hProcess, 1);
    WaitForSingleObject(c.process.hProcess, INFINITE);
    GetExitCodeProcess(c.process.hProcess, &code);
    tell_end(code, end);
    CloseHandle(c.process.hThread);
    CloseHandle(c.process.hProcess);
    CloseHandle(c.from);
    return 1;
}
