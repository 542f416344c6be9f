/* test_program_cache.c -- the cache of programs: found again, never trusted, and bounded.
 *
 * Each case runs one kernel in a folder of its own, with a device that is opened and closed
 * again, and looks whether the program was compiled or loaded. */
#include "check.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "device/device_internal.h"

static const kerf__source SOURCE = {"cached", "kernel void twice(global int *x)\n"
                                              "{\n"
                                              "    const int i = (int)get_global_id(0);\n"
                                              "    x[i] = 2 * x[i] + SHIFT;\n"
                                              "}\n"};

static char folder[256]; /* KERF_CACHE_DIR of this test */

static double keep_ms = 10000; /* that closing may ask for binaries */

/* Runs x = 2 x + SHIFT and tells whether the program came from disk. */
static int run(const char *options, int shift)
{
    kerf_device *dev = check_open_device();
    kerf__buffer *x = NULL;
    kerf__launch *launch = NULL;
    int values[64], wrong = 0;
    for (int i = 0; i < 64; i++)
        values[i] = i;
    CHECK_OK(kerf__buffer_create(&x, dev, sizeof values));
    CHECK_OK(kerf__buffer_write(x, 0, values, sizeof values));
    CHECK_OK(kerf__launch_create(&launch, dev, &SOURCE, "twice", options, KERF__ARGS(ARG(x)),
                                 kerf__grid_items(64)));
    CHECK_OK(kerf__launch_enqueue(launch));
    CHECK_OK(kerf__buffer_read(x, 0, values, sizeof values));
    for (int i = 0; i < 64; i++)
        wrong += values[i] != 2 * i + shift;
    CHECK(wrong == 0);
    int from_cache = dev->programs->from_cache;
    kerf_device_keep_programs(dev, keep_ms);
    kerf__launch_destroy(launch);
    kerf__buffer_destroy(x);
    kerf_device_close(dev);
    return from_cache;
}

/* The file number i in the order of names; 0 if there is none. */
static int find_file(int number, char *path, size_t path_bytes)
{
    char names[8][64], programs[512];
    int num = 0;
    snprintf(programs, sizeof programs, "%s/programs", folder);
    DIR *dir = opendir(programs);
    for (struct dirent *entry = NULL; dir != NULL && (entry = readdir(dir)) != NULL;)
        if (strstr(entry->d_name, ".bin") != NULL && num < 8)
            snprintf(names[num++], sizeof names[0], "%.63s", entry->d_name);
    if (dir != NULL)
        closedir(dir);
    if (number >= num)
        return 0;
    snprintf(path, path_bytes, "%s/%s", programs, names[number]);
    return 1;
}

static void test_found_again(void)
{
    CHECK(!run("-DSHIFT=1", 1));
    CHECK(run("-DSHIFT=1", 1));
    CHECK(!run("-DSHIFT=2", 2)); /* other options, another program */
    CHECK(run("-DSHIFT=2", 2));
    CHECK(run("-DSHIFT=1", 1));
}

/* What closing had no time for is kept once it is built again. */
static void test_no_time(void)
{
    char path[1024];
    keep_ms = 0;
    CHECK(!run("-DSHIFT=1", 1));
    CHECK(!find_file(0, path, sizeof path));
    keep_ms = 10000;
    CHECK(!run("-DSHIFT=1", 1));
    CHECK(find_file(0, path, sizeof path));
    unlink(path);
}

/* Every region of the file cut or changed; each time it is built anew and saved again. */
static void test_damaged(void)
{
    char path[1024];
    void *good = NULL;
    size_t num_bytes = 0;
    CHECK(unlink(find_file(1, path, sizeof path) ? path : "") == 0);
    CHECK(find_file(0, path, sizeof path));
    CHECK_OK(kerf__file_read(path, 0, &good, &num_bytes));
    const char *options = run("-DSHIFT=1", 1) ? "-DSHIFT=1" : "-DSHIFT=2";
    const int shift = options[8] - '0';
    const size_t places[] = {0, 8, 20, 30, 40, 50, 60, 70, num_bytes / 2, num_bytes - 1};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        unsigned char *bytes = good;
        bytes[places[i]] ^= 0x10;
        CHECK_OK(kerf__file_write(path, bytes, num_bytes));
        CHECK(!run(options, shift));
        bytes[places[i]] ^= 0x10;
        CHECK_OK(kerf__file_write(path, bytes, places[i]));
        CHECK(!run(options, shift));
        CHECK(run(options, shift));
    }
    free(good);
}

/* The file cut behind each byte, and each byte of it changed: that is seen. */
static void test_every_byte(void)
{
    char path[1024];
    void *good = NULL;
    size_t num_bytes = 0;
    CHECK(find_file(0, path, sizeof path));
    CHECK_OK(kerf__file_read(path, 0, &good, &num_bytes));
    kerf_device *dev = check_open_device();
    kerf__program *program = NULL;
    int missed = 0;
    for (int shift = 1; shift <= 2; shift++) { /* the file is of one of these */
        char options[24];
        snprintf(options, sizeof options, "-DSHIFT=%d", shift);
        CHECK_OK(kerf__program_find(&program, dev, &SOURCE, options));
        if (kerf__program_file_is_whole(dev, program, good, num_bytes))
            break;
    }
    CHECK(kerf__program_file_is_whole(dev, program, good, num_bytes));
    unsigned char *bytes = good;
    for (size_t i = 0; i < num_bytes; i++) {
        missed += kerf__program_file_is_whole(dev, program, good, i);
        bytes[i] ^= (unsigned char)(1 << i % 8);
        missed += kerf__program_file_is_whole(dev, program, good, num_bytes);
        bytes[i] ^= (unsigned char)(1 << i % 8);
    }
    CHECK(missed == 0);
    /* The very same bytes are no file of another device, nor of other options. */
    dev->info.id[0] ^= 1;
    CHECK(!kerf__program_file_is_whole(dev, program, good, num_bytes));
    dev->info.id[0] ^= 1;
    free(good);
    kerf_device_close(dev);
}

/* A folder in its place, and a link to nowhere. */
static void test_unreadable(void)
{
    char path[1024];
    while (find_file(0, path, sizeof path))
        unlink(path);
    CHECK(!run("-DSHIFT=1", 1));
    CHECK(find_file(0, path, sizeof path));
    CHECK(unlink(path) == 0 && mkdir(path, 0700) == 0);
    CHECK(!run("-DSHIFT=1", 1));
    CHECK(!run("-DSHIFT=1", 1)); /* it cannot be replaced */
    CHECK(rmdir(path) == 0 && symlink(path, path) == 0);
    CHECK(!run("-DSHIFT=1", 1));
    CHECK(run("-DSHIFT=1", 1)); /* it can */
    CHECK(strcmp(kerf_last_error(), "") == 0);
}

/* Another program's whole file under this name. */
static void test_foreign(void)
{
    char a[1024], b[1024];
    void *bytes = NULL;
    size_t num_bytes = 0;
    run("-DSHIFT=1", 1);
    run("-DSHIFT=2", 2);
    CHECK(find_file(0, a, sizeof a) && find_file(1, b, sizeof b));
    CHECK_OK(kerf__file_read(a, 0, &bytes, &num_bytes));
    CHECK_OK(kerf__file_write(b, bytes, num_bytes));
    free(bytes);
    CHECK(run("-DSHIFT=1", 1) + run("-DSHIFT=2", 2) == 1);
}

static int count_files(void)
{
    char path[1024];
    int num = 0;
    while (find_file(num, path, sizeof path))
        num++;
    return num;
}

static void set_bound(double bytes)
{
    char text[32];
    snprintf(text, sizeof text, "%.9f", bytes / (1 << 20));
    setenv("KERF_CACHE_MIB", text, 1);
}

/* Room for two: of three the one that was not used for longest goes, and what a killed
 * process left long ago; what is being written now stays. */
static void test_bound(void)
{
    char path[1024], old[600], fresh[600];
    struct stat info;
    const struct timespec past[2] = {{1000, 0}, {1000, 0}};
    while (find_file(0, path, sizeof path))
        unlink(path);
    CHECK(!run("-DSHIFT=1", 1));
    CHECK(find_file(0, path, sizeof path) && stat(path, &info) == 0);
    snprintf(old, sizeof old, "%s/programs/a.bin.1.tmp", folder);
    snprintf(fresh, sizeof fresh, "%s/programs/b.bin.2.tmp", folder);
    CHECK_OK(kerf__file_write(old, "", 0));
    CHECK_OK(kerf__file_write(fresh, "", 0));
    CHECK(utimensat(AT_FDCWD, old, past, 0) == 0);
    set_bound(2.5 * (double)info.st_size);
    CHECK(!run("-DSHIFT=2", 2));
    CHECK(run("-DSHIFT=1", 1)); /* used after 2, which so is the next to go */
    CHECK(!run("-DSHIFT=3", 3));
    CHECK(access(old, F_OK) != 0 && access(fresh, F_OK) == 0);
    CHECK(unlink(fresh) == 0);
    CHECK(count_files() == 2);
    CHECK(run("-DSHIFT=1", 1) && run("-DSHIFT=3", 3));
    CHECK(!run("-DSHIFT=2", 2));
    set_bound(0);
    CHECK(!run("-DSHIFT=4", 4));
    CHECK(count_files() == 0);
    setenv("KERF_CACHE_MIB", "nonsense", 1); /* the default */
    CHECK(!run("-DSHIFT=1", 1));
    CHECK(count_files() == 1);
    unsetenv("KERF_CACHE_MIB");
}

static void use_all(void)
{
    for (int round = 0; round < 4; round++) {
        run("-DSHIFT=1", 1);
        run("-DSHIFT=2", 2);
        run("-DSHIFT=3", 3);
    }
}

/* Processes that save, load and remove the same files; run() checks what comes out. */
static void test_several(const char *program)
{
    enum { NUM = 4 };
    pid_t pids[NUM];
    char path[1024];
    struct stat info;
    CHECK(find_file(0, path, sizeof path) && stat(path, &info) == 0);
    set_bound(1.5 * (double)info.st_size);
    fflush(stdout);
    for (int i = 0; i < NUM; i++) {
        pids[i] = fork();
        if (pids[i] == 0) {
            execl(program, program, "--child", (char *)NULL);
            _exit(127);
        }
    }
    for (int i = 0; i < NUM; i++) {
        int status = -1;
        CHECK(waitpid(pids[i], &status, 0) == pids[i] && status == 0);
    }
    CHECK(count_files() <= 2); /* each trims before the others may have written */
    unsetenv("KERF_CACHE_MIB");
}

/* A cache that cannot be: a path below a file, and none at all. */
static void test_without_folder(void)
{
    setenv("KERF_CACHE_DIR", "/dev/null/kerf", 1);
    CHECK(!run("-DSHIFT=3", 3));
    CHECK(!run("-DSHIFT=3", 3));
    CHECK(strcmp(kerf_last_error(), "") == 0);
    unsetenv("KERF_CACHE_DIR");
    unsetenv("XDG_CACHE_HOME");
    setenv("HOME", "", 1);
    CHECK(strcmp(kerf_cache_dir(), "") == 0);
    CHECK(!run("-DSHIFT=3", 3));
}

static void remove_all(void)
{
    char path[1024];
    while (find_file(0, path, sizeof path))
        unlink(path);
    snprintf(path, sizeof path, "%s/programs", folder);
    rmdir(path);
    rmdir(folder);
}

int main(int argc, char **argv)
{
    if (argc > 1) {
        use_all();
        return check_result();
    }
    kerf_device *dev = check_open_device();
    const int simulated = dev->cl->preloaded;
    kerf_device_close(dev);
    snprintf(folder, sizeof folder, "/tmp/kerf-test-XXXXXX");
    if (mkdtemp(folder) == NULL)
        return 1;
    setenv("KERF_CACHE_DIR", folder, 1);
    unsetenv("KERF_CACHE_MIB");
    if (simulated) {
        CHECK(!run("-DSHIFT=1", 1)); /* a simulator's programs are not kept */
        CHECK(!run("-DSHIFT=1", 1));
    } else {
        test_no_time();
        test_found_again();
        test_damaged();
        test_every_byte();
        test_foreign();
        test_unreadable();
        test_bound();
        test_several(argv[0]);
    }
    remove_all();
    test_without_folder();
    return check_result();
}
