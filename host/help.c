/* help.c -- what `kerf --help` and `kerf CMD --help` print: the table of commands, the rows
 * of option_table.c, and a few lines that teach. */
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "kerf/base.h"

typedef struct lesson {
    const char *command, *about, *examples;
} lesson;

static const lesson lessons[] = {
    {"devices",
     "Lists what OpenCL offers on this machine.  Drivers are tried one by one in a helper\n"
     "process, features by building and running a kernel.  Peaks are measured and kept, once more\n"
     "if the machine was busy; --measure does it again.  docs/devices.md tells what is measured.",
     "  kerf devices\n"
     "  kerf devices --measure              # the machine was busy the last time\n"
     "  kerf devices -v                     # and what their drivers are known to get wrong\n"
     "  kerf devices --json\n"
     "  kerf devices --on 'adb shell' --on-binary build/android-arm64/kerf   # a phone's\n"
     "  KERF_DEVICE=pocl kerf train ...     # or --device with any command\n"},
    {"new", "Writes a network with fresh weights, ready to be trained.",
     "  kerf new --list\n"
     "  kerf new lenet-300-100 -o lenet.onnx\n"
     "  kerf new lenet-5 -o lenet-5.onnx\n"
     "  kerf new lenet-300-100 --classes 26 --width 0.5 --seed 7 -o half.onnx\n"},
    {"info",
     "Shows what is in a model file; needs no device.  Weights are what layers multiply by,\n"
     "biases and norms apart; compression is weights / non-zeros.",
     "  kerf info lenet.onnx\n"
     "  kerf info - < lenet.onnx\n"
     "  kerf info lenet.onnx --json | jq .compression\n"},
    {"train",
     "Trains a model and writes it as ONNX.  Zeros of a layer with more than 5 % stay 0.  The "
     "run's\n"
     "folder (OUT.run, or --run-dir) keeps checkpoint and metrics; Ctrl-C finishes the step,\n"
     "writes the checkpoint and says how to go on.",
     "  kerf train lenet.onnx --data fashion-mnist --epochs 20 -o dense.onnx\n"
     "  kerf train lenet.onnx --data idx:mnist --val 5000 --optimizer adam -o best.onnx\n"
     "  kerf train dense.onnx --data fashion-mnist --penalty l0=0.1 -o sparse.onnx\n"
     "  kerf train lenet.onnx --data fashion-mnist --epochs 20 -o dense.onnx --resume\n"},
    {"eval",
     "Measures a model on the test split: top-1 and top-5 in percent, loss, confusion.\n"
     "--prep guess tries the usual preparations and takes the best (docs/prep.md).  Several\n"
     "devices share the samples: whoever is free takes the next batch.",
     "  kerf eval foreign.onnx --data images:photos --classes names.txt --prep guess\n"
     "  kerf eval pruned.onnx --data fashion-mnist\n"
     "  kerf eval pruned.onnx --data fashion-mnist --reference dense.onnx\n"
     "  kerf eval pruned.onnx --data fashion-mnist --device all            # or 0,2\n"
     "  kerf eval pruned.onnx --data fashion-mnist --min-top1 89 || echo not good enough\n"},
    {"infer",
     "Runs a model on a NumPy array, as it is, or on an image (PNG, JPEG, PPM), prepared as the\n"
     "file says or --prep does.",
     "  kerf infer m.onnx --input x.npy -o y.npy\n"
     "  kerf infer m.onnx --input cat.jpg --prep imagenet --labels names.txt\n"
     "  kerf infer m.onnx --input x.npy --top 3 --labels names.txt\n"
     "  kerf infer m.onnx --input a=x.npy --input b=z.npy -o results/\n"
     "  kerf infer m.onnx --input many.npy -o y.npy --device all           # or 0,2\n"
     "  make_input | kerf infer m.onnx --input - -o - | use_output\n"},
    {"prune",
     "Removes weights: the smallest (magnitude), any (random), those below s standard\n"
     "deviations of their layer (std), or what a file says (mask); while training, with weights\n"
     "that come back (soft, surgery), or chosen by gradients (movement, taylor, snip, obd, rigl);\n"
     "docs/pruning.md has their sources, and when each is worth it.  With --data it trains in\n"
     "between: --retrain epochs after each of --events steps, --finetune after the last.\n"
     "Removed weights are exactly 0 and stay so.  --structure takes them in blocks, which "
     "hardware\n"
     "can make use of; docs/pruning.md says how they are laid.",
     "  kerf prune dense.onnx --sparsity 0.9 -o cut.onnx                   # one shot\n"
     "  kerf prune dense.onnx --data fashion-mnist --sparsity 0.96 --scope global \\\n"
     "       --events 10 --retrain 1 --finetune 10 -o pruned.onnx\n"
     "  kerf prune dense.onnx --sparsity 'fc1=0.92,fc2=0.91,*=0.74' -o cut.onnx\n"
     "  kerf prune dense.onnx --data fashion-mnist --analyse       # what each layer can lose\n"
     "  kerf prune dense.onnx --data fashion-mnist --size 10x --max-drop 2 -o small.onnx\n"
     "  kerf prune dense.onnx --data fashion-mnist --sparsity 0.99 --scope global --events 10 \\\n"
     "       --retrain 5 --max-drop 1 -o pruned.onnx    # as far as it goes\n"
     "  kerf prune dense.onnx --structure n:m=2:4 -o half.onnx\n"
     "  kerf prune dense.onnx --structure block=4x1 --sparsity 0.9 -o blocks.onnx\n"
     "  kerf prune dense.onnx --remove --macs 50% --round-to 16 -o half.onnx       # channels, for "
     "real\n"
     "  kerf prune dense.onnx --remove --structure residual --macs 70% -o shallow.onnx   # blocks\n"
     "  kerf prune dense.onnx --gates --keep 0.5 --data fashion-mnist --finetune 5 -o gated.onnx  "
     "# by input\n"},
    {"distill",
     "Trains STUDENT by labels and by what TEACHER says of each sample: how near the wrong "
     "classes\n"
     "are, too, which a small network cannot find out alone (Hinton et al. 2015).  Any two models "
     "of\n"
     "as many classes that take the same samples; the student's zeros stay 0.  The loss is alpha\n"
     "T^2 KL(teacher / T, student / T) + (1 - alpha) cross entropy, and what each --tap adds: how "
     "far\n"
     "a layer of the student is from one of the teacher.  Several teachers: their mean.",
     "  kerf new lenet-5 --width 0.1 -o small.onnx\n"
     "  kerf distill teacher.onnx small.onnx --data fashion-mnist --epochs 20 -o student.onnx\n"
     "  kerf distill dense.onnx pruned.onnx --data fashion-mnist --temperature 3 --alpha 0.9 -o "
     "d.onnx\n"
     "  kerf distill teacher.onnx small.onnx --data fashion-mnist --tap conv2=conv2:attention:100 "
     "-o s.onnx\n"},
    {"quantize",
     "Turns weights, and activations, into small integers; the file holds ONNX's own nodes, so\n"
     "other programs run it as integers, too.  static: all of it, with ranges found on "
     "--calibrate\n"
     "samples of the training data, which need no labels.  dynamic: matrices, ranges found in "
     "each\n"
     "run.  weight-only: a smaller file, computed in floats.  qat: static, and trained with its "
     "roundings in\n"
     "place (--epochs 3, --lr a tenth of train's), for weights of 4 bits and fewer.\n"
     "--size, --max-drop and --latency find a type for each layer; what comes out was measured on\n"
     "held back samples (--val).  docs/quantize.md says which to take.",
     "  kerf quantize dense.onnx --data fashion-mnist -o int8.onnx\n"
     "  kerf quantize dense.onnx --data fashion-mnist --skip first --skip last -o most.onnx\n"
     "  kerf quantize dense.onnx --data fashion-mnist --ranges ranges.json -o int8.onnx\n"
     "  kerf quantize dense.onnx --mode dynamic -o dynamic.onnx\n"
     "  kerf quantize dense.onnx --data fashion-mnist --mode qat --weights int4 -o int4.onnx\n"
     "  kerf quantize dense.onnx --mode weight-only --weights int4 --per block=32 -o int4.onnx\n"
     "  kerf quantize dense.onnx --data fashion-mnist --weights 'conv1=float,fc*=int4,*=int8' "
     "-o mixed.onnx\n"
     "  kerf quantize dense.onnx --data fashion-mnist --size 6x --max-drop 0.5 -o small.onnx\n"},
    {"share",
     "Gives each layer 2^bits values, the means that k-means finds, and stores weights as their\n"
     "numbers (Han et al. 2016).  Zeros of a pruned layer stay apart and stay 0.  With --epochs "
     "the\n"
     "values are trained on, each by the sum of its weights' gradients (by adam, --lr 1e-4).  The\n"
     "file holds ONNX's Gather, which other programs run, too; docs/share.md has more.",
     "  kerf share pruned.onnx --bits 4 -o shared.onnx\n"
     "  kerf share pruned.onnx --bits 4 --data fashion-mnist --epochs 2 -o shared.onnx\n"
     "  kerf share dense.onnx --bits 3 --per block=1024 --init density -o blocks.onnx\n"},
    {"pack",
     "Writes graph and weights as one small file: of each tensor the zeros apart, few values by\n"
     "number, whatever is shortest, and all of it coded by how likely it is.  Nothing is lost, "
     "and\n"
     "every command reads the file as it reads ONNX.  docs/format.md describes each byte.",
     "  kerf pack shared.onnx -o small.kerf\n"
     "  kerf pack --test small.kerf                 # is it whole?\n"
     "  kerf eval small.kerf --data fashion-mnist\n"},
    {"unpack", "Writes a packed file as ONNX again: the very weights that were packed.",
     "  kerf unpack small.kerf -o again.onnx\n"},
    {"export",
     "Rewrites a quantized file so that the program of --profile computes on its integers, and\n"
     "says node by node what that program makes of it, or why a node stays a float there.  Zeros\n"
     "are stored like other numbers.  docs/export.md has the rules, and how they were found.",
     "  kerf export int8.onnx --profile ort -o fast.onnx\n"
     "  kerf export int4.onnx --profile openvino -o blocks.onnx\n"
     "  kerf export int8.onnx --profile ort -o fast.onnx --json | jq '.nodes[] | select(.fuses | "
     "not)'\n"},
    {"run",
     "Runs a whole experiment that a short file tells: train, then prune on a curve, in stages or "
     "at\n"
     "once (docs/recipes.md has every key; recipes/ some to begin with).  All that comes of it "
     "lies "
     "in\n"
     "one folder (output.dir, or -o): the recipe with every default written out, which gives the "
     "same\n"
     "bits again, metrics.jsonl, choices.json, checkpoint, model.onnx, summary.json.",
     "  kerf run recipes/lenet-classic.yaml\n"
     "  kerf run recipes/lenet-classic.yaml --set stages.0.train.epochs=5 -o runs/short\n"
     "  kerf run recipes/lenet-classic.yaml --resume      # go on after Ctrl-C or a power cut\n"},
    {"fold",
     "Moves scale, mean and deviation of the images into the first layer, so that the network\n"
     "takes bytes as they are; colours and size stay with the file (docs/prep.md).",
     "  kerf fold dense.onnx -o folded.onnx\n"
     "  kerf fold foreign.onnx --prep imagenet -o folded.onnx\n"},
    {"bench",
     "Without a model: the cases of a fixed set, single nodes as networks have them, each checked\n"
     "against its definition, then timed.  Families, to time only some: gemm conv elementwise\n"
     "reduce softmax loss optimizer mask.  A share of peak is of what kerf devices measures; above "
     "1 the\n"
     "case is not valid.  With models: whole and by layer, copies in and out included; several\n"
     "run in turn, with ratio and interval.",
     "  kerf bench -o phone.json                   # all cases: under a minute\n"
     "  kerf bench gemm softmax\n"
     "  kerf bench --compare laptop.json phone.json --reference laptop.json\n"
     "  kerf bench dense.onnx --batch 64\n"
     "  kerf bench dense.onnx pruned.onnx --train --batch 128 --json\n"
     "  kerf bench dense.onnx --crossover --train  # from which share of zeros on they pay\n"
     "  kerf bench dense.onnx --start              # how long the first result takes, cold and "
     "warm\n"
     "  kerf bench dense.onnx --costs -o phone.json   # then elsewhere: kerf prune --latency "
     "8ms@phone.json\n"
     "  kerf bench dense.onnx --costs -o phone.json --on 'adb shell' --on-binary "
     "android/kerf\n"
     "  kerf bench dense.onnx --max-ms 2 || echo too slow\n"},
    {"tune",
     "Measures every kernel that fits and remembers the fastest for this device; all later\n"
     "commands use it.  A kernel that does not build, run or agree with the others is left out\n"
     "(-v says which).  Ends with the gain: each whole plan, untuned and tuned in turn; one that\n"
     "got slower keeps its old kernels.  Without a model: the LeNets and the\n"
     "cases of kerf bench.  Ctrl-C keeps what was measured.",
     "  kerf tune\n"
     "  kerf tune dense.onnx --batch 128\n"
     "  kerf tune dense.onnx --budget 60s --bundle -o dense.kerf   # the file brings them along\n"
     "  kerf tune dense.kerf --bundle -o dense.kerf -f             # on another device: it learns "
     "that, too\n"
     "  kerf tune --budget 60\n"},
    {"verify",
     "Runs a model layer by layer, forward, backward and updates, each time by every kernel that\n"
     "fits on every device, all with the same inputs.  What most agree on is right; names the\n"
     "first layer that a device would compute wrong, and exits with 1.  A single device is\n"
     "compared with the first other CPU device.  -v names every wrong kernel, chosen or not.",
     "  kerf verify dense.onnx --device all\n"
     "  kerf verify dense.onnx --device all --data fashion-mnist --json\n"
     "  kerf verify dense.onnx --device 1 -v\n"},
    {"report",
     "Makes one HTML page of a run's folder, which train, prune, quantize and distill leave: its\n"
     "curves with what happened when, its layers before and after, its weights, what repeats it.\n"
     "The page is one file that needs no network.  Without -o it is RUN/report.html.  Several "
     "runs\n"
     "stand side by side, those that differ in their seed alone as one, with what they know "
     "against\n"
     "what they cost.  docs/report.md tells what is on it.",
     "  kerf report pruned.run\n"
     "  kerf report seed-1.run seed-2.run other-1.run other-2.run -o all.html\n"
     "  kerf report *.run --csv numbers.csv --svg picture.svg --markdown tables.md\n"
     "  kerf report pruned.run -o - --format md\n"},
    {"demo",
     "A network is trained on real images, then loses more and more of its weights in three\n"
     "ways.  Writes dense.onnx, pruned.onnx and report.html into DIR (kerf-demo).",
     "  kerf demo\n"
     "  kerf demo -o /tmp/tour --device 1\n"},
};

void help_all(void)
{
    printf(
        "kerf %s prunes and quantizes neural networks on any OpenCL device: ONNX in, ONNX out.\n\n"
        "usage: kerf COMMAND [options]\n\n",
        kerf_version());
    for (size_t i = 0; i < num_commands; i++)
        if (commands[i].run != NULL)
            printf("  %-9s %s\n", commands[i].name, commands[i].summary);
    fputs("\nkerf COMMAND --help says more, with examples.  A first walk:\n\n"
          "  kerf demo                                                # see it all\n"
          "  kerf new lenet-300-100 -o lenet.onnx\n"
          "  kerf train lenet.onnx --data fashion-mnist -o dense.onnx\n"
          "  kerf prune dense.onnx --data fashion-mnist --sparsity 0.95 \\\n"
          "       --events 10 --retrain 1 --finetune 5 -o pruned.onnx\n"
          "  kerf eval pruned.onnx --data fashion-mnist --reference dense.onnx\n\n"
          "- is standard input or output wherever a file may stand.  --device or KERF_DEVICE\n"
          "chooses the device.  What was built and measured is kept in KERF_CACHE_DIR (else\n"
          "~/.cache/kerf; empty: nowhere), programs up to KERF_CACHE_MIB (256).\n"
          "Exit codes: 0 done, 1 the work failed, 2 wrong usage, 3 a target was missed,\n"
          "130 interrupted.\n",
          stdout);
}

static void print_option(const option_row *row)
{
    char left[48];
    snprintf(left, sizeof left, "%c%c%s --%s %s", row->letter ? '-' : ' ',
             row->letter ? row->letter : ' ', row->letter ? "," : " ", row->name, row->value);
    printf("  %-24s %s\n", left, row->help);
}

void help_command(const command *c)
{
    const lesson *l = NULL;
    for (size_t i = 0; i < sizeof lessons / sizeof lessons[0]; i++)
        if (strcmp(lessons[i].command, c->name) == 0)
            l = &lessons[i];
    printf("kerf %s: %s\n\nusage: kerf %s %s\n\n", c->name, c->summary, c->name, c->usage);
    if (l != NULL)
        printf("%s\n\n", l->about);
    for (size_t i = 0; i < num_option_rows; i++)
        if ((option_rows[i].groups & c->groups) != 0)
            print_option(&option_rows[i]);
    if (l != NULL)
        printf("\nexamples:\n%s", l->examples);
}
