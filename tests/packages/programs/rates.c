/* Prints the bits of the win rate of a prompt by each of the routers that are named. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <routellm.h>

int main(int argc, char **argv)
{
    int i;

    for (i = 2; i < argc; i++) {
        routellm_router *router = NULL;
        routellm_error *err = NULL;
        double rate = 0.0;
        uint64_t bits;

        if (routellm_router_open(argv[i], NULL, &router, &err) != ROUTELLM_OK ||
            routellm_win_rate(router, argv[1], strlen(argv[1]), &rate, &err) != ROUTELLM_OK) {
            fprintf(stderr, "%s: %s\n", argv[i], routellm_error_message(err));
            return 1;
        }
        memcpy(&bits, &rate, sizeof bits);
        printf("%016" PRIx64 "\n", bits);
        routellm_router_free(router);
    }
    return 0;
}
