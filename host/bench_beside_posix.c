/* bench_beside_posix.c -- starts and asks another program; see bench_beside.h for what is said. */
#include "bench_beside.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *take_name(const char *spec, beside *b)
{
    size_t length = strcspn(spec, "= ");
    const char *command = spec[length] == '=' ? spec + length + 1 : spec;
    const char *name = spec;
    for (size_t i = 0; spec[length] != '=' && i < length; i++)
        name = spec[i] == '/' ? spec + i + 1 : name;
    snprintf(b->name, sizeof b->name, "%.*s", (int)(spec + length - name), name);
    return command;
}

/* In the new process: the pipes become its standard input and output. */
static void become(const char *command, const int *there, const int *back)
{
    signal(SIGPIPE, SIG_DFL);
    dup2(there[0], STDIN_FILENO);
    dup2(back[1], STDOUT_FILENO);
    for (int i = 0; i < 2; i++) {
        close(there[i]);
        close(back[i]);
    }
    execl("/bin/sh", "sh", "-c", command, (char *)NULL);
    _exit(127);
}

int beside_start(const options *o, const char *spec, beside *b)
{
    int there[2], back[2];
    const char *command = take_name(spec, b);
    if (b->name[0] == '\0' || command[0] == '\0')
        return fail_usage(o, "--beside %s: must be NAME=COMMAND", spec);
    if (pipe(there) != 0 || pipe(back) != 0)
        return fail_work(o, "--beside %s: %s", b->name, strerror(errno));
    b->pid = fork();
    if (b->pid < 0)
        return fail_work(o, "--beside %s: %s", b->name, strerror(errno));
    if (b->pid == 0)
        become(command, there, back);
    close(there[0]);
    close(back[1]);
    fcntl(there[1], F_SETFD, FD_CLOEXEC); /* else the next one would hold this one's input open */
    fcntl(back[0], F_SETFD, FD_CLOEXEC);
    b->to = fdopen(there[1], "w");
    b->from = fdopen(back[0], "r");
    return b->to != NULL && b->from != NULL ? 0 : fail_memory(o);
}

int beside_ask(const options *o, beside *b, const bench_case *c, int64_t calls, double *ms)
{
    char line[256], *end;
    *ms = NAN;
    fprintf(b->to, "%" PRId64 " %s %s\n", calls, c->family->name, c->name);
    if (fflush(b->to) != 0 || fgets(line, sizeof line, b->from) == NULL)
        return fail_work(o, "--beside %s: ended at %s %s", b->name, c->family->name, c->name);
    if (strncmp(line, "no", 2) == 0)
        return 0;
    *ms = strtod(line, &end);
    if (end != line && *end == '\n' && isfinite(*ms) && *ms > 0)
        return 0;
    line[strcspn(line, "\n")] = '\0';
    return fail_work(o, "--beside %s: answered '%s', must be milliseconds or 'no'", b->name, line);
}

void beside_stop(beside *b)
{
    if (b->to != NULL)
        fclose(b->to);
    if (b->from != NULL)
        fclose(b->from);
    if (b->pid > 0)
        waitpid(b->pid, NULL, 0);
    *b = (beside){0};
}
