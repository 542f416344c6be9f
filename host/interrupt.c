/* interrupt.c -- Ctrl-C; see interrupt.h. */
#include "interrupt.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "say.h"

/* A handler can tell the program nothing but through a global. */
static volatile sig_atomic_t num_signals;

/* Who types Ctrl-C is told what it does; SIGTERM is sent by programs, as by mpirun to all ranks
 * when one has failed and said why. */
static void on_signal(int number)
{
    static const char text[] = "\nkerf: stopping after this step; again stops at once\n";
    if (num_signals++ > 0)
        _exit(EXIT_INTERRUPTED);
    ssize_t ignored = number == SIGINT ? write(STDERR_FILENO, text, sizeof text - 1) : 0;
    (void)ignored;
}

void interrupt_catch(void)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    action.sa_flags = SA_RESTART;
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

int interrupted(void)
{
    return num_signals > 0;
}
