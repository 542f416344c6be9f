/* main.c -- the `kerf` command: one table of commands, and what is common to all.
 *
 * host/ only parses, shows and prints; whatever it does is a call of the public headers, so a C
 * program can do the same.  The command is one file that works alone, so it is also the helper that
 * tries drivers. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "kerf/kerf.h"
#include "on.h"
#include "probe/probe.h"
#include "ranks.h"

enum {
    TRAINS = GROUP_OUTPUT | GROUP_DATA | GROUP_TRAIN | GROUP_SEED | GROUP_BATCH | GROUP_RUN |
             GROUP_RANKS,
    MEASURES = GROUP_BENCH | GROUP_BATCH | GROUP_SEED | GROUP_OUTPUT
};

/* clang-format off */
const command commands[] = {
    {"devices", cmd_devices, GROUP_ALWAYS | GROUP_ON | GROUP_DEVICES, 0, 0, "", "list OpenCL devices, their limits and measured peaks"},
    {"new", cmd_new, GROUP_ALWAYS | GROUP_OUTPUT | GROUP_NEW | GROUP_SEED, 0, 1, "NET -o M.onnx", "write a fresh, initialised network"},
    {"info", cmd_info, GROUP_ALWAYS, 1, 1, "M", "show a model: layers, weights, zeros, multiply-adds"},
    {"train", cmd_train, GROUP_ALWAYS | TRAINS | GROUP_EPOCHS, 1, 1, "M --data D -o OUT", "train a model"},
    {"eval", cmd_eval, GROUP_ALWAYS | GROUP_ON | GROUP_DATA | GROUP_EVAL | GROUP_BATCH, 1, 1, "M --data D", "measure its accuracy"},
    {"infer", cmd_infer, GROUP_ALWAYS | GROUP_OUTPUT | GROUP_INFER, 1, 1, "M --input X [-o Y.npy]", "run it on an array or an image"},
    {"prune", cmd_prune, GROUP_ALWAYS | TRAINS | GROUP_PRUNE, 1, 1, "M --sparsity F [--data D] -o OUT | M --data D --analyse", "remove weights, retraining in between"},
    {"distill", cmd_distill, GROUP_ALWAYS | TRAINS | GROUP_EPOCHS | GROUP_DISTILL, 2, 1 + KERF_MOST_TEACHERS, "TEACHER... STUDENT --data D -o OUT", "train a model by what another one says of each sample"},
    {"run", cmd_run, GROUP_ALWAYS | GROUP_OUTPUT | GROUP_RECIPE | GROUP_RANKS, 1, 1, "RECIPE.yaml [-o DIR] [--set KEY=VALUE]", "a whole experiment from one file: train, prune, quantize, distil"},
    {"quantize", cmd_quantize, GROUP_ALWAYS | TRAINS | GROUP_EPOCHS | GROUP_QUANTIZE, 1, 1, "M [--data D] -o OUT", "turn weights, and activations, into small integers"},
    {"share", cmd_share, GROUP_ALWAYS | TRAINS | GROUP_EPOCHS | GROUP_SHARE, 1, 1, "M [--bits N] [--data D] -o OUT", "give each layer few values; weights are their numbers"},
    {"export", cmd_export, GROUP_ALWAYS | GROUP_OUTPUT | GROUP_EXPORT, 1, 1, "M --profile P -o OUT", "write it as another program runs it fast, and say what that makes of it"},
    {"fold", cmd_fold, GROUP_ALWAYS | GROUP_OUTPUT | GROUP_PREP, 1, 1, "M [--prep P] -o OUT", "move how images are prepared into the first layer"},
    {"bench", cmd_bench, GROUP_ALWAYS | GROUP_ON | MEASURES, 0, 16, "[FAMILY... | M... | --suite 1 | --check R.json... | --compare A.json B.json...]", "time this device, or models on it"},
    {"tune", cmd_tune, GROUP_ALWAYS | GROUP_ON | GROUP_TUNE | GROUP_BATCH | GROUP_OUTPUT, 0, 1, "[M [--bundle -o M.kerf]]", "find and remember the fastest kernels for this device"},
    {"verify", cmd_verify, GROUP_ALWAYS | GROUP_DATA | GROUP_BATCH, 1, 65536, "M [--device all] | DIR...", "every layer by every kernel on every device, compared; or folders of ONNX tests"},
    {"report", cmd_report, GROUP_ALWAYS | GROUP_OUTPUT | GROUP_REPORT, 1, 256, "RUN... | R.json... [-o PAGE.html]", "the page of a run, of several, or of devices that ran a suite"},
    {"demo", cmd_demo, GROUP_ALWAYS | GROUP_OUTPUT | GROUP_SEED | GROUP_DEMO, 0, 0, "[-o DIR]", "the tour: train, prune, retrain, see what is left"},
    {"pack", cmd_pack, GROUP_ALWAYS | GROUP_OUTPUT | GROUP_PACK, 1, 1, "M -o OUT.kerf | --test F.kerf", "write it as one small file, which every command reads"},
    {"unpack", cmd_unpack, GROUP_ALWAYS | GROUP_OUTPUT, 1, 1, "M.kerf -o OUT.onnx", "write a packed file as ONNX again"},
};
/* clang-format on */
const size_t num_commands = sizeof commands / sizeof commands[0];

static const command *find_command(const char *name)
{
    for (size_t i = 0; i < num_commands; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

static const char *command_name(const void *all, size_t i)
{
    return ((const command *)all)[i].name;
}

static int no_such_command(const char *name)
{
    options o = {0};
    const char *near = kerf_nearest_word(name, command_name, commands, num_commands);
    if (near != NULL)
        return fail_usage(&o, "%s: no such command; did you mean kerf %s?", name, near);
    return fail_usage(&o, "%s: no such command; kerf --help lists them", name);
}

static int check_words(const options *o, const command *c)
{
    if ((int)o->words.num < c->min_words)
        return fail_usage(o, "%s is missing: kerf %s %s",
                          c->usage[0] == 'M' ? "the model" : "an argument", c->name, c->usage);
    if ((int)o->words.num > c->max_words)
        return fail_usage(o, "%s: one argument too many: kerf %s %s", o->words.items[c->max_words],
                          c->name, c->usage);
    if (o->json && o->output != NULL && strcmp(o->output, "-") == 0)
        return fail_usage(o, "--json: cannot go with -o -, both want standard output");
    return 0;
}

/* -v: what the library tells. */
static void tell_log(void *context, kerf_log_level level, const char *text)
{
    if (level == KERF_LOG_WARNING)
        warn(context, "%s", text);
    else
        say(context, "%s", text);
}

/* What its options ask for. */
static int follow_options(const command *c, options *o)
{
    int code = options_parse(o, o->argc, o->argv);
    if (o->verbose)
        kerf_set_log(tell_log, o);
    if (options_given(o, "rank-timeout"))
        kerf_cluster_set_timeout(o->ranks->cluster, o->rank_timeout);
    if (code == 0)
        code = ranks_compare_options(o);
    if (code == 0 && o->help)
        help_command(c);
    else if (code == 0 && (code = check_words(o, c)) == 0)
        code = o->on != NULL ? on_run(o) : c->run(o);
    kerf_set_log(NULL, NULL);
    return code;
}

static int run_command(const command *c, int argc, char **argv)
{
    options o = {
        .command = c->name, .groups = c->groups, .argc = argc, .argv = argv, .seed = 1, .bits = 4};
    ranks r;
    if (c->run == NULL)
        return fail_work(&o, "not in this version yet");
    int code = ranks_open(&o, &r);
    if (code == 0)
        code = follow_options(c, &o);
    code = ranks_close(&o, code);
    options_free(&o);
    return code;
}

/* `kerf help`, `kerf help CMD`. */
static int run_help(int argc, char **argv)
{
    const command *c = argc > 0 ? find_command(argv[0]) : NULL;
    if (argc > 0 && c == NULL)
        return no_such_command(argv[0]);
    if (c != NULL && c->run != NULL)
        help_command(c);
    else if (c != NULL)
        return run_command(c, 0, NULL);
    else
        help_all();
    return EXIT_DONE;
}

/* Made by cmake/KerfContents.cmake. */
extern const unsigned char kerf_contents[];

/* `kerf --version`, and with -v what is in the command. */
static int run_version(int argc, char **argv)
{
    printf("kerf %s\n", kerf_version());
    if (argc > 0 && (strcmp(argv[0], "-v") == 0 || strcmp(argv[0], "--verbose") == 0))
        fputs((const char *)kerf_contents, stdout);
    return EXIT_DONE;
}

static int run_line(int argc, char **argv)
{
    const char *word = argc > 1 ? argv[1] : "--help";
    const command *c = find_command(word);
    if (c != NULL)
        return run_command(c, argc - 2, argv + 2);
    if (strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0)
        return run_version(argc - 2, argv + 2);
    if (argc < 2) {
        help_all();
        return EXIT_USAGE;
    }
    if (strcmp(word, "help") == 0 || strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)
        return run_help(argc - 2, argv + 2);
    return no_such_command(word);
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], PROBE_WORD) == 0)
        probe_and_exit(argc > 2 && strcmp(argv[2], "--basic") == 0);
    kerf_set_probe_word(PROBE_WORD);
    signal(SIGPIPE, SIG_IGN); /* a closed pipe is an error like a full disk, and is reported */
    int code = run_line(argc, argv);
    return finish_output(argc > 1 ? argv[1] : "help", code);
}
