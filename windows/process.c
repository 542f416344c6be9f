/* process.c -- the environment, errors' texts, processors, processes, signals; see posix.h. */
#include <errno.h>
#include <string.h>
#include <windows.h>

/* ---- environment, texts ------------------------------------------------------------------------
 */

/* The C library takes an empty value for none, so it is told of a blank, which is then cut off. */
int setenv(const char *name, const char *value, int replace)
{
    if (!replace && getenv(name) != NULL)
        return 0;
    if (_putenv_s(name, *value != '\0' ? value : " ") != 0)
        return -1;
    char *kept = getenv(name);
    if (*value == '\0' && kept != NULL)
        *kept = '\0';
    return SetEnvironmentVariableA(name, value) ? 0 : -1;
}

int unsetenv(const char *name)
{
    return _putenv_s(name, "") == 0 ? 0 : -1;
}

int strerror_r(int number, char *text, size_t text_bytes)
{
    return strerror_s(text, text_bytes, number);
}

/* ---- processors, processes ---------------------------------------------------------------------
 */

long sysconf(int what)
{
    SYSTEM_INFO info;
    if (what != _SC_NPROCESSORS_ONLN)
        return -1;
    GetSystemInfo(&info);
    return (long)info.dwNumberOfProcessors;
}

int kill(pid_t pid, int number)
{
    DWORD code = 0;
    HANDLE process = OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, FALSE, (DWORD)pid);
    const int denied = process == NULL && GetLastError() == ERROR_ACCESS_DENIED;
    const int there =
        denied || (process != NULL && GetExitCodeProcess(process, &code) && code == STILL_ACTIVE);
    if (process != NULL)
        CloseHandle(process);
    errno = number != 0 ? EINVAL : ESRCH;
    return there && number == 0 ? 0 : -1;
}

/* ---- signals -----------------------------------------------------------------------------------
 */

static void (*handlers[NSIG])(int number);

/* Windows forgets a handler when it calls it. */
static void call_handler(int number)
{
    signal(number, call_handler);
    handlers[number](number);
}

int sigaction(int number, const struct sigaction *now, struct sigaction *before)
{
    if (before != NULL)
        *before = (struct sigaction){.sa_handler = handlers[number]};
    if (now == NULL)
        return 0;
    handlers[number] = now->sa_handler;
    void (*handler)(int) =
        now->sa_handler == SIG_DFL || now->sa_handler == SIG_IGN ? now->sa_handler : call_handler;
    return signal(number, handler) != SIG_ERR ? 0 : -1;
}
