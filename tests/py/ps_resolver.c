/* Preloaded into children of test_ps_lookups.py: a libc by which names that end in ".silent" are
 * never answered. */
#include <dlfcn.h>
#include <netdb.h>
#include <string.h>
#include <unistd.h>

static int ends_in_silent(const char *name)
{
    size_t n = name ? strlen(name) : 0;
    return n >= 7 && strcmp(name + n - 7, ".silent") == 0;
}

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                struct addrinfo **ret)
{
    int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **) =
        (int (*)(const char *, const char *, const struct addrinfo *, struct addrinfo **))dlsym(
            RTLD_NEXT, "getaddrinfo");
    while (ends_in_silent(node))
        pause();
    return real(node, service, hints, ret);
}

int gethostbyname2_r(const char *name, int family, struct hostent *ret, char *buf, size_t size,
                     struct hostent **ret_found, int *ret_herr)
{
    int (*real)(const char *, int, struct hostent *, char *, size_t, struct hostent **, int *) =
        (int (*)(const char *, int, struct hostent *, char *, size_t, struct hostent **,
                 int *))dlsym(RTLD_NEXT, "gethostbyname2_r");
    while (ends_in_silent(name))
        pause();
    return real(name, family, ret, buf, size, ret_found, ret_herr);
}
