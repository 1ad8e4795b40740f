/* A file system that refuses to change rights. The answer, EPERM ("Operation not permitted"), is the one that users have
 * reported of CIFS, Azure Files and gcsfuse; loaded before the C library. */
#include <errno.h>
#include <sys/stat.h>

int chmod(const char *path, mode_t mode) {
    (void)path;
    (void)mode;
    errno = EPERM;
    return -1;
}

int fchmod(int descriptor, mode_t mode) {
    (void)descriptor;
    (void)mode;
    errno = EPERM;
    return -1;
}

int fchmodat(int folder, const char *path, mode_t mode, int flags) {
    (void)folder;
    (void)path;
    (void)mode;
    (void)flags;
    errno = EPERM;
    return -1;
}
