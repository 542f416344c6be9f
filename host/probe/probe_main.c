/* probe_main.c -- kerf-probe, for programs that link the library; the command is its own
 * (main.c).  What it does: probe.c. */
#include <string.h>

#include "probe.h"

int main(int argc, char **argv)
{
    probe_and_exit(argc > 1 && strcmp(argv[1], "--basic") == 0);
}
