/* option_table.c -- every option of the command, one row each; options.c parses by it and
 * help.c prints it. */
#include "options.h"

#define FIELD(name) offsetof(options, name)
#define NO_RANGE    NULL, RANGE_NONE, 0, 0

/* clang-format off */
const option_row option_rows[] = {
    /* what is made */
    {"output", 'o', OPTION_TEXT, GROUP_OUTPUT, FIELD(output), "FILE", "where the result goes; - is standard output", NO_RANGE},
    {"force", 'f', OPTION_FLAG, GROUP_OUTPUT, FIELD(force), "", "replace what is there", NO_RANGE},

    {"format", 0, OPTION_CHOICE, GROUP_REPORT, FIELD(format), "F", "html, csv, svg or md (as the name of -o ends, else html)", "html|csv|svg|md", RANGE_NONE, 0, 0},
    {"csv", 0, OPTION_TEXT, GROUP_REPORT, FIELD(csv), "FILE", "all numbers, too: a line each", NO_RANGE},
    {"svg", 0, OPTION_TEXT, GROUP_REPORT, FIELD(svg), "FILE", "the pictures, too", NO_RANGE},
    {"markdown", 0, OPTION_TEXT, GROUP_REPORT, FIELD(markdown), "FILE", "the tables, too", NO_RANGE},

    {"test", 0, OPTION_FLAG, GROUP_PACK, FIELD(test), "", "write nothing; read a packed file whole, and say what is in it or why it is bad", NO_RANGE},

    {"profile", 0, OPTION_CHOICE, GROUP_EXPORT, FIELD(profile), "P", "who is to run it: ort (ONNX Runtime), ort-mobile, trt (TensorRT) or openvino", "ort|ort-mobile|trt|openvino|tflite", RANGE_NONE, 0, 0},

    /* data */
    {"data", 0, OPTION_TEXT, GROUP_DATA, FIELD(data), "D", "fashion-mnist, idx:DIR, cifar10:DIR, cifar100:DIR, images:DIR, npy:X.npy[,Y.npy], npz:FILE or random:C,H,W,CLASSES", NO_RANGE},
    {"val", 0, OPTION_WHOLE, GROUP_TRAIN, FIELD(val), "N", "training samples held back to choose the best epoch (0)", NULL, RANGE_MIN, 0, 0},
    {"split", 0, OPTION_TEXT, GROUP_EVAL, FIELD(split), "NAME", "train, val or test (test)", NO_RANGE},
    {"classes", 0, OPTION_TEXT, GROUP_DATA, FIELD(classes), "FILE", "class names, one a line: folders of images get the number of their line", NO_RANGE},
    {"prep", 0, OPTION_TEXT, GROUP_DATA | GROUP_INFER | GROUP_PREP, FIELD(prep), "P", "how an image becomes an input: imagenet, unit, signed, raw or resize=256,crop=224,rgb,scale=1/255,mean=0.5:0.5:0.5,std=0.2:0.2:0.2,layout=nchw; eval: guess tries the usual ones", NO_RANGE},
    {"batch", 0, OPTION_WHOLE, GROUP_BATCH, FIELD(batch), "N", "samples at a time; of a step that ranks share (docs/cluster.md), those of all", NULL, RANGE_MIN | RANGE_MAX, 1, 1048576},

    /* pruning */
    {"method", 0, OPTION_CHOICE, GROUP_PRUNE, FIELD(method), "M", "magnitude, random, std, mask; soft, surgery: weights come back; movement, taylor, snip, obd, rigl: by gradients (magnitude)", "magnitude|random|std|mask|soft|surgery|movement|taylor|snip|obd|rigl", RANGE_NONE, 0, 0},
    {"sparsity", 0, OPTION_AMOUNTS, GROUP_PRUNE, FIELD(sparsity), "F", "share of the weights to remove; by layer: 'fc1=0.92,*=0.74'; with --scope global those are bounds: '0.98,fc3=0.9'", NULL, RANGE_MIN | RANGE_BELOW, 0, 1},
    {"s", 0, OPTION_AMOUNTS, GROUP_PRUNE, FIELD(s), "F", "for std: the threshold is F standard deviations of the layer's weights", NULL, RANGE_MIN, 0, 0},
    {"scope", 0, OPTION_CHOICE, GROUP_PRUNE, FIELD(scope), "S", "layer: the share of each; global: of all together; with --remove isomorphic: of all that are built alike (layer)", "layer|global|isomorphic", RANGE_NONE, 0, 0},
    {"min-keep", 0, OPTION_REAL, GROUP_PRUNE, FIELD(min_keep), "F", "with --scope global: at least this share of every layer stays (0)", NULL, RANGE_MIN | RANGE_BELOW, 0, 1},
    {"structure", 0, OPTION_TEXT, GROUP_PRUNE, FIELD(structure), "S", "what goes as one: weight, block=RxC (R outputs by C inputs), n:m=N:M (N of each M inputs stay), kernel or channel; with --remove channel, or residual: whole residual blocks (weight)", NO_RANGE},
    {"remove", 0, OPTION_FLAG, GROUP_PRUNE, FIELD(remove), "", "take channels out for real, with all that goes with them; without an amount those that add nothing", NO_RANGE},
    {"groups", 0, OPTION_FLAG, GROUP_PRUNE, FIELD(groups_only), "", "show which channels go together; with an amount, each one's number and which would go", NO_RANGE},
    {"gates", 0, OPTION_FLAG, GROUP_PRUNE, FIELD(gates), "", "choose channels anew for each input: behind each convolution a gate that is trained with it by --finetune, and keeps the share that --keep says", NO_RANGE},
    {"keep", 0, OPTION_REAL, GROUP_PRUNE | GROUP_EVAL | GROUP_INFER | GROUP_BENCH, FIELD(keep), "F", "share of the channels that gates leave (as the file says)", NULL, RANGE_MIN | RANGE_MAX, 0.001, 1},
    {"criterion", 0, OPTION_CHOICE, GROUP_PRUNE, FIELD(criterion), "C", "with --remove: l1, l2, linf; fpgm: distance to the others; bn: scale of batch norm; lamp; random; by samples of --data taylor: what the loss would gain, rank: of feature maps, zeros: of activations (l2)", "l1|l2|linf|fpgm|bn|lamp|random|taylor|rank|zeros", RANGE_NONE, 0, 0},
    {"calibrate", 0, OPTION_WHOLE, GROUP_PRUNE, FIELD(calibrate), "N", "samples that channels are judged by with --criterion taylor, rank or zeros (256)", NULL, RANGE_MIN, 1, 0},
    {"macs", 0, OPTION_TEXT, GROUP_PRUNE, FIELD(macs), "P%", "with --remove: as many channels as leave so much of the multiply-adds", NO_RANGE},
    {"round-to", 0, OPTION_WHOLE, GROUP_PRUNE, FIELD(round_to), "N", "with --remove: what is left of a layer is a multiple of N (1)", NULL, RANGE_MIN | RANGE_MAX, 1, 4096},
    {"min-channels", 0, OPTION_WHOLE, GROUP_PRUNE, FIELD(min_channels), "N", "with --remove: a layer keeps N channels at least (1)", NULL, RANGE_MIN, 1, 0},
    {"events", 0, OPTION_WHOLE, GROUP_PRUNE, FIELD(events), "N", "in how many steps the share is reached (1)", NULL, RANGE_MIN | RANGE_MAX, 1, 10000},
    {"curve", 0, OPTION_CHOICE, GROUP_PRUNE, FIELD(curve), "C", "how the share grows: once, linear, cubic or exp (cubic; with --remove linear)", "once|linear|cubic|exp", RANGE_NONE, 0, 0},
    {"retrain", 0, OPTION_REAL, GROUP_PRUNE, FIELD(retrain), "E", "epochs of training after each step (0)", NULL, RANGE_MIN, 0, 0},
    {"finetune", 0, OPTION_REAL, GROUP_PRUNE, FIELD(finetune), "E", "more epochs after the last step (0)", NULL, RANGE_MIN, 0, 0},
    {"lift", 0, OPTION_REAL, GROUP_PRUNE, FIELD(lift), "E", "dense-sparse-dense: the last E epochs of --finetune without masks (0)", NULL, RANGE_MIN, 0, 0},
    {"rewind", 0, OPTION_REAL, GROUP_PRUNE, FIELD(rewind), "E", "lottery tickets: after each step weights and learning rate go back to epoch E", NULL, RANGE_MIN, 0, 0},
    {"layers", 0, OPTION_LIST, GROUP_PRUNE | GROUP_QUANTIZE | GROUP_SHARE, FIELD(layers), "PATTERN", "only layers whose name fits; repeatable", NO_RANGE},
    {"skip", 0, OPTION_LIST, GROUP_PRUNE | GROUP_QUANTIZE | GROUP_SHARE, FIELD(skip), "PATTERN", "all layers but these; repeatable", NO_RANGE},
    {"mask", 0, OPTION_TEXT, GROUP_PRUNE, FIELD(mask), "FILE.npz", "for mask: arrays by weight name, 0 is pruned", NO_RANGE},
    {"biases", 0, OPTION_FLAG, GROUP_PRUNE, FIELD(biases), "", "prune biases too", NO_RANGE},

    /* quantization */
    {"mode", 0, OPTION_CHOICE, GROUP_QUANTIZE, FIELD(mode), "M", "dynamic, static, weight-only, or qat: static, and trained with its roundings (static with --data, else weight-only)", "dynamic|static|weight-only|qat", RANGE_NONE, 0, 0},
    {"weights", 0, OPTION_TEXT, GROUP_QUANTIZE, FIELD(weights), "T", "int8, int4 or int2; dynamic: int8; weight-only: f16, too (int8); by layer, with float for what stays: 'conv1=int8,fc1=float,*=int4'; static, with another mode: 'fc1=int4:weight-only'", NO_RANGE},
    {"activations", 0, OPTION_CHOICE, GROUP_QUANTIZE, FIELD(activations), "T", "static, qat: uint8, int8, uint16 or int16 (uint8)", "uint8|int8|uint16|int16", RANGE_NONE, 0, 0},
    {"per", 0, OPTION_TEXT, GROUP_QUANTIZE, FIELD(per), "P", "weights of one scale: all of a tensor, a channel, or weight-only block=16, 32, 64, 128 or 256 (channel)", NO_RANGE},
    {"symmetric", 0, OPTION_FLAG, GROUP_QUANTIZE, FIELD(symmetric), "", "weights without zero points, what other tools read best (the default)", NO_RANGE},
    {"asymmetric", 0, OPTION_FLAG, GROUP_QUANTIZE, FIELD(asymmetric), "", "weights with zero points", NO_RANGE},
    {"calibrate", 0, OPTION_WHOLE, GROUP_QUANTIZE, FIELD(calibrate), "N", "static: samples that the ranges of activations are found on (512)", NULL, RANGE_MIN, 1, 0},
    {"observer", 0, OPTION_TEXT, GROUP_QUANTIZE, FIELD(observer), "O", "static: minmax, moving (an average of batches), percentile=P, mse or entropy (minmax)", NO_RANGE},
    {"freeze-observers", 0, OPTION_REAL, GROUP_QUANTIZE, FIELD(freeze_observers), "E", "qat: the ranges of activations follow what training sees for E epochs, then stay (0: as they were found; with --learn-ranges: all epochs)", NULL, RANGE_MIN, 0, 0},
    {"learn-ranges", 0, OPTION_FLAG, GROUP_QUANTIZE, FIELD(learn_ranges), "", "qat: learn by gradients where ranges of activations and weights end (LSQ); with --freeze-observers E, for E epochs", NO_RANGE},
    {"analyse", 0, OPTION_FLAG, GROUP_PRUNE, FIELD(analyse), "", "write nothing; show what top-1 each layer alone loses at 50 to 98 %, without training; with --run-dir a page, too", NO_RANGE},
    {"analyse", 0, OPTION_FLAG, GROUP_QUANTIZE, FIELD(analyse), "", "what rounding costs each layer: errors of weights and outputs, and top-1 lost when it alone is rounded", NO_RANGE},
    {"equalize", 0, OPTION_FLAG, GROUP_QUANTIZE, FIELD(equalize), "", "even out weights between neighbouring layers first; the floats compute the same", NO_RANGE},
    {"adaround", 0, OPTION_FLAG, GROUP_QUANTIZE, FIELD(adaround), "", "learn from samples which weights go up and which down; minutes instead of seconds", NO_RANGE},
    {"bias-correct", 0, OPTION_FLAG, GROUP_QUANTIZE, FIELD(bias_correct), "", "static: take off biases what rounding adds on average", NO_RANGE},
    {"max-drop", 0, OPTION_REAL, GROUP_PRUNE, FIELD(max_drop), "PP", "find how much of each layer goes: what loses PP points of top-1 at most on held back samples (--val), before any training", NULL, RANGE_MIN | RANGE_MAX, 0, 100},
    {"size", 0, OPTION_TEXT, GROUP_PRUNE, FIELD(size), "BYTES", "find how much of each layer goes: weights that are left take so many bytes at most, 4 each, 60000 or 60K, or 10x fewer; with --remove the file", NO_RANGE},
    {"latency", 0, OPTION_TEXT, GROUP_PRUNE, FIELD(latency), "MS[[:f16]@FILE]", "find how much of each layer goes: a run with one sample takes so long at most, on the device that FILE is of (kerf bench --costs), in halves with :f16", NO_RANGE},
    {"max-drop", 0, OPTION_REAL, GROUP_QUANTIZE, FIELD(max_drop), "PP", "find a type for each layer: as few bytes as lose PP points of top-1 at most, of agreement where there are no labels", NULL, RANGE_MIN | RANGE_MAX, 0, 100},
    {"size", 0, OPTION_TEXT, GROUP_QUANTIZE, FIELD(size), "BYTES", "find a type for each layer: the file takes so many bytes at most, 60000 or 60K, or is 4x smaller", NO_RANGE},
    {"latency", 0, OPTION_TEXT, GROUP_QUANTIZE, FIELD(latency), "MS[[:f16]@FILE]", "find a type for each layer: a run with one sample takes so long at most, on the device that FILE is of (kerf bench --costs), in halves with :f16", NO_RANGE},
    {"ranges", 0, OPTION_TEXT, GROUP_QUANTIZE, FIELD(ranges), "FILE.json", "static: the ranges; written if missing, used if there", NO_RANGE},

    /* sharing */
    {"bits", 0, OPTION_WHOLE, GROUP_SHARE, FIELD(bits), "N", "of a weight: each codebook has 2^N values (4)", NULL, RANGE_MIN | RANGE_MAX, 1, 8},
    {"init", 0, OPTION_CHOICE, GROUP_SHARE, FIELD(init), "I", "where values begin: linear, evenly between the least and the largest weight, density, as many weights to each, or random (linear)", "linear|density|random", RANGE_NONE, 0, 0},
    {"per", 0, OPTION_TEXT, GROUP_SHARE, FIELD(per), "P", "weights of one codebook: all of a tensor, or block=N that follow each other (tensor)", NO_RANGE},

    /* training */
    {"epochs", 0, OPTION_REAL, GROUP_EPOCHS, FIELD(epochs), "E", "times through the training data; fractions allowed (20)", NULL, RANGE_MIN, 0, 0},
    {"optimizer", 0, OPTION_CHOICE, GROUP_TRAIN, FIELD(optimizer), "O", "sgd, adam or adamw (sgd)", "sgd|adam|adamw", RANGE_NONE, 0, 0},
    {"lr", 0, OPTION_REAL, GROUP_TRAIN, FIELD(lr), "F", "learning rate (0.05; 0.001 with adam)", NULL, RANGE_MIN, 0, 0},
    {"momentum", 0, OPTION_REAL, GROUP_TRAIN, FIELD(momentum), "F", "of sgd, in Nesterov's form (0.9)", NULL, RANGE_MIN | RANGE_BELOW, 0, 1},
    {"weight-decay", 0, OPTION_REAL, GROUP_TRAIN, FIELD(weight_decay), "F", "(1e-4)", NULL, RANGE_MIN, 0, 0},
    {"schedule", 0, OPTION_CHOICE, GROUP_TRAIN, FIELD(schedule), "S", "of the learning rate: const, step, cosine, exp or linear (cosine)", "const|step|cosine|exp|linear", RANGE_NONE, 0, 0},
    {"warmup", 0, OPTION_REAL, GROUP_TRAIN, FIELD(warmup), "E", "epochs in which the learning rate rises from 0 (0)", NULL, RANGE_MIN, 0, 0},
    {"augment", 0, OPTION_TEXT, GROUP_TRAIN, FIELD(augment), "A", "changes to training images: flip, crop=4 (shifted by up to 4 pixels) or flip,crop=4", NO_RANGE},
    {"accumulate", 0, OPTION_WHOLE, GROUP_TRAIN, FIELD(accumulate), "N", "each batch in N parts, one after the other, whose gradients add up: the memory of a part, the step of the whole (1)", NULL, RANGE_MIN | RANGE_MAX, 1, 1048576},
    {"clip", 0, OPTION_REAL, GROUP_TRAIN, FIELD(clip), "NORM", "shorten all gradients together to this length where they are longer (0: not)", NULL, RANGE_MIN | RANGE_MAX, 0, 1e9},
    {"label-smoothing", 0, OPTION_REAL, GROUP_TRAIN, FIELD(label_smoothing), "F", "what all classes alike take from each label (0)", NULL, RANGE_MIN | RANGE_BELOW, 0, 1},
    {"mixup", 0, OPTION_REAL, GROUP_TRAIN, FIELD(mixup), "ALPHA", "mix samples of a batch in pairs, and their labels, by shares of Beta(ALPHA, ALPHA): 0.2 is usual (0: not)", NULL, RANGE_MIN | RANGE_MAX, 0, 100},
    {"gradients", 0, OPTION_CHOICE, GROUP_TRAIN, FIELD(gradients), "T", "with mpirun: what they travel between ranks as: f32, or int8, a quarter of the bytes (f32)", "f32|int8", RANGE_NONE, 0, 0},
    {"batch-norm", 0, OPTION_CHOICE, GROUP_TRAIN, FIELD(batch_norm), "B", "with mpirun: statistics of each rank's samples, apart, or of all, together, as if they were on one device (apart)", "apart|together", RANGE_NONE, 0, 0},
    {"balance", 0, OPTION_TEXT, GROUP_TRAIN, FIELD(balance), "SHARES", "with mpirun: what each rank takes of a step: even, measure, what its time of some steps earns, or numbers, 3,1 (even)", NO_RANGE},
    {"local-steps", 0, OPTION_WHOLE, GROUP_TRAIN, FIELD(local_steps), "N", "with mpirun: N steps of each rank by its own gradients, then weights become the mean of all (1: gradients are added up in every step)", NULL, RANGE_MIN | RANGE_MAX, 1, 1000000},
    {"loss", 0, OPTION_CHOICE, GROUP_TRAIN, FIELD(loss), "L", "cross-entropy or mse (cross-entropy)", "cross-entropy|mse", RANGE_NONE, 0, 0},
    {"penalty", 0, OPTION_TEXT, GROUP_TRAIN, FIELD(penalty), "P", "draw weights of layers to 0: l1=STRENGTH, each alone, group=STRENGTH, all that leads to one output together, bn=STRENGTH, the scales of batch norm (slimming); by gates that are trained: l0=STRENGTH, l0-group=STRENGTH, variational=STRENGTH; saliency=STRENGTH, what gates of channels make (1e-8)", NO_RANGE},
    {"penalty-from", 0, OPTION_REAL, GROUP_TRAIN, FIELD(penalty_from), "E", "from epoch E on (0)", NULL, RANGE_MIN, 0, 0},
    {"penalty-until", 0, OPTION_REAL, GROUP_TRAIN, FIELD(penalty_until), "E", "no longer than epoch E (the last)", NULL, RANGE_ABOVE, 0, 0},
    {"freeze", 0, OPTION_LIST, GROUP_TRAIN, FIELD(freeze), "PATTERN", "weights that stay as they are; repeatable", NO_RANGE},
    {"no-keep-zeros", 0, OPTION_FLAG, GROUP_TRAIN, FIELD(no_keep_zeros), "", "let zeros of the file grow back, where a layer has more than 5 % of them; others do anyway", NO_RANGE},
    {"memory", 0, OPTION_BYTES, GROUP_TRAIN | GROUP_BENCH, FIELD(memory), "BYTES", "stay within; training computes some results twice for it: 512M, 2G (what the device has)", NO_RANGE},
    {"run-dir", 0, OPTION_TEXT, GROUP_RUN, FIELD(run_dir), "DIR", "checkpoint and records of the run (OUT.run)", NO_RANGE},
    {"tensorboard", 0, OPTION_FLAG, GROUP_RUN | GROUP_RECIPE, FIELD(tensorboard), "", "the run's folder gets an event file for TensorBoard", NO_RANGE},
    {"resume", 0, OPTION_FLAG, GROUP_RUN | GROUP_RECIPE, FIELD(resume), "", "go on where that run stopped; give the same options", NO_RANGE},
    {"resume", 0, OPTION_FLAG, GROUP_BENCH, FIELD(resume), "", "with --costs -o FILE: go on where measuring stopped; give the same options", NO_RANGE},

    /* distilling */
    {"temperature", 0, OPTION_REAL, GROUP_DISTILL | GROUP_PRUNE, FIELD(temperature), "T", "what both networks' outputs are divided by: above 1 the teacher also says which wrong classes are near (4)", NULL, RANGE_ABOVE | RANGE_MAX, 0, 1000},
    {"last-temperature", 0, OPTION_REAL, GROUP_DISTILL | GROUP_PRUNE, FIELD(last_temperature), "T", "where it goes, on a straight line over all steps (it stays)", NULL, RANGE_ABOVE | RANGE_MAX, 0, 1000},
    {"alpha", 0, OPTION_REAL, GROUP_DISTILL | GROUP_PRUNE, FIELD(alpha), "A", "what teachers' outputs count; labels count the rest of 1 (0.7)", NULL, RANGE_MIN | RANGE_MAX, 0, 1},
    {"tap", 0, OPTION_LIST, GROUP_DISTILL | GROUP_PRUNE, FIELD(taps), "T", "learn a layer, too: STUDENT_LAYER=TEACHER_LAYER:LOSS[:WEIGHT][@FROM-UNTIL], LOSS one of mse, cosine, attention, similarity, distance, angle, soft, dkd; layers are names or patterns, 2#LAYER is of the second teacher; repeatable", NO_RANGE},
    {"beta", 0, OPTION_REAL, GROUP_DISTILL | GROUP_PRUNE, FIELD(beta), "B", "with --tap L:dkd: what the wrong classes among themselves count (8)", NULL, RANGE_MIN | RANGE_MAX, 0, 1e6},
    {"hint-epochs", 0, OPTION_REAL, GROUP_DISTILL | GROUP_PRUNE, FIELD(hint_epochs), "E", "at first only layers are learned, no outputs and no labels, for E epochs (0)", NULL, RANGE_MIN, 0, 0},
    {"cache", 0, OPTION_FLAG, GROUP_DISTILL | GROUP_PRUNE, FIELD(cache), "", "ask teachers once and keep what they say in the run's folder; without --augment alone", NO_RANGE},
    {"teacher-device", 0, OPTION_TEXT, GROUP_DISTILL | GROUP_PRUNE, FIELD(teacher_device), "DEVICE", "where teachers compute, as --device names it (the student's device)", NO_RANGE},
    {"distill", 0, OPTION_TEXT, GROUP_PRUNE, FIELD(distill), "WHO", "learn from a teacher while retraining: self, the network as it was, or a file", NO_RANGE},

    /* recipes */
    {"print-recipe", 0, OPTION_FLAG, GROUP_TRAIN, FIELD(print_recipe), "", "do nothing but write the recipe that this stands for, for kerf run", NO_RANGE},
    {"sweep", 0, OPTION_LIST, GROUP_RECIPE, FIELD(sweeps), "KEY=[A,B]", "run it with each of the values; repeatable: all combinations", NO_RANGE},
    {"seeds", 0, OPTION_WHOLE, GROUP_RECIPE, FIELD(num_seeds), "N", "run each with N seeds, from the recipe's on (1)", NULL, RANGE_MIN | RANGE_MAX, 1, 1000},
    {"find", 0, OPTION_TEXT, GROUP_RECIPE, FIELD(find), "KEY=A..B", "find the value of a key by which the target holds, by runs from A, which costs little, to B, which saves much", NO_RANGE},
    {"max-drop", 0, OPTION_REAL, GROUP_RECIPE, FIELD(max_drop), "PP", "with --find: at most PP points of top-1 are lost, on held back samples, beside the better of A and what the recipe begins with", NULL, RANGE_MIN | RANGE_MAX, 0, 100},
    {"size", 0, OPTION_TEXT, GROUP_RECIPE, FIELD(size), "BYTES", "with --find: the file (packed, if the recipe says so) takes so many bytes at most, 60000 or 60K, or is 4x smaller", NO_RANGE},
    {"latency", 0, OPTION_TEXT, GROUP_RECIPE, FIELD(latency), "MS[[:f16]@FILE]", "with --find: a run with one sample takes so long at most, on the device that FILE is of (kerf bench --costs), in halves with :f16", NO_RANGE},
    {"dry", 0, OPTION_FLAG, GROUP_RECIPE | GROUP_TRAIN, FIELD(dry), "", "run nothing: show the timetable, and the hours and memory by 20 steps", NO_RANGE},
    {"set", 0, OPTION_LIST, GROUP_RECIPE, FIELD(sets), "KEY=VALUE", "change a key of the recipe: steps.0.prune.sparsity=0.97; repeatable", NO_RANGE},

    /* looking at results */
    {"suite", 0, OPTION_WHOLE, GROUP_BENCH, FIELD(suite), "N", "the numbered suite that devices are compared by: 1", NULL, RANGE_MIN, 1, 0},
    {"check", 0, OPTION_FLAG, GROUP_BENCH, FIELD(check), "", "whether files that --suite wrote are whole and can be true", NO_RANGE},
    {"reference", 0, OPTION_TEXT, GROUP_EVAL, FIELD(reference), "M0", "another model: how often do both choose the same class", NO_RANGE},
    {"min-top1", 0, OPTION_REAL, GROUP_EVAL, FIELD(min_top1), "P", "exit 3 if fewer than P percent are right", NULL, RANGE_MIN | RANGE_MAX, 0, 100},
    {"input", 0, OPTION_LIST, GROUP_INFER, FIELD(inputs), "X", "what goes in, a .npy or an image; NAME=X where there are several inputs", NO_RANGE},
    {"top", 0, OPTION_WHOLE, GROUP_INFER, FIELD(top), "N", "print the N likeliest classes (5)", NULL, RANGE_MIN | RANGE_MAX, 1, 1000},
    {"labels", 0, OPTION_TEXT, GROUP_INFER, FIELD(labels), "FILE", "class names, one a line", NO_RANGE},

    /* networks */
    {"classes", 0, OPTION_WHOLE, GROUP_NEW, FIELD(num_classes), "N", "classes to tell apart (the network's own)", NULL, RANGE_MIN | RANGE_MAX, 1, 1000000},
    {"input", 0, OPTION_TEXT, GROUP_NEW, FIELD(shape), "C,H,W", "shape of one input (the network's own)", NO_RANGE},
    {"width", 0, OPTION_REAL, GROUP_NEW, FIELD(width), "F", "factor on the sizes of hidden layers (1)", NULL, RANGE_ABOVE | RANGE_MAX, 0, 64},
    {"list", 0, OPTION_FLAG, GROUP_NEW, FIELD(list), "", "all networks, with weights and multiply-adds", NO_RANGE},

    /* measuring */
    {"measure", 0, OPTION_FLAG, GROUP_DEVICES, FIELD(measure), "", "measure again, and keep the best that was seen of each figure", NO_RANGE},
    {"train", 0, OPTION_FLAG, GROUP_BENCH, FIELD(train), "", "a training step: forward, backward, update", NO_RANGE},
    {"dense", 0, OPTION_FLAG, GROUP_BENCH, FIELD(dense), "", "multiply by weights of 0 like by others", NO_RANGE},
    {"crossover", 0, OPTION_FLAG, GROUP_BENCH, FIELD(crossover), "", "each layer dense and sparse, with half to a hundredth of its weights left: from where on zeros pay", NO_RANGE},
    {"start", 0, OPTION_FLAG, GROUP_BENCH, FIELD(start), "", "from a fresh process to the first result: with an empty cache folder, and --runs times (15) with what is kept", NO_RANGE},
    {"costs", 0, OPTION_FLAG, GROUP_BENCH, FIELD(costs), "", "each layer with fewer weights, fewer channels, other types and halves; with -o FILE for --latency MS@FILE, wherever that stands", NO_RANGE},
    {"shape", 0, OPTION_TEXT, GROUP_BENCH, FIELD(shape), "N,C,H,W", "shape of the input; its N is the batch", NO_RANGE},
    {"warm", 0, OPTION_REAL, GROUP_BENCH, FIELD(warm), "MS", "run so long before the clock starts (200; a case 50)", NULL, RANGE_MIN, 0, 0},
    {"duration", 0, OPTION_REAL, GROUP_BENCH, FIELD(duration), "S", "measure so long (2 a model, 0.25 a case, 0.5 a network of --costs)", NULL, RANGE_ABOVE, 0, 0},
    {"runs", 0, OPTION_WHOLE, GROUP_BENCH, FIELD(runs), "N", "measure so often instead", NULL, RANGE_MIN | RANGE_MAX, 1, 1000000},
    {"max-ms", 0, OPTION_REAL, GROUP_BENCH, FIELD(max_ms), "MS", "exit 3 if the median is above", NULL, RANGE_ABOVE, 0, 0},
    {"cases", 0, OPTION_LIST, GROUP_BENCH, FIELD(cases), "FILE", "cases of your own, written like bench/shapes/*.txt; repeatable", NO_RANGE},
    {"beside", 0, OPTION_LIST, GROUP_BENCH, FIELD(beside), "NAME=CMD", "another program that times the same cases in turns; repeatable", NO_RANGE},
    {"compare", 0, OPTION_FLAG, GROUP_BENCH, FIELD(compare), "", "devices side by side: files that kerf bench -o wrote", NO_RANGE},
    {"reference", 0, OPTION_TEXT, GROUP_BENCH, FIELD(reference), "NAME", "for --compare: file or part of the device's name (the first)", NO_RANGE},
    {"budget", 0, OPTION_REAL, GROUP_TUNE | GROUP_BENCH, FIELD(budget), "S", "stop after S seconds (as long as it takes; --suite 300)", NULL, RANGE_ABOVE, 0, 0},
    {"bundle", 0, OPTION_FLAG, GROUP_TUNE, FIELD(bundle), "", "tune inference (--batch, else 1) and write the model to -o M.kerf with this device's kernels, beside those of devices that its file knows", NO_RANGE},

    /* elsewhere */
    {"on", 0, OPTION_TEXT, GROUP_ON, FIELD(on), "CMD", "run at another end: the command and its files are taken there once by CMD, which runs a script, and results come home: 'ssh HOST', 'adb -s SERIAL shell'", NO_RANGE},
    {"on-binary", 0, OPTION_TEXT, GROUP_ON, FIELD(on_binary), "FILE", "with --on: the kerf that runs there, kerf-probe beside it (KERF_ON_BINARY, else this one)", NO_RANGE},

    /* everywhere */
    {"device", 0, OPTION_TEXT, GROUP_ALWAYS, FIELD(device), "D", "number, part of the name, PLATFORM:NAME or pci:ADDR; eval, infer, verify, grids of runs, --find and ranks take several, or all", NO_RANGE},
    {"precision", 0, OPTION_CHOICE, GROUP_EVAL | GROUP_INFER | GROUP_BENCH, FIELD(precision), "P", "what weights and values between layers are stored as: f32, or f16 in half the bytes (with --train mixed); auto: that where it is measured to be faster, with the same results; computed with in floats either way (f32)", "f32|f16|mixed|auto", RANGE_NONE, 0, 0},
    {"precision", 0, OPTION_CHOICE, GROUP_TRAIN, FIELD(precision), "P", "what training stores: f32, or mixed, what lies between layers and waits for the backward pass as f16, weights as f32, the loss scaled; auto: mixed where that is measured to be faster, with the same gradients (f32)", "f32|f16|mixed|auto", RANGE_NONE, 0, 0},
    {"rank-timeout", 0, OPTION_REAL, GROUP_RANKS, FIELD(rank_timeout), "S", "with mpirun: how long a rank is waited for until it is asked for an answer (600)", NULL, RANGE_MIN | RANGE_MAX, 1, 1e6},
    {"max-launch-ms", 0, OPTION_REAL, GROUP_ALWAYS, FIELD(max_launch_ms), "MS", "queue longer work in pieces, so that no screen freezes; 0 never (50 on GPUs)", NULL, RANGE_MIN, 0, 0},
    {"seed", 0, OPTION_WHOLE, GROUP_SEED, FIELD(seed), "N", "the same seed gives the same bits (1)", NULL, RANGE_MIN, 0, 0},
    {"json", 0, OPTION_FLAG, GROUP_ALWAYS, FIELD(json), "", "print one JSON object and nothing else", NO_RANGE},
    {"quiet", 'q', OPTION_FLAG, GROUP_ALWAYS, FIELD(quiet), "", "no progress, results only", NO_RANGE},
    {"verbose", 'v', OPTION_FLAG, GROUP_ALWAYS, FIELD(verbose), "", "say more", NO_RANGE},
    {"help", 'h', OPTION_FLAG, GROUP_ALWAYS, FIELD(help), "", "this text", NO_RANGE},
};
/* clang-format on */
const size_t num_option_rows = sizeof option_rows / sizeof option_rows[0];
