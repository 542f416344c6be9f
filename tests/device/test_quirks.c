/* test_quirks.c -- which of the drivers' known lies apply to which driver, and that
 * docs/devices.md tells all of them and no other. */
#include "check.h"

#include <string.h>

#include "base/file.h"
#include "device/quirks.h"

static kerf_device_info device(const char *platform, const char *name, const char *driver)
{
    kerf_device_info info = {.type = KERF_DEVICE_GPU};
    snprintf(info.platform, sizeof info.platform, "%s", platform);
    snprintf(info.name, sizeof info.name, "%s", name);
    snprintf(info.driver, sizeof info.driver, "%s", driver);
    return info;
}

static void test_versions(void)
{
    static const struct {
        const char *driver;
        int crashes;
    } ADRENOS[] = {
        {"OpenCL 2.0 QUALCOMM build: commit #3dad7f8ed7 Compiler E031.37.12.01", 1},
        {"OpenCL 3.0 QUALCOMM build: commit unknown Compiler E031.38.01.03", 1},
        {"OpenCL 3.0 QUALCOMM build: commit unknown Compiler E031.38", 1},
        {"OpenCL 3.0 QUALCOMM build: commit unknown Compiler E031.38.11.00", 0},
        {"OpenCL 3.0 QUALCOMM build: 0676.77.1 Compiler E031.41.03.64", 0},
        {"OpenCL 3.0 QUALCOMM build: commit unknown Compiler E031.100", 0},
        {"OpenCL 2.0 QUALCOMM build", 1}, /* does not tell: taken for an old one */
    };
    for (size_t i = 0; i < sizeof ADRENOS / sizeof ADRENOS[0]; i++) {
        kerf_device_info info =
            device("QUALCOMM Snapdragon(TM)", "QUALCOMM Adreno(TM) 660", ADRENOS[i].driver);
        if (kerf__has_quirk(&info, KERF__QUIRK_NO_SUB_GROUPS) != ADRENOS[i].crashes)
            printf("%s: must be %d\n", ADRENOS[i].driver, ADRENOS[i].crashes);
        CHECK(kerf__has_quirk(&info, KERF__QUIRK_NO_SUB_GROUPS) == ADRENOS[i].crashes);
        CHECK(!kerf__has_quirk(&info, KERF__QUIRK_KERNEL_GROUP));
    }
    kerf_device_info old = device("rusticl", "llvmpipe (LLVM 15.0.6, 256 bits)", "22.3.6");
    kerf_device_info new = device("rusticl", "AMD Radeon RX 7600 (radeonsi, navi33)", "25.0.7");
    CHECK(kerf__has_quirk(&old, KERF__QUIRK_KERNEL_GROUP));
    CHECK(kerf__has_quirk(&old, KERF__QUIRK_LONG_LOOPS));
    CHECK(!kerf__has_quirk(&new, KERF__QUIRK_KERNEL_GROUP));
    CHECK(!kerf__has_quirk(&new, KERF__QUIRK_LONG_LOOPS));
}

static void test_listing(void)
{
    kerf_device_info none = device("AMD Accelerated Parallel Processing", "gfx1030", "3590.0");
    kerf_device_info simulator = device("Oclgrind", "Oclgrind Simulator", "21.10");
    CHECK(kerf_device_quirk(&none, 0) == NULL);
    CHECK(kerf__has_quirk(&simulator, KERF__QUIRK_NO_F16));
    CHECK(strstr(kerf_device_quirk(&simulator, 0), "half arithmetic") != NULL);
    CHECK(kerf_device_quirk(&simulator, 1) != NULL && kerf_device_quirk(&simulator, 2) == NULL);
}

/* Rows of the page's table "Known lies" look like "| driver | what: remedy | where |". */
static void test_docs(void)
{
    char path[1024];
    void *bytes = NULL;
    size_t num_bytes = 0, num_rows = 0, num_quirks = 0;
    const char *source = getenv("KERF_TEST_SOURCE");
    snprintf(path, sizeof path, "%s/docs/devices.md", source != NULL ? source : ".");
    CHECK_OK(kerf__file_read(path, 0, &bytes, &num_bytes));
    const char *page = bytes, *reason;
    const char *table = page != NULL ? strstr(page, "\n## Known lies\n") : NULL;
    CHECK(table != NULL);
    while (table != NULL && (table = strstr(table, "\n| ")) != NULL) {
        table++;
        num_rows++;
        const char *next = strchr(table, '\n');
        if (next == NULL || next[1] != '|')
            break;
    }
    for (; (reason = kerf_device_quirk(NULL, num_quirks)) != NULL; num_quirks++) {
        if (page != NULL && strstr(page, reason) == NULL)
            printf("docs/devices.md does not tell: %s\n", reason);
        CHECK(page != NULL && strstr(page, reason) != NULL);
    }
    CHECK(num_rows == num_quirks + 1); /* the table's head */
    free(bytes);
}

int main(void)
{
    test_versions();
    test_listing();
    test_docs();
    return check_result();
}
