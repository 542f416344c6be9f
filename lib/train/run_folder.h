/* train/run_folder.h -- the folder of a run: one process at a time, files that are whole.
 *
 *   checkpoint, checkpoint.old   see checkpoint.h
 *   metrics.jsonl                a line an epoch (epoch_lines.c)
 *   events.out.tfevents.kerf     the same for TensorBoard, where it is wanted
 *   choices.json                 which variant for which case
 *   lock                         held while a process works here; holds its number */
#ifndef KERF_TRAIN_RUN_FOLDER_H
#define KERF_TRAIN_RUN_FOLDER_H

#include "kerf/train.h"

typedef struct kerf__run_folder {
    char *path, *checkpoint, *previous, *metrics, *events, *choices; /* owned; NULL: no folder */
    int lock; /* file descriptor, -1 without */
} kerf__run_folder;

/* Makes and locks it, or (writes 0) only finds names in it; path NULL gives none.  A folder in use
 * is an error that says by whom. */
kerf_status kerf__run_folder_open(kerf__run_folder *f, const char *path, int writes);
void kerf__run_folder_close(kerf__run_folder *f);

#endif
