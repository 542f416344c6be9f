/* cmd_train.c -- `kerf train`: a model and data in, a trained model out. */
#include "change.h"
#include "command.h"
#include "print_recipe.h"

int cmd_train(const options *o)
{
    if (o->data == NULL)
        return fail_usage(o, "--data is missing, such as --data fashion-mnist");
    if (recipe_wanted(o))
        return recipe_tell(o);
    change c;
    int code = change_begin(&c, o);
    if (code == 0)
        code = change_train(&c);
    if (code == 0)
        code = change_finish(&c);
    change_close(&c);
    return code;
}
