/* One const router in many threads gives the bits of one thread. */
#include <pthread.h>

#include "check.h"

enum { THREADS = 8, PROMPTS = 64, ROUNDS = 20 };

static char prompts[PROMPTS][128];
static routellm_decision expected[PROMPTS];

struct job {
    const routellm_router *router;
    const routellm_route_options *options;
    int wrong;
};

static void *work(void *argument)
{
    struct job *job = (struct job *)argument;
    int round;
    int i;

    for (round = 0; round < ROUNDS; round++) {
        for (i = 0; i < PROMPTS; i++) {
            routellm_decision decision = ROUTELLM_DECISION_INIT;
            routellm_error *err = NULL;
            routellm_status status =
                routellm_route(job->router, prompts[i], strlen(prompts[i]), job->options, &decision, &err);
            job->wrong += status != ROUTELLM_OK || memcmp(&decision, &expected[i], sizeof decision) != 0;
            /* Errors belong to the call, not to the thread or the router. */
            status = routellm_route(job->router, "\xff", 1, NULL, &decision, &err);
            job->wrong += status != ROUTELLM_INVALID_ARGUMENT || routellm_error_status(err) != status;
            routellm_error_free(err);
        }
    }
    return NULL;
}

int main(void)
{
    routellm_error *err = NULL;
    routellm_router *router = NULL;
    routellm_route_options *options = routellm_route_options_new();
    pthread_t threads[THREADS];
    struct job jobs[THREADS];
    int i;

    CHECK_OK(routellm_router_open_default(NULL, &router, &err));
    CHECK_OK(routellm_route_options_set_strong_share(options, 0.4, &err));
    for (i = 0; i < PROMPTS; i++) {
        const routellm_decision empty = ROUTELLM_DECISION_INIT;
        snprintf(prompts[i], sizeof prompts[i], "Prompt %d: explain %d words about the number %d.", i, i * i, i % 7);
        expected[i] = empty;
        CHECK_OK(routellm_route(router, prompts[i], strlen(prompts[i]), options, &expected[i], &err));
    }
    for (i = 0; i < THREADS; i++) {
        jobs[i].router = router;
        jobs[i].options = options;
        jobs[i].wrong = 0;
        CHECK(pthread_create(&threads[i], NULL, work, &jobs[i]) == 0);
    }
    for (i = 0; i < THREADS; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
        CHECK(jobs[i].wrong == 0);
    }
    routellm_route_options_free(options);
    routellm_router_free(router);
    return report();
}
