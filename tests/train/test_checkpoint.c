/* test_checkpoint.c -- a checkpoint comes back as it was; one that is cut or changed
 * anywhere is refused, also with a checksum that was made to fit; nothing is half-written. */
#include <string.h>
#include <xxhash.h>

#include "base/file.h"
#include "check.h"
#include "graph/graph_internal.h"
#include "kerf/io.h"
#include "kerf/nets.h"
#include "train/checkpoint.h"
#include "train/test_folder.h"

static test_folder folder;
static kerf_graph *g;
static kerf_state *s, *best;
static void *graph;
static size_t graph_bytes;

/* A small network with a mask, a moment and a dropped entry. */
static void begin(void)
{
    int id;
    const kerf_net_options tiny = {.classes = 3, .input = {1, 2, 2}, .width = 0.01, .seed = 1};
    CHECK_OK(kerf_net_create(&g, &s, "lenet-300-100", &tiny, NULL));
    CHECK_OK(kerf_prune_mark(g, s, &(kerf_prune_options){.amount = 0.5}));
    CHECK_OK(kerf_state_add(s, "gone", KERF_ROLE_METRIC, -1, KERF_F32, KERF_SCALAR, &id));
    kerf_state_drop(s, id);
    CHECK_OK(kerf_state_add(s, "fc1.weight.moment", KERF_ROLE_MOMENT,
                            kerf_state_find(s, "fc1.weight")->id, KERF_F32, KERF_SHAPE(3, 4), &id));
    CHECK_OK(kerf_state_copy(&best, s, NULL));
    CHECK_OK(kerf_graph_serialize(g, &graph, &graph_bytes));
    test_folder_make(&folder);
}

static void end(void)
{
    test_folder_remove(&folder);
    free(graph);
    kerf_state_destroy(best);
    kerf_state_destroy(s);
    kerf_graph_destroy(g);
}

static kerf_epoch an_epoch = {1, 0.5, 80, 0.6, 0.05, 1.5, 0.9};

static kerf__checkpoint filled(int64_t step)
{
    return (kerf__checkpoint){.options = "lr=1\nseed=2\n",
                              .device = "some device",
                              .choices = "{}",
                              .graph = graph,
                              .graph_bytes = graph_bytes,
                              .position = {.step = step,
                                           .next = 3,
                                           .loss = 1.25,
                                           .samples = 640,
                                           .seconds = 2,
                                           .best_epoch = 1,
                                           .best_top1 = 80,
                                           .best_loss = 0.6},
                              .epochs = &an_epoch,
                              .num_epochs = 1,
                              .state = s,
                              .best = best};
}

static void write_one(int64_t step)
{
    kerf__checkpoint c = filled(step);
    CHECK_OK(kerf__checkpoint_write(&c, test_folder_path(&folder, "checkpoint"),
                                    test_folder_path(&folder, "checkpoint.old")));
}

static void check_same_state(const kerf_state *a, const kerf_state *b)
{
    CHECK(kerf_state_num_ids(a) == kerf_state_num_ids(b));
    for (int id = 0; id < kerf_state_num_ids(a); id++) {
        const kerf_state_entry *x = kerf_state_get(a, id), *y = kerf_state_get(b, id);
        CHECK((x == NULL) == (y == NULL));
        if (x == NULL || y == NULL)
            continue;
        CHECK(strcmp(x->name, y->name) == 0 && x->role == y->role && x->owner == y->owner);
        CHECK(memcmp(kerf_tensor_data(x->tensor), kerf_tensor_data(y->tensor),
                     kerf_tensor_size_bytes(x->tensor)) == 0);
    }
}

static void test_comes_back(void)
{
    kerf__checkpoint c;
    begin();
    write_one(468);
    CHECK_OK(kerf__checkpoint_read(&c, test_folder_path(&folder, "checkpoint")));
    CHECK(strcmp(c.options, "lr=1\nseed=2\n") == 0 && strcmp(c.device, "some device") == 0);
    CHECK(c.graph_bytes == graph_bytes && memcmp(c.graph, graph, graph_bytes) == 0);
    CHECK(c.position.step == 468 && c.position.next == 3 && c.position.samples == 640);
    CHECK(c.num_epochs == 1 && memcmp(c.epochs, &an_epoch, sizeof an_epoch) == 0);
    check_same_state(c.state, s);
    check_same_state(c.best, best);
    kerf__checkpoint_free(&c);
    end();
}

static void test_public_reader(void)
{
    kerf_graph *g2;
    kerf_state *s2;
    begin();
    write_one(1);
    CHECK_OK(kerf_checkpoint_read(&g2, &s2, test_folder_path(&folder, "checkpoint"), 1, NULL));
    CHECK(kerf_graph_num_nodes(g2) == kerf_graph_num_nodes(g));
    check_same_state(s2, best);
    kerf_state_destroy(s2);
    kerf_graph_destroy(g2);
    CHECK_STATUS(KERF_ERR_FILE,
                 kerf_checkpoint_read(&g2, &s2, test_folder_path(&folder, "none"), 0, NULL));
    CHECK(g2 == NULL && s2 == NULL);
    end();
}

static void test_the_previous_is_kept(void)
{
    kerf__checkpoint c;
    begin();
    write_one(1);
    write_one(2);
    CHECK_OK(kerf__checkpoint_read(&c, test_folder_path(&folder, "checkpoint.old")));
    CHECK(c.position.step == 1);
    kerf__checkpoint_free(&c);
    end();
}

/* Nothing but the two checkpoints may lie there after a failure. */
static int num_files(void)
{
    int num = 0;
    DIR *dir = opendir(folder.path);
    for (struct dirent *e; (e = readdir(dir)) != NULL;)
        num += e->d_name[0] != '.';
    closedir(dir);
    return num;
}

static kerf_status read_bytes(const void *bytes, size_t num_bytes)
{
    kerf__checkpoint c;
    const char *path = test_folder_path(&folder, "broken");
    FILE *file = fopen(path, "wb");
    if (num_bytes > 0)
        fwrite(bytes, 1, num_bytes, file);
    fclose(file);
    kerf_status status = kerf__checkpoint_read(&c, path);
    kerf__checkpoint_free(&c);
    return status;
}

static void load_good(unsigned char **bytes, size_t *num_bytes)
{
    void *all;
    write_one(5);
    CHECK_OK(kerf__file_read(test_folder_path(&folder, "checkpoint"), 0, &all, num_bytes));
    *bytes = all;
}

static void test_cut_or_changed_anywhere(void)
{
    unsigned char *bytes;
    size_t num_bytes;
    begin();
    load_good(&bytes, &num_bytes);
    for (size_t cut = 0; cut < num_bytes; cut++)
        CHECK(read_bytes(bytes, cut) == KERF_ERR_FORMAT);
    CHECK(strstr(kerf_last_error(), "is not a whole checkpoint") != NULL);
    for (size_t i = 0; i < num_bytes; i++) {
        bytes[i] ^= 0x10;
        CHECK(read_bytes(bytes, num_bytes) == KERF_ERR_FORMAT);
        bytes[i] ^= 0x10;
    }
    CHECK_OK(read_bytes(bytes, num_bytes));
    free(bytes);
    end();
}

static void fix_checksum(unsigned char *bytes, size_t num_bytes)
{
    uint64_t sum = XXH64(bytes, num_bytes - 8, 0);
    for (int i = 0; i < 8; i++)
        bytes[num_bytes - 8 + (size_t)i] = (unsigned char)(sum >> (8 * i));
}

/* A hostile file has a good checksum: every byte becomes the largest and the smallest it can
 * be, and the file is cut with a fresh checksum; whatever comes, it is no crash (sanitizers
 * watch) and a cut one is never good. */
static void test_hostile_files(void)
{
    unsigned char *bytes;
    size_t num_bytes, refused = 0;
    begin();
    load_good(&bytes, &num_bytes);
    for (size_t i = 0; i < num_bytes - 8; i++) {
        unsigned char was = bytes[i];
        for (int value = 0; value < 256; value += 85) {
            bytes[i] = (unsigned char)value;
            fix_checksum(bytes, num_bytes);
            refused += read_bytes(bytes, num_bytes) != KERF_OK;
        }
        bytes[i] = was;
    }
    CHECK(refused > 100);
    for (size_t cut = 8; cut < num_bytes; cut += 3) {
        unsigned char *copy = malloc(cut);
        memcpy(copy, bytes, cut);
        fix_checksum(copy, cut);
        CHECK(read_bytes(copy, cut) != KERF_OK);
        free(copy);
    }
    free(bytes);
    end();
}

static void test_a_folder_that_cannot_be_written(void)
{
    kerf__checkpoint c;
    begin();
    c = filled(1);
    CHECK_STATUS(KERF_ERR_FILE, kerf__checkpoint_write(&c, "/proc/no/checkpoint", "/proc/no/old"));
    write_one(7);
    CHECK(num_files() == 1);
    end();
}

int main(void)
{
    test_comes_back();
    test_public_reader();
    test_the_previous_is_kept();
    test_cut_or_changed_anywhere();
    test_hostile_files();
    test_a_folder_that_cannot_be_written();
    return check_result();
}
