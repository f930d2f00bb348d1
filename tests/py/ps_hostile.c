/* A program whose memory lies to `csock ps`: it has what that looks for (core/call/shown.h), and
 * garbage behind it. argv[1]: which; see test_ps_hostile.py. Says "ready" when it is to be looked
 * at. */
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#define SLEEPS 4
#define NASTY "\033[2J\a\b\r\n\xff\xc2\x9b" /* and C1 in UTF-8 */

struct shown {
    uint32_t count;
    int32_t fd;
    uint32_t what, about_size;
    int64_t since, deadline;
    uint64_t about, frame;
};

struct thread {
    struct thread *next;
    uint32_t taken;
    int32_t tid;
    uintptr_t on[SLEEPS];
    struct shown shown[SLEEPS];
};

struct head {
    char magic[16];
    uint16_t layout;
    uint8_t word, sleeps;
    uint16_t shown, size;
    char version[24];
    uint32_t off, room;
    uint32_t **generation;
    struct thread *first;
};

static uint32_t generation = 1, *mark = &generation;
/* Its magic is completed when the program runs: or there would be others, in the file. */
static struct head heads[64] = {[0] = {.magic = "?sock's threads",
                                       .layout = 1,
                                       .word = sizeof(void *),
                                       .sleeps = SLEEPS,
                                       .shown = __builtin_offsetof(struct thread, shown),
                                       .size = sizeof(struct shown),
                                       .version = "0.0.1",
                                       .generation = &mark}};
static struct thread threads[64];
static struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = "/tmp/" NASTY};

static struct thread *waiting(int i)
{
    struct thread *t = &threads[i];
    t->taken = generation;
    t->tid = getpid();
    t->on[0] = 1;
    t->shown[0].what = 1;
    t->shown[0].frame = UINT64_MAX;
    return t;
}

static void cycle(void)
{
    heads[0].first = waiting(0);
    threads[0].next = &threads[1];
    *waiting(1) = *waiting(0);
    threads[1].next = &threads[0];
}

/* More of them than threads can be; all of them waiting. */
static void endless(void)
{
    enum { MANY = 1000000 };
    struct thread *all = malloc(MANY * sizeof *all);
    for (int i = 0; i < MANY; i++) {
        all[i] = *waiting(0);
        all[i].tid = i;
        all[i].next = &all[(i + 1) % MANY];
    }
    heads[0].first = all;
}

static void wild(void)
{
    heads[0].first = (struct thread *)UINTPTR_MAX;
    for (int i = 1; i < 8; i++) {
        heads[i] = heads[0];
        heads[i].first = (struct thread *)((uintptr_t)1 << (8 * i));
        heads[i].generation = i % 2 ? &mark : (uint32_t **)(UINTPTR_MAX << i);
    }
}

static void lies(void)
{
    static const int64_t times[] = {INT64_MIN, INT64_MAX, -1, 0, 1};
    for (int i = 0; i < 60; i++) {
        struct thread *t = waiting(i);
        t->next = i < 59 ? &threads[i + 1] : NULL;
        t->shown[0] = (struct shown){.fd = i % 7 == 0 ? -i : i * i * i * i * 100,
                                     .what = (uint32_t)(i * i * 3),
                                     .about_size = (uint32_t)(i % 5 ? i * 7 : -1),
                                     .since = times[i % 5],
                                     .deadline = times[i % 3],
                                     .about = (uint64_t)(uintptr_t)&name + (uint64_t)(i % 4),
                                     .frame = UINT64_MAX};
    }
    threads[1].shown[0].what = 5;
    threads[1].shown[0].about = (uint64_t)(uintptr_t)&name;
    threads[1].shown[0].about_size = sizeof name;
    threads[2].shown[0].what = 13;
    threads[2].shown[0].about = (uint64_t)(uintptr_t)NASTY;
    threads[2].shown[0].about_size = sizeof NASTY;
    heads[0].first = threads;
    memcpy(heads[0].version, NASTY, sizeof NASTY);
    prctl(PR_SET_NAME, NASTY);
}

static void sizes(void)
{
    heads[0].first = waiting(0);
    for (int i = 1; i < 64; i++) {
        heads[i] = heads[0];
        heads[i].shown = (uint16_t)(i * 1021);
        heads[i].size = (uint16_t)(i % 3 ? 48 : i * 977);
        heads[i].sleeps = (uint8_t)(i * 37);
        heads[i].word = (uint8_t)(i % 5 ? 8 : i);
    }
}

static void other(void)
{
    heads[0].layout = 7;
    memcpy(heads[0].version, "9.8" NASTY, sizeof NASTY + 3);
}

/* Always being written. */
static void torn(void)
{
    heads[0].first = waiting(0);
    threads[0].shown[0].count = 1;
}

/* Of a thread that this process had before it was forked. */
static void stale(void)
{
    heads[0].first = waiting(0);
    threads[0].taken = generation + 1;
}

/* Whoever reads that page waits for us. userfaultfd(2) */
static int unanswered(void)
{
    int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
    size_t size = (size_t)sysconf(_SC_PAGESIZE);
    void *page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct uffdio_api api = {.api = UFFD_API};
    struct uffdio_register range = {.range = {.start = (uintptr_t)page, .len = size},
                                    .mode = UFFDIO_REGISTER_MODE_MISSING};
    if (fd < 0 || page == MAP_FAILED || ioctl(fd, UFFDIO_API, &api) < 0 ||
        ioctl(fd, UFFDIO_REGISTER, &range) < 0)
        return -1;
    heads[0].first = page;
    return 0;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*prepare)(void);
    } ways[] = {{"cycle", cycle}, {"endless", endless}, {"wild", wild}, {"lies", lies},
                {"sizes", sizes}, {"other", other},     {"torn", torn}, {"stale", stale}};
    const char *way = argc > 1 ? argv[1] : "";
    int r = strcmp(way, "unanswered") == 0 ? unanswered() : 0;
    for (unsigned i = 0; i < sizeof ways / sizeof *ways; i++)
        if (strcmp(way, ways[i].name) == 0)
            ways[i].prepare();
    for (unsigned i = 0; i < 64; i++)
        if (heads[i].magic[0])
            heads[i].magic[0] = 'c';
    puts(r == 0 ? "ready" : "cannot");
    fflush(stdout);
    for (;;)
        pause();
}
