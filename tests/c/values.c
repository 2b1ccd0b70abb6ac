/* What calls return when all is well. */
#include <math.h>
#include <stdlib.h>

#include "check.h"

static const char *const PROMPTS[] = {"What is 2+2?", "", "Prove that there are infinitely many primes.", "a"};
enum { COUNT = 4, DIMENSION = 8, ROWS = 3 };

static void routing(void)
{
    routellm_error *err = NULL;
    routellm_router *router = NULL;
    routellm_router *clone = NULL;
    routellm_route_options *options = routellm_route_options_new();
    routellm_string *json = NULL;
    routellm_text texts[COUNT];
    routellm_decision batch[COUNT];
    double rates[COUNT];
    double threshold = -1.0;
    double share_threshold = -1.0;
    int i;

    CHECK_OK(routellm_router_open_default(NULL, &router, &err));
    memset(batch, 0xff, sizeof batch);
    batch[0].struct_size = sizeof batch[0];
    for (i = 0; i < COUNT; i++) {
        texts[i].len = strlen(PROMPTS[i]);
        texts[i].data = texts[i].len == 0 ? NULL : PROMPTS[i];
    }
    CHECK_OK(routellm_route_batch(router, texts, COUNT, NULL, batch, &err));
    CHECK_OK(routellm_win_rates(router, texts, COUNT, NULL, rates, &err));
    CHECK_OK(routellm_threshold(router, NULL, &threshold, &err));
    for (i = 0; i < COUNT; i++) {
        routellm_decision one = ROUTELLM_DECISION_INIT;
        double rate = -1.0;
        CHECK_OK(routellm_route(router, texts[i].data, texts[i].len, NULL, &one, &err));
        CHECK_OK(routellm_win_rate(router, texts[i].data, texts[i].len, &rate, &err));
        CHECK(memcmp(&one, &batch[i], sizeof one) == 0);
        CHECK(one.win_rate == rate && rate == rates[i]);
        CHECK(rate >= 0.0 && rate <= 1.0);
        CHECK(one.threshold == threshold);
        CHECK(one.side == (rate >= threshold ? ROUTELLM_SIDE_STRONG : ROUTELLM_SIDE_WEAK));
        CHECK(strcmp(one.model, one.side == ROUTELLM_SIDE_STRONG ? routellm_router_strong(router)
                                                                 : routellm_router_weak(router)) == 0);
        CHECK(one.fallback == 0 && one.fallback_error == NULL && one.fallback_status == ROUTELLM_OK);
        CHECK(one.truncated == 0);
        CHECK(isnan(one.similarity) && one.out_of_distribution == 0 && one.no_score == 0);
    }
    CHECK_OK(routellm_route_batch(router, NULL, 0, NULL, NULL, &err));
    CHECK_OK(routellm_win_rates(router, NULL, 0, NULL, NULL, &err));

    /* Shares are monotonic, and thresholds at the ends decide everything. */
    CHECK_OK(routellm_route_options_set_strong_share(options, 0.1, &err));
    CHECK_OK(routellm_threshold(router, options, &threshold, &err));
    CHECK_OK(routellm_route_options_set_strong_share(options, 0.9, &err));
    CHECK_OK(routellm_threshold(router, options, &share_threshold, &err));
    CHECK(share_threshold < threshold);
    routellm_route_options_free(options);
    options = routellm_route_options_new();
    CHECK_OK(routellm_route_options_set_threshold(options, 0.0, &err));
    CHECK_OK(routellm_route(router, "x", 1, options, &batch[0], &err));
    CHECK(batch[0].side == ROUTELLM_SIDE_STRONG && batch[0].threshold == 0.0);
    CHECK_OK(routellm_route_options_set_threshold(options, 1.0, &err));
    CHECK_OK(routellm_route(router, "x", 1, options, &batch[0], &err));
    CHECK(batch[0].side == ROUTELLM_SIDE_WEAK && batch[0].threshold == 1.0);

    CHECK(routellm_router_model_count(router) >= 2);
    CHECK(routellm_router_model(router, 0) != NULL);
    CHECK(routellm_router_model(router, routellm_router_model_count(router)) == NULL);
    CHECK(routellm_router_embedding_dimension(router) == 0 && routellm_router_embed_dimension(router) == 0);
    CHECK_OK(routellm_router_info_json(router, &json, &err));
    CHECK(routellm_string_len(json) == strlen(routellm_string_data(json)));
    CHECK(strstr(routellm_string_data(json), "\"kind\":\"linear\"") != NULL);
    CHECK(strstr(routellm_string_data(json), "\"votes\":null") != NULL);
    routellm_string_free(json);

    /* A clone outlives the handle that it was made of. */
    clone = routellm_router_clone(router);
    routellm_router_free(router);
    CHECK_OK(routellm_route(clone, "x", 1, NULL, &batch[0], &err));
    CHECK(routellm_router_clone(NULL) == NULL);
    routellm_router_free(clone);
    routellm_route_options_free(options);
}

static void embeddings(const char *fixtures)
{
    char folder[4096];
    routellm_error *err = NULL;
    routellm_router *router = NULL;
    routellm_router *swapped = NULL;
    routellm_open_options *options = routellm_open_options_new();
    routellm_route_options *route_options = routellm_route_options_new();
    routellm_decision decision = ROUTELLM_DECISION_INIT;
    float values[ROWS * DIMENSION];
    double rates[ROWS];
    double rate = -1.0;
    double *scores = NULL;
    size_t count;
    int i;

    snprintf(folder, sizeof folder, "%s/caller-mf", fixtures);
    for (i = 0; i < ROWS * DIMENSION; i++) {
        values[i] = (float)((i * 7) % 11) / 8.0f - 0.5f;
    }
    CHECK_OK(routellm_router_open(folder, NULL, &router, &err));
    CHECK(routellm_router_embedding_dimension(router) == DIMENSION);
    CHECK_OK(routellm_win_rates_from_embeddings(router, values, ROWS, DIMENSION, rates, &err));
    for (i = 0; i < ROWS; i++) {
        CHECK_OK(routellm_win_rate_from_embedding(router, values + i * DIMENSION, DIMENSION, &rate, &err));
        CHECK(rate == rates[i] && rate > 0.0 && rate < 1.0);
    }
    CHECK_OK(routellm_win_rates_from_embeddings(router, NULL, 0, DIMENSION, NULL, &err));
    CHECK_OK(routellm_route_options_set_threshold(route_options, rates[0], &err));
    CHECK_OK(routellm_route_embedding(router, values, DIMENSION, route_options, &decision, &err));
    CHECK(decision.win_rate == rates[0] && decision.side == ROUTELLM_SIDE_STRONG);
    CHECK(strcmp(decision.model, "gpt-4-1106-preview") == 0);

    /* The win rate is the logistic function of the difference of two candidates' scores. */
    count = routellm_router_model_count(router);
    CHECK(count == 64);
    scores = (double *)malloc(count * sizeof *scores);
    CHECK_OK(routellm_candidate_scores_from_embedding(router, values, DIMENSION, scores, count, &err));
    {
        double strong = 0.0;
        double weak = 0.0;
        size_t k;
        for (k = 0; k < count; k++) {
            const char *name = routellm_router_model(router, k);
            if (strcmp(name, routellm_router_strong(router)) == 0) {
                strong = scores[k];
            } else if (strcmp(name, routellm_router_weak(router)) == 0) {
                weak = scores[k];
            }
        }
        CHECK(fabs(1.0 / (1.0 + exp(weak - strong)) - rates[0]) < 1e-9);
    }
    free(scores);

    /* The other way round the rates add up to one. */
    CHECK_OK(routellm_open_options_set_strong(options, routellm_router_weak(router), &err));
    CHECK_OK(routellm_open_options_set_weak(options, routellm_router_strong(router), &err));
    CHECK_OK(routellm_open_options_set_mode(options, ROUTELLM_MODE_REFERENCE, &err));
    CHECK_OK(routellm_router_open(folder, options, &swapped, &err));
    CHECK_OK(routellm_win_rate_from_embedding(swapped, values, DIMENSION, &rate, &err));
    CHECK(fabs(rate + rates[0] - 1.0) < 1e-12);

    routellm_open_options_free(options);
    routellm_route_options_free(route_options);
    routellm_router_free(swapped);
    routellm_router_free(router);
}

static void messages(void)
{
    static const char JSON[] = "[{\"role\":\"user\",\"content\":[\"a\",{\"type\":\"text\",\"text\":\"b\\u0000c\"}]}]";
    routellm_error *err = NULL;
    routellm_string *prompt = NULL;

    CHECK_OK(routellm_prompt_from_messages(JSON, sizeof JSON - 1, &prompt, &err));
    CHECK(routellm_string_len(prompt) == 5);
    CHECK(memcmp(routellm_string_data(prompt), "a\nb\0c", 6) == 0);
    routellm_string_free(prompt);
}

static void cancel(void)
{
    routellm_cancel_token *token = routellm_cancel_token_new();

    CHECK(routellm_cancel_token_is_cancelled(token) == 0);
    routellm_cancel_token_cancel(token);
    CHECK(routellm_cancel_token_is_cancelled(token) == 1);
    routellm_cancel_token_free(token);
    routellm_cancel_token_cancel(NULL);
    CHECK(routellm_cancel_token_is_cancelled(NULL) == 0);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: values FIXTURES\n");
        return 2;
    }
    routing();
    embeddings(argv[1]);
    messages();
    cancel();
    return report();
}
