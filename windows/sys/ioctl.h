/* sys/ioctl.h -- how wide the terminal is, the one question that Kerf asks; other half:
 * ../terminal.c. */
#ifndef KERF_WINDOWS_IOCTL_H
#define KERF_WINDOWS_IOCTL_H

enum { TIOCGWINSZ = 1 };
struct winsize {
    unsigned short ws_row, ws_col;
};
int ioctl(int file, int what, struct winsize *size);

#endif
