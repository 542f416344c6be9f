/* base/fail.c -- the last error of each thread, and the names of the codes.
 *
 * The message is stored and not printed: the program on top knows whether it has
 * a terminal, a log or a dialog.  It is cut, never grown, because a report of
 * "out of memory" must not need memory. */
#include "base/fail.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#ifndef KERF_VERSION
#error "the build passes KERF_VERSION"
#endif

static _Thread_local kerf__message message;

static const struct {
    kerf_status status;
    const char *name, *text;
} STATUSES[] = {
#define X(name, value, text) {name, #name, text},
    KERF_STATUS_LIST(X)
#undef X
};
enum { NUM_STATUSES = sizeof STATUSES / sizeof STATUSES[0] };

#undef kerf__fail /* see fail.h */
kerf_status kerf__fail(kerf_status status, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(message.text, sizeof message.text, format, args);
    va_end(args);
    return status;
}

const char *kerf_last_error(void)
{
    return message.text;
}

kerf__message kerf__message_keep(void)
{
    return message;
}

void kerf__message_put_back(const kerf__message *kept)
{
    message = *kept;
}

const char *kerf_status_name(kerf_status status)
{
    for (size_t i = 0; i < NUM_STATUSES; i++)
        if (STATUSES[i].status == status)
            return STATUSES[i].name;
    return "KERF_ERR_UNKNOWN";
}

const char *kerf_status_text(kerf_status status)
{
    for (size_t i = 0; i < NUM_STATUSES; i++)
        if (STATUSES[i].status == status)
            return STATUSES[i].text;
    return "unknown status";
}

const char *kerf_version(void)
{
    return KERF_VERSION;
}
