/* cmd_distill.c -- `kerf distill`: a student is trained by labels and by a teacher's outputs. */
#include "change.h"
#include "command.h"

/* Images are prepared as the teacher knows them, unless the student, or --prep, says how. */
static int take_prep(const options *o, session *student, const model *teacher)
{
    const char *prep = kerf_graph_metadata(teacher->g, "kerf.prep");
    return student->prep_is_data && prep != NULL ? session_keep_prep(o, student, prep) : 0;
}

static int say_teacher(const options *o, const session *student, const model *teacher)
{
    const char *prep = kerf_graph_metadata(teacher->g, "kerf.prep");
    const session with_teacher = {.dev = student->dev,
                                  .data = student->data,
                                  .m = *teacher,
                                  .prep = prep != NULL ? prep : student->prep};
    evaluation e = {0};
    int code = session_evaluate(o, &with_teacher, KERF_SPLIT_TEST, &e, NULL);
    if (code == 0 && e.is_known)
        say(o, "the teacher's top-1 is %.2f %%", e.e.top1);
    return code;
}

static int train_by(change *c, const model *teacher)
{
    const options *o = c->o;
    c->train.distill =
        (kerf_distillation){.teacher = teacher->g,
                            .state = teacher->s,
                            .alpha = options_given(o, "alpha") ? o->alpha : 0.7,
                            .temperature = options_given(o, "temperature") ? o->temperature : 4,
                            .last_temperature = o->last_temperature};
    int code = take_prep(o, &c->s, teacher);
    if (code == 0)
        code = say_teacher(o, &c->s, teacher);
    if (code == 0)
        code = change_train(c);
    return code == 0 ? change_finish(c) : code;
}

int cmd_distill(const options *o)
{
    change c;
    model teacher = {0};
    if (o->data == NULL)
        return fail_usage(o, "--data is missing, such as --data fashion-mnist");
    if (o->loss != 0)
        return fail_usage(o, "--loss: the teacher is learned from beside cross-entropy alone");
    int code = change_begin(&c, o);
    if (code == 0)
        code = model_read(o, &teacher, o->words.items[0], c.s.dev);
    if (code == 0)
        code = train_by(&c, &teacher);
    model_free(&teacher);
    change_close(&c);
    return code;
}
