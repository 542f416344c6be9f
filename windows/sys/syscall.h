/* sys/syscall.h -- no calls by number on Windows: a kernel that would offer its core to others
 * while it waits (lib/device/join_program.c) spins. */
