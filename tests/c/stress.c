/*
 * Cancelled, timed-out and plain calls from many threads at once, through few sessions: stress MODELS ENCODER, the
 * folder with the tiny models and a router with an encoder. Everyone gets an answer, and the right one.
 */
#include <time.h>
#include <unistd.h>

#include "pending.h"

enum { CALLERS = 12, PROMPTS = 8, BATCH = 5, TOKENS = 64 };

/* What a call is like. */
enum form { PLAIN, TIMED, CANCELLED, FORMS };

static char texts[PROMPTS][640];
static routellm_text prompts[PROMPTS];

struct round {
    const routellm_router *router;
    const routellm_route_options *plain;
    routellm_decision expected[PROMPTS];
    /* Tokens that a thread of its own cancels, one after the other, and puts new ones in their place. */
    pthread_mutex_t lock;
    routellm_cancel_token *tokens[TOKENS];
    int over;
    struct pending pending;
};

struct caller {
    struct round *round;
    unsigned seed;
    int calls;
    long by_form[FORMS];
    long begun;
    long wrong;
};

static unsigned next(unsigned *seed)
{
    *seed = *seed * 1664525U + 1013904223U;
    return *seed >> 8;
}

static int same(const routellm_decision *a, const routellm_decision *b)
{
    return a->win_rate == b->win_rate && a->side == b->side && a->fallback == 0;
}

/* Whether a call of this form may end so. */
static int may_end(enum form form, routellm_status status)
{
    return status == ROUTELLM_OK || (form == TIMED && status == ROUTELLM_RESOURCE_EXHAUSTED) ||
           (form == CANCELLED && status == ROUTELLM_CANCELLED);
}

/* Options of a call of some form; NULL for the plain ones. */
static routellm_route_options *options_of(struct caller *caller, enum form form)
{
    struct round *round = caller->round;
    routellm_route_options *options;

    if (form == PLAIN) {
        return NULL;
    }
    options = routellm_route_options_new();
    caller->wrong += routellm_route_options_set_threshold(options, 0.5, NULL) != ROUTELLM_OK;
    if (form == TIMED) {
        /* From a tenth of a millisecond to twenty, more often short. */
        const double longest = next(&caller->seed) % 2 == 0 ? 2.0 : 20.0;
        const double share = (double)(next(&caller->seed) % 1000 + 5) / 1000.0;
        caller->wrong += routellm_route_options_set_timeout_ms(options, longest * share, NULL) != ROUTELLM_OK;
        return options;
    }
    pthread_mutex_lock(&round->lock);
    caller->wrong += routellm_route_options_set_cancel(options, round->tokens[next(&caller->seed) % TOKENS], NULL) !=
                     ROUTELLM_OK;
    pthread_mutex_unlock(&round->lock);
    return options;
}

static void one_call(struct caller *caller)
{
    struct round *round = caller->round;
    const enum form form = (enum form)(next(&caller->seed) % FORMS);
    routellm_route_options *own = options_of(caller, form);
    const routellm_route_options *options = own == NULL ? round->plain : own;
    const unsigned which = next(&caller->seed) % PROMPTS;
    const routellm_text *prompt = &prompts[which];
    routellm_decision decisions[BATCH];
    routellm_status status;
    int i;

    caller->by_form[form]++;
    for (i = 0; i < BATCH; i++) {
        const routellm_decision empty = ROUTELLM_DECISION_INIT;
        decisions[i] = empty;
    }
    switch (next(&caller->seed) % 8) {
    case 0:
        status = routellm_route_batch(round->router, prompts, BATCH, options, decisions, NULL);
        for (i = 0; i < BATCH; i++) {
            caller->wrong += status == ROUTELLM_OK && !same(&decisions[i], &round->expected[i]);
        }
        break;
    case 1:
        status = routellm_route_batch_async(round->router, prompts, BATCH, options, pending_told, &round->pending,
                                            NULL);
        caller->begun++;
        caller->wrong += status != ROUTELLM_OK;
        break;
    case 2:
    case 3:
        status = routellm_route_async(round->router, prompt->data, prompt->len, options, pending_told, &round->pending,
                                      NULL);
        caller->begun++;
        caller->wrong += status != ROUTELLM_OK;
        break;
    default:
        status = routellm_route(round->router, prompt->data, prompt->len, options, &decisions[0], NULL);
        caller->wrong += status == ROUTELLM_OK && !same(&decisions[0], &round->expected[which]);
        break;
    }
    caller->wrong += !may_end(form, status);
    routellm_route_options_free(own);
}

static void *call(void *argument)
{
    struct caller *caller = (struct caller *)argument;
    int i;

    for (i = 0; i < caller->calls; i++) {
        one_call(caller);
    }
    return NULL;
}

static void *cancel(void *argument)
{
    struct round *round = (struct round *)argument;
    const struct timespec moment = {0, 300000};
    unsigned seed = 7;
    int over = 0;

    while (!over) {
        const unsigned which = next(&seed) % TOKENS;
        routellm_cancel_token *token;

        pthread_mutex_lock(&round->lock);
        over = round->over;
        token = round->tokens[which];
        round->tokens[which] = routellm_cancel_token_new();
        pthread_mutex_unlock(&round->lock);
        /* Without the lock: it ends calls that wait. */
        routellm_cancel_token_cancel(token);
        routellm_cancel_token_free(token);
        nanosleep(&moment, NULL);
    }
    return NULL;
}

/* Whether there is an ONNX Runtime. */
static int stress(const char *folder, size_t sessions, int calls)
{
    static struct round round;
    static struct caller callers[CALLERS];
    const struct timespec moment = {0, 1000000};
    routellm_open_options *opening = routellm_open_options_new();
    routellm_route_options *plain = routellm_route_options_new();
    routellm_router *router = NULL;
    routellm_error *err = NULL;
    routellm_status status;
    pthread_t threads[CALLERS];
    pthread_t canceller;
    long begun = 0;
    long forms[FORMS] = {0, 0, 0};
    int i;

    CHECK_OK(routellm_open_options_set_sessions(opening, sessions, &err));
    CHECK_OK(routellm_open_options_set_intra_threads(opening, 1, &err));
    if (strstr(folder, "bert-tiny") != NULL) {
        CHECK_OK(routellm_open_options_set_strong(opening, "gpt-4", &err));
        CHECK_OK(routellm_open_options_set_weak(opening, "mixtral", &err));
    }
    CHECK_OK(routellm_route_options_set_threshold(plain, 0.5, &err));
    status = routellm_router_open(folder, opening, &router, &err);
    routellm_open_options_free(opening);
    if (status != ROUTELLM_OK) {
        if (check_no_runtime(status)) {
            check_skipped("callers that are cancelled and timed out", "no ONNX Runtime");
            routellm_error_free(err);
        } else {
            CHECK_OK(status);
        }
        routellm_route_options_free(plain);
        return 0;
    }

    memset(&round, 0, sizeof round);
    memset(callers, 0, sizeof callers);
    round.router = router;
    round.plain = plain;
    pthread_mutex_init(&round.lock, NULL);
    pending_init(&round.pending);
    for (i = 0; i < TOKENS; i++) {
        round.tokens[i] = routellm_cancel_token_new();
    }
    for (i = 0; i < PROMPTS; i++) {
        const routellm_decision empty = ROUTELLM_DECISION_INIT;
        round.expected[i] = empty;
        CHECK_OK(routellm_route(router, prompts[i].data, prompts[i].len, plain, &round.expected[i], &err));
    }
    CHECK(pthread_create(&canceller, NULL, cancel, &round) == 0);
    for (i = 0; i < CALLERS; i++) {
        callers[i].round = &round;
        callers[i].seed = (unsigned)i * 977U + (unsigned)sessions;
        callers[i].calls = calls;
        CHECK(pthread_create(&threads[i], NULL, call, &callers[i]) == 0);
    }
    for (i = 0; i < CALLERS; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
        CHECK(callers[i].wrong == 0);
        begun += callers[i].begun;
        forms[PLAIN] += callers[i].by_form[PLAIN];
        forms[TIMED] += callers[i].by_form[TIMED];
        forms[CANCELLED] += callers[i].by_form[CANCELLED];
    }
    /* Nobody else comes: what waits now has to be served without another call. */
    pending_wait(&round.pending, begun);
    pthread_mutex_lock(&round.lock);
    round.over = 1;
    pthread_mutex_unlock(&round.lock);
    CHECK(pthread_join(canceller, NULL) == 0);
    CHECK(round.pending.told == begun && round.pending.strange == 0);
    CHECK(round.pending.by_status[ROUTELLM_OK] + round.pending.by_status[ROUTELLM_CANCELLED] +
              round.pending.by_status[ROUTELLM_RESOURCE_EXHAUSTED] ==
          begun);
    CHECK(forms[PLAIN] > 0 && forms[TIMED] > 0 && forms[CANCELLED] > 0 && begun > 0);
    while (pending_stat(router, "busy") != 0) {
        nanosleep(&moment, NULL);
    }
    CHECK(pending_stat(router, "waiting") == 0);
    for (i = 0; i < PROMPTS; i++) {
        routellm_decision decision = ROUTELLM_DECISION_INIT;
        CHECK_OK(routellm_route(router, prompts[i].data, prompts[i].len, plain, &decision, &err));
        CHECK(same(&decision, &round.expected[i]));
    }
    for (i = 0; i < TOKENS; i++) {
        routellm_cancel_token_free(round.tokens[i]);
    }
    routellm_route_options_free(plain);
    routellm_router_free(router);
    return 1;
}

int main(int argc, char **argv)
{
    char folder[4096];
    int i;

    if (argc != 3) {
        fprintf(stderr, "usage: stress MODELS ENCODER\n");
        return 2;
    }
    /* A caller who waits for ever ends the program, and fails the suite. */
    alarm(600);
    for (i = 0; i < PROMPTS; i++) {
        int words;

        /* From a few words to a hundred. */
        snprintf(texts[i], sizeof texts[i], "Question %d:", i);
        for (words = 0; words < 1 << i && words < 100; words++) {
            strcat(texts[i], " why?");
        }
        prompts[i].data = texts[i];
        prompts[i].len = strlen(texts[i]);
    }
    snprintf(folder, sizeof folder, "%s/bert-tiny", argv[1]);
    if (stress(folder, 1, 300)) {
        stress(folder, 3, 300);
        snprintf(folder, sizeof folder, "%s/router.json", argv[2]);
        if (access(folder, R_OK) == 0) {
            stress(argv[2], 2, 20);
        } else {
            check_skipped("callers of an encoder", "artifacts/mf-minilm is absent");
        }
    }
    return report();
}
