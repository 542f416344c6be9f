/* command.h -- the table of commands.  Other half: main.c holds the table, cmd_NAME.c one
 * command each, help.c what `--help` says. */
#ifndef HOST_COMMAND_H
#define HOST_COMMAND_H

#include "options.h"
#include "say.h"

typedef struct command {
    const char *name;
    int (*run)(const options *o); /* NULL: not in this version yet */
    unsigned groups;              /* of options */
    int min_words, max_words;
    const char *usage, *summary;
} command;

extern const command commands[];
extern const size_t num_commands;

int cmd_devices(const options *o);
int cmd_new(const options *o);
int cmd_info(const options *o);
int cmd_train(const options *o);
int cmd_eval(const options *o);
int cmd_infer(const options *o);
int cmd_prune(const options *o);
int cmd_quantize(const options *o);
int cmd_fold(const options *o);
int cmd_export(const options *o);
int cmd_bench(const options *o);
int cmd_tune(const options *o);
int cmd_verify(const options *o);
int cmd_report(const options *o);
int cmd_demo(const options *o);
int cmd_distill(const options *o);
int cmd_share(const options *o);
int cmd_pack(const options *o);
int cmd_unpack(const options *o);
int cmd_run(const options *o);

/* `kerf --help` and `kerf CMD --help`, to standard output. */
void help_all(void);
void help_command(const command *c);

#endif
