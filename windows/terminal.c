/* terminal.c -- see sys/ioctl.h. */
#include <sys/ioctl.h>
#include <windows.h>

int ioctl(int file, int what, struct winsize *size)
{
    CONSOLE_SCREEN_BUFFER_INFO info;
    if (what != TIOCGWINSZ || !GetConsoleScreenBufferInfo((HANDLE)_get_osfhandle(file), &info))
        return -1;
    size->ws_row = (unsigned short)(info.srWindow.Bottom - info.srWindow.Top + 1);
    size->ws_col = (unsigned short)(info.srWindow.Right - info.srWindow.Left + 1);
    return 0;
}
