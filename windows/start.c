/* start.c -- what comes before a program's main(): bytes go through unchanged, texts are UTF-8, and
 * words of the command line may have paths with either slash.  utf8.rc has the names of files be
 * UTF-8, too. */
#include <windows.h>

#undef main

/* Patterns are Kerf's to read (--freeze 'conv*'): no word is replaced by names of files. */
int _dowildcard = 0;

static void let_bytes_through(void)
{
    _fmode = O_BINARY;
    for (int file = 0; file < 3; file++)
        _setmode(file, O_BINARY);
}

/* Bars move by the terminal's escapes, which Windows asks to be switched on. */
static void speak_to_console(void)
{
    DWORD mode;
    HANDLE console = GetStdHandle(STD_ERROR_HANDLE);
    SetConsoleOutputCP(CP_UTF8);
    if (GetConsoleMode(console, &mode))
        SetConsoleMode(console, mode | ENABLE_VIRTUAL_TERMINAL_PROCESSING);
}

int main(int argc, char **argv)
{
    let_bytes_through();
    speak_to_console();
    for (int i = 1; i < argc; i++)
        for (char *c = argv[i]; *c != '\0'; c++)
            *c = *c == '\\' ? '/' : *c;
    return kerf_posix_main(argc, argv);
}
