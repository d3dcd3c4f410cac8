/* fsync and fdatasync take 50 to 200 ms, in turns that are the same in each run. For LD_PRELOAD. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdatomic.h>
#include <time.h>

static atomic_uint calls;

static void pause_first(void)
{
    unsigned drawn = atomic_fetch_add(&calls, 1) * 2654435761u >> 16;
    struct timespec pause = {0, (50 + drawn % 151) * 1000000L};
    nanosleep(&pause, 0);
}

int fsync(int fd)
{
    pause_first();
    return ((int (*)(int))dlsym(RTLD_NEXT, "fsync"))(fd);
}

int fdatasync(int fd)
{
    pause_first();
    return ((int (*)(int))dlsym(RTLD_NEXT, "fdatasync"))(fd);
}
