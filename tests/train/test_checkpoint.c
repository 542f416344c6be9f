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

/* ---- damaged files: one on disk, changed in place ------------------------------------------- */

typedef struct patient {
    const char *path;
    unsigned char *bytes; /* owned; as they are in the file */
    size_t num_bytes;
    FILE *file;
} patient;

static patient admit(void)
{
    void *bytes;
    patient p = {.path = test_folder_path(&folder, "checkpoint")};
    write_one(5);
    CHECK_OK(kerf__file_read(p.path, 0, &bytes, &p.num_bytes));
    p.bytes = bytes;
    p.file = fopen(p.path, "r+b");
    return p;
}

static void discharge(patient *p)
{
    fclose(p->file);
    free(p->bytes);
}

static void put(patient *p, size_t at, const void *bytes, size_t num)
{
    fseek(p->file, (long)at, SEEK_SET);
    fwrite(bytes, 1, num, p->file);
    fflush(p->file);
}

static kerf_status read_it(const patient *p)
{
    kerf__checkpoint c;
    kerf_status status = kerf__checkpoint_read(&c, p->path);
    kerf__checkpoint_free(&c);
    return status;
}

static void test_cut_anywhere(void)
{
    begin();
    patient p = admit();
    CHECK_OK(read_it(&p));
    for (size_t cut = p.num_bytes; cut-- > 0;)
        CHECK(truncate(p.path, (long)cut) == 0 && read_it(&p) == KERF_ERR_FORMAT);
    CHECK(strstr(kerf_last_error(), "is not a whole checkpoint") != NULL);
    discharge(&p);
    end();
}

static void test_changed_anywhere(void)
{
    begin();
    patient p = admit();
    for (size_t i = 0; i < p.num_bytes; i++) {
        const unsigned char changed = p.bytes[i] ^ 0x10;
        put(&p, i, &changed, 1);
        CHECK(read_it(&p) == KERF_ERR_FORMAT);
        put(&p, i, &p.bytes[i], 1);
    }
    CHECK_OK(read_it(&p));
    discharge(&p);
    end();
}

/* The checksum that the first num bytes want. */
static void put_checksum(patient *p, size_t num)
{
    const uint64_t sum = XXH64(p->bytes, num, 0);
    unsigned char bytes[8];
    for (int i = 0; i < 8; i++)
        bytes[i] = (unsigned char)(sum >> (8 * i));
    put(p, num, bytes, 8);
}

/* A hostile file has a good checksum.  Whatever comes, it is no crash (sanitizers watch), and
 * much of it is refused. */
static void test_hostile_bytes(void)
{
    size_t refused = 0;
    begin();
    patient p = admit();
    for (size_t i = 0; i < p.num_bytes - 8; i++) {
        const unsigned char was = p.bytes[i];
        for (int value = 0; value < 256; value += 85) {
            p.bytes[i] = (unsigned char)value;
            put(&p, i, &p.bytes[i], 1);
            put_checksum(&p, p.num_bytes - 8);
            refused += read_it(&p) != KERF_OK;
        }
        p.bytes[i] = was;
        put(&p, i, &was, 1);
    }
    CHECK(refused > 100);
    discharge(&p);
    end();
}

/* Cut, and the cut hidden by a fresh checksum. */
static void test_hostile_cuts(void)
{
    begin();
    patient p = admit();
    for (size_t cut = p.num_bytes - 8; cut-- > 0;) {
        put_checksum(&p, cut);
        CHECK(truncate(p.path, (long)cut + 8) == 0 && read_it(&p) != KERF_OK);
    }
    discharge(&p);
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
    test_cut_anywhere();
    test_changed_anywhere();
    test_hostile_bytes();
    test_hostile_cuts();
    test_a_folder_that_cannot_be_written();
    return check_result();
}
