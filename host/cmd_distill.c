/* cmd_distill.c -- `kerf distill`: a student is trained by labels and by a teacher's outputs. */
#include "change.h"
#include "command.h"
#include "distill.h"
#include "print_recipe.h"

/* Images are prepared as the first teacher knows them, unless the student, or --prep, says how. */
static int take_prep(const options *o, session *student, const model *teacher)
{
    const char *prep = kerf_graph_metadata(teacher->g, "kerf.prep");
    return student->prep_is_data && prep != NULL ? session_keep_prep(o, student, prep) : 0;
}

static int say_teacher(const options *o, const session *student, const model *teacher)
{
    const char *prep = kerf_graph_metadata(teacher->g, "kerf.prep");
    const session with_teacher = {.dev = kerf_state_device(teacher->s),
                                  .data = student->data,
                                  .m = *teacher,
                                  .prep = prep != NULL ? prep : student->prep};
    evaluation e = {0};
    int code = session_evaluate(o, &with_teacher, KERF_SPLIT_TEST, &e, NULL);
    if (code == 0 && e.is_known)
        say(o, "the teacher's top-1 is %.2f %%", e.e.top1);
    return code;
}

/* Where outputs are not learned they may be of other classes, so there is nothing to say. */
static int train_by(change *c, const distillation *d)
{
    const options *o = c->o;
    int code = take_prep(o, &c->s, &d->models[0]);
    for (size_t i = 0; code == 0 && c->train.distill.alpha > 0 && i < d->num; i++)
        code = say_teacher(o, &c->s, &d->models[i]);
    if (code == 0)
        code = change_train(c);
    return code == 0 ? change_finish(c) : code;
}

int cmd_distill(const options *o)
{
    change c;
    distillation d = {.num = 0};
    if (o->data == NULL)
        return fail_usage(o, "--data is missing, such as --data fashion-mnist");
    if (o->loss != 0)
        return fail_usage(o, "--loss: the teacher is learned from beside cross-entropy alone");
    if (recipe_wanted(o))
        return recipe_tell(o);
    int code = change_begin(&c, o);
    if (code == 0)
        code = distill_begin(o, &d, o->words.items, o->words.num - 1, c.s.dev, &c.train.distill);
    if (code == 0)
        code = train_by(&c, &d);
    distill_free(o, &d);
    change_close(&c);
    return code;
}
