/* device/quirks.c -- drivers' known lies, one table; see quirks.h.
 *
 * Most of what drivers claim is tried instead of believed (trial.c).  What stands here cannot
 * be tried, or the trial itself would end the process; or it is the reason for something that
 * Kerf does with every driver.  `kerf devices -v` prints the rows that fit, docs/devices.md
 * holds them all, and a test compares the two. */
#include "device/quirks.h"

#include <stdlib.h>
#include <string.h>

#include "device/profile.h"

/* A row fits where the texts are in the device's (kerf__text_has) and, if `before` is given, the
 * version that follows `mark` in the driver's text is lower. */
static const struct {
    kerf__quirk quirk;
    const char *platform, *name, *mark, *before, *reason;
} QUIRKS[] = {
    {KERF__QUIRK_KERNEL_GROUP, "rusticl", "", "", "23",
     "says before 23.0 that every kernel takes 32 work-items, which takes 1024: the device's limit "
     "counts instead"},
    {KERF__QUIRK_LONG_LOOPS, "", "llvmpipe", "", "",
     "leaves any loop after 65535 turns without a word: kernels cut long sums in two loops, and "
     "variants that cannot are left out"},
    {KERF__QUIRK_MET_BY_ALL, "rusticl", "", "", "",
     "gives event times of 0 or 1 ns: time is taken on the host"},
    {KERF__QUIRK_MET_BY_ALL, "rusticl|Portable", "", "", "",
     "under -cl-std=CL2.0 promises work-group reductions that do not link or add up 8 lanes only: "
     "that standard is never asked for"},
    {KERF__QUIRK_MET_BY_ALL, "Portable", "", "", "",
     "ends the process when local memory given as an argument exceeds the limit: sizes are "
     "checked before queueing"},
    {KERF__QUIRK_MET_BY_ALL, "Portable", "", "", "",
     "compiles a kernel anew for each group size: binaries are saved after the first launch"},
    {KERF__QUIRK_MET_BY_ALL, "Portable", "", "", "",
     "compiles each kernel of a program twice more when its binary is asked for: closing asks for "
     "10 "
     "seconds at most"},
    {KERF__QUIRK_TELLS_WARNINGS, "Portable", "", "", "",
     "prints how many warnings a program has, as for vectors wider than the CPU's registers: "
     "programs are built with -w"},
    {KERF__QUIRK_MET_BY_ALL, "Portable", "", "", "",
     "names a vendor that is not the CPU's: the device's type is asked first"},
    {KERF__QUIRK_MET_BY_ALL, "Portable", "", "", "",
     "passes on assembly that this CPU does not have: CPUID is asked before the VNNI form is "
     "tried"},
    {KERF__QUIRK_MET_BY_ALL, "Intel", "", "", "",
     "defines the macros of the integer dot product where the functions are not: each form is "
     "built and run"},
    {KERF__QUIRK_MET_BY_ALL, "Intel(R) OpenCL|Intel(R) CPU", "", "", "",
     "has sub-groups without listing cl_khr_subgroups, and the packed dot product under CL3.0 "
     "only: neither the list nor the standard is taken for an answer"},
    {KERF__QUIRK_NO_JOINS, "Intel(R) OpenCL|Intel(R) CPU", "", "", "",
     "queues a launch in 1 us and compiles joined ones for minutes: launches are not joined"},
    {KERF__QUIRK_NO_SUB_GROUPS, "", "Adreno", "Compiler E031.", "38.11",
     "its compiler crashes on sub-group sums before E031.38.11: sub-groups are not tried"},
    {KERF__QUIRK_MET_BY_ALL, "ARM Platform", "", "", "",
     "compiles in clCreateKernel: binaries are saved once all kernels were made"},
    {KERF__QUIRK_NO_F16, "Oclgrind", "", "", "",
     "defines cl_khr_fp16 and crashes on half arithmetic: it is not tried"},
    {KERF__QUIRK_MET_BY_ALL, "Oclgrind", "", "", "",
     "sets every bit of the device's type: only a bit that stands alone counts"},
};
enum { NUM_QUIRKS = sizeof QUIRKS / sizeof QUIRKS[0] };

/* 1 if the dotted number at the start of `version` is lower. */
static int is_lower(const char *version, const char *before)
{
    for (;;) {
        char *version_end, *before_end;
        unsigned long a = strtoul(version, &version_end, 10), b = strtoul(before, &before_end, 10);
        if (a != b)
            return a < b;
        if (*before_end != '.')
            return 0;
        if (*version_end != '.')
            return 1;
        version = version_end + 1;
        before = before_end + 1;
    }
}

/* A driver whose version is not told is taken for an old one. */
static int is_before(const char *driver, const char *mark, const char *before)
{
    const char *found = strstr(driver, mark);
    return *before == '\0' || found == NULL || is_lower(found + strlen(mark), before);
}

static int fits(const kerf_device_info *info, size_t i)
{
    return kerf__text_has(info->platform, QUIRKS[i].platform) &&
           kerf__text_has(info->name, QUIRKS[i].name) &&
           is_before(info->driver, QUIRKS[i].mark, QUIRKS[i].before);
}

int kerf__has_quirk(const kerf_device_info *info, kerf__quirk quirk)
{
    for (size_t i = 0; i < NUM_QUIRKS; i++)
        if (QUIRKS[i].quirk == quirk && fits(info, i))
            return 1;
    return 0;
}

const char *kerf_device_quirk(const kerf_device_info *info, size_t index)
{
    for (size_t i = 0; i < NUM_QUIRKS; i++)
        if ((info == NULL || fits(info, i)) && index-- == 0)
            return QUIRKS[i].reason;
    return NULL;
}
