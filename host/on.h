/* on.h -- `--on 'ssh HOST'`, `--on 'adb shell'`: the command runs at another end, with what it
 * needs of this one, and its results come home.  Other halves: on_posix.c,
 * apart_windows.c. */
#ifndef HOST_ON_H
#define HOST_ON_H

#include "options.h"

/* The exit code of the command there, or of what went wrong on the way, after a message. */
int on_run(const options *o);

#endif
