/* test_run_groups.c -- which runs are one point, their means and intervals, and the front. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "../../host/run_groups.h"
#include "check.h"

static int is_near(double a, double b)
{
    return fabs(a - b) < 1e-6 * (1 + fabs(b));
}

/* Student's t with 2 and 40 degrees of freedom: 4.303, 2.021. */
static void test_means(void)
{
    const double x[] = {1, 2, 6};
    run_mean m = mean_of(x, 3);
    CHECK(is_near(m.mean, 3) && is_near(m.sd, sqrt(7)));
    CHECK(is_near(m.high - m.mean, 4.303 * sqrt(7) / sqrt(3)));
    CHECK(is_near(m.mean - m.low, m.high - m.mean));
    m = mean_of(x, 1);
    CHECK(m.mean == 1 && isnan(m.sd) && isnan(m.low));
    CHECK(isnan(mean_of(x, 0).mean));
    double many[41];
    for (int i = 0; i < 41; i++)
        many[i] = i % 2;
    m = mean_of(many, 41);
    CHECK(fabs((m.high - m.mean) / (m.sd / sqrt(41)) - 2.021) < 0.01);
}

static void make_run(run_record *r, const char *name, const char *command, int seed, double top1,
                     double nonzeros)
{
    char text[1024];
    run_why why;
    run_init(r);
    snprintf(r->name, sizeof r->name, "%s", name);
    snprintf(text, sizeof text,
             "{\"before\":{\"top1\":90,\"weights\":100},\"after\":{\"top1\":%.2f},\"seed\":%d,"
             "\"command\":[\"prune\",\"dense-%d.onnx\",\"--seed\",\"%d\",\"%s\",\"-o\",\"%s\"]}",
             top1, seed, seed, seed, command, name);
    CHECK(run_parse_summary(r, text, &why) == 0);
    snprintf(
        text, sizeof text,
        "{\"after\":[{\"name\":\"fc\",\"weights\":100,\"nonzeros\":%g,\"bits\":8,\"macs\":50}]}",
        nonzeros);
    CHECK(run_parse_layers(r, text, &why) == 0);
}

/* Seeds, names of files and -o make no difference; everything else does. */
static void test_groups(void)
{
    run_record runs[6];
    run_groups g;
    make_run(&runs[0], "a-s1", "--sparsity=0.5", 1, 89, 50);
    make_run(&runs[1], "b-s1", "--sparsity=0.9", 1, 88, 10);
    make_run(&runs[2], "a-s2", "--sparsity=0.5", 2, 91, 50);
    make_run(&runs[3], "b-s2", "--sparsity=0.9", 2, 89, 10);
    make_run(&runs[4], "worse", "--method=random", 1, 80, 20);
    run_init(&runs[5]); /* has not ended */
    snprintf(runs[5].name, sizeof runs[5].name, "open");
    CHECK(run_groups_make(&g, runs, 6));
    CHECK(g.num == 4 && g.items[0].num == 2 && g.items[1].num == 2 && g.items[2].num == 1);
    CHECK(strcmp(g.items[0].name, "a") == 0 && strcmp(g.items[2].name, "worse") == 0);
    CHECK(is_near(g.items[0].top1.mean, 90) && is_near(g.items[0].top1.sd, sqrt(2)));
    CHECK(is_near(g.items[0].change.mean, 0));
    CHECK(g.items[0].cost[COST_BYTES] == 50 && g.items[1].cost[COST_MACS] == 5);
    CHECK(g.items[0].is_front[COST_BYTES] && g.items[1].is_front[COST_BYTES]);
    CHECK(!g.items[2].is_front[COST_BYTES] && !g.items[3].is_front[COST_BYTES]);
    CHECK(isnan(g.items[0].cost[COST_MS]));
    /* By seed: 88 - 89 and 89 - 91. */
    const run_mean d = run_groups_paired(&g.items[1], &g.items[0]);
    CHECK(d.num == 2 && is_near(d.mean, -1.5) && is_near(d.sd, sqrt(0.5)));
    CHECK(is_near(d.high, -1.5 + 12.706 * 0.5));
    CHECK(run_groups_paired(&g.items[3], &g.items[0]).num == 0);
    run_groups_free(&g);
    for (int i = 0; i < 6; i++)
        run_free(&runs[i]);
}

/* Two stages: epochs go on, a layer that came or went is on one side alone. */
static void test_stages(void)
{
    run_record all, first, second;
    run_why why;
    run_init(&all);
    run_init(&first);
    run_init(&second);
    CHECK(run_parse_metrics(&first, "{\"epoch\":1}\n{\"epoch\":2}\n", &why) == 0);
    CHECK(run_parse_metrics(&second, "{\"epoch\":1,\"events\":[{\"at\":0.5,\"what\":\"prune\"}]}\n",
                            &why) == 0);
    CHECK(run_parse_layers(
              &first,
              "{\"before\":[{\"name\":\"a\",\"weights\":8},{\"name\":\"b\",\"weights\":9}],"
              "\"after\":[{\"name\":\"a\",\"weights\":7},{\"name\":\"b\",\"weights\":9}],"
              "\"weights\":[{\"name\":\"a\",\"end\":1,\"norms\":{\"before\":[1],\"after\":[2]}}]}",
              &why) == 0);
    CHECK(run_parse_layers(
              &second,
              "{\"before\":[{\"name\":\"a\",\"weights\":7}],"
              "\"after\":[{\"name\":\"a\",\"weights\":6},{\"name\":\"c\",\"weights\":5}],"
              "\"weights\":[{\"name\":\"a\",\"end\":1,\"norms\":{\"before\":[2],\"after\":[3]}}]}",
              &why) == 0);
    CHECK(run_append_stage(&all, &first, "dense") && run_append_stage(&all, &second, "pruned"));
    CHECK(all.num_epochs == 3 && all.epochs[2].epoch == 3);
    CHECK(all.num_events == 2 && all.events[0].at == 2 && all.events[1].at == 2.5);
    CHECK(strcmp(all.events[0].what, "pruned") == 0 && strcmp(all.events[1].what, "prune") == 0);
    CHECK(all.num_layers == 3 && all.layers[0].side[RUN_BEFORE].weights == 8);
    CHECK(all.layers[0].side[RUN_AFTER].weights == 6);
    CHECK(isnan(all.layers[1].side[RUN_AFTER].weights));
    CHECK(isnan(all.layers[2].side[RUN_BEFORE].weights));
    CHECK(all.layers[0].weights->norms[RUN_BEFORE][0] == 1);
    CHECK(all.layers[0].weights->norms[RUN_AFTER][0] == 3 && isnan(all.layers[0].weights->end));
    run_free(&all);
    run_free(&first);
    run_free(&second);
}

static void check_hidden(const char *text, const char *want)
{
    char copy[128];
    snprintf(copy, sizeof copy, "%s", text);
    hide_folders(copy);
    if (strcmp(copy, want) != 0) {
        printf("'%s' becomes '%s', not '%s'\n", text, copy, want);
        check_failures++;
    }
}

static void test_folders_are_hidden(void)
{
    check_hidden("train /home/me/a.onnx --data idx:/data/mnist -o b.onnx",
                 "train a.onnx --data idx:mnist -o b.onnx");
    check_hidden("scale=1/255,mean=0.5", "scale=1/255,mean=0.5");
    check_hidden("runs/a.onnx ../../me/b ~/c /", "runs/a.onnx b c ");
    check_hidden("model: '/x/y z'\n", "model: 'y z'\n");
    check_hidden("", "");
}

int main(void)
{
    test_means();
    test_groups();
    test_stages();
    test_folders_are_hidden();
    return check_result();
}
