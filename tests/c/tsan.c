/*
 * A program with threads under ThreadSanitizer, linked to a library that is not built for it. It uses the library as
 * programs do: one router in many threads, calls without waiting, hooks, routers that come and go. With an argument it
 * has a race of its own, which must be seen whatever is suppressed.
 */
#include <pthread.h>
#include <unistd.h>

#include "check.h"

enum { THREADS = 4, ROUNDS = 50 };

static const char *const PROMPTS[] = {"Hello!", "Prove that there are infinitely many primes.", "What is 17 * 23?"};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int told;
static int heard;
static int raced;

/* What a call takes along: written by its caller, without a lock, and read by whoever calls back. */
struct call {
    struct job *job;
    int round;
};

struct job {
    const routellm_router *router;
    int race;
    int right;
    int done;
    struct call calls[ROUNDS];
};

static void on_done(void *user, routellm_status status, const routellm_decision *decisions, size_t count,
                    const routellm_error *err)
{
    struct call *call = (struct call *)user;
    int right = call->job->calls[call->round].round == call->round;

    (void)err;
    pthread_mutex_lock(&lock);
    call->job->done += right && status == ROUTELLM_OK && count == 1 && decisions[0].model != NULL;
    told++;
    pthread_cond_signal(&changed);
    pthread_mutex_unlock(&lock);
}

static void on_decision(void *user, const routellm_decision_event *event)
{
    (void)user;
    pthread_mutex_lock(&lock);
    heard += event->model != NULL;
    pthread_mutex_unlock(&lock);
}

static void *work(void *argument)
{
    struct job *job = (struct job *)argument;
    int i;

    for (i = 0; i < ROUNDS; i++) {
        const char *prompt = PROMPTS[i % 3];
        routellm_router *own = routellm_router_clone(job->router);
        routellm_decision decision = ROUTELLM_DECISION_INIT;
        routellm_error *err = NULL;

        job->calls[i].job = job;
        job->calls[i].round = i;
        job->right += routellm_route(own, prompt, strlen(prompt), NULL, &decision, &err) == ROUTELLM_OK;
        routellm_error_free(err);
        err = NULL;
        job->right +=
            routellm_route_async(own, prompt, strlen(prompt), NULL, on_done, &job->calls[i], &err) == ROUTELLM_OK;
        routellm_error_free(err);
        routellm_router_free(own);
        if (job->race) {
            raced++;
        }
    }
    return NULL;
}

static void threads(routellm_router *router, int race)
{
    pthread_t ids[THREADS];
    struct job *jobs = (struct job *)calloc(THREADS, sizeof *jobs);
    routellm_error *err = NULL;
    int i;

    CHECK(jobs != NULL);
    told = 0;
    heard = 0;
    CHECK_OK(routellm_router_on_decision(router, on_decision, NULL, NULL, &err));
    for (i = 0; i < THREADS; i++) {
        jobs[i].router = router;
        jobs[i].race = race;
        CHECK(pthread_create(&ids[i], NULL, work, &jobs[i]) == 0);
    }
    for (i = 0; i < THREADS; i++) {
        CHECK(pthread_join(ids[i], NULL) == 0);
    }
    pthread_mutex_lock(&lock);
    while (told < THREADS * ROUNDS) {
        pthread_cond_wait(&changed, &lock);
    }
    pthread_mutex_unlock(&lock);
    for (i = 0; i < THREADS; i++) {
        CHECK(jobs[i].right == 2 * ROUNDS);
        CHECK(jobs[i].done == ROUNDS);
    }
    free(jobs);
    routellm_router_free(router);
}

int main(int argc, char **argv)
{
    const char *named = getenv("ROUTELLM_ORT_PATH");
    routellm_error *err = NULL;
    routellm_router *router = NULL;

    if (argc < 2) {
        fprintf(stderr, "usage: tsan ENCODER [race]\n");
        return 2;
    }
    alarm(600);
    CHECK_OK(routellm_router_open_default(NULL, &router, &err));
    threads(router, argc > 2);
    if (named != NULL && *named != '\0') {
        CHECK_OK(routellm_router_open(argv[1], NULL, &router, &err));
        threads(router, 0);
    }
    return report();
}
