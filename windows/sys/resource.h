/* sys/resource.h -- Windows writes no image of a process that crashed, so there is none to forbid.
 */
#ifndef KERF_WINDOWS_RESOURCE_H
#define KERF_WINDOWS_RESOURCE_H

enum { RLIMIT_CORE };
struct rlimit {
    unsigned long long rlim_cur, rlim_max;
};
static inline int setrlimit(int what, const struct rlimit *limit)
{
    (void)what, (void)limit;
    return 0;
}

#endif
