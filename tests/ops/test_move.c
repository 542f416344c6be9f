/* test_move.c -- operations that only move data against ref_move.c: bits must agree. */
#include "op_check.h"
#include "ops/move_common.h"
#include "ref/ref.h"

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])

enum { MAX = 1 << 17 };
static kerf_device *dev;
static unsigned char bytes[8 * MAX];

typedef struct move_case {
    const char *op;
    const char *attributes; /* "perm=0,2,1 axis=1"; axis and blocksize are numbers, mode is text */
    int num_inputs, num_outputs;
    kerf_shape shapes[3];
} move_case;

static const move_case CASES[] = {
    /* Turned in tiles, with rows and columns left over, alone and in a stack; small ones. */
    {"Transpose", "perm=1,0", 1, 1, {{2, {37, 50}}}},
    {"Transpose", "perm=0,2,1", 1, 1, {{3, {3, 16, 48}}}},
    {"Transpose", "perm=0,3,1,2", 1, 1, {{4, {2, 5, 7, 33}}}},
    {"Transpose", "perm=2,0,1", 1, 1, {{3, {18, 2, 20}}}},
    {"Transpose", "perm=1,0", 1, 1, {{2, {3, 100}}}},
    {"Transpose", "perm=0,2,1,3", 1, 1, {{4, {2, 3, 5, 24}}}},
    {"Transpose", "", 1, 1, {{4, {2, 3, 4, 5}}}},
    {"Transpose", "", 1, 1, {{8, {2, 3, 2, 3, 2, 1, 2, 3}}}},
    {"Transpose", "perm=0,1", 1, 1, {{2, {7, 9}}}},
    {"Transpose", "", 1, 1, {{0, {0}}}},
    {"Transpose", "", 1, 1, {{2, {0, 5}}}},
    {"Slice", "starts=1 ends=1000000", 1, 1, {{1, {100}}}},
    {"Slice", "starts=2,-7 ends=5,-1 axes=1,2", 1, 1, {{3, {3, 6, 40}}}},
    {"Slice", "starts=-1 ends=-1000000 steps=-1", 1, 1, {{1, {67}}}},
    {"Slice", "starts=30,0 ends=3,9 steps=-4,2 axes=1,-2", 1, 1, {{2, {9, 31}}}},
    {"Slice", "starts=0,1 ends=8,8 axes=2,3 steps=2,2", 1, 1, {{4, {2, 3, 8, 8}}}},
    {"Slice", "starts=5 ends=3", 1, 1, {{2, {9, 3}}}},
    {"Tile", "repeats=2,3", 1, 1, {{2, {5, 20}}}},
    {"Tile", "repeats=1,4,1", 1, 1, {{3, {3, 1, 40}}}},
    {"Tile", "repeats=7,1,2", 1, 1, {{3, {2, 33, 1}}}},
    {"Tile", "repeats=2,2,2,2", 1, 1, {{4, {2, 3, 2, 3}}}},
    {"Tile", "repeats=0,2", 1, 1, {{2, {5, 20}}}},
    {"Concat", "axis=1", 3, 1, {{3, {2, 3, 20}}, {3, {2, 1, 20}}, {3, {2, 5, 20}}}},
    {"Concat", "axis=-1", 2, 1, {{2, {19, 1}}, {2, {19, 3}}}},
    {"Concat", "axis=0", 3, 1, {{1, {0}}, {1, {70}}, {1, {5}}}},
    {"Split", "axis=1", 1, 3, {{3, {2, 9, 20}}}},
    {"Split", "axis=-1 split=3,0,16", 1, 3, {{2, {5, 19}}}},
    {"Split", "axis=0 num_outputs=3", 1, 3, {{2, {7, 5}}}},
    {"DepthToSpace", "blocksize=2", 1, 1, {{4, {2, 12, 3, 5}}}},
    {"DepthToSpace", "blocksize=2 mode=CRD", 1, 1, {{4, {2, 12, 3, 5}}}},
    {"SpaceToDepth", "blocksize=3", 1, 1, {{4, {1, 2, 6, 9}}}},
    {"SpaceToDepth", "blocksize=2 mode=CRD", 1, 1, {{4, {1, 2, 6, 4}}}},
    {"Pad", "pads=1,2,3,0", 1, 1, {{2, {5, 20}}}},
    {"Pad", "pads=0,-1,2,-3,1,2", 1, 1, {{3, {3, 7, 40}}}},
    {"Pad", "pads=0,0,1,2,0,0,3,1 mode=edge", 1, 1, {{4, {2, 3, 5, 6}}}},
    {"Pad", "pads=0,0,1,2,0,0,3,5 mode=reflect", 1, 1, {{4, {2, 3, 5, 6}}}},
    {"Pad", "pads=0,4,3,-1 mode=reflect", 1, 1, {{2, {6, 7}}}},
    {"Pad", "pads=2,5,3,6 mode=wrap", 1, 1, {{2, {3, 6}}}},
    {"Pad", "pads=1,-2,2,0 mode=edge", 1, 1, {{2, {1, 20}}}},
    {"Pad", "pads=-2,3 mode=edge", 1, 1, {{1, {7}}}}, /* cut here, padded there */
    {"Pad", "pads=-2,3 mode=reflect", 1, 1, {{1, {7}}}},
    {"Pad", "pads=3,-2 mode=wrap", 1, 1, {{1, {7}}}},
    {"Pad", "pads=3,2", 1, 1, {{1, {0}}}},
    {"Pad", "pads=-3,-2", 1, 1, {{1, {5}}}},
    {"Pad", "pads=-5,2", 1, 1, {{1, {5}}}},
    {"Pad", "pads=2,1,1,2 axes=-1,0 mode=edge", 1, 1, {{3, {2, 3, 4}}}},
    {"kerf.SliceGrad", "shape=9,31 starts=0,30 steps=2,-4", 1, 1, {{2, {5, 7}}}},
    {"kerf.SliceGrad", "shape=3,70 starts=1,3 steps=1,1", 1, 1, {{2, {1, 40}}}},
};

/* Many blocks for an item, rows that are cut, planes of a few elements. */
static const move_case LARGE[] = {
    {"Transpose", "perm=1,0", 1, 1, {{2, {300, 401}}}},
    {"Transpose", "perm=0,2,1", 1, 1, {{3, {4096, 4, 7}}}},
    {"Concat", "axis=1", 2, 1, {{2, {3, 20001}}, {2, {3, 9000}}}},
    {"Slice", "starts=1 ends=100 axes=1", 1, 1, {{2, {1001, 101}}}},
    {"Tile", "repeats=1,50000", 1, 1, {{2, {2, 1}}}},
};

static void set_attribute(kerf_node *n, char *text)
{
    int64_t numbers[KERF_MAX_RANK];
    size_t num = 0;
    char *at = strchr(text, '=');
    *at++ = '\0';
    if (strcmp(text, "mode") == 0) {
        CHECK_OK(kerf_node_set_string(n, text, at));
        return;
    }
    for (; *at != '\0'; at += *at == ',')
        numbers[num++] = strtoll(at, &at, 10);
    if (strcmp(text, "axis") == 0 || strcmp(text, "blocksize") == 0 ||
        strcmp(text, "num_outputs") == 0)
        CHECK_OK(kerf_node_set_int(n, text, numbers[0]));
    else
        CHECK_OK(kerf_node_set_ints(n, text, numbers, num));
}

/* "key=numbers key=numbers" */
static void set_attributes(kerf_node *n, const char *all)
{
    char text[128], *rest = text, *word;
    snprintf(text, sizeof text, "%s", all);
    while ((word = strtok_r(rest, " ", &rest)) != NULL)
        set_attribute(n, word);
}

/* Whole numbers that every type has. */
static void fill(kerf_type type, size_t num, unsigned seed)
{
    static const uint16_t HALVES[] = {0x0000, 0x3C00, 0xC000, 0x5640, 0x7C00, 0x0001, 0x3555};
    for (size_t i = 0; i < num; i++) {
        const unsigned x = (unsigned)((i + seed) * 2654435761u) >> 25;
        if (type == KERF_F32)
            ((float *)bytes)[i] = (float)x;
        else if (type == KERF_S64)
            ((int64_t *)bytes)[i] = (int64_t)x - 64;
        else if (type == KERF_S32)
            ((int32_t *)bytes)[i] = (int32_t)x - 64;
        else if (type == KERF_F16)
            ((uint16_t *)bytes)[i] = HALVES[x % LENGTH(HALVES)];
        else
            bytes[i] = type == KERF_BOOL ? x & 1u : (unsigned char)x;
    }
}

static void begin(op_check *c, const move_case *k, kerf_type type)
{
    /* Tile has its numbers as an input alone. */
    op_check_begin(c, dev);
    for (int i = 0; i < k->num_inputs; i++) {
        fill(type, (size_t)kerf_shape_num_elements(k->shapes[i]), (unsigned)i);
        op_check_input(c, type, k->shapes[i], bytes);
    }
    if (strcmp(k->op, "Tile") == 0) {
        int64_t repeats[KERF_MAX_RANK];
        int64_t num = 0;
        for (char *at = strchr((char *)k->attributes, '=') + 1; *at != '\0'; at += *at == ',')
            repeats[num++] = strtoll(at, &at, 10);
        op_check_constant(c, KERF_S64, KERF_SHAPE(num), repeats);
    }
    op_check_node(c, k->op, k->num_outputs);
    if (strcmp(k->op, "Tile") != 0)
        set_attributes(c->node, k->attributes);
}

static void check(const move_case *k, kerf_type type)
{
    op_check c;
    begin(&c, k, type);
    op_check_variants(&c, ref_move, 0);
    const int slopes = type == KERF_F32 && op_check_elements(c.inputs[0]) < 2000 &&
                       kerf__move_num_boxes(c.node) > 0 &&
                       op_check_elements(c.node->outputs[0]) > 0 &&
                       kerf__op_find(k->op)->gradient != NULL;
    if (slopes)
        op_check_gradient(&c, ref_move, check_tolerance(8, 50));
    op_check_end(&c);
}

static void test_cases(void)
{
    static const kerf_type TYPES[] = {KERF_F32, KERF_U8, KERF_F16, KERF_S64, KERF_S32, KERF_BOOL};
    for (size_t i = 0; i < LENGTH(CASES); i++)
        for (size_t j = 0; j < (i < 1 || !op_check_small() ? LENGTH(TYPES) : 2); j++)
            check(&CASES[i], TYPES[j]);
    for (size_t i = 0; i < LENGTH(LARGE) && !op_check_small(); i++) {
        check(&LARGE[i], KERF_F32);
        check(&LARGE[i], KERF_U8);
    }
}

/* Every kernel on elements of every size. */
static void test_sizes(void)
{
    static const kerf_type TYPES[] = {KERF_F32, KERF_U8, KERF_F16, KERF_S64};
    static const move_case EACH[] = {
        {"Transpose", "perm=1,0", 1, 1, {{2, {17, 19}}}},
        {"Transpose", "perm=1,0", 1, 1, {{2, {32, 48}}}},
        {"Slice", "starts=20 ends=0 steps=-1", 1, 1, {{1, {33}}}},
        {"Slice", "starts=1 ends=20", 1, 1, {{1, {33}}}},
        {"kerf.SliceGrad", "shape=39 starts=3 steps=1", 1, 1, {{1, {35}}}},
    };
    for (size_t i = 0; i < LENGTH(EACH); i++)
        for (size_t j = 0; j < LENGTH(TYPES); j++)
            check(&EACH[i], TYPES[j]);
}

/* ONNX has the lists as inputs, of either integer; Slice's axes may be left out. */
static void test_lists_as_inputs(void)
{
    static const int64_t STARTS[] = {1, 2}, ENDS[] = {4, 9}, STEPS[] = {1, 3}, PARTS[] = {2, 4};
    static const int32_t SHORT[] = {1, 2};
    op_check c;
    fill(KERF_F32, 60, 1);
    op_check_begin(&c, dev);
    op_check_input(&c, KERF_F32, KERF_SHAPE(6, 10), bytes);
    op_check_constant(&c, KERF_S64, KERF_SHAPE(2), STARTS);
    op_check_constant(&c, KERF_S64, KERF_SHAPE(2), ENDS);
    op_check_skip(&c);
    op_check_constant(&c, KERF_S64, KERF_SHAPE(2), STEPS);
    op_check_node(&c, "Slice", 1);
    op_check_variants(&c, ref_move, 0);
    CHECK(kerf_shape_equal(c.node->outputs[0]->shape, KERF_SHAPE(3, 3)));
    op_check_end(&c);
    op_check_begin(&c, dev);
    op_check_input(&c, KERF_F32, KERF_SHAPE(6, 10), bytes);
    op_check_constant(&c, KERF_S64, KERF_SHAPE(2), PARTS);
    op_check_node(&c, "Split", 2);
    op_check_variants(&c, ref_move, 0);
    CHECK(kerf_shape_equal(c.node->outputs[1]->shape, KERF_SHAPE(4, 10)));
    op_check_end(&c);
    op_check_begin(&c, dev);
    op_check_input(&c, KERF_F32, KERF_SHAPE(6, 10), bytes);
    op_check_constant(&c, KERF_S32, KERF_SHAPE(2), SHORT);
    op_check_node(&c, "Tile", 1);
    CHECK_OK(kerf__node_infer(c.node));
    CHECK(kerf_shape_equal(c.node->outputs[0]->shape, KERF_SHAPE(6, 20)));
    op_check_end(&c);
}

/* What is put in is an input, of any type. */
static void test_pad_value(void)
{
    static const int64_t PADS[] = {1, 0, 0, 5}, WIDE = -((int64_t)5 << 40);
    static const float HALF = 0.5f;
    op_check c;
    for (int i = 0; i < 2; i++) {
        const kerf_type type = i ? KERF_S64 : KERF_F32;
        fill(type, 60, 1);
        op_check_begin(&c, dev);
        op_check_input(&c, type, KERF_SHAPE(6, 10), bytes);
        op_check_constant(&c, KERF_S64, KERF_SHAPE(4), PADS);
        op_check_constant(&c, type, KERF_SCALAR, i ? (const void *)&WIDE : &HALF);
        op_check_node(&c, "Pad", 1);
        op_check_variants(&c, ref_move, 0);
        op_check_end(&c);
    }
}

/* A part that nobody uses brings no gradient: that of the whole is 0 there. */
static void test_split_in_part(void)
{
    static const move_case HALF = {"Split", "axis=1", 1, 2, {{2, {3, 8}}}};
    op_check c;
    begin(&c, &HALF, KERF_F32);
    CHECK_OK(kerf__node_infer(c.node));
    op_check_gradient(&c, ref_move, 1e-4);
    op_check_end(&c);
}

static void test_what_is_refused(void)
{
    static const struct {
        move_case c;
        const char *words;
    } BAD[] = {
        {{"Transpose", "perm=1,1", 1, 1, {{2, {3, 4}}}},
         "perm[1] is 1, must be each of 0 to 1 once"},
        {{"Transpose", "perm=0", 1, 1, {{2, {3, 4}}}}, "perm has 1 numbers, must have 2"},
        {{"Slice", "starts=1,2 ends=3", 1, 1, {{2, {3, 4}}}}, "has 2 starts, 1 ends"},
        {{"Slice", "starts=1 ends=2 steps=0", 1, 1, {{2, {3, 4}}}}, "axis 0 has step 0"},
        {{"Slice", "starts=1,1 ends=2,2 axes=1,-1", 1, 1, {{2, {3, 4}}}}, "axis 1 is named twice"},
        {{"Slice", "starts=1 ends=2 axes=2", 1, 1, {{2, {3, 4}}}}, "axis is 2, must be in [-2, 1]"},
        {{"Tile", "repeats=2", 1, 1, {{2, {3, 4}}}}, "has 1 repeats, must have 2"},
        {{"Tile", "repeats=2,-1", 1, 1, {{2, {3, 4}}}}, "repeats[1] is -1, must be 0 or more"},
        {{"Concat", "axis=0", 2, 1, {{2, {3, 4}}, {2, {3, 5}}}}, "in1 is (3, 5), must be (3, 4)"},
        {{"Concat", "axis=0", 2, 1, {{2, {3, 4}}, {1, {4}}}}, "in1 is (4), must be (3, 4)"},
        {{"Concat", "mode=x", 2, 1, {{1, {4}}, {1, {4}}}}, "has no axis, must have one"},
        {{"Split", "axis=0", 1, 2, {{1, {5}}}}, "5 do not part into 2 equal outputs"},
        {{"Split", "split=2,4", 1, 2, {{1, {5}}}}, "part 1 of split is 4, must be 0 to 3"},
        {{"Split", "split=2,2", 1, 2, {{1, {5}}}},
         "split has 2 parts, 4 in all, must be 2, 5 in all"},
        {{"DepthToSpace", "blocksize=2", 1, 1, {{4, {1, 6, 2, 2}}}},
         "blocksize 2; must be (N, C, H, W) with C a multiple of its square"},
        {{"SpaceToDepth", "blocksize=2", 1, 1, {{4, {1, 6, 3, 2}}}}, "H and W multiples of it"},
        {{"Pad", "pads=1", 1, 1, {{1, {3}}}}, "has 1 pads, must have 2"},
        {{"Pad", "pads=1,3 mode=reflect", 1, 1, {{1, {3}}}},
         "dimension 0 of 3 is padded by 1 and 3, must be by -3 to 2"},
        {{"Pad", "pads=-2,-2", 1, 1, {{1, {3}}}}, "dimension 0 of 3 cannot be padded by -2 and -2"},
        {{"Pad", "pads=1,1 mode=mirror", 1, 1, {{1, {3}}}}, "mode is mirror, must be constant"},
        {{"Pad", "pads=1,1,1,1 axes=0,-2", 1, 1, {{2, {3, 3}}}}, "axis 0 is named twice"},
        {{"kerf.SliceGrad", "shape=4 starts=1 steps=2", 1, 1, {{1, {3}}}},
         "dimension 0 does not lie in its shape"},
    };
    for (size_t i = 0; i < LENGTH(BAD); i++) {
        op_check c;
        begin(&c, &BAD[i].c, KERF_F32);
        op_check_refused(&c, KERF_ERR_SHAPE, BAD[i].words);
        op_check_end(&c);
    }
    static const move_case FINE = {"Tile", "repeats=2,2,2,2,2", 1, 1, {{5, {2, 2, 2, 2, 2}}}};
    op_check c;
    begin(&c, &FINE, KERF_F32);
    op_check_refused(&c, KERF_ERR_UNSUPPORTED, "copies over 10 dimensions, supported are up to 8");
    op_check_end(&c);
}

int main(void)
{
    dev = check_open_device();
    test_cases();
    test_sizes();
    test_lists_as_inputs();
    test_pad_value();
    test_split_in_part();
    test_what_is_refused();
    kerf_device_close(dev);
    return check_result();
}
