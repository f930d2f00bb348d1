/* A C program over libcsock that looks up a name by a call that nothing ends: by its argument. */
#include <csock.h>

#include <netdb.h>
#include <string.h>
#include <sys/socket.h>

int main(int argc, char **argv)
{
    struct addrinfo *list;
    struct csock_host *host;
    if (argc > 1 && strcmp(argv[1], "resolve") == 0)
        return csock_resolve("db.silent", NULL, NULL, &list) < 0;
    return csock_host_by_name("db.silent", AF_INET, &host) < 0;
}
