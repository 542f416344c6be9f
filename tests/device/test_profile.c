/* test_profile.c -- the family of a device from the strings that real drivers give it.
 *
 * Names as clinfo prints them in public bug reports, as tuning databases key them and as Mesa's
 * sources form them; where a report has the name alone, platform and vendor are that driver's
 * usual ones.  Among them are names that contain each other, as Mali-G71 and Mali-G710 do. */
#include "check.h"

#include <string.h>

#include "device/profile.h"

#define AMD   "AMD Accelerated Parallel Processing", "Advanced Micro Devices, Inc."
#define APPLE "Apple"
#define INTEL "Intel(R) OpenCL HD Graphics", "Intel(R) Corporation"
#define ARM   "ARM Platform", "ARM"
#define QCOM  "QUALCOMM Snapdragon(TM)", "QUALCOMM"
#define GPU   KERF_DEVICE_GPU
#define CPU   KERF_DEVICE_CPU
#define OTHER KERF_DEVICE_OTHER

/* clang-format off */
static const struct {
    const char *profile;
    kerf_device_type type;
    const char *platform, *vendor, *name;
} REAL[] = {
    {"amd-gcn", GPU, AMD, "Tahiti"},
    {"amd-gcn", GPU, AMD, "Hawaii"},
    {"amd-gcn", GPU, AMD, "Fiji"},
    {"amd-gcn", GPU, AMD, "Ellesmere"},
    {"amd-gcn", GPU, AMD, "gfx803"},
    {"amd-gcn", GPU, AMD, "gfx900"},
    {"amd-gcn", GPU, AMD, "gfx902-xnack"},
    {"amd-gcn", GPU, AMD, "gfx906:sramecc+:xnack-"},
    {"amd-gcn", GPU, AMD, "gfx908:sramecc+:xnack-"},
    {"amd-gcn", GPU, AMD, "gfx90a:sramecc+:xnack-"},
    {"amd-gcn", GPU, APPLE, "AMD", "AMD Radeon Pro 580 Compute Engine"},
    {"amd-gcn", GPU, "Clover", "AMD", "Radeon RX 570 Series (POLARIS10, DRM 3.33.0, 5.3.6, LLVM 9.0.0)"},
    {"amd-gcn", GPU, "Clover", "AMD", "RENOIR (renoir, LLVM 15.0.7, DRM 3.54, 6.5.3-060503-generic)"},
    {"amd-rdna", GPU, AMD, "gfx1010:xnack-"},
    {"amd-rdna", GPU, AMD, "gfx1030"},
    {"amd-rdna", GPU, AMD, "gfx1100"},
    {"amd-rdna", GPU, AMD, "gfx1201"},
    {"amd-rdna", GPU, APPLE, "AMD", "AMD Radeon RX 6800 XT Compute Engine"},
    {"amd-rdna", GPU, "Clover", "AMD", "AMD Radeon RX 5500 XT (navi14, LLVM 13.0.1, DRM 3.41, 5.13.0-28-generic)"},
    {"amd-rdna", GPU, "rusticl", "AMD", "AMD Radeon RX 7600 (radeonsi, navi33, LLVM 16.0.6, DRM 3.54, 6.6.7-arch1-1)"},
    {"amd-rdna", GPU, "rusticl", "AMD", "AMD Radeon Graphics (radeonsi, raphael_mendocino, LLVM 19.1.1, DRM 3.59, 6.11.3-1472.native)"},
    {"intel-gen", GPU, "Intel Gen OCL Driver", "Intel", "Intel(R) HD Graphics Skylake ULT GT2"},
    {"intel-gen", GPU, "Intel Gen OCL Driver", "Intel", "Intel(R) HD Graphics IvyBridge M GT2"},
    {"intel-gen", GPU, APPLE, "Intel", "Iris Pro"},
    {"intel-gen", GPU, INTEL, "Intel(R) Gen9 HD Graphics NEO"},
    {"intel-gen", GPU, INTEL, "Intel(R) HD Graphics 530"},
    {"intel-gen", GPU, INTEL, "Intel(R) UHD Graphics 620 [0x5917]"},
    {"intel-gen", GPU, INTEL, "Intel(R) UHD Graphics 630 [0x3e9b]"},
    {"intel-gen", GPU, INTEL, "Intel(R) Iris(R) Plus Graphics [0x8a52]"},
    {"intel-gen", GPU, "rusticl", "Intel", "Mesa Intel(R) UHD Graphics 630 (CFL GT2)"},
    {"intel-xe", GPU, INTEL, "Intel(R) Iris(R) Xe Graphics [0x9a49]"},
    {"intel-xe", GPU, INTEL, "Intel(R) UHD Graphics 770"},
    {"intel-xe", GPU, INTEL, "Intel(R) UHD Graphics 750 [0x4c8a]"},
    {"intel-xe", GPU, INTEL, "Intel(R) Graphics [0xa780]"},
    {"intel-xe", GPU, INTEL, "Intel(R) Graphics [0x56a1]"},
    {"intel-xe", GPU, "Intel(R) OpenCL Graphics", "Intel(R) Corporation", "Intel(R) Graphics [0x56a0]"},
    {"intel-xe", GPU, "Intel(R) OpenCL Graphics", "Intel(R) Corporation", "Intel(R) Arc(TM) A770 Graphics"},
    {"intel-xe", GPU, "Intel(R) OpenCL Graphics", "Intel(R) Corporation", "Intel(R) Data Center GPU Max 1100"},
    {"intel-xe", GPU, "rusticl", "Intel", "Mesa Intel(R) UHD Graphics (TGL GT1)"},
    {"mali-midgard", GPU, ARM, "Mali-T628"},
    {"mali-midgard", GPU, ARM, "Mali-T760"},
    {"mali-midgard", GPU, ARM, "Mali-T860"},
    {"mali-bifrost", GPU, ARM, "Mali-G71"},
    {"mali-bifrost", GPU, ARM, "Mali-G72 r0p3"},
    {"mali-bifrost", GPU, ARM, "Mali-G76 r0p0"},
    {"mali-bifrost", GPU, ARM, "Mali-G52 r1p0"},
    {"mali-bifrost", GPU, "rusticl", "Mesa", "Mali-G31 (Panfrost)"},
    {"mali-valhall", GPU, ARM, "Mali-G57 r0p1"},
    {"mali-valhall", GPU, ARM, "Mali-G77 r0p1"},
    {"mali-valhall", GPU, ARM, "Mali-G78 r0p1"},
    {"mali-valhall", GPU, ARM, "Mali-G310 r0p0"},
    {"mali-valhall", GPU, ARM, "Mali-G510 r0p0"},
    {"mali-valhall", GPU, ARM, "Mali-G610 r0p0"},
    {"mali-valhall", GPU, ARM, "Mali-G610 MC6 r0p0"},
    {"mali-valhall", GPU, ARM, "Mali-G710 r0p0"},
    {"mali-valhall", GPU, ARM, "Mali-G715-Immortalis MC11 r1p2"},
    {"mali-valhall", GPU, ARM, "Mali-G720-Immortalis MC12 r0p0"},
    {"mali-valhall", GPU, "rusticl", "Mesa", "Mali-G610 (Panfrost)"},
    {"adreno", GPU, QCOM, "QUALCOMM Adreno(TM)"},
    {"adreno", GPU, QCOM, "QUALCOMM Adreno(TM) 750"},
    {"adreno", GPU, "rusticl", "freedreno", "FD660"},
    {"nvidia", GPU, "NVIDIA CUDA", "NVIDIA Corporation", "NVIDIA GeForce RTX 3080"},
    {"generic", GPU, APPLE, "Apple", "Apple M1 Pro"},
    {"generic", GPU, "PowerVR", "Imagination Technologies", "PowerVR B-Series BXM-8-256"},
    {"generic", OTHER, "Intel(R) FPGA SDK for OpenCL(TM)", "Intel(R) Corporation", "a10_ref"},
    {"cpu-pocl", CPU, "Portable Computing Language", "GenuineIntel", "pthread-Intel(R) Core(TM) i7-8750H CPU @ 2.20GHz"},
    {"cpu-pocl", CPU, "Portable Computing Language", "AuthenticAMD", "pthread-skylake-avx512-AMD EPYC"},
    {"cpu-intel", CPU, "Intel(R) OpenCL", "Intel(R) Corporation", "AMD EPYC"},
    {"cpu-intel", CPU, "Intel(R) CPU Runtime for OpenCL(TM) Applications", "Intel(R) Corporation", "Intel(R) Core(TM) i7-8750H CPU @ 2.20GHz"},
    {"cpu-llvmpipe", CPU, "rusticl", "Mesa/X.org", "llvmpipe (LLVM 15.0.6, 256 bits)"},
    {"cpu", CPU, AMD, "AMD Ryzen 7 1700X Eight-Core Processor"},
    {"simulator", OTHER, "Oclgrind", "University of Bristol", "Oclgrind Simulator"},
};
/* clang-format on */

static void test_real_devices(void)
{
    for (size_t i = 0; i < sizeof REAL / sizeof REAL[0]; i++) {
        kerf_device_info info = {.type = REAL[i].type};
        snprintf(info.platform, sizeof info.platform, "%s", REAL[i].platform);
        snprintf(info.vendor, sizeof info.vendor, "%s", REAL[i].vendor);
        snprintf(info.name, sizeof info.name, "%s", REAL[i].name);
        const char *profile = kerf__profile_of(&info);
        if (strcmp(profile, REAL[i].profile) != 0)
            printf("%s: is '%s', must be '%s'\n", REAL[i].name, profile, REAL[i].profile);
        CHECK(strcmp(profile, REAL[i].profile) == 0);
    }
}

static void test_text_has(void)
{
    CHECK(kerf__text_has("", ""));
    CHECK(kerf__text_has("anything", ""));
    CHECK(kerf__text_has("one two", "x|TWO"));
    CHECK(!kerf__text_has("one two", "three|four"));
    CHECK(kerf__text_has("Mali-G71", "Mali-G71 ") && kerf__text_has("Mali-G71 MP8", "Mali-G71 "));
    CHECK(!kerf__text_has("Mali-G710", "Mali-G71 ") && !kerf__text_has("Mali-G7", "Mali-G71 "));
}

int main(void)
{
    test_real_devices();
    test_text_has();
    return check_result();
}
