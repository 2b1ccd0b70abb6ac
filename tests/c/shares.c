/* Strong shares, thresholds at the ends, pairs inside one tier, older artifacts: shares CONFORMANCE OLD, a folder of
   artifacts with votes, and one of version 1 that is rewritten. */
#include <math.h>

#include "check.h"

enum { DIMENSION = 8 };
static const float FAR[DIMENSION] = {-1.0F, 0.0F, 0.0F, 0.0F, 0.0F, 0.0F, 0.0F, 0.0F};
static const float ZEROS[DIMENSION] = {0.0F};

static const char *folder_of(const char *parent, const char *name)
{
    static char path[4096];
    CHECK(snprintf(path, sizeof path, "%s/%s", parent, name) < (int)sizeof path);
    return path;
}

static routellm_route_options *by_share(double share)
{
    routellm_error *err = NULL;
    routellm_route_options *options = routellm_route_options_new();
    CHECK_OK(routellm_route_options_set_strong_share(options, share, &err));
    return options;
}

static routellm_route_options *by_threshold(double threshold)
{
    routellm_error *err = NULL;
    routellm_route_options *options = routellm_route_options_new();
    CHECK_OK(routellm_route_options_set_threshold(options, threshold, &err));
    return options;
}

static void ends(void)
{
    const double nothing = nextafter(1.0, 2.0);
    const double expected[2] = {nothing, 0.0};
    routellm_error *err = NULL;
    routellm_router *router = NULL;
    double threshold = -1.0;
    double share = -1.0;
    double number = -1.0;
    routellm_route_options *third = by_share(0.3);
    int i;

    CHECK_OK(routellm_router_open_default(NULL, &router, &err));
    for (i = 0; i < 2; i++) {
        routellm_route_options *options[2];
        int j;
        CHECK_OK(routellm_share(router, i, &threshold, &share, &err));
        CHECK(threshold == expected[i] && share == i);
        options[0] = by_share(i);
        options[1] = by_threshold(threshold);
        for (j = 0; j < 2; j++) {
            routellm_decision decision = ROUTELLM_DECISION_INIT;
            CHECK_OK(routellm_threshold(router, options[j], &number, &err));
            CHECK_OK(routellm_route(router, "Prove it.", 9, options[j], &decision, &err));
            CHECK(number == threshold && decision.threshold == threshold);
            CHECK(decision.side == (i == 1 ? ROUTELLM_SIDE_STRONG : ROUTELLM_SIDE_WEAK));
            routellm_route_options_free(options[j]);
        }
    }
    CHECK_OK(routellm_share(router, 0.3, &threshold, &share, &err));
    CHECK_OK(routellm_threshold(router, third, &number, &err));
    CHECK(number == threshold && fabs(share - 0.3) <= 1e-3);
    routellm_route_options_free(third);
    CHECK_FAILS(routellm_share(router, nothing, &threshold, &share, &err), ROUTELLM_INVALID_ARGUMENT, "[0, 1]");
    CHECK_FAILS(routellm_share(router, NAN, &threshold, &share, &err), ROUTELLM_INVALID_ARGUMENT, "[0, 1]");
    CHECK_FAILS(routellm_share(NULL, 0.5, &threshold, &share, &err), ROUTELLM_INVALID_ARGUMENT, "router is NULL");
    CHECK_FAILS(routellm_share(router, 0.5, NULL, &share, &err), ROUTELLM_INVALID_ARGUMENT, "threshold is NULL");
    CHECK_FAILS(routellm_share(router, 0.5, &threshold, NULL, &err), ROUTELLM_INVALID_ARGUMENT, "share is NULL");
    third = by_threshold(nextafter(nothing, 2.0));
    CHECK_FAILS(routellm_threshold(router, third, &number, &err), ROUTELLM_INVALID_ARGUMENT, "[0, 1]");
    routellm_route_options_free(third);
    routellm_router_free(router);
}

static void far_prompts(const char *conformance)
{
    static const int32_t abstain[2] = {ROUTELLM_OUT_OF_DISTRIBUTION_STRONG, ROUTELLM_OUT_OF_DISTRIBUTION_WEAK};
    static const int32_t sides[2] = {ROUTELLM_SIDE_STRONG, ROUTELLM_SIDE_WEAK};
    static const int32_t on_error[2] = {ROUTELLM_ON_ERROR_STRONG, ROUTELLM_ON_ERROR_WEAK};
    routellm_error *err = NULL;
    int i;

    for (i = 0; i < 2; i++) {
        routellm_open_options *open = routellm_open_options_new();
        routellm_router *router = NULL;
        routellm_decision decision = ROUTELLM_DECISION_INIT;
        routellm_route_options *half = by_share(0.5);
        int share;

        CHECK_OK(routellm_open_options_set_out_of_distribution(open, abstain[i], &err));
        CHECK_OK(routellm_router_open(folder_of(conformance, "sw-lopsided"), open, &router, &err));
        CHECK_OK(routellm_route_embedding(router, FAR, DIMENSION, half, &decision, &err));
        CHECK(decision.side == sides[i] && decision.out_of_distribution == 1);
        routellm_route_options_free(half);
        for (share = 0; share < 2; share++) {
            const int32_t expected = sides[1 - share];
            routellm_route_options *options = by_share(share);
            routellm_route_options *again;
            CHECK_OK(routellm_route_embedding(router, FAR, DIMENSION, options, &decision, &err));
            CHECK(decision.side == expected && decision.out_of_distribution == 1);
            /* Above 1 a threshold sends nothing either; 0 is one as any other. */
            again = by_threshold(decision.threshold);
            CHECK_OK(routellm_route_embedding(router, FAR, DIMENSION, again, &decision, &err));
            CHECK(decision.side == (share == 0 ? expected : sides[i]));
            CHECK_OK(routellm_route_options_set_on_error(options, on_error[i], &err));
            CHECK_OK(routellm_route_embedding(router, ZEROS, DIMENSION, options, &decision, &err));
            CHECK(decision.side == sides[i] && decision.fallback == 1);
            routellm_route_options_free(options);
            routellm_route_options_free(again);
        }
        routellm_open_options_free(open);
        routellm_router_free(router);
    }
}

static void one_tier(const char *conformance)
{
    routellm_open_options *open = routellm_open_options_new();
    routellm_router *router = NULL;
    routellm_string *json = NULL;
    routellm_error *err = NULL;

    CHECK_OK(routellm_open_options_set_strong(open, "small", &err));
    CHECK_OK(routellm_open_options_set_weak(open, "tiny", &err));
    CHECK_FAILS(routellm_router_open(folder_of(conformance, "sw-caller"), open, &router, &err),
                ROUTELLM_INVALID_ARGUMENT, "tier 3 of 4");
    CHECK_OK(routellm_open_options_set_mode(open, ROUTELLM_MODE_REFERENCE, &err));
    CHECK_OK(routellm_router_open(folder_of(conformance, "sw-caller"), open, &router, &err));
    CHECK_OK(routellm_router_info_json(router, &json, &err));
    CHECK(strstr(routellm_string_data(json), "\"constant\":\"") != NULL);
    routellm_string_free(json);
    routellm_open_options_free(open);
    routellm_router_free(router);
}

static void upgrading(const char *old)
{
    routellm_router *router = NULL;
    routellm_error *err = NULL;
    int32_t upgraded = -1;
    double before = -1.0;
    double after = -2.0;
    double share = -1.0;

    CHECK_OK(routellm_router_open(old, NULL, &router, &err));
    CHECK_OK(routellm_share(router, 0.3, &before, &share, &err));
    routellm_router_free(router);
    CHECK_OK(routellm_upgrade_artifact(old, &upgraded, &err));
    CHECK(upgraded == 1);
    CHECK_OK(routellm_upgrade_artifact(old, &upgraded, &err));
    CHECK(upgraded == 0);
    CHECK_OK(routellm_router_open(old, NULL, &router, &err));
    CHECK_OK(routellm_share(router, 0.3, &after, &share, &err));
    CHECK(before == after);
    routellm_router_free(router);
    CHECK_FAILS(routellm_upgrade_artifact("nothing", &upgraded, &err), ROUTELLM_NOT_FOUND, "nothing");
    CHECK_FAILS(routellm_upgrade_artifact(NULL, &upgraded, &err), ROUTELLM_INVALID_ARGUMENT, "folder is NULL");
    CHECK_FAILS(routellm_upgrade_artifact(old, NULL, &err), ROUTELLM_INVALID_ARGUMENT, "upgraded is NULL");
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: shares CONFORMANCE OLD\n");
        return 2;
    }
    ends();
    far_prompts(argv[1]);
    one_tier(argv[1]);
    upgrading(argv[2]);
    return report();
}
