/* say.c -- messages and exit codes of the command; see say.h. */
#include "say.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "text.h"

static void print_line(const options *o, const char *mark, const char *format, va_list args)
{
    fflush(stdout);
    fprintf(stderr, "kerf: ");
    if (o->command != NULL)
        fprintf(stderr, "%s: ", o->command);
    char text[1024];
    vsnprintf(text, sizeof text, format, args);
    clean_text(text);
    fprintf(stderr, "%s%s\n", mark, text);
}

int fail_usage(const options *o, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    print_line(o, "", format, args);
    va_end(args);
    return EXIT_USAGE;
}

int fail_work(const options *o, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    print_line(o, "", format, args);
    va_end(args);
    return EXIT_FAILED;
}

int fail_memory(const options *o)
{
    return fail_work(o, "out of memory");
}

int fail_kerf(const options *o, kerf_status status)
{
    const char *text = kerf_last_error();
    size_t length = strlen(o->command);
    if (strncmp(text, o->command, length) == 0 && strncmp(text + length, ": ", 2) == 0)
        text += length + 2; /* the library names the operation too */
    fail_work(o, "%s", text[0] != '\0' ? text : kerf_status_text(status));
    return status == KERF_ERR_CANCELLED ? EXIT_INTERRUPTED
           : status == KERF_ERR_TARGET  ? EXIT_TARGET
                                        : EXIT_FAILED;
}

void say(const options *o, const char *format, ...)
{
    if (o->quiet)
        return;
    va_list args;
    va_start(args, format);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
}

void warn(const options *o, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    print_line(o, "warning: ", format, args);
    va_end(args);
}

void warn_lines(const options *o, const char *text)
{
    while (*text != '\0') {
        const int length = (int)strcspn(text, "\n");
        warn(o, "%.*s", length, text);
        text += text[length] == '\n' ? length + 1 : length;
    }
}

FILE *result_stream(const options *o)
{
    return o->output != NULL && strcmp(o->output, "-") == 0 ? stderr : stdout;
}

int finish_output(const char *command, int code)
{
    int failed = fflush(stdout) != 0 || ferror(stdout);
    if (!failed || code != EXIT_DONE)
        return code; /* what went wrong was said already */
    fprintf(stderr, "kerf: %s: standard output cannot be written: %s\n", command, strerror(errno));
    return EXIT_FAILED;
}
