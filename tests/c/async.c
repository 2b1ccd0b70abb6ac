/*
 * Calls without waiting, how many may wait, closing, reloading and statistics: async MODELS FIXTURES. The first folder
 * holds the tiny models, which are left out without ONNX Runtime.
 */
#include <time.h>
#include <unistd.h>

#include "pending.h"

/* More prompts than are scored before a test has looked. */
enum { MANY = 50000, FEW = 16, LINKS = 100, IN_FLIGHT = 2000, READERS = 4 };

static const char *models;
static const char *fixtures;
static char texts[MANY][48];
static routellm_text prompts[MANY];

static const char *path(const char *folder, const char *name)
{
    static char text[4096];

    snprintf(text, sizeof text, "%s/%s", folder, name);
    return text;
}

static int same(const routellm_decision *a, const routellm_decision *b)
{
    return a->win_rate == b->win_rate && a->threshold == b->threshold && a->side == b->side &&
           strcmp(a->model, b->model) == 0 && a->fallback == b->fallback && a->truncated == b->truncated;
}

/* A prompt that takes too long to be decided in place, by its length. */
static char *long_prompt(size_t *len)
{
    const size_t size = 200000;
    char *text = (char *)malloc(size);

    memset(text, 'a', size);
    *len = size;
    return text;
}

static void in_place(const routellm_router *router)
{
    routellm_decision expected = ROUTELLM_DECISION_INIT;
    routellm_route_options *options = routellm_route_options_new();
    routellm_cancel_token *token = routellm_cancel_token_new();
    routellm_error *err = NULL;
    struct pending pending;

    pending_init(&pending);
    CHECK(routellm_router_is_quick(router, 100) == 1 && routellm_router_is_quick(NULL, 1) == 0);
    CHECK_OK(routellm_route(router, "Why?", 4, NULL, &expected, &err));
    CHECK_OK(routellm_route_async(router, "Why?", 4, NULL, pending_told, &pending, &err));
    CHECK(pending.told == 1 && pending.count == 1 && same(&pending.decision, &expected));
    CHECK(pending.decision.struct_size == sizeof expected && pending.decision.fallback_error == NULL);
    CHECK_OK(routellm_route_async(router, NULL, 0, NULL, pending_told, &pending, &err));
    CHECK(pending.told == 2 && pending.by_status[ROUTELLM_OK] == 2);

    /* What is wrong with the prompt is told; it may be a fallback. */
    CHECK_OK(routellm_route_async(router, "\xff", 1, NULL, pending_told, &pending, &err));
    CHECK(pending.by_status[ROUTELLM_INVALID_ARGUMENT] == 1 && strstr(pending.message, "UTF-8") != NULL);
    CHECK_OK(routellm_route_options_set_on_error(options, ROUTELLM_ON_ERROR_STRONG, &err));
    CHECK_OK(routellm_route_options_set_keep_fallback_errors(options, 1, &err));
    CHECK_OK(routellm_route_async(router, "\xff", 1, options, pending_told, &pending, &err));
    CHECK(pending.told == 4 && pending.decision.fallback == 1 && pending.decision.side == ROUTELLM_SIDE_STRONG);
    /* Ours, as that of every decision. */
    CHECK(routellm_error_status(pending.decision.fallback_error) == ROUTELLM_INVALID_ARGUMENT);
    routellm_error_free(pending.decision.fallback_error);

    CHECK_OK(routellm_route_options_set_cancel(options, token, &err));
    routellm_cancel_token_cancel(token);
    CHECK_OK(routellm_route_async(router, "Why?", 4, options, pending_told, &pending, &err));
    CHECK(pending.told == 5 && pending.by_status[ROUTELLM_CANCELLED] == 1 && pending.strange == 0);
    routellm_cancel_token_free(token);
    routellm_route_options_free(options);
}

static void elsewhere(const routellm_router *router)
{
    const routellm_text mixed[] = {{"What is 2 + 2?", 14}, {NULL, 0}, {"\xff", 1}};
    routellm_decision expected = ROUTELLM_DECISION_INIT;
    routellm_route_options *options = routellm_route_options_new();
    routellm_error *err = NULL;
    struct pending pending;
    size_t len;
    char *text = long_prompt(&len);

    pending_init(&pending);
    CHECK(routellm_router_is_quick(router, len) == 0);
    CHECK_OK(routellm_route(router, text, len, NULL, &expected, &err));
    CHECK_OK(routellm_route_async(router, text, len, NULL, pending_told, &pending, &err));
    /* It has a copy. */
    memset(text, 'b', len);
    free(text);
    pending_wait(&pending, 1);
    CHECK(pending.count == 1 && same(&pending.decision, &expected));

    CHECK_OK(routellm_route_batch_async(router, mixed, 2, NULL, pending_told, &pending, &err));
    pending_wait(&pending, 2);
    CHECK_OK(routellm_route(router, mixed[0].data, mixed[0].len, NULL, &expected, &err));
    CHECK(pending.count == 2 && same(&pending.decision, &expected));
    CHECK_OK(routellm_route_batch_async(router, NULL, 0, NULL, pending_told, &pending, &err));
    pending_wait(&pending, 3);
    CHECK(pending.by_status[ROUTELLM_OK] == 3 && pending.count == 0);
    CHECK_OK(routellm_route_batch_async(router, mixed, 3, NULL, pending_told, &pending, &err));
    pending_wait(&pending, 4);
    CHECK(pending.by_status[ROUTELLM_INVALID_ARGUMENT] == 1 && strstr(pending.message, "prompt 2") != NULL);
    CHECK_OK(routellm_route_options_set_on_error(options, ROUTELLM_ON_ERROR_WEAK, &err));
    CHECK_OK(routellm_route_batch_async(router, mixed, 3, options, pending_told, &pending, &err));
    pending_wait(&pending, 5);
    CHECK(pending.count == 3 && pending.by_status[ROUTELLM_OK] == 4 && pending.strange == 0);
    routellm_route_options_free(options);
}

static void refusals(routellm_router *router)
{
    const routellm_text hole[] = {{NULL, 3}};
    routellm_open_options *opening = routellm_open_options_new();
    routellm_route_options *both = routellm_route_options_new();
    routellm_router *none = NULL;
    routellm_string *json = NULL;
    routellm_error *err = NULL;
    struct pending pending;

    pending_init(&pending);
    CHECK_OK(routellm_route_options_set_threshold(both, 0.5, &err));
    CHECK_OK(routellm_route_options_set_strong_share(both, 0.5, &err));
    CHECK_FAILS(routellm_route_async(router, "x", 1, both, pending_told, &pending, &err), ROUTELLM_INVALID_ARGUMENT,
                "both");
    CHECK_FAILS(routellm_route_batch_async(router, prompts, 2, both, pending_told, &pending, &err),
                ROUTELLM_INVALID_ARGUMENT, "both");
    CHECK_FAILS(routellm_route_async(router, "x", 1, NULL, NULL, NULL, &err), ROUTELLM_INVALID_ARGUMENT,
                "callback is NULL");
    CHECK_FAILS(routellm_route_batch_async(router, prompts, 2, NULL, NULL, NULL, &err), ROUTELLM_INVALID_ARGUMENT,
                "callback is NULL");
    CHECK_FAILS(routellm_route_async(NULL, "x", 1, NULL, pending_told, &pending, &err), ROUTELLM_INVALID_ARGUMENT,
                "router is NULL");
    CHECK_FAILS(routellm_route_async(router, NULL, 1, NULL, pending_told, &pending, &err), ROUTELLM_INVALID_ARGUMENT,
                "prompt is NULL");
    CHECK_FAILS(routellm_route_batch_async(router, NULL, 1, NULL, pending_told, &pending, &err),
                ROUTELLM_INVALID_ARGUMENT, "prompts is NULL");
    CHECK_FAILS(routellm_route_batch_async(router, hole, 1, NULL, pending_told, &pending, &err),
                ROUTELLM_INVALID_ARGUMENT, "NULL");
    CHECK(routellm_route_async(router, "x", 1, both, pending_told, &pending, NULL) == ROUTELLM_INVALID_ARGUMENT);
    CHECK(pending.told == 0);

    CHECK_OK(routellm_open_options_set_max_waiting(opening, 3, &err));
    CHECK_FAILS(routellm_router_open_default(opening, &none, &err), ROUTELLM_INVALID_ARGUMENT, "max_waiting");
    CHECK_FAILS(routellm_open_options_set_max_waiting(NULL, 3, &err), ROUTELLM_INVALID_ARGUMENT, "options is NULL");
    CHECK_FAILS(routellm_router_stats_json(NULL, &json, &err), ROUTELLM_INVALID_ARGUMENT, "router is NULL");
    CHECK_FAILS(routellm_router_stats_json(router, NULL, &err), ROUTELLM_INVALID_ARGUMENT, "json is NULL");
    CHECK(none == NULL && json == NULL);
    routellm_open_options_free(opening);
    routellm_route_options_free(both);
}

/* Calls that each begin the next one. */
struct chain {
    struct pending pending;
    const routellm_router *router;
    const routellm_route_options *options;
    const char *text;
    size_t len;
    int left;
    int failed;
};

static void link_told(void *user, routellm_status status, const routellm_decision *decisions, size_t count,
                      const routellm_error *error)
{
    struct chain *chain = (struct chain *)user;

    if (chain->left > 0) {
        chain->left--;
        chain->failed += routellm_route_async(chain->router, chain->text, chain->len, chain->options, link_told, chain,
                                              NULL) != ROUTELLM_OK;
    }
    pending_told(&chain->pending, status, decisions, count, error);
}

static void chains(const routellm_router *router, const routellm_route_options *options, const char *text, size_t len)
{
    struct chain chain;
    routellm_error *err = NULL;

    pending_init(&chain.pending);
    chain.router = router;
    chain.options = options;
    chain.text = text;
    chain.len = len;
    chain.left = LINKS;
    chain.failed = 0;
    CHECK_OK(routellm_route_async(router, text, len, options, link_told, &chain, &err));
    pending_wait(&chain.pending, LINKS + 1);
    CHECK(chain.failed == 0 && chain.left == 0 && chain.pending.by_status[ROUTELLM_OK] == LINKS + 1);
}

/* Every function that a closed router refuses, and what it still answers. */
static void closed(routellm_router *router)
{
    routellm_router *clone = routellm_router_clone(router);
    routellm_decision decision = ROUTELLM_DECISION_INIT;
    routellm_route_options *options = routellm_route_options_new();
    routellm_string *json = NULL;
    routellm_error *err = NULL;
    struct pending pending;
    double rate = 0.0;

    pending_init(&pending);
    routellm_router_close(router);
    routellm_router_close(router);
    routellm_router_close(NULL);
    /* A closed router is a mistake of the program, and no prompt's. */
    CHECK_OK(routellm_route_options_set_on_error(options, ROUTELLM_ON_ERROR_STRONG, &err));
    CHECK_OK(routellm_route_options_set_threshold(options, 0.5, &err));
    CHECK_FAILS(routellm_route(router, "x", 1, options, &decision, &err), ROUTELLM_INVALID_ARGUMENT, "closed");
    CHECK_FAILS(routellm_route(clone, "x", 1, NULL, &decision, &err), ROUTELLM_INVALID_ARGUMENT, "closed");
    CHECK_FAILS(routellm_route_batch(router, prompts, 1, options, &decision, &err), ROUTELLM_INVALID_ARGUMENT,
                "closed");
    CHECK_FAILS(routellm_win_rate(router, "x", 1, &rate, &err), ROUTELLM_INVALID_ARGUMENT, "closed");
    CHECK_FAILS(routellm_win_rates(router, prompts, 1, NULL, &rate, &err), ROUTELLM_INVALID_ARGUMENT, "closed");
    CHECK_FAILS(routellm_route_async(router, "x", 1, options, pending_told, &pending, &err), ROUTELLM_INVALID_ARGUMENT,
                "closed");
    CHECK_FAILS(routellm_route_batch_async(router, prompts, 2, options, pending_told, &pending, &err),
                ROUTELLM_INVALID_ARGUMENT, "closed");
    CHECK(pending.told == 0);
    CHECK(routellm_router_strong(router) != NULL && pending_stat(router, "busy") == 0);
    CHECK_OK(routellm_router_info_json(clone, &json, &err));
    routellm_string_free(json);
    routellm_route_options_free(options);
    routellm_router_free(clone);
}

static void closed_embeddings(const char *name)
{
    routellm_router *router = NULL;
    routellm_route_options *options = routellm_route_options_new();
    routellm_decision decision = ROUTELLM_DECISION_INIT;
    routellm_string *json = NULL;
    routellm_error *err = NULL;
    float values[64] = {0.5f};
    double rates[64];
    size_t dimension;

    CHECK_OK(routellm_router_open(name, NULL, &router, &err));
    dimension = routellm_router_embedding_dimension(router);
    CHECK(dimension > 0 && dimension <= 64 && routellm_router_model_count(router) <= 64);
    CHECK_OK(routellm_route_options_set_threshold(options, 0.5, &err));
    routellm_router_close(router);
    CHECK_FAILS(routellm_route_embedding(router, values, dimension, options, &decision, &err),
                ROUTELLM_INVALID_ARGUMENT, "closed");
    CHECK_FAILS(routellm_win_rate_from_embedding(router, values, dimension, rates, &err), ROUTELLM_INVALID_ARGUMENT,
                "closed");
    CHECK_FAILS(routellm_win_rates_from_embeddings(router, values, 1, dimension, rates, &err),
                ROUTELLM_INVALID_ARGUMENT, "closed");
    CHECK_FAILS(routellm_candidate_scores_from_embedding(router, values, dimension, rates,
                                                         routellm_router_model_count(router), &err),
                ROUTELLM_INVALID_ARGUMENT, "closed");
    CHECK_FAILS(routellm_similarity_from_embedding(router, values, dimension, rates, &err), ROUTELLM_INVALID_ARGUMENT,
                "closed");
    CHECK(routellm_explain_embedding(router, values, dimension, 1, &json, NULL) != ROUTELLM_OK && json == NULL);
    routellm_router_free(router);
    routellm_route_options_free(options);
}

/* Threads that route on whatever is in the place, until they are told to stop. */
struct reader {
    const routellm_reloadable *place;
    const routellm_route_options *options;
    struct pending *pending;
    long calls;
    long failed;
};

static void *read_place(void *argument)
{
    struct reader *reader = (struct reader *)argument;

    while (pending_count(reader->pending) == 0) {
        routellm_decision decision = ROUTELLM_DECISION_INIT;
        routellm_router *router = routellm_reloadable_get(reader->place);
        const routellm_status status = routellm_route(router, "Why?", 4, reader->options, &decision, NULL);

        reader->calls++;
        /* The name belongs to the router, whose handle is still ours. */
        reader->failed += status != ROUTELLM_OK || (strcmp(decision.model, routellm_router_strong(router)) != 0 &&
                                                    strcmp(decision.model, routellm_router_weak(router)) != 0);
        routellm_router_free(router);
    }
    return NULL;
}

typedef routellm_router *(*opener)(void);

static routellm_router *open_default(void)
{
    routellm_router *router = NULL;
    routellm_error *err = NULL;

    CHECK_OK(routellm_router_open_default(NULL, &router, &err));
    return router;
}

static void reloading(opener open, int times)
{
    routellm_router *router = open();
    routellm_reloadable *place = routellm_reloadable_new(router);
    routellm_route_options *options = routellm_route_options_new();
    routellm_router *kept = routellm_reloadable_get(place);
    routellm_decision decision = ROUTELLM_DECISION_INIT;
    routellm_error *err = NULL;
    struct reader readers[READERS];
    pthread_t threads[READERS];
    struct pending stop;
    int i;

    pending_init(&stop);
    CHECK_OK(routellm_route_options_set_threshold(options, 0.5, &err));
    routellm_router_free(router);
    CHECK(place != NULL && kept != NULL);
    CHECK(routellm_reloadable_new(NULL) == NULL && routellm_reloadable_get(NULL) == NULL);
    CHECK_FAILS(routellm_reloadable_replace(place, NULL, &err), ROUTELLM_INVALID_ARGUMENT, "router is NULL");
    CHECK_FAILS(routellm_reloadable_replace(NULL, kept, &err), ROUTELLM_INVALID_ARGUMENT, "reloadable is NULL");
    for (i = 0; i < READERS; i++) {
        readers[i].place = place;
        readers[i].options = options;
        readers[i].pending = &stop;
        readers[i].calls = 0;
        readers[i].failed = 0;
        CHECK(pthread_create(&threads[i], NULL, read_place, &readers[i]) == 0);
    }
    for (i = 0; i < times; i++) {
        router = open();
        CHECK_OK(routellm_reloadable_replace(place, router, &err));
        routellm_router_free(router);
    }
    pending_told(&stop, ROUTELLM_OK, NULL, 0, NULL);
    for (i = 0; i < READERS; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
        CHECK(readers[i].failed == 0);
    }
    /* What was taken before stays good, also without the place. */
    router = routellm_reloadable_get(place);
    CHECK_OK(routellm_route(router, "x", 1, options, &decision, &err));
    CHECK(pending_stat(kept, "decisions") <= readers[0].calls + readers[1].calls + readers[2].calls + readers[3].calls);
    routellm_reloadable_free(place);
    routellm_reloadable_free(NULL);
    CHECK_OK(routellm_route(kept, "x", 1, options, &decision, &err));
    routellm_router_free(kept);
    routellm_router_free(router);
    routellm_route_options_free(options);
}

static void statistics(void)
{
    routellm_router *router = open_default();
    routellm_route_options *options = routellm_route_options_new();
    routellm_decision decision = ROUTELLM_DECISION_INIT;
    routellm_string *json = NULL;
    routellm_error *err = NULL;
    int i;

    CHECK_OK(routellm_router_stats_json(router, &json, &err));
    CHECK(strcmp(routellm_string_data(json),
                 "{\"sessions\":0,\"busy\":0,\"waiting\":0,\"decisions\":0,\"fallbacks\":{},\"notices\":[]}") == 0);
    routellm_string_free(json);
    CHECK_OK(routellm_route_options_set_on_error(options, ROUTELLM_ON_ERROR_WEAK, &err));
    for (i = 0; i < 3; i++) {
        CHECK_OK(routellm_route(router, "\xff", 1, options, &decision, &err));
        CHECK_OK(routellm_route(router, "x", 1, options, &decision, &err));
        CHECK_FAILS(routellm_route(router, "\xff", 1, NULL, &decision, &err), ROUTELLM_INVALID_ARGUMENT, "UTF-8");
    }
    CHECK_OK(routellm_router_stats_json(router, &json, &err));
    CHECK(strstr(routellm_string_data(json),
                 "\"decisions\":6,\"fallbacks\":{\"InvalidArgument\":3},\"notices\":[]}") != NULL);
    CHECK(routellm_router_fallbacks(router) == 3);
    routellm_string_free(json);
    routellm_route_options_free(options);
    routellm_router_free(router);
}

/* A router with one session, before which two calls may wait; NULL without ONNX Runtime. */
static routellm_router *encoder(size_t sessions)
{
    routellm_open_options *options = routellm_open_options_new();
    routellm_router *router = NULL;
    routellm_error *err = NULL;
    routellm_status status;

    CHECK_OK(routellm_open_options_set_strong(options, "gpt-4", &err));
    CHECK_OK(routellm_open_options_set_weak(options, "mixtral", &err));
    CHECK_OK(routellm_open_options_set_sessions(options, sessions, &err));
    CHECK_OK(routellm_open_options_set_intra_threads(options, 1, &err));
    if (sessions == 1) {
        CHECK_OK(routellm_open_options_set_max_waiting(options, 1, &err));
    }
    status = routellm_router_open(path(models, "bert-tiny"), options, &router, &err);
    if (check_no_runtime(status)) {
        check_skipped("calls that wait for a session", "no ONNX Runtime");
        routellm_error_free(err);
    } else {
        check_status(status, ROUTELLM_OK, "", &err, "bert-tiny", __FILE__, __LINE__);
    }
    routellm_open_options_free(options);
    return router;
}

static routellm_router *open_encoder(void)
{
    return encoder(2);
}

/* Lets a batch take the one session. */
static void hold(const routellm_router *router, const routellm_route_options *options, struct pending *held)
{
    const struct timespec moment = {0, 1000000};
    routellm_error *err = NULL;

    CHECK_OK(routellm_route_batch_async(router, prompts, MANY, options, pending_told, held, &err));
    while (pending_stat(router, "busy") != 1 || pending_stat(router, "waiting") != 0) {
        nanosleep(&moment, NULL);
    }
}

static void waiting(void)
{
    routellm_router *router = encoder(1);
    routellm_route_options *plain = routellm_route_options_new();
    routellm_route_options *holding = routellm_route_options_new();
    routellm_route_options *stopped = routellm_route_options_new();
    routellm_route_options *timed = routellm_route_options_new();
    routellm_route_options *lenient = routellm_route_options_new();
    routellm_cancel_token *hold_token = routellm_cancel_token_new();
    routellm_cancel_token *token = routellm_cancel_token_new();
    routellm_decision decision = ROUTELLM_DECISION_INIT;
    routellm_error *err = NULL;
    struct pending held;
    struct pending pending;
    struct pending place;

    pending_init(&held);
    pending_init(&pending);
    pending_init(&place);
    CHECK(routellm_router_is_quick(router, 1) == 0);
    CHECK_OK(routellm_route_options_set_threshold(plain, 0.5, &err));
    CHECK_OK(routellm_route_options_set_threshold(holding, 0.5, &err));
    CHECK_OK(routellm_route_options_set_cancel(holding, hold_token, &err));
    CHECK_OK(routellm_route_options_set_threshold(stopped, 0.5, &err));
    CHECK_OK(routellm_route_options_set_cancel(stopped, token, &err));
    CHECK_OK(routellm_route_options_set_threshold(timed, 0.5, &err));
    CHECK_OK(routellm_route_options_set_timeout_ms(timed, 20.0, &err));
    CHECK_OK(routellm_route_options_set_threshold(lenient, 0.5, &err));
    CHECK_OK(routellm_route_options_set_on_error(lenient, ROUTELLM_ON_ERROR_STRONG, &err));

    hold(router, holding, &held);
    CHECK(pending_stat(router, "sessions") == 1 && pending_stat(router, "decisions") == 0);

    /* Cancelled while it waits: told before the cancellation returns. */
    CHECK_OK(routellm_route_async(router, "Why?", 4, stopped, pending_told, &pending, &err));
    CHECK(pending_count(&pending) == 0 && pending_stat(router, "waiting") == 1);
    routellm_cancel_token_cancel(token);
    CHECK(pending_count(&pending) == 1 && pending.by_status[ROUTELLM_CANCELLED] == 1);
    CHECK(strstr(pending.message, "cancelled") != NULL && pending_stat(router, "waiting") == 0);
    /* And before. */
    CHECK_OK(routellm_route_async(router, "Why?", 4, stopped, pending_told, &pending, &err));
    CHECK_OK(routellm_route_batch_async(router, prompts, 2, stopped, pending_told, &pending, &err));
    CHECK(pending_count(&pending) == 3 && pending.by_status[ROUTELLM_CANCELLED] == 3);

    /* Timed out while it waits; in the caller's thread too, and as a fallback. */
    CHECK_OK(routellm_route_async(router, "Why?", 4, timed, pending_told, &pending, &err));
    pending_wait(&pending, 4);
    CHECK(pending.by_status[ROUTELLM_RESOURCE_EXHAUSTED] == 1 && strstr(pending.message, "timeout") != NULL);
    CHECK_FAILS(routellm_route(router, "Why?", 4, timed, &decision, &err), ROUTELLM_RESOURCE_EXHAUSTED, "timeout");
    CHECK_OK(routellm_route_options_set_on_error(timed, ROUTELLM_ON_ERROR_WEAK, &err));
    CHECK_OK(routellm_route_batch_async(router, prompts, FEW, timed, pending_told, &pending, &err));
    pending_wait(&pending, 5);
    CHECK(pending.count == FEW && pending.decision.side == ROUTELLM_SIDE_WEAK &&
          pending.decision.fallback_status == ROUTELLM_RESOURCE_EXHAUSTED);

    /* One more may wait; the next is refused at once, in each form, and may be a fallback. */
    CHECK_OK(routellm_route_async(router, "Why?", 4, plain, pending_told, &place, &err));
    CHECK(pending_count(&place) == 0 && pending_stat(router, "waiting") == 1);
    CHECK_OK(routellm_route_async(router, "Why?", 4, plain, pending_told, &pending, &err));
    CHECK(pending_count(&pending) == 6 && strstr(pending.message, "max_waiting") != NULL);
    CHECK_OK(routellm_route_batch_async(router, prompts, FEW, plain, pending_told, &pending, &err));
    CHECK(pending_count(&pending) == 7 && pending.by_status[ROUTELLM_RESOURCE_EXHAUSTED] == 3);
    CHECK_FAILS(routellm_route(router, "Why?", 4, plain, &decision, &err), ROUTELLM_RESOURCE_EXHAUSTED, "max_waiting");
    CHECK_OK(routellm_route(router, "Why?", 4, lenient, &decision, &err));
    CHECK(decision.fallback == 1 && decision.fallback_status == ROUTELLM_RESOURCE_EXHAUSTED);
    CHECK_OK(routellm_route_async(router, "Why?", 4, lenient, pending_told, &pending, &err));
    CHECK(pending_count(&pending) == 8 && pending.decision.fallback == 1);
    CHECK(pending_stat(router, "ResourceExhausted") == FEW + 2 && pending_stat(router, "waiting") == 1);

    /* Whoever waits is served when the session is free. */
    routellm_cancel_token_cancel(hold_token);
    pending_wait(&held, 1);
    pending_wait(&place, 1);
    CHECK(held.by_status[ROUTELLM_CANCELLED] == 1 && place.by_status[ROUTELLM_OK] == 1);
    CHECK_OK(routellm_route(router, "Why?", 4, plain, &decision, &err));
    CHECK(same(&decision, &place.decision));
    CHECK(pending.strange == 0 && held.strange == 0 && place.strange == 0);
    routellm_cancel_token_free(token);
    routellm_cancel_token_free(hold_token);
    routellm_route_options_free(lenient);
    routellm_route_options_free(timed);
    routellm_route_options_free(stopped);

    /* Closing ends those that wait, before it returns; what has begun goes on, a batch too. */
    hold_token = routellm_cancel_token_new();
    CHECK_OK(routellm_route_options_set_cancel(holding, hold_token, &err));
    hold(router, holding, &held);
    CHECK_OK(routellm_route_async(router, "Why?", 4, plain, pending_told, &place, &err));
    routellm_router_close(router);
    CHECK(pending_count(&place) == 2 && place.by_status[ROUTELLM_CANCELLED] == 1);
    CHECK(strstr(place.message, "closed") != NULL);
    CHECK(pending_count(&held) == 1);
    routellm_cancel_token_cancel(hold_token);
    pending_wait(&held, 2);
    CHECK(held.by_status[ROUTELLM_CANCELLED] == 2 && strstr(held.message, "closed") == NULL);
    routellm_cancel_token_free(hold_token);
    routellm_route_options_free(holding);
    closed(router);
    routellm_router_free(router);
    routellm_route_options_free(plain);
}

/* The threads of this process, as Linux tells them. */
static long threads(void)
{
    FILE *file = fopen("/proc/self/status", "r");
    char line[256];
    long count = -1;

    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, "Threads:", 8) == 0) {
            count = strtol(line + 8, NULL, 10);
        }
    }
    if (file != NULL) {
        fclose(file);
    }
    return count;
}

static void in_flight(void)
{
    routellm_router *router = encoder(2);
    routellm_route_options *options = routellm_route_options_new();
    routellm_decision expected[FEW];
    const routellm_decision empty = ROUTELLM_DECISION_INIT;
    routellm_error *err = NULL;
    struct pending pending;
    const long before = threads();
    long most = before;
    int failed = 0;
    int i;

    CHECK_OK(routellm_route_options_set_threshold(options, 0.5, &err));
    CHECK_OK(routellm_route_options_set_timeout_ms(options, 600000.0, &err));
    for (i = 0; i < FEW; i++) {
        struct pending one;

        expected[i] = empty;
        pending_init(&one);
        CHECK_OK(routellm_route(router, prompts[i].data, prompts[i].len, options, &expected[i], &err));
        CHECK_OK(routellm_route_async(router, prompts[i].data, prompts[i].len, options, pending_told, &one, &err));
        pending_wait(&one, 1);
        CHECK(one.count == 1 && same(&one.decision, &expected[i]));
    }
    chains(router, options, "Why?", 4);
    pending_init(&pending);
    for (i = 0; i < IN_FLIGHT; i++) {
        const routellm_text *prompt = &prompts[i % FEW];
        const long now = i % 64 == 0 ? threads() : 0;

        most = now > most ? now : most;
        failed += routellm_route_async(router, prompt->data, prompt->len, options, pending_told, &pending, NULL) !=
                  ROUTELLM_OK;
    }
    /* The handle is not needed by the calls. */
    routellm_router_free(router);
    pending_wait(&pending, IN_FLIGHT);
    CHECK(failed == 0 && pending.by_status[ROUTELLM_OK] == IN_FLIGHT && pending.strange == 0);
    /* A thread for each session and one that may be calling back, and that of the timeouts. */
    CHECK(most <= before + 2 * 2 + 1);
    routellm_route_options_free(options);
}

int main(int argc, char **argv)
{
    routellm_router *router;
    size_t len;
    char *text;
    int i;

    if (argc != 3) {
        fprintf(stderr, "usage: async MODELS FIXTURES\n");
        return 2;
    }
    /* A call that is never told ends the program, and fails the suite. */
    alarm(600);
    models = argv[1];
    fixtures = argv[2];
    for (i = 0; i < MANY; i++) {
        snprintf(texts[i], sizeof texts[i], "Question %d: what is %d times %d?", i, i * 3, i % 17);
        prompts[i].data = texts[i];
        prompts[i].len = strlen(texts[i]);
    }
    router = open_default();
    in_place(router);
    elsewhere(router);
    refusals(router);
    text = long_prompt(&len);
    chains(router, NULL, "Why?", 4);
    chains(router, NULL, text, len);
    free(text);
    closed(router);
    routellm_router_free(router);
    closed_embeddings(path(fixtures, "caller-mf"));
    closed_embeddings(path(models, "../conformance/sw-caller"));
    reloading(open_default, 50);
    statistics();

    router = encoder(2);
    if (router != NULL) {
        routellm_router_free(router);
        waiting();
        in_flight();
        reloading(open_encoder, 10);
    }
    return report();
}
