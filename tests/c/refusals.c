/* Every refusal: an error that says what was expected and what came, and never a crash. */
#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>

#include "check.h"

#define BAD ROUTELLM_INVALID_ARGUMENT

static char folder[4096];

static const char *in(const char *fixtures, const char *name)
{
    snprintf(folder, sizeof folder, "%s/%s", fixtures, name);
    return folder;
}

/* A store that was read into memory does not depend on its file any more. */
static void changing(const char *fixtures)
{
    static const char *const maps[] = {NULL, "auto", "never"};
    static unsigned char whole[1 << 20];
    const float ones[8] = {1, 1, 1, 1, 1, 1, 1, 1};
    char store[4096];
    size_t i, length;
    FILE *file;

    snprintf(store, sizeof store, "%s/votes/votes.safetensors", fixtures);
    file = fopen(store, "rb");
    length = fread(whole, 1, sizeof whole, file);
    fclose(file);
    CHECK(length > 0 && length < sizeof whole);
    for (i = 0; i < sizeof maps / sizeof *maps; i++) {
        routellm_error *err = NULL;
        routellm_router *router = NULL;
        routellm_open_options *options = routellm_open_options_new();
        double before = 0.0, after = -1.0;

        if (maps[i] != NULL) {
            CHECK_OK(routellm_open_options_set_mmap(options, maps[i], &err));
        }
        CHECK_OK(routellm_router_open(in(fixtures, "votes"), options, &router, &err));
        CHECK_OK(routellm_win_rate_from_embedding(router, ones, 8, &before, &err));
        fclose(fopen(store, "wb"));
        CHECK_OK(routellm_win_rate_from_embedding(router, ones, 8, &after, &err));
        CHECK(before == after);
        file = fopen(store, "wb");
        CHECK(fwrite(whole, 1, length, file) == length);
        fclose(file);
        routellm_router_free(router);
        routellm_open_options_free(options);
    }
}

static void opening(const char *fixtures)
{
    routellm_error *err = NULL;
    routellm_router *router = NULL;
    routellm_open_options *options = routellm_open_options_new();

    CHECK_FAILS(routellm_router_open(in(fixtures, "nowhere"), NULL, &router, &err), ROUTELLM_NOT_FOUND, "nowhere");
    CHECK_FAILS(routellm_router_open(in(fixtures, "no-artifact"), NULL, &router, &err), ROUTELLM_NOT_FOUND,
                "router.json");
    CHECK_FAILS(routellm_router_open(in(fixtures, "malformed"), NULL, &router, &err), ROUTELLM_INVALID_MODEL,
                "router.json");
    CHECK_FAILS(routellm_router_open(in(fixtures, "altered"), NULL, &router, &err), ROUTELLM_INVALID_MODEL,
                "weights.safetensors");
    CHECK_FAILS(routellm_router_open(in(fixtures, "incomplete"), NULL, &router, &err), ROUTELLM_INVALID_MODEL,
                "weights.safetensors");
    CHECK_FAILS(routellm_router_open("", NULL, &router, &err), BAD, "empty");
    CHECK(router == NULL);

    /* The number of the operating system is kept. */
    CHECK(routellm_router_open(in(fixtures, "unreadable"), NULL, &router, &err) == ROUTELLM_IO);
    CHECK(routellm_error_os_code(err) == EISDIR);
    routellm_error_free(err);
    err = NULL;
    CHECK(routellm_router_open("", NULL, &router, &err) == BAD && routellm_error_os_code(err) == 0);
    routellm_error_free(err);
    err = NULL;

    CHECK_FAILS(routellm_open_options_set_mode(options, 2, &err), BAD, "mode is 2");
    CHECK_FAILS(routellm_open_options_set_strong(options, "\xff", &err), BAD, "UTF-8");
    CHECK_FAILS(routellm_open_options_set_onnxruntime(options, "", &err), BAD, "empty");
    CHECK_OK(routellm_open_options_set_strong(options, "no-such-model", &err));
    CHECK_FAILS(routellm_router_open_default(options, &router, &err), BAD, "no-such-model");
    routellm_open_options_free(options);

    /* Options that have no effect. */
    options = routellm_open_options_new();
    CHECK_OK(routellm_open_options_set_sessions(options, 2, &err));
    CHECK_FAILS(routellm_router_open_default(options, &router, &err), BAD, "sessions");
    routellm_open_options_free(options);
    options = routellm_open_options_new();
    CHECK_OK(routellm_open_options_set_intra_threads(options, 0, &err));
    CHECK_FAILS(routellm_router_open_default(options, &router, &err), BAD, "intra_threads is 0");
    routellm_open_options_free(options);
    options = routellm_open_options_new();
    CHECK_OK(routellm_open_options_set_throughput(options, &err));
    CHECK_FAILS(routellm_router_open_default(options, &router, &err), BAD, "no effect");
    routellm_open_options_free(options);
    options = routellm_open_options_new();
    CHECK_OK(routellm_open_options_set_onnxruntime(options, "/nowhere/libonnxruntime.so", &err));
    CHECK_FAILS(routellm_router_open_default(options, &router, &err), BAD, "no effect");
    routellm_open_options_free(options);
    CHECK(router == NULL);

    /* Options of routers with votes. */
    options = routellm_open_options_new();
    CHECK_FAILS(routellm_open_options_set_out_of_distribution(options, 3, &err), BAD, "out_of_distribution is 3");
    CHECK_FAILS(routellm_open_options_set_out_of_distribution(options, -1, &err), BAD, "out_of_distribution is -1");
    CHECK_OK(routellm_open_options_set_out_of_distribution(options, ROUTELLM_OUT_OF_DISTRIBUTION_WEAK, &err));
    CHECK_FAILS(routellm_router_open_default(options, &router, &err), BAD, "has no votes");
    CHECK_OK(routellm_open_options_set_out_of_distribution(options, ROUTELLM_OUT_OF_DISTRIBUTION_IGNORE, &err));
    CHECK_OK(routellm_router_open_default(options, &router, &err));
    routellm_router_free(router);
    router = NULL;
    CHECK_OK(routellm_open_options_set_min_similarity(options, NAN, &err));
    CHECK_FAILS(routellm_router_open_default(options, &router, &err), BAD, "has no votes");
    routellm_open_options_free(options);
    options = routellm_open_options_new();
    CHECK_OK(routellm_open_options_set_open_clusters(options, (size_t)-1, &err));
    CHECK_FAILS(routellm_router_open_default(options, &router, &err), BAD, "has no votes");
    routellm_open_options_free(options);
    options = routellm_open_options_new();
    CHECK_FAILS(routellm_open_options_set_mmap(options, "sometimes", &err), BAD, "mmap is \"sometimes\"");
    CHECK_FAILS(routellm_open_options_set_mmap(options, NULL, &err), BAD, "mmap is NULL");
    CHECK_OK(routellm_open_options_set_mmap(options, "auto", &err));
    CHECK_FAILS(routellm_router_open_default(options, &router, &err), BAD, "mmap");
    routellm_open_options_free(options);
    options = routellm_open_options_new();
    CHECK_OK(routellm_open_options_set_error_target(options, 0.1, &err));
    CHECK_FAILS(routellm_router_open_default(options, &router, &err), BAD, "has no votes");
    routellm_open_options_free(options);
    CHECK(router == NULL);
}

static void route_options(const routellm_router *router)
{
    static const double OUTSIDE[] = {-0.001, 1.001, -HUGE_VAL, HUGE_VAL, NAN};
    routellm_error *err = NULL;
    routellm_decision decision = ROUTELLM_DECISION_INIT;
    double threshold = -1.0;
    size_t i;

    for (i = 0; i < sizeof OUTSIDE / sizeof OUTSIDE[0]; i++) {
        routellm_route_options *by_threshold = routellm_route_options_new();
        routellm_route_options *by_share = routellm_route_options_new();
        CHECK_OK(routellm_route_options_set_threshold(by_threshold, OUTSIDE[i], &err));
        CHECK_OK(routellm_route_options_set_strong_share(by_share, OUTSIDE[i], &err));
        CHECK_FAILS(routellm_route(router, "x", 1, by_threshold, &decision, &err), BAD, "[0, 1]");
        CHECK_FAILS(routellm_route(router, "x", 1, by_share, &decision, &err), BAD, "[0, 1]");
        CHECK_FAILS(routellm_route_batch(router, NULL, 0, by_share, NULL, &err), BAD, "[0, 1]");
        CHECK_FAILS(routellm_threshold(router, by_threshold, &threshold, &err), BAD, "[0, 1]");
        routellm_route_options_free(by_threshold);
        routellm_route_options_free(by_share);
    }
    {
        routellm_route_options *both = routellm_route_options_new();
        CHECK_OK(routellm_route_options_set_strong_share(both, 0.5, &err));
        CHECK_OK(routellm_route_options_set_threshold(both, 0.5, &err));
        CHECK_OK(routellm_route_options_set_on_error(both, ROUTELLM_ON_ERROR_STRONG, &err));
        /* Wrong options are no reason to fall back. */
        CHECK_FAILS(routellm_route(router, "x", 1, both, &decision, &err), BAD, "both");
        CHECK_FAILS(routellm_threshold(router, both, &threshold, &err), BAD, "both");
        CHECK_FAILS(routellm_route_options_set_on_error(both, 3, &err), BAD, "on_error is 3");
        CHECK_FAILS(routellm_route_options_set_keep_fallback_errors(both, 2, &err), BAD, "keep is 2");
        routellm_route_options_free(both);
    }
    {
        routellm_route_options *keep = routellm_route_options_new();
        CHECK_OK(routellm_route_options_set_keep_fallback_errors(keep, 1, &err));
        CHECK_FAILS(routellm_route(router, "x", 1, keep, &decision, &err), BAD, "RAISE");
        routellm_route_options_free(keep);
    }
    CHECK(decision.side == 0 && decision.model == NULL);
}

static void prompts(const routellm_router *router)
{
    static const char *const NOT_UTF8[] = {"\xff", "abc\xc3", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xc0\xaf"};
    routellm_error *err = NULL;
    routellm_decision decision = ROUTELLM_DECISION_INIT;
    routellm_decision pair[2] = {ROUTELLM_DECISION_INIT, ROUTELLM_DECISION_INIT};
    routellm_string *string = NULL;
    double rates[2];
    size_t i;

    for (i = 0; i < sizeof NOT_UTF8 / sizeof NOT_UTF8[0]; i++) {
        const char *text = NOT_UTF8[i];
        routellm_text texts[2] = {{"fine", 4}, {NULL, 0}};
        texts[1].data = text;
        texts[1].len = strlen(text);
        CHECK_FAILS(routellm_route(router, text, strlen(text), NULL, &decision, &err), BAD, "UTF-8");
        CHECK_FAILS(routellm_win_rate(router, text, strlen(text), rates, &err), BAD, "UTF-8");
        CHECK_FAILS(routellm_win_rates(router, texts, 2, NULL, rates, &err), BAD, "prompt 1");
        CHECK_FAILS(routellm_route_batch(router, texts, 2, NULL, pair, &err), BAD, "prompt 1");
        CHECK_FAILS(routellm_prompt_from_messages(text, strlen(text), &string, &err), BAD, "UTF-8");
    }
    CHECK(pair[0].side == 0);
    CHECK_FAILS(routellm_prompt_from_messages("[]", 2, &string, &err), BAD, "user");
    CHECK_FAILS(routellm_prompt_from_messages("{", 1, &string, &err), BAD, "messages");
    CHECK_FAILS(routellm_prompt_from_messages(NULL, 0, &string, &err), BAD, "messages");
    CHECK(string == NULL);
}

static void nulls(const routellm_router *router)
{
    routellm_error *err = NULL;
    routellm_router *opened = NULL;
    routellm_route_options *options = routellm_route_options_new();
    routellm_open_options *open_options = routellm_open_options_new();
    routellm_decision decision = ROUTELLM_DECISION_INIT;
    routellm_string *string = NULL;
    routellm_text text = {NULL, 3};
    double number = 0.0;
    float one = 0.0f;

    CHECK_FAILS(routellm_router_open(NULL, NULL, &opened, &err), BAD, "folder is NULL");
    CHECK_FAILS(routellm_router_open("x", NULL, NULL, &err), BAD, "router is NULL");
    CHECK_FAILS(routellm_router_open_default(NULL, NULL, &err), BAD, "router is NULL");
    CHECK_FAILS(routellm_route(NULL, "x", 1, NULL, &decision, &err), BAD, "router is NULL");
    CHECK_FAILS(routellm_route(router, NULL, 1, NULL, &decision, &err), BAD, "prompt is NULL");
    CHECK_FAILS(routellm_route(router, "x", 1, NULL, NULL, &err), BAD, "decision is NULL");
    CHECK_FAILS(routellm_route_batch(NULL, NULL, 0, NULL, NULL, &err), BAD, "router is NULL");
    CHECK_FAILS(routellm_route_batch(router, NULL, 1, NULL, &decision, &err), BAD, "prompts is NULL");
    CHECK_FAILS(routellm_route_batch(router, &text, 1, NULL, &decision, &err), BAD, "prompt 0");
    CHECK_FAILS(routellm_route_batch(router, &text, 1, NULL, NULL, &err), BAD, "decisions is NULL");
    CHECK_FAILS(routellm_route_embedding(NULL, &one, 1, NULL, &decision, &err), BAD, "router is NULL");
    CHECK_FAILS(routellm_route_embedding(router, NULL, 1, NULL, &decision, &err), BAD, "embedding is NULL");
    CHECK_FAILS(routellm_route_embedding(router, &one, 1, NULL, NULL, &err), BAD, "decision is NULL");
    CHECK_FAILS(routellm_threshold(NULL, NULL, &number, &err), BAD, "router is NULL");
    CHECK_FAILS(routellm_threshold(router, NULL, NULL, &err), BAD, "threshold is NULL");
    CHECK_FAILS(routellm_win_rate(NULL, "x", 1, &number, &err), BAD, "router is NULL");
    CHECK_FAILS(routellm_win_rate(router, NULL, 1, &number, &err), BAD, "prompt is NULL");
    CHECK_FAILS(routellm_win_rate(router, "x", 1, NULL, &err), BAD, "win_rate is NULL");
    CHECK_FAILS(routellm_win_rates(NULL, NULL, 0, NULL, NULL, &err), BAD, "router is NULL");
    CHECK_FAILS(routellm_win_rates(router, NULL, 1, NULL, &number, &err), BAD, "prompts is NULL");
    text.data = "abc";
    CHECK_FAILS(routellm_win_rates(router, &text, 1, NULL, NULL, &err), BAD, "win_rates is NULL");
    CHECK_FAILS(routellm_win_rate_from_embedding(NULL, &one, 1, &number, &err), BAD, "router is NULL");
    CHECK_FAILS(routellm_win_rate_from_embedding(router, &one, 1, NULL, &err), BAD, "win_rate is NULL");
    CHECK_FAILS(routellm_win_rates_from_embeddings(NULL, &one, 1, 1, &number, &err), BAD, "router is NULL");
    CHECK_FAILS(routellm_win_rates_from_embeddings(router, NULL, 1, 1, &number, &err), BAD, "embeddings is NULL");
    CHECK_FAILS(routellm_win_rates_from_embeddings(router, &one, 1, 1, NULL, &err), BAD, "win_rates is NULL");
    CHECK_FAILS(routellm_win_rates_from_embeddings(router, &one, (size_t)-1, 2, &number, &err), BAD, "memory");
    CHECK_FAILS(routellm_candidate_scores(NULL, "x", 1, &number, 1, &err), BAD, "router is NULL");
    CHECK_FAILS(routellm_candidate_scores_from_embedding(NULL, &one, 1, &number, 1, &err), BAD, "router is NULL");
    CHECK_FAILS(routellm_embed(NULL, "x", 1, &one, 1, &err), BAD, "router is NULL");
    CHECK_FAILS(routellm_similarity(NULL, "x", 1, &number, &err), BAD, "router is NULL");
    CHECK_FAILS(routellm_similarity(router, "x", 1, NULL, &err), BAD, "similarity is NULL");
    CHECK_FAILS(routellm_similarity(router, NULL, 1, &number, &err), BAD, "prompt is NULL");
    CHECK_FAILS(routellm_similarity_from_embedding(NULL, &one, 1, &number, &err), BAD, "router is NULL");
    CHECK_FAILS(routellm_similarity_from_embedding(router, &one, 1, NULL, &err), BAD, "similarity is NULL");
    CHECK_FAILS(routellm_similarity_from_embedding(router, NULL, 1, &number, &err), BAD, "embedding is NULL");
    CHECK_FAILS(routellm_explain(NULL, "x", 1, 1, &string, &err), BAD, "router is NULL");
    CHECK_FAILS(routellm_explain(router, "x", 1, 1, NULL, &err), BAD, "json is NULL");
    CHECK_FAILS(routellm_explain(router, NULL, 1, 1, &string, &err), BAD, "prompt is NULL");
    CHECK_FAILS(routellm_explain_embedding(NULL, &one, 1, 1, &string, &err), BAD, "router is NULL");
    CHECK_FAILS(routellm_explain_embedding(router, &one, 1, 1, NULL, &err), BAD, "json is NULL");
    CHECK_FAILS(routellm_explain_embedding(router, NULL, 1, 1, &string, &err), BAD, "embedding is NULL");
    CHECK(routellm_router_embed_dimension(NULL) == 0);
    CHECK_FAILS(routellm_router_info_json(NULL, &string, &err), BAD, "router is NULL");
    CHECK_FAILS(routellm_router_info_json(router, NULL, &err), BAD, "json is NULL");
    CHECK_FAILS(routellm_prompt_from_messages("[]", 2, NULL, &err), BAD, "prompt is NULL");
    CHECK_FAILS(routellm_route_options_set_threshold(NULL, 0.5, &err), BAD, "options is NULL");
    CHECK_FAILS(routellm_route_options_set_strong_share(NULL, 0.5, &err), BAD, "options is NULL");
    CHECK_FAILS(routellm_route_options_set_on_error(NULL, 0, &err), BAD, "options is NULL");
    CHECK_FAILS(routellm_route_options_set_keep_fallback_errors(NULL, 0, &err), BAD, "options is NULL");
    CHECK_FAILS(routellm_route_options_set_cancel(NULL, NULL, &err), BAD, "options is NULL");
    CHECK_OK(routellm_route_options_set_cancel(options, NULL, &err));
    CHECK_FAILS(routellm_open_options_set_strong(NULL, "x", &err), BAD, "options is NULL");
    CHECK_FAILS(routellm_open_options_set_strong(open_options, NULL, &err), BAD, "model is NULL");
    CHECK_FAILS(routellm_open_options_set_weak(NULL, "x", &err), BAD, "options is NULL");
    CHECK_FAILS(routellm_open_options_set_mode(NULL, 0, &err), BAD, "options is NULL");
    CHECK_FAILS(routellm_open_options_set_onnxruntime(open_options, NULL, &err), BAD, "library is NULL");
    CHECK_FAILS(routellm_open_options_set_sessions(NULL, 1, &err), BAD, "options is NULL");
    CHECK_FAILS(routellm_open_options_set_intra_threads(NULL, 1, &err), BAD, "options is NULL");
    CHECK_FAILS(routellm_open_options_set_throughput(NULL, &err), BAD, "options is NULL");
    CHECK_FAILS(routellm_open_options_set_out_of_distribution(NULL, 0, &err), BAD, "options is NULL");
    CHECK_FAILS(routellm_open_options_set_min_similarity(NULL, 0.5, &err), BAD, "options is NULL");
    CHECK_FAILS(routellm_open_options_set_open_clusters(NULL, 1, &err), BAD, "options is NULL");
    CHECK_FAILS(routellm_open_options_set_error_target(NULL, 0.5, &err), BAD, "options is NULL");
    CHECK_FAILS(routellm_open_options_set_mmap(NULL, "auto", &err), BAD, "options is NULL");

    /* Without a place for the error the status is all. */
    CHECK(routellm_route(router, "\xff", 1, NULL, &decision, NULL) == BAD);
    CHECK(routellm_router_open("/nowhere", NULL, &opened, NULL) == ROUTELLM_NOT_FOUND);

    CHECK(routellm_router_strong(NULL) == NULL && routellm_router_weak(NULL) == NULL);
    CHECK(routellm_router_model(NULL, 0) == NULL && routellm_router_model_count(NULL) == 0);
    CHECK(routellm_router_embedding_dimension(NULL) == 0 && routellm_router_fallbacks(NULL) == 0);
    CHECK(routellm_string_data(NULL) == NULL && routellm_string_len(NULL) == 0);
    CHECK(routellm_error_status(NULL) == BAD && routellm_error_message(NULL) != NULL);
    routellm_router_free(NULL);
    routellm_error_free(NULL);
    routellm_string_free(NULL);
    routellm_open_options_free(NULL);
    routellm_route_options_free(NULL);
    routellm_cancel_token_free(NULL);
    routellm_route_options_free(options);
    routellm_open_options_free(open_options);
}

static void struct_size(const routellm_router *router)
{
    routellm_error *err = NULL;
    routellm_decision decision = ROUTELLM_DECISION_INIT;
    static const size_t SIZES[] = {0, 1, sizeof(routellm_decision) - 1, sizeof(routellm_decision) + 1,
                                   sizeof(routellm_decision) + 8,
                                   offsetof(routellm_decision, similarity) - 8, (size_t)-1};
    size_t i;

    for (i = 0; i < sizeof SIZES / sizeof SIZES[0]; i++) {
        decision.struct_size = SIZES[i];
        CHECK_FAILS(routellm_route(router, "x", 1, NULL, &decision, &err), BAD, "struct_size");
    }
    CHECK(decision.side == 0);
}

static void embeddings(const routellm_router *hashed, const char *fixtures)
{
    enum { DIMENSION = 8 };
    routellm_error *err = NULL;
    routellm_router *router = NULL;
    routellm_route_options *options = routellm_route_options_new();
    routellm_decision decision = ROUTELLM_DECISION_INIT;
    float values[2 * DIMENSION + 1] = {0.25f};
    double rates[2];
    double scores[2];

    CHECK_FAILS(routellm_win_rate_from_embedding(hashed, values, DIMENSION, rates, &err), BAD, "hashed");
    CHECK_FAILS(routellm_route_embedding(hashed, values, DIMENSION, NULL, &decision, &err), BAD, "hashed");
    CHECK_FAILS(routellm_win_rates_from_embeddings(hashed, values, 2, DIMENSION, rates, &err), BAD, "hashed");
    CHECK_FAILS(routellm_embed(hashed, "x", 1, values, DIMENSION, &err), ROUTELLM_UNSUPPORTED, "sparse");
    CHECK_FAILS(routellm_candidate_scores(hashed, "x", 1, scores, 2, &err), ROUTELLM_UNSUPPORTED, "pair");
    {
        routellm_string *json = NULL;
        CHECK_FAILS(routellm_similarity(hashed, "x", 1, rates, &err), ROUTELLM_UNSUPPORTED, "votes");
        CHECK_FAILS(routellm_similarity_from_embedding(hashed, values, DIMENSION, rates, &err),
                    ROUTELLM_UNSUPPORTED, "votes");
        CHECK_FAILS(routellm_explain(hashed, "x", 1, 3, &json, &err), ROUTELLM_UNSUPPORTED, "votes");
        CHECK_FAILS(routellm_explain_embedding(hashed, values, DIMENSION, 3, &json, &err), ROUTELLM_UNSUPPORTED,
                    "votes");
        CHECK(json == NULL);
    }

    CHECK_OK(routellm_router_open(in(fixtures, "caller-mf"), NULL, &router, &err));
    CHECK_FAILS(routellm_win_rate_from_embedding(router, values, DIMENSION - 1, rates, &err), BAD, "8");
    CHECK_FAILS(routellm_win_rate_from_embedding(router, values, DIMENSION + 1, rates, &err), BAD, "8");
    CHECK_FAILS(routellm_win_rate_from_embedding(router, NULL, 0, rates, &err), BAD, "8");
    CHECK_FAILS(routellm_win_rates_from_embeddings(router, values, 2, 0, rates, &err), BAD, "2");
    CHECK_FAILS(routellm_win_rates_from_embeddings(router, values, 2, DIMENSION / 2, rates, &err), BAD, "row 0");
    CHECK_FAILS(routellm_candidate_scores_from_embedding(router, values, DIMENSION, scores, 2, &err), BAD, "64");
    CHECK_FAILS(routellm_route(router, "x", 1, NULL, &decision, &err), BAD, "calibration");
    CHECK_OK(routellm_route_options_set_threshold(options, 0.5, &err));
    CHECK_FAILS(routellm_route(router, "x", 1, options, &decision, &err), ROUTELLM_UNSUPPORTED, "embedding");
    {
        static const float NOT_FINITE[] = {NAN, INFINITY, -INFINITY};
        static const char *const NAMES[] = {"3 is NaN", "3 is inf", "3 is -inf"};
        size_t i;
        for (i = 0; i < 3; i++) {
            values[DIMENSION + 3] = NOT_FINITE[i];
            CHECK_FAILS(routellm_win_rate_from_embedding(router, values + DIMENSION, DIMENSION, rates, &err), BAD,
                        NAMES[i]);
            CHECK_FAILS(routellm_route_embedding(router, values + DIMENSION, DIMENSION, options, &decision, &err),
                        BAD, NAMES[i]);
            CHECK_FAILS(routellm_win_rates_from_embeddings(router, values, 2, DIMENSION, rates, &err), BAD, "row 1");
        }
    }
    values[DIMENSION + 3] = 0.25f;
    CHECK_OK(routellm_route_options_set_timeout_ms(options, 600000.0, &err));
    CHECK_OK(routellm_route_embedding(router, values, DIMENSION, options, &decision, &err));
    /* A nanosecond is over at once. */
    CHECK_OK(routellm_route_options_set_timeout_ms(options, 1e-6, &err));
    CHECK_FAILS(routellm_route_embedding(router, values, DIMENSION, options, &decision, &err),
                ROUTELLM_RESOURCE_EXHAUSTED, "timeout");
    routellm_route_options_free(options);
    routellm_router_free(router);
}

static void fallbacks(const routellm_router *router)
{
    routellm_error *err = NULL;
    routellm_route_options *options = routellm_route_options_new();
    routellm_decision decision = ROUTELLM_DECISION_INIT;
    routellm_decision batch[3] = {ROUTELLM_DECISION_INIT, ROUTELLM_DECISION_INIT, ROUTELLM_DECISION_INIT};
    static const routellm_text TEXTS[3] = {{"fine", 4}, {"\xff", 1}, {"fine", 4}};
    const uint64_t before = routellm_router_fallbacks(router);

    CHECK_OK(routellm_route_options_set_on_error(options, ROUTELLM_ON_ERROR_STRONG, &err));
    CHECK_OK(routellm_route(router, "\xff", 1, options, &decision, &err));
    CHECK(decision.fallback == 1 && decision.side == ROUTELLM_SIDE_STRONG && isnan(decision.win_rate));
    CHECK(strcmp(decision.model, routellm_router_strong(router)) == 0);
    CHECK(decision.fallback_status == BAD && decision.fallback_error == NULL);
    CHECK(routellm_router_fallbacks(router) == before + 1);

    CHECK_OK(routellm_route_options_set_on_error(options, ROUTELLM_ON_ERROR_WEAK, &err));
    CHECK_OK(routellm_route_options_set_keep_fallback_errors(options, 1, &err));
    CHECK_OK(routellm_route(router, "\xff", 1, options, &decision, &err));
    CHECK(decision.fallback == 1 && decision.side == ROUTELLM_SIDE_WEAK);
    CHECK(routellm_error_status(decision.fallback_error) == BAD);
    CHECK(strstr(routellm_error_message(decision.fallback_error), "UTF-8") != NULL);
    routellm_error_free(decision.fallback_error);

    CHECK_OK(routellm_route_batch(router, TEXTS, 3, options, batch, &err));
    CHECK(batch[0].fallback == 0 && batch[0].fallback_error == NULL);
    CHECK(batch[1].fallback == 1 && batch[1].fallback_error != NULL);
    CHECK(batch[2].fallback == 0 && batch[2].fallback_error == NULL);
    routellm_error_free(batch[1].fallback_error);
    CHECK(routellm_router_fallbacks(router) == before + 3);

    CHECK_OK(routellm_route(router, "fine", 4, options, &decision, &err));
    CHECK(decision.fallback == 0 && decision.fallback_error == NULL && decision.fallback_status == ROUTELLM_OK);
    routellm_route_options_free(options);
}

static void cancelled(const routellm_router *router)
{
    routellm_error *err = NULL;
    routellm_route_options *options = routellm_route_options_new();
    routellm_cancel_token *token = routellm_cancel_token_new();
    routellm_decision decision = ROUTELLM_DECISION_INIT;
    routellm_text text = {"x", 1};
    double rate = 0.0;

    CHECK_OK(routellm_route_options_set_cancel(options, token, &err));
    CHECK_OK(routellm_route_options_set_on_error(options, ROUTELLM_ON_ERROR_STRONG, &err));
    CHECK_OK(routellm_route(router, "x", 1, options, &decision, &err));
    routellm_cancel_token_cancel(token);
    CHECK_FAILS(routellm_win_rates(router, &text, 1, token, &rate, &err), ROUTELLM_CANCELLED, "cancelled");
    routellm_cancel_token_free(token);
    /* Options have their own share of the token. Who cancels wants no decision, not even a fallback. */
    CHECK_FAILS(routellm_route(router, "x", 1, options, &decision, &err), ROUTELLM_CANCELLED, "cancelled");
    CHECK_FAILS(routellm_route_batch(router, &text, 1, options, &decision, &err), ROUTELLM_CANCELLED, "cancelled");
    CHECK_OK(routellm_route_options_set_cancel(options, NULL, &err));
    CHECK_OK(routellm_route(router, "x", 1, options, &decision, &err));
    routellm_route_options_free(options);
}

int main(int argc, char **argv)
{
    routellm_error *err = NULL;
    routellm_router *router = NULL;

    if (argc != 2) {
        fprintf(stderr, "usage: refusals FIXTURES\n");
        return 2;
    }
    opening(argv[1]);
    changing(argv[1]);
    CHECK_OK(routellm_router_open_default(NULL, &router, &err));
    route_options(router);
    prompts(router);
    nulls(router);
    struct_size(router);
    embeddings(router, argv[1]);
    fallbacks(router);
    cancelled(router);
    routellm_router_free(router);
    return report();
}
