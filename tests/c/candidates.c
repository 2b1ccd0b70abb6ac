/* Candidates with prices, their qualities, and the policies that choose among them: candidates WORK, a folder to write in. */
#include <math.h>

#include "check.h"

enum { ROWS = 90, TEXT = 8192, MODELS = 3 };

#define HARD "integral of x number 7"

/* The large model solves all, the middle one every second hard prompt, the small one the easy ones. */
static void write_gold(const char *path)
{
    FILE *file = fopen(path, "w");
    int i;

    CHECK(file != NULL);
    for (i = 0; file != NULL && i < ROWS; i++) {
        fprintf(file, "{\"prompt\": \"%s %d\", \"large\": true, \"middle\": %s, \"small\": %s}\n",
                i % 3 == 0 ? "integral of x number" : "greet person", i, i % 6 == 0 || i % 3 != 0 ? "true" : "false",
                i % 3 == 0 ? "false" : "true");
    }
    if (file != NULL) {
        CHECK(fclose(file) == 0);
    }
}

static routellm_router *trained(const char *work)
{
    static const char prices[] =
        "[{\"name\": \"large\", \"price\": {\"input\": 10, \"output\": 30}, \"capabilities\": [\"text\", \"vision\"]},"
        " {\"name\": \"middle\", \"price\": {\"input\": 1, \"output\": 4}, \"capabilities\": [\"text\", \"vision\"]},"
        " {\"name\": \"small\", \"price\": {\"input\": 0.1, \"output\": 0.2}, \"context_length\": 100}]";
    routellm_error *err = NULL;
    routellm_open_options *options = routellm_open_options_new();
    routellm_router *router = NULL;
    char path[TEXT], out[TEXT], spec[3 * TEXT];

    snprintf(path, sizeof path, "%s/gold.jsonl", work);
    snprintf(out, sizeof out, "%s/candidates-router", work);
    write_gold(path);
    snprintf(spec, sizeof spec,
             "{\"trainer\": {\"kind\": \"linear\", \"bits\": 10, \"folds\": 3, \"per_candidate\": true}, \"strong\": \"large\", "
             "\"weak\": \"small\", \"sources\": [{\"kind\": \"gold\", \"path\": \"%s\"}], \"out\": \"%s\"}",
             path, out);
    CHECK_OK(routellm_train(spec, strlen(spec), NULL, NULL, NULL, NULL, &err));
    CHECK_OK(routellm_open_options_set_candidates(options, prices, &err));
    CHECK_OK(routellm_open_options_set_mean_output_tokens(options, 200.0, &err));
    CHECK_OK(routellm_router_open(out, options, &router, &err));
    CHECK_FAILS(routellm_open_options_set_candidates(options, "[{}]", &err), ROUTELLM_INVALID_ARGUMENT, "name");
    routellm_open_options_free(options);
    return router;
}

static routellm_decision decided(const routellm_router *router, const routellm_route_options *options)
{
    const routellm_input input = ROUTELLM_TEXT(HARD, sizeof HARD - 1);
    routellm_decision decision = ROUTELLM_DECISION_INIT;
    routellm_error *err = NULL;

    CHECK_OK(routellm_route_inputs(router, &input, 1, options, &decision, &err));
    return decision;
}

static void qualities(const routellm_router *router)
{
    const routellm_input one = ROUTELLM_TEXT(HARD, sizeof HARD - 1);
    const routellm_input two[2] = {one, ROUTELLM_TEXT("greet person 1", 14)};
    double alone[MODELS], both[2 * MODELS];
    routellm_error *err = NULL;
    routellm_router *pair = NULL;
    size_t i;

    CHECK_OK(routellm_qualities_of(router, &one, 1, NULL, alone, MODELS, &err));
    CHECK_OK(routellm_qualities_of(router, two, 2, NULL, both, MODELS, &err));
    CHECK(memcmp(alone, both, sizeof alone) == 0);
    for (i = 0; i < 2 * MODELS; i++) {
        CHECK(both[i] >= 0.0 && both[i] <= 1.0);
    }
    CHECK(alone[0] > alone[2] && both[MODELS + 2] > alone[2]);
    CHECK_OK(routellm_qualities_of(router, NULL, 0, NULL, NULL, MODELS, &err));
    CHECK_FAILS(routellm_qualities_of(router, &one, 1, NULL, alone, 2, &err), ROUTELLM_INVALID_ARGUMENT, "models is 2");
    CHECK_FAILS(routellm_qualities_of(NULL, &one, 1, NULL, alone, MODELS, &err), ROUTELLM_INVALID_ARGUMENT, "NULL");
    CHECK_OK(routellm_router_open_default(NULL, &pair, &err));
    CHECK_FAILS(routellm_qualities_of(pair, &one, 1, NULL, alone, 2, &err), ROUTELLM_UNSUPPORTED, "pair only");
    routellm_router_free(pair);
}

static void policies(const routellm_router *router)
{
    static const char *const two[] = {"middle", "small"};
    static const char *const vision[] = {"vision"};
    routellm_error *err = NULL;
    routellm_route_options *options = routellm_route_options_new();
    routellm_decision decision;
    double known[MODELS];
    const routellm_input input = ROUTELLM_TEXT(HARD, sizeof HARD - 1);

    CHECK_OK(routellm_qualities_of(router, &input, 1, NULL, known, MODELS, &err));
    CHECK_OK(routellm_route_options_set_cost_weight(options, 0.0, &err));
    decision = decided(router, options);
    CHECK(decision.side == ROUTELLM_SIDE_NONE && isnan(decision.win_rate) && isnan(decision.threshold));
    CHECK(decision.candidate == 0 && strcmp(decision.model, "large") == 0 && decision.quality == known[0]);
    /* 22 bytes are 6 tokens. */
    CHECK(fabs(decision.expected_cost - (10.0 * 6.0 + 30.0 * 200.0) / 1e6) < 1e-15);
    CHECK_OK(routellm_route_options_set_cost_weight(options, 1000.0, &err));
    CHECK(decided(router, options).candidate == 2);
    CHECK_OK(routellm_route_options_set_input_tokens(options, 101, &err));
    CHECK(decided(router, options).candidate == 1);
    CHECK_OK(routellm_route_options_set_input_tokens(options, 100, &err));
    CHECK_OK(routellm_route_options_set_output_tokens(options, 0, &err));
    CHECK(fabs(decided(router, options).expected_cost - 10.0 / 1e6) < 1e-15);
    CHECK_OK(routellm_route_options_set_requires(options, vision, 1, &err));
    CHECK(decided(router, options).candidate == 1);
    CHECK_OK(routellm_route_options_set_budget(options, 1.0, &err));
    CHECK_FAILS(routellm_route_inputs(router, &input, 1, options, &decision, &err), ROUTELLM_INVALID_ARGUMENT,
                "cost_weight and budget");
    CHECK_FAILS(routellm_route_options_set_candidates(options, NULL, 1, &err), ROUTELLM_INVALID_ARGUMENT, "NULL");
    routellm_route_options_free(options);

    options = routellm_route_options_new();
    CHECK_OK(routellm_route_options_set_min_quality(options, 0.0, &err));
    CHECK(decided(router, options).candidate == 2);
    CHECK_OK(routellm_route_options_set_requires(options, vision, 1, &err));
    CHECK_OK(routellm_route_options_set_candidates(options, &two[1], 1, &err));
    CHECK_FAILS(routellm_route_inputs(router, &input, 1, options, &decision, &err), ROUTELLM_INVALID_ARGUMENT,
                "\"small\" has no known capabilities");
    routellm_route_options_free(options);

    options = routellm_route_options_new();
    CHECK_OK(routellm_route_options_set_threshold(options, 0.0, &err));
    CHECK(decided(router, options).side == ROUTELLM_SIDE_STRONG);
    CHECK_OK(routellm_route_options_set_candidates(options, two, 2, &err));
    CHECK(decided(router, options).side == ROUTELLM_SIDE_WEAK);
    routellm_route_options_free(options);
}

static void falls_back(const routellm_router *router)
{
    const routellm_input bad = ROUTELLM_TEXT("\xff", 1);
    routellm_error *err = NULL;
    routellm_route_options *options = routellm_route_options_new();
    routellm_decision decision = ROUTELLM_DECISION_INIT;

    CHECK_OK(routellm_route_options_set_on_error_candidate(options, "middle", &err));
    CHECK_OK(routellm_route_inputs(router, &bad, 1, options, &decision, &err));
    CHECK(decision.candidate == 1 && decision.fallback == 1 && decision.side == ROUTELLM_SIDE_NONE);
    CHECK_OK(routellm_route_options_set_on_error(options, ROUTELLM_ON_ERROR_WEAK, &err));
    CHECK_OK(routellm_route_inputs(router, &bad, 1, options, &decision, &err));
    CHECK(decision.candidate == 2 && decision.side == ROUTELLM_SIDE_WEAK);
    CHECK_OK(routellm_route_options_set_on_error_candidate(options, "nobody", &err));
    CHECK_FAILS(routellm_route_inputs(router, &bad, 1, options, &decision, &err), ROUTELLM_INVALID_ARGUMENT,
                "on_error is \"nobody\"");
    routellm_route_options_free(options);
}

int main(int argc, char **argv)
{
    routellm_router *router;

    if (argc != 2) {
        return 2;
    }
    router = trained(argv[1]);
    qualities(router);
    policies(router);
    falls_back(router);
    routellm_router_free(router);
    return report();
}
