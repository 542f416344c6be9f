/* device/cpu.c -- what this CPU is and can, from CPUID or the system's list.
 *
 * What matters is what the system saves on a task switch too, so the wide registers are
 * asked for through the compiler's check, which looks at XCR0. */
#include "device/cpu.h"

#include <stdio.h>
#include <string.h>

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

/* The lines that tell cores apart; a phone's kinds of cores all come up. */
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
    size_t length = 0;
    char line[1024];
    FILE *file = fopen("/proc/cpuinfo", "r");
    text[0] = '\0';
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
