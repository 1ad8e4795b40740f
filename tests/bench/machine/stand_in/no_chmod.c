/* A file system that refuses to change rights; loaded before the C library. The answer is EPERM: of CIFS shares, by the
 * Linux kernel itself (libuv issue 2596, Node issue 31170), and of a bucket that another user mounted with gcsfuse
 * (gcsfuse issue 2645). */
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
