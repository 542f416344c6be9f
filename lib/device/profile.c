/* device/profile.c -- which family of hardware a device belongs to; see profile.h.
 *
 * A profile sets first guesses and nothing else: what a device can do is found by trial
 * (trial.c), how fast by measuring (measure.c), and a tuned choice wins over both.  So a name
 * that is not in the table costs some speed until `kerf tune`, never a wrong result.
 *
 * The strings behind the rows are in tests/device/test_profile.c. */
#include "device/profile.h"

#include <string.h>
#include <strings.h>

/* text + " " begins with the part. */
static int begins(const char *text, const char *part, size_t part_bytes)
{
    size_t length = strlen(text);
    if (part_bytes == length + 1 && part[length] == ' ')
        part_bytes = length;
    return part_bytes <= length && strncasecmp(text, part, part_bytes) == 0;
}

static int holds(const char *text, const char *part, size_t part_bytes)
{
    for (size_t i = 0; part_bytes > 0 && text[i] != '\0'; i++)
        if (begins(text + i, part, part_bytes))
            return 1;
    return part_bytes == 0;
}

int kerf__text_has(const char *text, const char *parts)
{
    for (;;) {
        size_t length = strcspn(parts, "|");
        if (holds(text, parts, length))
            return 1;
        if (parts[length] == '\0')
            return 0;
        parts += length + 1;
    }
}

enum { ANY = -1, CPU = KERF_DEVICE_CPU, GPU = KERF_DEVICE_GPU };

/* Intel's GPUs from generation 12 on, which multiply bytes in one instruction (dp4a): by name,
 * by the PCI ids that stand for a name in older drivers, and as Mesa calls them. */
#define XE                                                                                         \
    "Arc(TM)|Iris(R) Xe|Xe Graphics|Data Center GPU|Graphics 710|Graphics 730|Graphics 750|"       \
    "Graphics 770|[0x9a|[0x46|[0xa7|[0x49|[0x4c|[0x56|[0x7d|[0x64|[0xe2|[0xb0|[0x0b|(TGL|(RKL|"    \
    "(ADL|(RPL|(DG1|(DG2|(MTL|(ARL|(LNL|(BMG"

/* The first row of which all texts fit wins.  Type comes before vendor: PoCL gives an AMD CPU
 * the vendor it likes.  Simulators set every bit of the type, so they come first. */
static const struct {
    int type;
    const char *platform, *vendor, *name, *profile;
} PROFILES[] = {
    {ANY, "Oclgrind", "", "", "simulator"},
    {ANY, "", "", "llvmpipe", "cpu-llvmpipe"},
    {CPU, "Portable Computing Language", "", "", "cpu-pocl"},
    {CPU, "Intel", "", "", "cpu-intel"},
    {CPU, "", "", "", "cpu"},
    {GPU, "", "", "Mali-T6|Mali-T7|Mali-T8", "mali-midgard"},
    {GPU, "", "", "Mali-G31 |Mali-G51 |Mali-G52 |Mali-G71 |Mali-G72 |Mali-G76 ", "mali-bifrost"},
    {GPU, "", "", "Mali|Immortalis", "mali-valhall"},
    {GPU, "", "QUALCOMM|freedreno", "", "adreno"},
    {GPU, "", "", "Adreno", "adreno"},
    {GPU, "", "AMD|Advanced Micro Devices",
     "gfx1|navi|raphael|rembrandt|phoenix|vangogh|strix|RX 5500|RX 5600|RX 5700|RX 6|RX 7|RX 9",
     "amd-rdna"},
    {GPU, "", "AMD|Advanced Micro Devices", "", "amd-gcn"},
    {GPU, "", "Intel", XE, "intel-xe"},
    {GPU, "", "Intel", "", "intel-gen"},
    {GPU, "", "NVIDIA", "", "nvidia"},
    {ANY, "", "", "", "generic"},
};

const char *kerf__profile_of(const kerf_device_info *info)
{
    size_t i = 0; /* the last row fits everything */
    while ((PROFILES[i].type != ANY && PROFILES[i].type != (int)info->type) ||
           !kerf__text_has(info->platform, PROFILES[i].platform) ||
           !kerf__text_has(info->vendor, PROFILES[i].vendor) ||
           !kerf__text_has(info->name, PROFILES[i].name))
        i++;
    return PROFILES[i].profile;
}
