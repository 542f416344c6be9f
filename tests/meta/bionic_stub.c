/* Broken on purpose: calls that Android has later than API level 26, or never. */
#define _GNU_SOURCE
#include <spawn.h>
#include <stdlib.h>

char *find_home(void);
int start(pid_t *pid, char **argv, char **environment);

char *find_home(void)
{
    return secure_getenv("HOME");
}

int start(pid_t *pid, char **argv, char **environment)
{
    return posix_spawn(pid, argv[0], NULL, NULL, argv, environment);
}
