/* process_posix.c -- see process.h.
 *
 * A child has a process group of its own: Ctrl-C reaches the parent alone, which hands it on once,
 * so that every child writes its checkpoint. */
#define _DEFAULT_SOURCE
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

/* This program, wherever it lies. */
static void become_kerf(const char *const *words)
{
    char path[4096];
    const ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
    if (length > 0) {
        path[length] = '\0';
        execv(path, (char *const *)words);
    }
    execvp("kerf", (char *const *)words);
    _exit(127);
}

/* Between fork and exec. */
static void begin_child(const char *const *words, const char *log, pid_t parent)
{
    setpgid(0, 0);
#ifdef __linux__
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent) /* it has died already */
        _exit(130);
#else
    (void)parent;
#endif
    const int null = open("/dev/null", O_WRONLY);
    const int told = log != NULL ? open(log, O_WRONLY | O_CREAT | O_TRUNC, 0666) : -1;
    dup2(null, STDOUT_FILENO);
    if (told >= 0)
        dup2(told, STDERR_FILENO);
    become_kerf(words);
}

int process_start(const options *o, process *p, const char *const *words, const char *log)
{
    const pid_t parent = getpid();
    fflush(stdout);
    fflush(stderr);
    const pid_t pid = fork();
    if (pid == 0)
        begin_child(words, log, parent);
    p->id = pid > 0 ? pid : 0;
    return pid > 0 ? 0 : fail_work(o, "no process for a run: %s", strerror(errno));
}

int process_has_ended(process *p, int *code)
{
    int status;
    if (waitpid((pid_t)p->id, &status, WNOHANG) != (pid_t)p->id)
        return 0;
    *code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    p->id = 0;
    return 1;
}

void process_stop(const process *p)
{
    kill((pid_t)p->id, SIGTERM);
}
