/* Connects to a host by name and says how that went: which addresses were tried, for how long each,
 * and what became of them.
 * Usage: dial host service [seconds], by default 10 seconds for all of it. */
#include <csock.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static double seconds(int64_t ns)
{
    return (double)ns / 1e9;
}

static const char *outcome(const struct csock_dial_attempt *a)
{
    if (a->err == 0)
        return "connected";
    return a->err == -ECANCELED ? "given up" : csock_strerror(a->err);
}

static void print_attempts(const struct csock_dial_report *report)
{
    char text[CSOCK_ADDR_TEXT_MAX];
    if (report->looked_up)
        printf("%8.3f s  looked up: %zu addresses\n", seconds(report->looked_up), report->n_found);
    for (size_t i = 0; i < report->n_attempts; i++) {
        const struct csock_dial_attempt *a = &report->attempts[i];
        if (csock_addr_format(&a->addr.any, a->len, text, sizeof text) < 0)
            continue;
        printf("%8.3f s  %s for %.3f s: %s\n", seconds(a->began), text,
               seconds(a->ended - a->began), outcome(a));
    }
    if (report->n_untried)
        printf("            %zu addresses not tried\n", report->n_untried);
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: dial host service [seconds]\n");
        return 2;
    }
    double bound = argc > 3 ? strtod(argv[3], NULL) : 10;
    struct csock_wait w = {.deadline = csock_deadline((int64_t)(bound * 1e9))};
    struct csock_dial to = {.host = argv[1], .service = argv[2]};
    struct csock_dial_report report;
    struct csock s;

    int r = csock_dial(&s, &to, &report, &w);
    print_attempts(&report);
    if (r < 0) {
        printf("%8.3f s  failed, %s: %s\n", seconds(report.elapsed),
               report.stage == CSOCK_DIAL_LOOKUP ? "looking up" : "connecting", csock_strerror(r));
    } else {
        printf("%8.3f s  connected\n", seconds(report.elapsed));
        csock_close(&s);
    }
    csock_dial_report_free(&report);
    return r < 0;
}
