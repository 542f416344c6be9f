/* on_shell_posix.c -- see on_shell.h.
 *
 * `ssh HOST`, `adb shell` and `sh -c` alike take a script as their last word, hand standard input
 * on and bring standard output home.  Exit codes they bring as well, but their own among them, so a
 * script tells its code in a last line. */
#define _DEFAULT_SOURCE
#include "on_shell.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "interrupt.h"
#include "say.h"

#define LAST_LINE "\nkerf-on-end "
const char on_end[] = "printf '\\nkerf-on-end %d\\n' \"$c\"\n";

/* ---- texts ----------------------------------------------------------------------------------- */

static void add_bytes(script *s, const char *bytes, size_t num)
{
    if (s->capacity > 0 && s->text == NULL)
        return; /* memory was short before */
    if (s->num + num + 1 > s->capacity) {
        s->capacity = 2 * (s->num + num + 1);
        char *larger = realloc(s->text, s->capacity);
        if (larger == NULL)
            free(s->text);
        s->text = larger;
    }
    if (s->text == NULL)
        return;
    memcpy(s->text + s->num, bytes, num);
    s->num += num;
    s->text[s->num] = '\0';
}

void script_add(script *s, const char *text)
{
    add_bytes(s, text, strlen(text));
}

void script_add_word(script *s, const char *word)
{
    script_add(s, "'");
    for (const char *p = word; *p != '\0'; p++)
        if (*p == '\'')
            script_add(s, "'\\''");
        else
            add_bytes(s, p, 1);
    script_add(s, "'");
}

/* ---- the process ----------------------------------------------------------------------------- */

typedef struct link_ends {
    pid_t pid;
    int to, from; /* its standard input, and output; -1: closed */
} link_ends;

static void close_end(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* Between fork and exec. */
static void become_shell(const options *o, const char *text, int in, int out)
{
    script line = {0};
    script_add(&line, o->on);
    script_add(&line, " \"$1\"");
    dup2(in, STDIN_FILENO);
    dup2(out, STDOUT_FILENO);
    signal(SIGPIPE, SIG_DFL);
    if (line.text != NULL)
        execl("/bin/sh", "sh", "-c", line.text, "kerf", text, (char *)NULL);
    _exit(127);
}

static int open_link(const options *o, const char *text, link_ends *l)
{
    int in[2], out[2];
    if (pipe(in) != 0)
        return fail_work(o, "--on: no pipe: %s", strerror(errno));
    if (pipe(out) != 0) {
        close(in[0]);
        close(in[1]);
        return fail_work(o, "--on: no pipe: %s", strerror(errno));
    }
    /* Nobody else may hold an end: by its closing either side sees that the other has gone. */
    const int ends[] = {in[0], in[1], out[0], out[1]};
    for (size_t i = 0; i < 4; i++)
        fcntl(ends[i], F_SETFD, FD_CLOEXEC);
    fflush(stdout);
    fflush(stderr);
    l->pid = fork();
    if (l->pid == 0)
        become_shell(o, text, in[0], out[1]);
    close(in[0]);
    close(out[1]);
    l->to = in[1];
    l->from = out[0];
    return l->pid > 0 ? 0 : fail_work(o, "--on: no process: %s", strerror(errno));
}

static void close_link(link_ends *l, int *status)
{
    close_end(&l->to);
    close_end(&l->from);
    *status = -1;
    if (l->pid > 0)
        waitpid(l->pid, status, 0);
}

/* All that the file holds, or as much as the other side takes: what is missing there it tells. */
static int send_file(const options *o, const char *path, link_ends *l)
{
    char bytes[1 << 16];
    ssize_t num;
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return fail_work(o, "%s: cannot be read: %s", path, strerror(errno));
    while ((num = read(file, bytes, sizeof bytes)) > 0 && !interrupted()) {
        ssize_t done = 0, some = 0;
        while (done < num && (some = write(l->to, bytes + done, (size_t)(num - done))) > 0)
            done += some;
        if (some <= 0)
            break;
    }
    close(file);
    close_end(&l->to);
    return 0;
}

/* Until its output ends.  Ctrl-C closes its input, by which the other side knows. */
static void listen(link_ends *l, script *heard)
{
    char bytes[1 << 14];
    for (;;) {
        struct pollfd ready = {.fd = l->from, .events = POLLIN};
        if (interrupted())
            close_end(&l->to);
        if (poll(&ready, 1, 100) <= 0)
            continue;
        const ssize_t num = read(l->from, bytes, sizeof bytes);
        if (num <= 0)
            return;
        add_bytes(heard, bytes, (size_t)num);
    }
}

/* ---- what it said ---------------------------------------------------------------------------- */

/* Takes the last line off; 0 if it is not there. */
static int take_end(script *heard, int *code)
{
    const size_t length = sizeof LAST_LINE - 1;
    for (size_t at = heard->num; at-- > 0;)
        if (heard->num - at > length && strncmp(heard->text + at, LAST_LINE, length) == 0) {
            *code = atoi(heard->text + at + length);
            heard->text[at] = '\0';
            heard->num = at;
            return 1;
        }
    return 0;
}

static int fail_gone(const options *o, int status)
{
    return fail_work(o,
                     "--on '%s': the other end has gone, or never was there: it ended with %d "
                     "before its script did",
                     o->on, WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

int on_shell(const options *o, const char *text, const char *from, told *out)
{
    link_ends l = {-1, -1, -1};
    script heard = {0};
    int status;
    *out = (told){0};
    int code = open_link(o, text, &l);
    if (code == 0 && from != NULL)
        code = send_file(o, from, &l);
    if (code == 0)
        listen(&l, &heard);
    close_link(&l, &status);
    const int is_whole = heard.text != NULL && take_end(&heard, &out->code);
    out->text = heard.text;
    out->num = heard.num;
    if (code != 0)
        return code;
    if (interrupted())
        return EXIT_INTERRUPTED;
    return is_whole ? 0 : fail_gone(o, status);
}
