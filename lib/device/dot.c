/* device/dot.c -- the forms of the dot product: how each is built and what it computes.
 *
 * A form is a way to write the same sum (kernels/dot.clh).  trial_dot.c finds out which of them
 * a device has, measure_dot.c how fast they are. */
#include "device/dot.h"

#include <string.h>

#include "device/cpu.h"
#include "device/device_internal.h"

/* On CPU devices vectors of words are written out; elsewhere a driver makes them of items. */
static const struct {
    const char *on_cpu, *elsewhere;
    int wide_on_cpu, saturates;
} FORMS[] = {
    [KERF_DOT_PLAIN] = {"-DDOT_FORM=DOT_PLAIN -DDOT_V=16", "-DDOT_FORM=DOT_PLAIN", 1, 0},
    [KERF_DOT_KHR] = {"-cl-std=CL3.0 -DDOT_FORM=DOT_KHR", "-cl-std=CL3.0 -DDOT_FORM=DOT_KHR", 0, 0},
    [KERF_DOT_KHR_ACC] = {"-cl-std=CL3.0 -DDOT_FORM=DOT_KHR_ACC",
                          "-cl-std=CL3.0 -DDOT_FORM=DOT_KHR_ACC", 0, 1},
    [KERF_DOT_ARM] = {"-DDOT_FORM=DOT_ARM", "-DDOT_FORM=DOT_ARM", 0, 0},
    [KERF_DOT_AMD] = {"-DDOT_FORM=DOT_AMD", "-DDOT_FORM=DOT_AMD", 0, 0},
    [KERF_DOT_X86] = {"-DDOT_FORM=DOT_X86 -DDOT_V=16", "-DDOT_FORM=DOT_X86", 1, 0},
    [KERF_DOT_PAIRS] = {"-DDOT_FORM=DOT_PAIRS -DDOT_V=16", "-DDOT_FORM=DOT_PAIRS", 1, 0},
};

static int is_cpu(const kerf_device *dev)
{
    return dev->info.type == KERF_DEVICE_CPU;
}

const char *kerf_dot_name(kerf_dot dot)
{
    static const char *const NAMES[] = {
#define X(name, text) text,
        KERF_DOT_LIST(X)
#undef X
    };
    return NAMES[dot];
}

const char *kerf__dot_options(const kerf_device *dev, kerf_dot dot)
{
    return is_cpu(dev) ? FORMS[dot].on_cpu : FORMS[dot].elsewhere;
}

int kerf__dot_words(const kerf_device *dev, kerf_dot dot)
{
    return is_cpu(dev) && FORMS[dot].wide_on_cpu ? 16 : 1;
}

const char *kerf__dot_function(int sign)
{
    return sign == KERF_S8S8 ? "dot_ss" : "dot_us";
}

/* Assembly passes PoCL's compiler whatever the CPU is, so the CPU is asked first; other
 * compilers may take it for another machine's.  Pairs are written for vectors alone. */
int kerf__dot_may_try(const kerf_device_info *info, kerf_dot dot)
{
    const int is_cpu_device = info->type == KERF_DEVICE_CPU;
    if (dot == KERF_DOT_X86)
        return is_cpu_device && kerf__cpu_has_vnni() &&
               strcmp(info->platform, "Portable Computing Language") == 0;
    return dot != KERF_DOT_PAIRS || is_cpu_device;
}

static int byte_of(uint32_t word, int i, int is_signed)
{
    int byte = (int)(word >> 8 * i & 255);
    return is_signed && byte > 127 ? byte - 256 : byte;
}

int32_t kerf__dot_exact(kerf_dot dot, int sign, uint32_t a, uint32_t b, int32_t acc)
{
    int64_t sum = acc;
    for (int i = 0; i < 4; i++)
        sum += byte_of(a, i, sign == KERF_S8S8) * byte_of(b, i, 1);
    if (FORMS[dot].saturates)
        return (int32_t)(sum > INT32_MAX ? INT32_MAX : sum < INT32_MIN ? INT32_MIN : sum);
    uint32_t wrapped = (uint32_t)sum;
    memcpy(&acc, &wrapped, sizeof acc);
    return acc;
}
