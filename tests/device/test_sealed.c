/* test_sealed.c -- small JSON files of the cache: whole, of this key and this version, or not
 * there.  Verdicts and peaks lie in such files. */
#include "check.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "device/sealed.h"

static char folder[256], path[600];
static json_t *saved;

static void prepare(void)
{
    const char *base = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%.200s/kerf-test-XXXXXX", base != NULL ? base : "/tmp");
    CHECK(mkdtemp(folder) != NULL);
    setenv("KERF_CACHE_DIR", folder, 1);
    snprintf(path, sizeof path, "%s/things/abc.json", folder);
    saved = json_pack("{s:s, s:i, s:f, s:[b, n]}", "name", "a \"device\"\n", "group", 4096, "rate",
                      0.1, "list", 1);
    CHECK(kerf__sealed_load("things", "abc") == NULL);
    kerf__sealed_save("things", "abc", saved); /* adds what seals it to `saved` too */
}

/* Loads it and tells whether it is there; what is there is what was saved. */
static int is_there(void)
{
    json_t *got = kerf__sealed_load("things", "abc");
    const int there = got != NULL;
    CHECK(!there || json_equal(got, saved));
    json_decref(got);
    return there;
}

/* A new file each time, as there are thousands: some disks write at once what replaces. */
static void put(const char *bytes, size_t num_bytes)
{
    unlink(path);
    FILE *file = fopen(path, "w");
    CHECK(file != NULL && fwrite(bytes, 1, num_bytes, file) == num_bytes);
    if (file != NULL)
        fclose(file);
}

/* Cut anywhere (but for a last line end), and each bit of it turned over. */
static void test_damaged(void)
{
    char *bytes = NULL;
    size_t num_bytes = 0;
    int same = 0;
    CHECK(is_there());
    CHECK_OK(kerf__file_read(path, 0, (void **)&bytes, &num_bytes));
    for (size_t cut = 0; cut < num_bytes; cut++) {
        put(bytes, cut);
        CHECK(!is_there());
    }
    for (size_t i = 0; i < 8 * num_bytes; i++) {
        bytes[i / 8] ^= (char)(1 << i % 8);
        put(bytes, num_bytes);
        same += is_there(); /* another blank between words */
        bytes[i / 8] ^= (char)(1 << i % 8);
    }
    CHECK(same < 30);
    put(bytes, num_bytes);
    CHECK(is_there());
    free(bytes);
}

/* One that is whole, but of another key, or whose maker was another version. */
static void test_foreign(void)
{
    char other[620];
    json_t *object = json_pack("{s:i}", "group", 1);
    kerf__sealed_save("things", "xyz", object);
    json_decref(object);
    snprintf(other, sizeof other, "%s/things/xyz.json", folder);
    CHECK(rename(other, path) == 0);
    CHECK(!is_there());
    kerf__sealed_save("things", "abc", saved);
    CHECK(is_there());
    json_t *old = json_deep_copy(saved);
    json_object_set_new(old, "kerf", json_string("0.0.9"));
    char *text = json_dumps(old, 0);
    put(text, strlen(text));
    CHECK(!is_there());
    free(text);
    json_decref(old);
}

/* A folder in its place, a link to nowhere, and no folder to keep it in. */
static void test_unreadable(void)
{
    unlink(path);
    CHECK(mkdir(path, 0700) == 0);
    CHECK(!is_there());
    kerf__sealed_save("things", "abc", saved);
    CHECK(!is_there());
    rmdir(path);
    CHECK(symlink(path, path) == 0);
    CHECK(!is_there());
    unlink(path);
    setenv("KERF_CACHE_DIR", "/dev/null/kerf", 1);
    kerf__sealed_save("things", "abc", saved);
    CHECK(!is_there());
    CHECK(strcmp(kerf_last_error(), "") == 0);
}

int main(void)
{
    char command[300];
    prepare();
    test_damaged();
    test_foreign();
    test_unreadable();
    json_decref(saved);
    snprintf(command, sizeof command, "rm -r %.250s", folder);
    CHECK(system(command) == 0);
    return check_result();
}
