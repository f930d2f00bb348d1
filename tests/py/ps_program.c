/* A C program over libcsock that hangs: a thread in csock_recv, the main one in csock_accept. */
#include <csock.h>

#include <pthread.h>
#include <stdio.h>

static struct csock pair[2] = {CSOCK_INIT, CSOCK_INIT}, listener = CSOCK_INIT;

static void *receive(void *arg)
{
    char byte;
    (void)arg;
    csock_recv(&pair[0], &byte, 1, 0,
               &(struct csock_wait){.deadline = csock_deadline(INT64_MAX / 4)});
    return NULL;
}

int main(void)
{
    pthread_t thread;
    struct csock conn = CSOCK_INIT;
    union csock_addr addr = {.any.sa_family = AF_INET};
    if (csock_pair(pair, AF_UNIX, SOCK_STREAM, 0, 0) < 0 ||
        csock_open(&listener, AF_INET, SOCK_STREAM, 0, 0) < 0 ||
        csock_bind(&listener, &addr.any, sizeof(struct sockaddr_in)) < 0 ||
        csock_listen(&listener, 5) < 0 || pthread_create(&thread, NULL, receive, NULL) != 0)
        return 1;
    puts("null"); /* JSON, as Python programs begin */
    fflush(stdout);
    csock_accept(&listener, &conn, NULL, NULL, NULL);
    return 0;
}
