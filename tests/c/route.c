/* Routes the prompts of its command line: valid C99, C11 and C++17. */
#include <stdio.h>
#include <string.h>

#include <routellm.h>

int main(int argc, char **argv)
{
    routellm_router *router = NULL;
    routellm_error *err = NULL;
    int i;

    if (routellm_router_open_default(NULL, &router, &err) != ROUTELLM_OK) {
        fprintf(stderr, "%s: %s\n", routellm_error_name(err), routellm_error_message(err));
        routellm_error_free(err);
        return 1;
    }
    for (i = 1; i < argc; i++) {
        routellm_decision decision = ROUTELLM_DECISION_INIT;
        if (routellm_route(router, argv[i], strlen(argv[i]), NULL, &decision, &err) != ROUTELLM_OK) {
            fprintf(stderr, "%s: %s\n", routellm_error_name(err), routellm_error_message(err));
            routellm_error_free(err);
            routellm_router_free(router);
            return 1;
        }
        printf("%s\t%.17g\t%s\n", decision.side == ROUTELLM_SIDE_STRONG ? "strong" : "weak", decision.win_rate,
               decision.model);
    }
    routellm_router_free(router);
    return 0;
}
