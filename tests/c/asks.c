/* Inputs of every kind, and options of every call: asks CONFORMANCE, a folder of artifacts with votes. */
#include <math.h>

#include "check.h"
#include "pending.h"

enum { DIMENSION = 8, MOST = 64 };
static const char PROMPT[] = "What is the capital of France?";
static const char CHAT[] = "[{\"role\": \"user\", \"content\": \"What is the capital of France?\"}]";

static routellm_router *open_router(const char *parent, const char *name)
{
    routellm_error *err = NULL;
    routellm_router *router = NULL;
    char path[4096];

    CHECK(snprintf(path, sizeof path, "%s/%s", parent, name) < (int)sizeof path);
    CHECK_OK(routellm_router_open(path, NULL, &router, &err));
    return router;
}

static routellm_route_options *with(const char *json)
{
    routellm_error *err = NULL;
    routellm_route_options *options = routellm_route_options_new();

    CHECK_OK(routellm_route_options_set_json(options, json, strlen(json), &err));
    return options;
}

/* The same numbers for each way to say the same. */
static void inputs(const routellm_router *router)
{
    const routellm_input all[3] = {
        ROUTELLM_TEXT(PROMPT, sizeof PROMPT - 1),
        ROUTELLM_MESSAGES(CHAT, sizeof CHAT - 1),
        ROUTELLM_TEXT(PROMPT, sizeof PROMPT - 1),
    };
    routellm_error *err = NULL;
    double rate = -1.0, alone = -1.0, similarity = -1.0, near = -1.0, rates[3] = {-1.0, -1.0, -1.0};
    double scores[MOST], same[MOST];
    const size_t models = routellm_router_model_count(router);
    routellm_decision decisions[3] = {ROUTELLM_DECISION_INIT, ROUTELLM_DECISION_INIT, ROUTELLM_DECISION_INIT};
    routellm_string *json = NULL, *other = NULL;
    size_t i;

    CHECK_OK(routellm_win_rate(router, PROMPT, sizeof PROMPT - 1, &rate, &err));
    CHECK_OK(routellm_win_rates_of(router, &all[1], 1, NULL, &alone, &err));
    CHECK_OK(routellm_win_rates_of(router, all, 3, NULL, rates, &err));
    CHECK(alone == rate && rates[0] == rate && rates[1] == rate && rates[2] == rate);
    CHECK_OK(routellm_win_rates_of(router, NULL, 0, NULL, NULL, &err));
    CHECK_OK(routellm_route_inputs(router, all, 3, NULL, decisions, &err));
    for (i = 0; i < 3; i++) {
        CHECK(decisions[i].win_rate == rate);
    }
    CHECK(models <= MOST);
    CHECK_OK(routellm_candidate_scores(router, PROMPT, sizeof PROMPT - 1, scores, models, &err));
    CHECK_OK(routellm_candidate_scores_of(router, &all[1], NULL, same, models, &err));
    CHECK(memcmp(scores, same, models * sizeof *scores) == 0);
    CHECK_OK(routellm_similarity(router, PROMPT, sizeof PROMPT - 1, &similarity, &err));
    CHECK_OK(routellm_similarity_of(router, &all[1], NULL, &near, &err));
    CHECK(similarity == near);
    CHECK_OK(routellm_explain(router, PROMPT, sizeof PROMPT - 1, 2, &json, &err));
    CHECK_OK(routellm_explain_of(router, &all[1], 2, NULL, &other, &err));
    CHECK(strcmp(routellm_string_data(json), routellm_string_data(other)) == 0);
    CHECK(strstr(routellm_string_data(json), "\"fallback\"") == NULL);
    routellm_string_free(json);
    routellm_string_free(other);
}

/* What stops a call stops each of them, and on_error covers what it covers. */
static void stops(const routellm_router *router, const routellm_route_options *options, routellm_status expected)
{
    const routellm_input input = ROUTELLM_TEXT(PROMPT, sizeof PROMPT - 1);
    const size_t models = routellm_router_model_count(router);
    const size_t dimension = routellm_router_embed_dimension(router);
    routellm_error *err = NULL;
    double rate = -1.0, rates[2], scores[MOST], similarity = -1.0;
    float embedding[512];
    routellm_string *json = NULL;
    const routellm_input two[2] = {input, input};

    CHECK(dimension > 0 && dimension <= 512);
    if (expected != ROUTELLM_OK) {
        CHECK_FAILS(routellm_win_rates_of(router, &input, 1, options, &rate, &err), expected, "");
        CHECK_FAILS(routellm_win_rates_of(router, two, 2, options, rates, &err), expected, "");
        CHECK_FAILS(routellm_candidate_scores_of(router, &input, options, scores, models, &err), expected, "");
        CHECK_FAILS(routellm_similarity_of(router, &input, options, &similarity, &err), expected, "");
        CHECK_FAILS(routellm_embed_of(router, &input, options, embedding, dimension, &err), expected, "");
        CHECK_FAILS(routellm_explain_of(router, &input, 1, options, &json, &err), expected, "");
        CHECK(json == NULL);
        return;
    }
    CHECK_OK(routellm_win_rates_of(router, &input, 1, options, &rate, &err));
    CHECK_OK(routellm_win_rates_of(router, two, 2, options, rates, &err));
    CHECK_OK(routellm_candidate_scores_of(router, &input, options, scores, models, &err));
    CHECK_OK(routellm_similarity_of(router, &input, options, &similarity, &err));
    CHECK_OK(routellm_embed_of(router, &input, options, embedding, dimension, &err));
    CHECK_OK(routellm_explain_of(router, &input, 1, options, &json, &err));
    CHECK(isnan(rate) && isnan(rates[0]) && isnan(rates[1]) && isnan(scores[models - 1]) && isnan(similarity));
    CHECK(isnan(embedding[0]) && isnan(embedding[dimension - 1]));
    CHECK(strstr(routellm_string_data(json), "\"fallback\":{\"kind\":\"ResourceExhausted\"") != NULL);
    routellm_string_free(json);
}

static void every_call_stops(const routellm_router *router)
{
    routellm_error *err = NULL;
    routellm_cancel_token *token = routellm_cancel_token_new();
    routellm_route_options *late = with("{\"timeout_ms\": 1e-6}");
    routellm_route_options *never_mind = with("{\"timeout_ms\": 1e-6, \"on_error\": \"strong\"}");
    routellm_route_options *cancelled = with("{\"on_error\": \"weak\"}");
    routellm_route_options *deciding = with("{\"threshold\": 0.5}");

    routellm_cancel_token_cancel(token);
    CHECK_OK(routellm_route_options_set_cancel(cancelled, token, &err));
    stops(router, late, ROUTELLM_RESOURCE_EXHAUSTED);
    stops(router, never_mind, ROUTELLM_OK);
    stops(router, cancelled, ROUTELLM_CANCELLED);
    stops(router, deciding, ROUTELLM_INVALID_ARGUMENT);
    routellm_route_options_free(late);
    routellm_route_options_free(never_mind);
    routellm_route_options_free(cancelled);
    routellm_route_options_free(deciding);
    routellm_cancel_token_free(token);
}

static void wrong_inputs(const routellm_router *router)
{
    const routellm_status bad = ROUTELLM_INVALID_ARGUMENT;
    const routellm_input none = {NULL, 0, 0};
    const routellm_input null = {NULL, 3, ROUTELLM_INPUT_TEXT};
    const routellm_input embedding = {NULL, 0, ROUTELLM_INPUT_EMBEDDING};
    const routellm_input two[2] = {ROUTELLM_TEXT("hi", 2), ROUTELLM_TEXT("\xff", 1)};
    routellm_route_options *reading = with("{\"read\": \"all_user\"}");
    routellm_error *err = NULL;
    double rates[2] = {-1.0, -1.0};

    CHECK_FAILS(routellm_win_rates_of(router, &none, 1, NULL, rates, &err), bad, "the kind of an input is 0");
    CHECK_FAILS(routellm_win_rates_of(router, &null, 1, NULL, rates, &err), bad, "input is NULL");
    CHECK_FAILS(routellm_win_rates_of(router, NULL, 1, NULL, rates, &err), bad, "input is NULL");
    CHECK_FAILS(routellm_win_rates_of(router, NULL, 2, NULL, rates, &err), bad, "inputs is NULL");
    CHECK_FAILS(routellm_win_rates_of(router, two, 2, NULL, rates, &err), bad, "prompt 1: ");
    CHECK_FAILS(routellm_win_rates_of(router, &embedding, 1, reading, rates, &err), bad, "read has no effect");
    CHECK_FAILS(routellm_win_rates_of(NULL, two, 2, NULL, rates, &err), bad, "router is NULL");
    routellm_route_options_free(reading);
}

static void options_as_json(void)
{
    const routellm_status bad = ROUTELLM_INVALID_ARGUMENT;
    routellm_route_options *options = with("{\"strong_share\": 0.5, \"read\": \"conversation\", \"on_error\": null}");
    routellm_error *err = NULL;
    size_t i, calls = 0;
    static const char WRONG[] = "{\"timeout_ms\": 5, \"on_error\": 1}";
    static const char UNKNOWN[] = "{\"strong\": \"x\"}";

    CHECK_FAILS(routellm_route_options_set_json(options, WRONG, sizeof WRONG - 1, &err), bad, "on_error is 1");
    CHECK_FAILS(routellm_route_options_set_json(options, UNKNOWN, sizeof UNKNOWN - 1, &err), bad,
                "unknown option \"strong\" of a call");
    CHECK_FAILS(routellm_route_options_set_json(NULL, "{}", 2, &err), bad, "options is NULL");
    for (i = 0; i < routellm_option_count(); i++) {
        routellm_option option = ROUTELLM_OPTION_INIT;
        CHECK_OK(routellm_option_at(i, &option, &err));
        calls += strcmp(option.group, "call") == 0;
    }
    CHECK(calls == 12);
    routellm_route_options_free(options);
}

/* One and many, waiting and not. */
static void embeddings(const routellm_router *router)
{
    float numbers[DIMENSION] = {1.0F, 0.5F, 0.25F, 0.0F, 0.0F, 0.0F, 0.0F, 0.125F};
    const routellm_input two[2] = {ROUTELLM_EMBEDDING(numbers, DIMENSION), ROUTELLM_EMBEDDING(numbers, DIMENSION)};
    const routellm_input wrong = ROUTELLM_EMBEDDING(numbers, DIMENSION - 1);
    routellm_route_options *half = with("{\"threshold\": 0.5}");
    routellm_error *err = NULL;
    routellm_decision decision = ROUTELLM_DECISION_INIT;
    struct pending pending;
    double rate = -1.0, rates[2] = {-1.0, -1.0};

    CHECK_OK(routellm_win_rate_from_embedding(router, numbers, DIMENSION, &rate, &err));
    CHECK_OK(routellm_win_rates_of(router, two, 2, NULL, rates, &err));
    CHECK(rates[0] == rate && rates[1] == rate);
    CHECK_OK(routellm_route_inputs(router, two, 1, half, &decision, &err));
    CHECK(decision.win_rate == rate);
    CHECK_FAILS(routellm_win_rates_of(router, &wrong, 1, NULL, rates, &err), ROUTELLM_INVALID_ARGUMENT, "8");
    pending_init(&pending);
    CHECK_OK(routellm_route_inputs_async(router, two, 2, half, pending_told, &pending, &err));
    pending_wait(&pending, 1);
    CHECK(pending.count == 2 && pending.strange == 0 && pending.decision.win_rate == rate);
    CHECK_OK(routellm_route_inputs_async(router, two, 1, half, pending_told, &pending, &err));
    pending_wait(&pending, 2);
    CHECK(pending.count == 1 && pending.strange == 0 && pending.decision.win_rate == rate);
    routellm_route_options_free(half);
}

int main(int argc, char **argv)
{
    routellm_router *texts, *vectors;

    if (argc != 2) {
        fprintf(stderr, "usage: asks CONFORMANCE\n");
        return 2;
    }
    texts = open_router(argv[1], "sw-hashed");
    vectors = open_router(argv[1], "sw-caller");
    inputs(texts);
    every_call_stops(texts);
    wrong_inputs(texts);
    options_as_json();
    embeddings(vectors);
    routellm_router_free(texts);
    routellm_router_free(vectors);
    return report();
}
