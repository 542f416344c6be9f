/* Broken on purpose: MPI outside lib/cluster. */
#include <mpi.h>
