/* test_file.c -- whole files: complete or not at all, whatever fails on the way.
 *
 * A full disk is played by /dev/full under the temporary name and by a limit on file sizes; a
 * lack of memory by making the n-th allocation fail, for every n. */
#include "check.h"

#include <dirent.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/file.h"

static char folder[256], path[300];

static int num_entries(const char *dir_path)
{
    int num = 0;
    struct dirent *entry;
    DIR *dir = opendir(dir_path);
    while (dir != NULL && (entry = readdir(dir)) != NULL)
        num += entry->d_name[0] != '.';
    if (dir != NULL)
        closedir(dir);
    return num;
}

static void expect_content(const char *want)
{
    char *bytes = NULL;
    size_t num_bytes = 0;
    CHECK_OK(kerf__file_read(path, 0, (void **)&bytes, &num_bytes));
    CHECK(bytes != NULL && num_bytes == strlen(want) && strcmp(bytes, want) == 0);
    free(bytes);
}

static void expect_message(kerf_status got, kerf_status want, const char *words)
{
    if (got == want && strstr(kerf_last_error(), words) != NULL)
        return;
    printf("%s: '%s', must be %s with '%s'\n", kerf_status_name(got), kerf_last_error(),
           kerf_status_name(want), words);
    check_failures++;
}

static void test_there_and_back(void)
{
    size_t num_bytes = 300000;
    unsigned char *big = kerf__alloc(num_bytes, 1), *got = NULL;
    for (size_t i = 0; i < num_bytes; i++)
        big[i] = (unsigned char)(i * 31 >> 3);
    CHECK_OK(kerf__file_write(path, big, num_bytes));
    CHECK_OK(kerf__file_read(path, num_bytes, (void **)&got, &num_bytes));
    CHECK(num_bytes == 300000 && memcmp(got, big, num_bytes) == 0 && got[num_bytes] == 0);
    free(got);
    free(big);
    CHECK_OK(kerf__file_write(path, "", 0));
    expect_content("");
    CHECK_OK(kerf__file_write(path, "old", 3));
    expect_content("old");
    CHECK(num_entries(folder) == 1);
}

static void test_reading_fails(void)
{
    char *bytes = path;
    size_t num_bytes = 7;
    expect_message(kerf__file_read("/nowhere/x", 0, (void **)&bytes, &num_bytes), KERF_ERR_FILE,
                   "/nowhere/x: cannot be read: No such file");
    CHECK(bytes == NULL && num_bytes == 0);
    expect_message(kerf__file_read(folder, 0, (void **)&bytes, &num_bytes), KERF_ERR_FILE,
                   "is a folder");
    expect_message(kerf__file_read(path, 2, (void **)&bytes, &num_bytes), KERF_ERR_FILE,
                   "is larger than 2 bytes");
    CHECK(bytes == NULL);
}

/* The name that a new file has until it is complete. */
static void temporary_name(char *name, size_t name_bytes)
{
    snprintf(name, name_bytes, "%s.%ld.tmp", path, (long)getpid());
}

static void test_full_disk(void)
{
    char name[400];
    temporary_name(name, sizeof name);
    CHECK(symlink("/dev/full", name) == 0);
    expect_message(kerf__file_write(path, "new", 3), KERF_ERR_FILE, "No space left");
    expect_content("old");
    CHECK(num_entries(folder) == 1);

    struct rlimit before, small;
    char *big = kerf__alloc(1 << 20, 1);
    getrlimit(RLIMIT_FSIZE, &before);
    small = (struct rlimit){1000, before.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &small);
    expect_message(kerf__file_write(path, big, 1 << 20), KERF_ERR_FILE, "cannot be written");
    setrlimit(RLIMIT_FSIZE, &before);
    free(big);
    expect_content("old");
    CHECK(num_entries(folder) == 1);
}

static void test_read_only_folder(void)
{
    const uid_t user = geteuid();
    CHECK(chmod(folder, 0555) == 0);
    if (user == 0) /* root may write anywhere; be nobody for a moment */
        CHECK(seteuid(65534) == 0);
    expect_message(kerf__file_write(path, "new", 3), KERF_ERR_FILE, "Permission denied");
    CHECK(seteuid(user) == 0);
    CHECK(chmod(folder, 0755) == 0);
    expect_content("old");
    CHECK(num_entries(folder) == 1);
    expect_message(kerf__file_write("/nowhere/x", "new", 3), KERF_ERR_FILE, "/nowhere/x: cannot");
}

static void test_in_pieces(void)
{
    kerf__new_file f;
    CHECK_OK(kerf__new_file_begin(&f, path));
    fputs("half", f.stream);
    kerf__new_file_cancel(&f);
    kerf__new_file_cancel(&f); /* twice is allowed */
    expect_content("old");
    CHECK_OK(kerf__new_file_begin(&f, path));
    fputs("wh", f.stream);
    expect_content("old"); /* not seen before it is complete */
    fputs("ole", f.stream);
    CHECK_OK(kerf__new_file_commit(&f));
    kerf__new_file_cancel(&f); /* after commit, too */
    expect_content("whole");
    CHECK(num_entries(folder) == 1);
}

static kerf_status work(void)
{
    void *bytes = NULL;
    size_t num_bytes = 0;
    char below[400];
    snprintf(below, sizeof below, "%s/a/b", folder);
    KERF__TRY(kerf__make_dirs(below));
    KERF__TRY(kerf__file_read(path, 0, &bytes, &num_bytes));
    free(bytes);
    return kerf__file_write(path, "whole", 5);
}

/* Every allocation fails once; the file is whole and nothing else lies about. */
static void test_no_memory(void)
{
    int num_failures = 0;
    for (long n = 1; n < 100; n++) {
        kerf__alloc_fail_at(n);
        kerf_status status = work();
        kerf__alloc_fail_at(0);
        if (status == KERF_OK)
            break;
        num_failures++;
        expect_message(status, KERF_ERR_MEMORY, "cannot allocate");
        expect_content("whole");
        CHECK(num_entries(folder) <= 2); /* the file and folder a */
    }
    CHECK(num_failures >= 4);
}

static void test_folders(void)
{
    char below[400];
    snprintf(below, sizeof below, "%s/a/b/c", folder);
    CHECK_OK(kerf__make_dirs(below));
    CHECK_OK(kerf__make_dirs(below));
    struct stat info;
    CHECK(stat(below, &info) == 0 && S_ISDIR(info.st_mode));
    snprintf(below, sizeof below, "%s/x", path);
    expect_message(kerf__make_dirs(below), KERF_ERR_FILE, "cannot be written");
    char *joined = kerf__path_join("a/b", "c");
    CHECK(joined != NULL && strcmp(joined, "a/b/c") == 0);
    free(joined);
}

int main(void)
{
    snprintf(folder, sizeof folder, "/tmp/kerf-test-XXXXXX");
    CHECK(mkdtemp(folder) != NULL);
    snprintf(path, sizeof path, "%s/file", folder);
    test_there_and_back();
    test_reading_fails();
    test_full_disk();
    test_read_only_folder();
    test_in_pieces();
    test_no_memory();
    test_folders();
    char command[300];
    snprintf(command, sizeof command, "rm -r %.250s", folder);
    CHECK(system(command) == 0);
    return check_result();
}
