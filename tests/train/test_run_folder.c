/* test_run_folder.c -- one process a folder, and the lines of metrics.jsonl. */
#include <string.h>

#include "base/file.h"
#include "check.h"
#include "train/train_internal.h"
#include "train/test_folder.h"

static test_folder folder;

static void test_second_one_is_refused(void)
{
    kerf__run_folder a, b;
    char who[64];
    test_folder_make(&folder);
    CHECK_OK(kerf__run_folder_open(&a, folder.path, 1));
    CHECK_STATUS(KERF_ERR_FILE, kerf__run_folder_open(&b, folder.path, 1));
    snprintf(who, sizeof who, "process %ld is working here", (long)getpid());
    CHECK(strstr(kerf_last_error(), who) != NULL);
    CHECK(strchr(kerf_last_error(), '\n') == NULL);
    kerf__run_folder_close(&a);
    CHECK_OK(kerf__run_folder_open(&b, folder.path, 1));
    kerf__run_folder_close(&b);
    test_folder_remove(&folder);
}

static void test_folders_that_cannot_be(void)
{
    kerf__run_folder f;
    CHECK_STATUS(KERF_ERR_FILE, kerf__run_folder_open(&f, "/dev/null/run", 1));
    CHECK_OK(kerf__run_folder_open(&f, NULL, 1));
    kerf__run_folder_close(&f);
}

static void check_lines(const char *want)
{
    void *text;
    size_t num_bytes;
    CHECK_OK(kerf__file_read(test_folder_path(&folder, "metrics.jsonl"), 0, &text, &num_bytes));
    if (strcmp(text, want) != 0) {
        printf("metrics.jsonl is\n%s", (char *)text);
        check_failures++;
    }
    free(text);
}

/* Unknown is null; resuming cuts what came after the checkpoint.  Of four steps an epoch, prunings
 * after 2 and 4: the second falls on the end of epoch 1, so it is told with the next. */
static void test_metrics(void)
{
    kerf_epoch epochs[] = {{1, 0.5, (double)NAN, (double)NAN, 0.25, 2, 0},
                           {2, 0.25, 90.5, 0.3, 0.125, 4, 0.5}};
    const char *first = "{\"epoch\":1,\"loss\":0.5,\"val_top1\":null,\"val_loss\":null,\"lr\":0.25,"
                        "\"seconds\":2.0,\"sparsity\":0.0,\"images_per_s\":20.0,"
                        "\"events\":[{\"at\":0.5,\"what\":\"prune\"}]}\n";
    const char *second = "{\"epoch\":2,\"loss\":0.25,\"val_top1\":90.5,\"val_loss\":0.3,"
                         "\"lr\":0.125,\"seconds\":4.0,\"sparsity\":0.5,\"images_per_s\":5.0,"
                         "\"events\":[{\"at\":1.0,\"what\":\"prune\"}]}\n";
    kerf_train_options options = {.epochs = 1.5, .batch = 10};
    options.prune = (kerf_prune_schedule){.events = 2, .start = 0.5, .every = 0.5};
    kerf__run run = {.options = &options};
    CHECK_OK(kerf__run_add_metrics(&run, &epochs[0])); /* no folder: nothing to do */
    char both[1024];
    test_folder_make(&folder);
    CHECK_OK(kerf__schedule_create(&run.schedule, &options, 4));
    CHECK_OK(kerf__run_folder_open(&run.folder, folder.path, 1));
    CHECK_OK(kerf__run_write_metrics(&run));
    check_lines("");
    CHECK_OK(kerf__run_add_metrics(&run, &epochs[0]));
    CHECK_OK(kerf__run_add_metrics(&run, &epochs[1]));
    snprintf(both, sizeof both, "%s%s", first, second);
    check_lines(both);
    run.epochs = epochs;
    run.num_epochs = 1;
    CHECK_OK(kerf__run_write_metrics(&run));
    check_lines(first);
    kerf__run_folder_close(&run.folder);
    kerf__schedule_free(&run.schedule);
    test_folder_remove(&folder);
}

int main(void)
{
    test_second_one_is_refused();
    test_folders_that_cannot_be();
    test_metrics();
    return check_result();
}
