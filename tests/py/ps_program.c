/* A C program over libcsock that hangs: a thread in csock_recv, the main one in csock_accept, if it
 * has not ended before (by any argument); and one that has left such a call for good, and hangs
 * elsewhere. */
#include <csock.h>

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

static struct csock pair[2] = {CSOCK_INIT, CSOCK_INIT}, listener = CSOCK_INIT;

static void *receive(void *arg)
{
    char byte;
    (void)arg;
    csock_recv(&pair[0], &byte, 1, 0,
               &(struct csock_wait){.deadline = csock_deadline(INT64_MAX / 4)});
    return NULL;
}

static sigjmp_buf out;

static void leave(int sig)
{
    (void)sig;
    siglongjmp(out, 1);
}

static void *receive_and_leave(void *arg)
{
    char byte;
    (void)arg;
    signal(SIGALRM, leave);
    if (sigsetjmp(out, 1) == 0) {
        ualarm(200000, 0);
        csock_recv(&pair[1], &byte, 1, 0, NULL);
    }
    puts("null"); /* JSON, as Python programs begin */
    fflush(stdout);
    pause();
    return NULL;
}

static int mask_alarm(int how)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGALRM);
    return pthread_sigmask(how, &set, NULL);
}

int main(int argc, char **argv)
{
    (void)argv;
    pthread_t thread, leaver;
    struct csock conn = CSOCK_INIT;
    union csock_addr addr = {.any.sa_family = AF_INET};
    if (csock_pair(pair, AF_UNIX, SOCK_STREAM, 0, 0) < 0 ||
        csock_open(&listener, AF_INET, SOCK_STREAM, 0, 0) < 0 ||
        csock_bind(&listener, &addr.any, sizeof(struct sockaddr_in)) < 0 ||
        csock_listen(&listener, 5) < 0 ||
        pthread_create(&leaver, NULL, receive_and_leave, NULL) != 0 || mask_alarm(SIG_BLOCK) != 0 ||
        pthread_create(&thread, NULL, receive, NULL) != 0)
        return 1;
    if (argc > 1)
        pthread_exit(NULL);
    csock_accept(&listener, &conn, NULL, NULL, NULL);
    return 0;
}
