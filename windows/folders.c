/* folders.c -- paths and folders; see posix.h. */
#include <errno.h>
#include <string.h>
#include <windows.h>

int kerf_posix_mkdir(const char *path, int mode)
{
    const size_t length = strlen(path);
    (void)mode;
    if (length > 0 && path[length - 1] == ':') { /* a drive is there */
        errno = EEXIST;
        return -1;
    }
    return _mkdir(path);
}

static void turn_slashes(char *path)
{
    for (; *path != '\0'; path++)
        *path = *path == '\\' ? '/' : *path;
}

char *realpath(const char *path, char *room)
{
    char text[4096];
    (void)room;
    HANDLE file = CreateFileA(path, 0, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, NULL,
                              OPEN_EXISTING, FILE_FLAG_BACKUP_SEMANTICS /* folders, too */, NULL);
    errno = ENOENT;
    if (file == INVALID_HANDLE_VALUE)
        return NULL;
    const DWORD length = GetFinalPathNameByHandleA(file, text, sizeof text, FILE_NAME_NORMALIZED);
    CloseHandle(file);
    if (length == 0 || length >= sizeof text)
        return NULL;
    turn_slashes(text);
    return strdup(strncmp(text, "//?/", 4) == 0 && text[5] == ':' ? text + 4 : text);
}

ssize_t readlink(const char *path, char *room, size_t room_bytes)
{
    if (strcmp(path, "/proc/self/exe") != 0)
        return -1;
    const DWORD length = GetModuleFileNameA(NULL, room, (DWORD)room_bytes);
    if (length == 0 || length >= room_bytes)
        return -1;
    turn_slashes(room);
    return (ssize_t)length;
}

char *mkdtemp(char *name_template)
{
    return _mktemp(name_template) != NULL && _mkdir(name_template) == 0 ? name_template : NULL;
}
