/* test_teacher_keep.c -- teachers by way of the host: what they say kept in a file, and teachers on
 * another device, give the same bits as teachers that are asked where the student is. */
#include <string.h>
#include <sys/stat.h>

#include "small_run.h"
#include "test_folder.h"

static kerf_device *dev;
static small_run teacher;
static char noted[512];

static int note(void *context, const kerf_train_progress *progress)
{
    (void)context;
    if (progress->warning != NULL)
        snprintf(noted, sizeof noted, "%s", progress->warning);
    return 0;
}

static int stop_soon(void *context, const kerf_train_progress *progress)
{
    (void)context;
    return progress->step > 0;
}

static const kerf_learned_tap TAPS[] = {
    {.student = "fc1", .teacher = "fc1", .loss = KERF_TAP_SIMILARITY, .weight = 2},
    {.student = "relu2", .teacher = "relu2", .loss = KERF_TAP_MSE, .weight = 1},
};

/* Of a batch that the samples are not a multiple of. */
static kerf_train_options taught(void)
{
    kerf_train_options o = kerf_train_defaults();
    o.epochs = small_is_tiny() ? 2 : 0.4;
    o.batch = small_is_tiny() ? 48 : 100;
    o.keep_best = 0;
    o.callback = note;
    o.distill = (kerf_distillation){.teacher = teacher.g,
                                    .state = teacher.s,
                                    .alpha = 0.6,
                                    .temperature = 2,
                                    .taps = TAPS,
                                    .num_taps = 2};
    return o;
}

static uint64_t train(kerf_train_options o, kerf_status status)
{
    small_run r = small_begin(dev);
    noted[0] = '\0';
    CHECK_STATUS(status, kerf_train(r.g, r.s, r.d, &o));
    const uint64_t digest = small_digest(r.s);
    small_end(&r);
    return digest;
}

/* ---- the file ---------------------------------------------------------------------------------
 */

/* Changed by nobody: the same file, not one of the same name. */
static ino_t file_of(const test_folder *folder)
{
    struct stat info = {0};
    CHECK(stat(test_folder_path(folder, "teacher.cache"), &info) == 0 && info.st_size > 0);
    return info.st_ino;
}

/* A byte changed, or bytes cut off at the end. */
static void damage(const test_folder *folder, long cut)
{
    const char *path = test_folder_path(folder, "teacher.cache");
    struct stat info = {0};
    CHECK(stat(path, &info) == 0);
    if (cut > 0) {
        CHECK(truncate(path, info.st_size - cut) == 0);
        return;
    }
    FILE *f = fopen(path, "r+b");
    CHECK(f != NULL && fseek(f, info.st_size / 2, SEEK_SET) == 0);
    const int byte = fgetc(f);
    CHECK(fseek(f, -1, SEEK_CUR) == 0 && fputc(byte ^ 1, f) != EOF);
    fclose(f);
}

static void check_made_anew(const test_folder *folder, kerf_train_options o, uint64_t want,
                            const char *words)
{
    const ino_t before = file_of(folder);
    CHECK(train(o, KERF_OK) == want);
    if (strstr(noted, words) == NULL || strstr(noted, "teacher.cache: ") == NULL) {
        printf("the run tells \"%s\", not \"%s\"\n", noted, words);
        check_failures++;
    }
    CHECK(file_of(folder) != before);
}

static void test_kept(void)
{
    test_folder folder;
    kerf_train_options o = taught();
    const uint64_t want = train(o, KERF_OK);
    test_folder_make(&folder);
    o.run_dir = folder.path;
    o.distill.cache = 1;
    CHECK(train(o, KERF_OK) == want);
    const ino_t file = file_of(&folder);
    CHECK(train(o, KERF_OK) == want && noted[0] == '\0' && file_of(&folder) == file);
    o.callback = stop_soon;
    train(o, KERF_ERR_CANCELLED);
    o.callback = note;
    o.resume = 1;
    CHECK(train(o, KERF_OK) == want && file_of(&folder) == file);
    o.resume = 0;
    damage(&folder, 0);
    check_made_anew(&folder, o, want, "is damaged: the checksum is wrong; it is made anew");
    damage(&folder, 1);
    check_made_anew(&folder, o, want, "is not whole; it is made anew");
    damage(&folder, 1000);
    check_made_anew(&folder, o, want, "is not whole; it is made anew");
    test_folder_remove(&folder);
}

/* What is another teacher's, or of other samples, is not taken. */
static void test_foreign(void)
{
    test_folder folder;
    kerf_train_options o = taught();
    small_run other = small_begin(dev);
    const kerf_net_options net = {.classes = 3, .input = {1, 4, 4}, .width = 0.1, .seed = 77};
    kerf_graph_destroy(other.g);
    kerf_state_destroy(other.s);
    CHECK_OK(kerf_net_create(&other.g, &other.s, "lenet-300-100", &net, dev));
    test_folder_make(&folder);
    o.run_dir = folder.path;
    o.distill.cache = 1;
    train(o, KERF_OK);
    o.distill.teacher = other.g;
    o.distill.state = other.s;
    o.distill.cache = 0;
    o.run_dir = NULL;
    const uint64_t want = train(o, KERF_OK);
    o.distill.cache = 1;
    o.run_dir = folder.path;
    check_made_anew(&folder, o, want, "is of another teacher");
    o.batch += 1;
    o.distill.cache = 0;
    o.run_dir = NULL;
    const uint64_t of_batch = train(o, KERF_OK);
    o.distill.cache = 1;
    o.run_dir = folder.path;
    check_made_anew(&folder, o, of_batch, "other data, preparation or batch");
    small_end(&other);
    test_folder_remove(&folder);
}

static void check_refused(kerf_train_options o, const char *words)
{
    train(o, KERF_ERR_ARGUMENT);
    small_check_says(words);
}

static void test_refused(void)
{
    kerf_train_options o = taught();
    o.distill.cache = 1;
    check_refused(o, "cache: the file of what teachers say lies in the run's folder");
    o.run_dir = "/tmp/kerf-never-made";
    o.augment = "flip";
    check_refused(o, "cache: augment flip makes other samples in each epoch");
    CHECK(access(o.run_dir, F_OK) != 0);
}

/* ---- another device ----------------------------------------------------------------------------
 */

/* The same device once more: another context and queue, so nothing can be shared. */
static void test_other_device(void)
{
    test_folder folder;
    kerf_train_options o = taught();
    const uint64_t want = train(o, KERF_OK);
    kerf_device *other = check_open_device();
    kerf_state *there;
    CHECK_OK(kerf_state_copy(&there, teacher.s, other));
    const kerf_teacher twins[] = {{teacher.g, there}, {teacher.g, there}};
    o.distill.state = there;
    CHECK(train(o, KERF_OK) == want);
    test_folder_make(&folder);
    o.run_dir = folder.path;
    o.distill.cache = 1;
    CHECK(train(o, KERF_OK) == want);
    test_folder_remove(&folder);
    o.run_dir = NULL;
    o.distill.cache = 0;
    o.distill.self = 1; /* here, beside two there */
    o.distill.teacher = NULL;
    o.distill.more = twins;
    o.distill.num_more = 2;
    const uint64_t three = train(o, KERF_OK);
    const kerf_teacher here[] = {{teacher.g, teacher.s}, {teacher.g, teacher.s}};
    o.distill.more = here;
    CHECK(train(o, KERF_OK) == three);
    kerf_state_destroy(there);
    kerf_device_close(other);
}

int main(void)
{
    dev = check_open_device();
    teacher = small_begin(dev);
    const kerf_net_options net = {.classes = 3, .input = {1, 4, 4}, .width = 0.1, .seed = 9};
    kerf_graph_destroy(teacher.g);
    kerf_state_destroy(teacher.s);
    CHECK_OK(kerf_net_create(&teacher.g, &teacher.s, "lenet-300-100", &net, dev));
    test_kept();
    test_foreign();
    test_refused();
    test_other_device();
    small_end(&teacher);
    kerf_device_close(dev);
    return check_result();
}
