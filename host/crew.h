/* crew.h -- the devices that run one model together: the command's, and those that --device names
 * behind it.  Other half: crew.c. */
#ifndef HOST_CREW_H
#define HOST_CREW_H

#include "device_list.h"
#include "session.h"

typedef struct crew {
    kerf_device *devs[MOST_DEVICES];  /* owned but for the first, which is the command's */
    kerf_state *states[MOST_DEVICES]; /* owned but for the first, as are its weights */
    int64_t taken[MOST_DEVICES];      /* samples that each took */
    size_t num;
} crew;

/* Opens the devices, and copies the state to each; 0 or an exit code after a message.  dev is the
 * first of the list, and has the state.  Close it in any case, before that device. */
int crew_open(const options *o, crew *c, kerf_device *dev, kerf_state *s,
              const device_list *devices);
void crew_close(const options *o, crew *c);

/* As session_evaluate(). */
int crew_evaluate(const options *o, crew *c, const session *s, kerf_split split, evaluation *e,
                  int64_t *confusion);
/* Who took how many; nothing of one alone. */
void crew_print(const crew *c);
void crew_json(json_t *object, const crew *c);

#endif
