/* ref/empty.c -- keeps the library of references from being empty. */
extern int kerf_test_ref_is_not_empty;
int kerf_test_ref_is_not_empty = 1;
