/* test_select.c -- which device a text names, on lists made up here and on the real one. */
#include "check.h"

#include <string.h>

#include "device/device_internal.h"

static const kerf_device_info LIST[] = {
    {.name = "pthread-Zen 4", .platform = "Portable Computing Language", .type = KERF_DEVICE_CPU},
    {.name = "Radeon RX 6600",
     .platform = "AMD Accelerated Parallel Processing",
     .pci = "0000:03:00.0",
     .type = KERF_DEVICE_GPU},
    {.name = "Radeon RX 6600",
     .platform = "AMD Accelerated Parallel Processing",
     .pci = "0000:0a:00.0",
     .type = KERF_DEVICE_GPU},
    {.name = "Radeon RX 6600 XT", .platform = "rusticl", .type = KERF_DEVICE_GPU},
    {.name = "Arc: A770", .platform = "Intel(R) OpenCL Graphics", .type = KERF_DEVICE_GPU},
};
enum { NUM = sizeof LIST / sizeof LIST[0] };

static void test_found(void)
{
    static const struct {
        const char *spec;
        size_t want;
    } CASES[] = {{"0", 0},
                 {"4", 4},
                 {"zen", 0},
                 {"6600 xt", 3},
                 {"rusticl:radeon", 3},
                 {"intel:", 4},
                 {"Arc: A", 4},
                 {"Portable:Zen", 0},
                 {"pci:0000:0a:00.0", 2},
                 {"pci:03:00.0", 1},
                 {"PCI:0A:00.0", 2}};
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        size_t index = 99;
        CHECK_OK(kerf__device_select(LIST, NUM, CASES[i].spec, &index));
        if (index != CASES[i].want)
            printf("'%s' is %zu, must be %zu\n", CASES[i].spec, index, CASES[i].want);
        CHECK(index == CASES[i].want);
    }
}

static void test_refused(void)
{
    static const struct {
        const char *spec;
        kerf_status status;
        const char *words;
    } CASES[] = {
        {"5", KERF_ERR_NO_DEVICE, "device 5: must be one of 0 ("},
        {"99999999999999999999", KERF_ERR_NO_DEVICE, "must be one of"},
        {"nothing", KERF_ERR_NO_DEVICE, "device 'nothing': none has that name"},
        {"radeon rx 6600", KERF_ERR_ARGUMENT, "fits several, must be one of 1 ("},
        {"Radeon RX 6600", KERF_ERR_ARGUMENT, "pci:0000:0a:00.0)"},
        {"rusticl:zen", KERF_ERR_NO_DEVICE, "none has that name"},
        {"pci:", KERF_ERR_NO_DEVICE, "none has that name"},
        {"pci:77:00.0", KERF_ERR_NO_DEVICE, "none has that name"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        size_t index = 99;
        CHECK_STATUS(CASES[i].status, kerf__device_select(LIST, NUM, CASES[i].spec, &index));
        if (strstr(kerf_last_error(), CASES[i].words) == NULL)
            printf("'%s' lacks '%s'\n", kerf_last_error(), CASES[i].words);
        CHECK(strstr(kerf_last_error(), CASES[i].words) != NULL);
        CHECK(strchr(kerf_last_error(), '\n') == NULL);
    }
}

static void test_default(void)
{
    size_t index = 99;
    unsetenv("KERF_DEVICE");
    CHECK_OK(kerf__device_select(LIST, NUM, NULL, &index));
    CHECK(index == 1); /* the first GPU */
    CHECK_OK(kerf__device_select(LIST, 1, "", &index));
    CHECK(index == 0);
    setenv("KERF_DEVICE", "arc", 1);
    CHECK_OK(kerf__device_select(LIST, NUM, NULL, &index));
    CHECK(index == 4);
    CHECK_OK(kerf__device_select(LIST, NUM, "0", &index)); /* what is said beats the variable */
    CHECK(index == 0);
    unsetenv("KERF_DEVICE");
    CHECK_STATUS(KERF_ERR_NO_DEVICE, kerf__device_select(LIST, 0, NULL, &index));
    CHECK(strstr(kerf_last_error(), "apt install pocl-opencl-icd") != NULL);
}

/* The list has what opening gives, and a device is itself by number and by name. */
static void test_real(void)
{
    char spec[24];
    kerf_device_info *infos = NULL;
    size_t num = 0;
    kerf_device *dev = check_open_device();
    CHECK_OK(kerf_device_list(&infos, &num));
    CHECK(num >= 1);
    for (size_t i = 0; i < num; i++) {
        kerf_device *other = NULL;
        snprintf(spec, sizeof spec, "%zu", i);
        CHECK(infos[i].index == (int)i && strlen(infos[i].id) == 32);
        CHECK(infos[i].max_group >= 1 && infos[i].align_bytes >= 64);
        CHECK(infos[i].global_bytes >= infos[i].max_alloc_bytes && infos[i].max_alloc_bytes > 0);
        CHECK(infos[i].local_bytes > 0 && infos[i].profile[0] != '\0');
        CHECK_OK(kerf_device_open(&other, spec));
        CHECK(strcmp(kerf_device_name(other), infos[i].name) == 0);
        CHECK(strcmp(kerf_device_get_info(other)->id, infos[i].id) == 0);
        kerf_device_close(other);
    }
    kerf_device_close(dev);
    CHECK_STATUS(KERF_ERR_NO_DEVICE, kerf_device_open(&dev, "no such device"));
    CHECK(dev == NULL);
    kerf_device_list_free(infos);
    kerf_device_list_free(NULL);
    kerf_device_close(NULL);
}

/* Identity tells apart what a cache must not mix up. */
static void test_identity(void)
{
    kerf_device_info a = LIST[1], b = LIST[1], c = LIST[1], d = LIST[1];
    snprintf(b.driver, sizeof b.driver, "2");
    c.compute_units = 1;
    d.type = KERF_DEVICE_CPU; /* then this machine's CPU is part of it */
    kerf__device_identify(&a);
    kerf__device_identify(&b);
    kerf__device_identify(&c);
    kerf__device_identify(&d);
    CHECK(strcmp(a.id, b.id) != 0 && strcmp(a.id, c.id) != 0 && strcmp(a.id, d.id) != 0);
    kerf_device_info again = LIST[1];
    kerf__device_identify(&again);
    CHECK(strcmp(a.id, again.id) == 0);
}

/* Cards of one name differ by their memory; the host's changes under a device that shares it. */
static void test_memory_in_identity(void)
{
    for (int shares = 0; shares <= 1; shares++) {
        kerf_device_info small = LIST[1], large = LIST[1];
        small.shares_memory = large.shares_memory = shares;
        small.global_bytes = 1 << 30;
        large.global_bytes = 1u << 31;
        kerf__device_identify(&small);
        kerf__device_identify(&large);
        CHECK((strcmp(small.id, large.id) == 0) == shares);
    }
}

int main(void)
{
    test_found();
    test_refused();
    test_default();
    test_identity();
    test_memory_in_identity();
    test_real();
    return check_result();
}
