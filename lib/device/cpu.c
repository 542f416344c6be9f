/* device/cpu.c -- what this CPU is and can, from CPUID or the system's list.
 *
 * What matters is what the system saves on a task switch too, so the wide registers are
 * asked for through the compiler's check, which looks at XCR0. */
#include "device/cpu.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>

void kerf__cpu_identity(char *text, size_t text_bytes)
{
    unsigned model[4] = {0}, basic[4] = {0}, more[4] = {0}, vendor[4] = {0};
    __get_cpuid(0, &vendor[0], &vendor[1], &vendor[2], &vendor[3]);
    __get_cpuid(1, &model[0], &model[1], &model[2], &model[3]);
    __get_cpuid_count(7, 0, &basic[0], &basic[1], &basic[2], &basic[3]);
    __get_cpuid_count(7, 1, &more[0], &more[1], &more[2], &more[3]);
    /* Leaf 1's second register names the core that asks, so it stays out. */
    snprintf(text, text_bytes, "x86 %.4s%.4s%.4s %x %x %x %x %x %x %x", (char *)&vendor[1],
             (char *)&vendor[3], (char *)&vendor[2], model[0], model[2], model[3], basic[1],
             basic[2], basic[3], more[0]);
}

int kerf__cpu_vector_floats(void)
{
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx512f") ? 16 : __builtin_cpu_supports("avx") ? 8 : 4;
}

int kerf__cpu_has_vnni(void)
{
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512f");
}

#else
#include <sys/utsname.h>

/* The processor's family, then the lines that tell cores apart; a phone's kinds of cores all
 * come up.  An emulator shows another processor's lines, or none. */
void kerf__cpu_identity(char *text, size_t text_bytes)
{
    static const char *const KEYS[] = {"CPU implementer",
                                       "CPU architecture",
                                       "CPU variant",
                                       "CPU part",
                                       "CPU revision",
                                       "Features",
                                       "isa",
                                       "uarch",
                                       "cpu\t"};
    char line[1024];
    struct utsname system;
    FILE *file = fopen("/proc/cpuinfo", "r");
    size_t length =
        (size_t)snprintf(text, text_bytes, "%s\n", uname(&system) == 0 ? system.machine : "cpu");
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        for (size_t i = 0; i < sizeof KEYS / sizeof KEYS[0]; i++)
            if (strncmp(line, KEYS[i], strlen(KEYS[i])) == 0 && strstr(text, line) == NULL &&
                length + strlen(line) < text_bytes) {
                memcpy(text + length, line, strlen(line) + 1);
                length += strlen(line);
            }
    if (file != NULL)
        fclose(file);
}

int kerf__cpu_vector_floats(void)
{
    return 4;
}

int kerf__cpu_has_vnni(void)
{
    return 0;
}
#endif

/* ---- caches ---------------------------------------------------------------------------- */

static int read_line(const char *path, char *line, int line_bytes)
{
    FILE *file = fopen(path, "r");
    int good = file != NULL && fgets(line, line_bytes, file) != NULL;
    if (file != NULL)
        fclose(file);
    return good;
}

/* The largest cache that this CPU sees, "32768K", once for those that share it: for the first
 * of them, who stands first in the list of sharers. */
static uint64_t own_cache_bytes(int cpu)
{
    enum { MOST_LEVELS = 8 };
    uint64_t bytes = 0;
    for (int i = 0; i < MOST_LEVELS; i++) {
        char path[128], size[64], sharers[64];
        const char *folder = "/sys/devices/system/cpu/cpu%d/cache/index%d/%s";
        snprintf(path, sizeof path, folder, cpu, i, "size");
        if (!read_line(path, size, sizeof size))
            break;
        snprintf(path, sizeof path, folder, cpu, i, "shared_cpu_list");
        int is_first = !read_line(path, sharers, sizeof sharers) || atoi(sharers) == cpu;
        bytes = is_first ? strtoull(size, NULL, 10) << (strchr(size, 'M') != NULL ? 20 : 10) : 0;
    }
    return bytes;
}

uint64_t kerf__cpu_cache_bytes(void)
{
    enum { MOST_CPUS = 4096 };
    char path[64];
    uint64_t bytes = 0;
    for (int cpu = 0; cpu < MOST_CPUS; cpu++) {
        snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d", cpu);
        if (access(path, F_OK) != 0)
            break;
        bytes += own_cache_bytes(cpu);
    }
    return bytes;
}
