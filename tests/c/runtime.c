/*
 * Without ONNX Runtime: an artifact that needs it says where it was looked for, and what needs none works.
 * The environment decides what is found: see the suite.
 */
#include "check.h"

int main(int argc, char **argv)
{
    routellm_error *err = NULL;
    routellm_router *router = NULL;
    routellm_open_options *options = routellm_open_options_new();
    routellm_decision decision = ROUTELLM_DECISION_INIT;
    int i;

    if (argc < 4) {
        fprintf(stderr, "usage: runtime ARTIFACT CALLER-ARTIFACT PART...\n");
        return 2;
    }
    for (i = 3; i < argc; i++) {
        CHECK_FAILS(routellm_router_open(argv[1], NULL, &router, &err), ROUTELLM_RUNTIME_UNAVAILABLE, argv[i]);
    }
    CHECK_OK(routellm_open_options_set_onnxruntime(options, "/nowhere/libonnxruntime.so.9", &err));
    CHECK_FAILS(routellm_router_open(argv[1], options, &router, &err), ROUTELLM_RUNTIME_UNAVAILABLE,
                "/nowhere/libonnxruntime.so.9");
    CHECK(router == NULL);

    CHECK_OK(routellm_router_open_default(NULL, &router, &err));
    CHECK_OK(routellm_route(router, "x", 1, NULL, &decision, &err));
    routellm_router_free(router);
    {
        float values[8] = {0.5f};
        double rate = -1.0;
        CHECK_OK(routellm_router_open(argv[2], NULL, &router, &err));
        CHECK_OK(routellm_win_rate_from_embedding(router, values, 8, &rate, &err));
        CHECK(rate > 0.0 && rate < 1.0);
    }
    routellm_router_free(router);
    routellm_open_options_free(options);
    return report();
}
