/* device/helper_posix.c -- see helper_process.h.
 *
 * fork and not posix_spawn, which Android has from API 28 on only.  The calling program may
 * have threads, so all is made ready before, and the child calls nothing that could lock. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "device/helper_process.h"

/* The child: a status of 127 says that there was nothing to run, as a shell's does. */
static void become(const char *path, char **words, char **environment, int output)
{
    int null = open("/dev/null", O_RDWR);
    if (dup2(output, 1) == 1 && dup2(null, 0) == 0 && dup2(null, 2) == 2)
        execve(path, words, environment);
    _exit(127);
}

/* Reads to the end; 0 when time is up or there is more than there is room for. */
static int listen_to(int input, double timeout_ms, char *text, size_t text_bytes)
{
    size_t length = 0;
    const double end = kerf__now_ms() + timeout_ms;
    for (;;) {
        double left = end - kerf__now_ms();
        struct pollfd waited = {.fd = input, .events = POLLIN};
        if (left <= 0 || length + 1 >= text_bytes)
            return 0;
        int ready = poll(&waited, 1, (int)left + 1);
        if (ready <= 0)
            continue;
        ssize_t got = read(input, text + length, text_bytes - 1 - length);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return 1;
        length += (size_t)got; /* the 0 behind it is there already */
    }
}

static void tell_end(int status, kerf__process_end *end)
{
    end->is_outer = end->is_late || (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    end->code = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
    if (WIFSIGNALED(status))
        snprintf(end->crash, sizeof end->crash, "signal %d, %s", WTERMSIG(status),
                 strsignal(WTERMSIG(status)));
}

int kerf__process_run(const char *path, char **words, char **environment, double timeout_ms,
                      char *text, size_t text_bytes, kerf__process_end *end)
{
    int ends[2], status = 0;
    *end = (kerf__process_end){0};
    if (pipe(ends) != 0)
        return 0;
    fcntl(ends[0], F_SETFD, FD_CLOEXEC); /* else the helper would hold its own pipe open */
    fcntl(ends[1], F_SETFD, FD_CLOEXEC);
    const pid_t pid = fork();
    if (pid == 0)
        become(path, words, environment, ends[1]);
    close(ends[1]);
    if (pid > 0) {
        end->is_late = !listen_to(ends[0], timeout_ms, text, text_bytes);
        if (end->is_late)
            kill(pid, SIGKILL);
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
            ;
        tell_end(status, end);
    }
    close(ends[0]);
    return pid > 0;
}
