/* Broken on purpose: a library that shows what it should hide, and keeps a global. */
__attribute__((visibility("default"))) int helper(void);
__attribute__((visibility("default"))) int kerf_counter(void);

static int counter;

int helper(void)
{
    return ++counter;
}

int kerf_counter(void)
{
    return helper();
}
