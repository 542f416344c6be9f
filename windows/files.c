/* files.c -- open files: reading at a place, on disk, locks, what is told of them; see posix.h. */
#undef write
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <sys/utime.h>
#include <windows.h>

enum { SHARES_ALL = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE };

/* As far as callers tell errors apart. */
static int failed(void)
{
    const DWORD error = GetLastError();
    errno = error == ERROR_FILE_NOT_FOUND || error == ERROR_PATH_NOT_FOUND     ? ENOENT
            : error == ERROR_LOCK_VIOLATION || error == ERROR_IO_PENDING       ? EAGAIN
            : error == ERROR_ACCESS_DENIED || error == ERROR_SHARING_VIOLATION ? EACCES
            : error == ERROR_DISK_FULL                                         ? ENOSPC
                                                                               : EIO;
    return -1;
}

static HANDLE handle_of(int file)
{
    return (HANDLE)_get_osfhandle(file);
}

static OVERLAPPED place(off_t at)
{
    return (OVERLAPPED){.Offset = (DWORD)at, .OffsetHigh = (DWORD)(at >> 32)};
}

static DWORD piece(size_t num_bytes)
{
    return num_bytes < INT_MAX ? (DWORD)num_bytes : INT_MAX;
}

ssize_t pread(int file, void *bytes, size_t num_bytes, off_t at)
{
    DWORD done = 0;
    OVERLAPPED where = place(at);
    if (!ReadFile(handle_of(file), bytes, piece(num_bytes), &done, &where))
        return GetLastError() == ERROR_HANDLE_EOF ? 0 : failed();
    return (ssize_t)done;
}

ssize_t pwrite(int file, const void *bytes, size_t num_bytes, off_t at)
{
    DWORD done = 0;
    OVERLAPPED where = place(at);
    return WriteFile(handle_of(file), bytes, piece(num_bytes), &done, &where) ? (ssize_t)done
                                                                              : failed();
}

ssize_t kerf_posix_write(int file, const void *bytes, size_t num_bytes)
{
    return write(file, bytes, piece(num_bytes));
}

int kerf_posix_open(const char *path, int flags, ...)
{
    const int writes = (flags & (O_WRONLY | O_RDWR)) != 0;
    const DWORD access = (flags & O_WRONLY ? 0U : GENERIC_READ) | (writes ? GENERIC_WRITE : 0U);
    const DWORD how = flags & O_CREAT ? (flags & O_TRUNC ? CREATE_ALWAYS : OPEN_ALWAYS)
                                      : (flags & O_TRUNC ? TRUNCATE_EXISTING : OPEN_EXISTING);
    HANDLE file = CreateFileA(path, access, SHARES_ALL, NULL, how, FILE_ATTRIBUTE_NORMAL, NULL);
    if (file == INVALID_HANDLE_VALUE)
        return failed();
    return _open_osfhandle((intptr_t)file, (flags & (O_APPEND | O_NOINHERIT)) | O_BINARY);
}

/* A folder cannot be opened as a file, so nobody asks for it; renaming writes through. */
int fsync(int file)
{
    return _commit(file);
}

/* The lock lies behind all bytes, as one on bytes would keep others from reading them. */
int flock(int file, int how)
{
    OVERLAPPED where = {.OffsetHigh = 0x7fffffff};
    const DWORD flags = (how & LOCK_EX ? LOCKFILE_EXCLUSIVE_LOCK : 0U) |
                        (how & LOCK_NB ? LOCKFILE_FAIL_IMMEDIATELY : 0U);
    return LockFileEx(handle_of(file), flags, 0, 1, 0, &where) ? 0 : failed();
}

int kerf_posix_rename(const char *from, const char *to)
{
    return MoveFileExA(from, to, MOVEFILE_REPLACE_EXISTING | MOVEFILE_WRITE_THROUGH) ? 0 : failed();
}

/* ---- what is told of files ---------------------------------------------------------------------
 */

/* Windows counts tenths of microseconds from 1601 on. */
static struct timespec time_of(FILETIME told)
{
    const int64_t PER_SECOND = 10000000, UNTIL_1970 = 11644473600;
    const int64_t ticks = (int64_t)told.dwHighDateTime << 32 | told.dwLowDateTime;
    return (struct timespec){.tv_sec = ticks / PER_SECOND - UNTIL_1970,
                             .tv_nsec = (long)(ticks % PER_SECOND * 100)};
}

static int describe(HANDLE file, struct stat *info)
{
    BY_HANDLE_FILE_INFORMATION told;
    const DWORD type = GetFileType(file);
    *info = (struct stat){.st_nlink = 1};
    if (type != FILE_TYPE_DISK) {
        info->st_mode = type == FILE_TYPE_PIPE ? S_IFIFO : S_IFCHR;
        return 0;
    }
    if (!GetFileInformationByHandle(file, &told))
        return failed();
    info->st_mode = told.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY ? S_IFDIR : S_IFREG;
    info->st_nlink = told.nNumberOfLinks;
    info->st_size = (off_t)((uint64_t)told.nFileSizeHigh << 32 | told.nFileSizeLow);
    info->st_mtim = time_of(told.ftLastWriteTime);
    return 0;
}

int kerf_posix_fstat(int file, struct stat *info)
{
    return describe(handle_of(file), info);
}

int kerf_posix_stat(const char *path, struct stat *info)
{
    HANDLE file = CreateFileA(path, FILE_READ_ATTRIBUTES, SHARES_ALL, NULL, OPEN_EXISTING,
                              FILE_FLAG_BACKUP_SEMANTICS /* folders, too */, NULL);
    if (file == INVALID_HANDLE_VALUE)
        return failed();
    const int code = describe(file, info);
    CloseHandle(file);
    return code;
}

int utimensat(int folder, const char *path, const struct timespec *times, int flags)
{
    (void)flags;
    errno = EINVAL;
    return folder == AT_FDCWD && times == NULL ? _utime(path, NULL) : -1;
}
