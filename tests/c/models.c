/*
 * Exported models beyond their conformance cases: models FOLDER, which holds the tiny ones. Options that are refused,
 * what is known about a router, cancellation, timeouts.
 */
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "check.h"

/* More prompts than a second suffices for. */
enum { MANY = 20000, FEW = 64 };

static const char *folder;
static routellm_text prompts[MANY];
static routellm_decision decisions[MANY];

static const char *path(const char *name)
{
    static char text[4096];

    snprintf(text, sizeof text, "%s/%s", folder, name);
    return text;
}

/* Options with the names of a pair. */
static routellm_open_options *pair(void)
{
    routellm_open_options *options = routellm_open_options_new();
    routellm_error *err = NULL;

    CHECK_OK(routellm_open_options_set_strong(options, "gpt-4", &err));
    CHECK_OK(routellm_open_options_set_weak(options, "mixtral", &err));
    return options;
}

static void refusals(void)
{
    routellm_open_options *options = pair();
    routellm_route_options *call = routellm_route_options_new();
    routellm_error *err = NULL;
    routellm_router *router = NULL;
    double threshold = 0.0;

    CHECK_FAILS(routellm_open_options_set_provider(options, "tpu", &err), ROUTELLM_INVALID_ARGUMENT,
                "provider is \"tpu\", expected \"cpu\", \"cuda\" or \"auto\"");
    CHECK_FAILS(routellm_open_options_set_preset(options, "fast", &err), ROUTELLM_INVALID_ARGUMENT,
                "expected \"latency\" or \"throughput\"");
    CHECK_FAILS(routellm_open_options_set_head(options, "four_labels", &err), ROUTELLM_INVALID_ARGUMENT, "three_labels");
    CHECK_FAILS(routellm_open_options_set_head(options, "{\"kind\": \"binary\", \"strong_label\": 2}", &err),
                ROUTELLM_INVALID_ARGUMENT, "strong_label is 2");
    CHECK_FAILS(routellm_open_options_set_head(options, "{\"kind\": \"binary\", \"label\": 0}", &err),
                ROUTELLM_INVALID_ARGUMENT, "label");
    CHECK_FAILS(routellm_open_options_set_long_prompts(options, "split", &err), ROUTELLM_INVALID_ARGUMENT, "windows");
    CHECK_FAILS(routellm_open_options_set_template(options, "no place", &err), ROUTELLM_INVALID_ARGUMENT, "{question}");
    CHECK_FAILS(routellm_open_options_set_template(options, "\xff", &err), ROUTELLM_INVALID_ARGUMENT,
                "template is not UTF-8");
    CHECK_FAILS(routellm_open_options_set_kind(options, NULL, &err), ROUTELLM_INVALID_ARGUMENT, "kind is NULL");
    CHECK_FAILS(routellm_open_options_add_score_token(options, NULL, &err), ROUTELLM_INVALID_ARGUMENT, "token is NULL");
    CHECK_FAILS(routellm_open_options_add_score_token_id(NULL, 1, &err), ROUTELLM_INVALID_ARGUMENT, "options is NULL");
    CHECK_FAILS(routellm_open_options_set_max_tokens(NULL, 1, &err), ROUTELLM_INVALID_ARGUMENT, "options is NULL");
    CHECK_FAILS(routellm_open_options_set_memory_limit(NULL, 1, &err), ROUTELLM_INVALID_ARGUMENT, "options is NULL");

    /* None of them has an effect on the router that is compiled in. */
    routellm_open_options_free(options);
    options = routellm_open_options_new();
    CHECK_OK(routellm_open_options_set_head(options, "binary", &err));
    CHECK_FAILS(routellm_router_open_default(options, &router, &err), ROUTELLM_INVALID_ARGUMENT, "head");
    routellm_open_options_free(options);
    options = routellm_open_options_new();
    CHECK_OK(routellm_open_options_set_provider(options, "auto", &err));
    CHECK_FAILS(routellm_router_open_default(options, &router, &err), ROUTELLM_INVALID_ARGUMENT, "provider");
    routellm_open_options_free(options);
    options = routellm_open_options_new();
    CHECK_OK(routellm_open_options_set_kind(options, "bert", &err));
    CHECK_FAILS(routellm_router_open_default(options, &router, &err), ROUTELLM_INVALID_ARGUMENT, "kind");

    CHECK_FAILS(routellm_router_open(path("bert-tiny"), options, &router, &err), ROUTELLM_INVALID_ARGUMENT,
                "strong and weak are needed");
    CHECK_OK(routellm_open_options_set_strong(options, "gpt-4", &err));
    CHECK_OK(routellm_open_options_set_weak(options, "gpt-4", &err));
    CHECK_FAILS(routellm_router_open(path("bert-tiny"), options, &router, &err), ROUTELLM_INVALID_ARGUMENT,
                "strong and weak are both");
    CHECK_OK(routellm_open_options_set_weak(options, "mixtral", &err));
    CHECK_OK(routellm_open_options_set_preset(options, "latency", &err));
    CHECK_OK(routellm_open_options_set_sessions(options, 2, &err));
    CHECK_FAILS(routellm_router_open(path("bert-tiny"), options, &router, &err), ROUTELLM_INVALID_ARGUMENT, "preset");
    routellm_open_options_free(options);
    options = pair();
    CHECK_OK(routellm_open_options_set_memory_limit(options, 1, &err));
    CHECK_FAILS(routellm_router_open(path("bert-tiny"), options, &router, &err), ROUTELLM_INVALID_ARGUMENT,
                "memory_limit");
    routellm_open_options_free(options);
    options = pair();
    CHECK_FAILS(routellm_open_options_set_tf32(NULL, 1, &err), ROUTELLM_INVALID_ARGUMENT, "options is NULL");
    CHECK_FAILS(routellm_open_options_set_tf32(options, 2, &err), ROUTELLM_INVALID_ARGUMENT, "tf32 is 2, expected 0 or 1");
    CHECK_OK(routellm_open_options_set_tf32(options, 0, &err));
    CHECK_FAILS(routellm_router_open(path("bert-tiny"), options, &router, &err), ROUTELLM_INVALID_ARGUMENT, "tf32");
    routellm_open_options_free(options);
    CHECK(router == NULL);

    CHECK_FAILS(routellm_route_options_set_timeout_ms(call, 0.0, &err), ROUTELLM_INVALID_ARGUMENT, "timeout_ms is 0");
    CHECK_FAILS(routellm_route_options_set_timeout_ms(call, -1.0, &err), ROUTELLM_INVALID_ARGUMENT, "timeout_ms is -1");
    CHECK_FAILS(routellm_route_options_set_timeout_ms(call, 1e300, &err), ROUTELLM_INVALID_ARGUMENT, "timeout_ms");
    CHECK_FAILS(routellm_route_options_set_timeout_ms(NULL, 1.0, &err), ROUTELLM_INVALID_ARGUMENT, "options is NULL");
    /* Every kind of router knows a timeout. */
    CHECK_OK(routellm_router_open_default(NULL, &router, &err));
    CHECK_OK(routellm_route_options_set_timeout_ms(call, 600000.0, &err));
    CHECK_OK(routellm_route(router, "x", 1, call, &decisions[0], &err));
    CHECK(decisions[0].no_score == 0);
    CHECK_OK(routellm_threshold(router, call, &threshold, &err));
    CHECK(threshold == decisions[0].threshold);
    routellm_router_free(router);
    routellm_route_options_free(call);
}

static int says(const routellm_router *router, const char *part)
{
    routellm_string *json = NULL;
    routellm_error *err = NULL;
    int found;

    CHECK_OK(routellm_router_info_json(router, &json, &err));
    found = strstr(routellm_string_data(json), part) != NULL;
    routellm_string_free(json);
    return found;
}

/* Whether there is an ONNX Runtime; the rest is skipped without. */
static int runtime(void)
{
    routellm_open_options *options = pair();
    routellm_router *router = NULL;
    routellm_error *err = NULL;
    const routellm_status status = routellm_router_open(path("bert-tiny"), options, &router, &err);
    const int absent = check_no_runtime(status);

    if (absent) {
        check_skipped("options of exported models", "no ONNX Runtime");
        routellm_error_free(err);
    } else {
        check_status(status, ROUTELLM_OK, "", &err, "bert-tiny", __FILE__, __LINE__);
    }
    routellm_router_free(router);
    routellm_open_options_free(options);
    return !absent;
}

static void providers(void)
{
    const char *cuda = getenv("ROUTELLM_TEST_CUDA");
    routellm_open_options *options = pair();
    routellm_router *router = NULL;
    routellm_error *err = NULL;
    double rate = 0.0;
    float values[8] = {0.5f};

    CHECK_OK(routellm_open_options_set_kind(options, "bert", &err));
    CHECK_OK(routellm_open_options_set_provider(options, "auto", &err));
    CHECK_OK(routellm_open_options_set_device_id(options, 0, &err));
    CHECK_OK(routellm_open_options_set_tf32(options, 1, &err));
    CHECK_OK(routellm_open_options_set_preset(options, "throughput", &err));
    CHECK_OK(routellm_router_open(path("bert-tiny"), options, &router, &err));
    CHECK(says(router, "\"kind\":\"bert\"") && says(router, "\"kind\":\"none\""));
    CHECK(says(router, "\"model\":{\"parameters\":{\"head\":{\"kind\":\"three_labels\"}"));
    CHECK(says(router, "\"dynamically_quantized\":false") && says(router, "\"intra_threads\":1"));
    CHECK(!says(router, "\"model\":null") && !says(router, "\"version\":\"\""));
    CHECK(routellm_router_embedding_dimension(router) == 0 && routellm_router_embed_dimension(router) == 0);
    CHECK_FAILS(routellm_win_rate_from_embedding(router, values, 8, &rate, &err), ROUTELLM_INVALID_ARGUMENT, "");
    if (cuda == NULL || strcmp(cuda, "1") != 0) {
        CHECK(says(router, "\"provider\":\"cpu\""));
    }
    routellm_router_free(router);
    router = NULL;

    if (cuda != NULL && strcmp(cuda, "1") == 0) {
        CHECK_OK(routellm_open_options_set_provider(options, "cuda", &err));
        CHECK_OK(routellm_open_options_set_memory_limit(options, (uint64_t)1 << 30, &err));
        CHECK_OK(routellm_router_open(path("bert-tiny"), options, &router, &err));
        CHECK(says(router, "\"provider\":\"cuda\""));
        routellm_router_free(router);
    } else {
        CHECK_OK(routellm_open_options_set_provider(options, "cuda", &err));
        CHECK_FAILS(routellm_router_open(path("bert-tiny"), options, &router, &err), ROUTELLM_RUNTIME_UNAVAILABLE,
                    "the provider \"cuda\" was asked for");
        CHECK_FAILS(routellm_router_open(path("bert-tiny"), options, &router, &err), ROUTELLM_RUNTIME_UNAVAILABLE,
                    "onnxruntime-gpu");
        CHECK(router == NULL);
    }
    routellm_open_options_free(options);
}

static routellm_router *causal(void)
{
    routellm_open_options *options = pair();
    routellm_router *router = NULL;
    routellm_error *err = NULL;
    uint32_t id;

    CHECK_OK(routellm_open_options_set_template(options, "Rate it from 1 to 5.\n{question}\nScore:", &err));
    CHECK_OK(routellm_open_options_add_score_token(options, "[[1]]", &err));
    CHECK_FAILS(routellm_router_open(path("stories260k-ts"), options, &router, &err), ROUTELLM_INVALID_ARGUMENT,
                "score_tokens has 1");
    CHECK_OK(routellm_open_options_add_score_token(options, "[[2]]", &err));
    CHECK_OK(routellm_open_options_set_score_threshold(options, 2, &err));
    CHECK_FAILS(routellm_router_open(path("stories260k-ts"), options, &router, &err), ROUTELLM_INVALID_MODEL, "[[1]]");
    routellm_open_options_free(options);

    options = pair();
    CHECK_OK(routellm_open_options_set_template(options, "Rate it from 1 to 5.\n{question}\nScore:", &err));
    CHECK_OK(routellm_open_options_set_intra_threads(options, 1, &err));
    for (id = 805; id < 810; id++) {
        CHECK_OK(routellm_open_options_add_score_token_id(options, id, &err));
    }
    CHECK_OK(routellm_open_options_set_max_new_tokens(options, 2, &err));
    CHECK_OK(routellm_router_open(path("llama-genai-ts"), options, &router, &err));
    CHECK(says(router, "\"score_tokens\":[805,806,807,808,809]") && says(router, "\"kind\":\"chat\"") == 0);
    routellm_open_options_free(options);
    return router;
}

struct job {
    const routellm_router *router;
    const routellm_route_options *options;
    routellm_status status;
    routellm_error *err;
};

static void *work(void *argument)
{
    struct job *job = (struct job *)argument;

    job->status = routellm_route_batch(job->router, prompts, MANY, job->options, decisions, &job->err);
    return NULL;
}

static void stopping(const routellm_router *router)
{
    const struct timespec moment = {0, 50000000};
    routellm_route_options *options = routellm_route_options_new();
    routellm_cancel_token *token = routellm_cancel_token_new();
    struct job job = {NULL, NULL, ROUTELLM_OK, NULL};
    routellm_error *err = NULL;
    pthread_t thread;
    int fallbacks = 0;
    int strange = 0;
    int i;

    CHECK_OK(routellm_route_options_set_threshold(options, 0.5, &err));
    CHECK_OK(routellm_route_options_set_timeout_ms(options, 600000.0, &err));
    CHECK_OK(routellm_route_batch(router, prompts, FEW, options, decisions, &err));
    for (i = 0; i < FEW; i++) {
        routellm_decision one = ROUTELLM_DECISION_INIT;
        CHECK_OK(routellm_route(router, prompts[i].data, prompts[i].len, options, &one, &err));
        CHECK(memcmp(&one, &decisions[i], sizeof one) == 0);
        CHECK(one.no_score == 0 || (one.no_score == 1 && one.win_rate == 1.0));
    }

    /* A microsecond is over before the first prompt is read. */
    CHECK_OK(routellm_route_options_set_timeout_ms(options, 0.001, &err));
    CHECK_FAILS(routellm_route_batch(router, prompts, FEW, options, decisions, &err), ROUTELLM_RESOURCE_EXHAUSTED,
                "longer than its timeout");
    CHECK_OK(routellm_route_options_set_on_error(options, ROUTELLM_ON_ERROR_STRONG, &err));
    CHECK_OK(routellm_route_batch(router, prompts, FEW, options, decisions, &err));
    for (i = 0; i < FEW; i++) {
        CHECK(decisions[i].fallback == 1 && decisions[i].fallback_status == ROUTELLM_RESOURCE_EXHAUSTED &&
              decisions[i].side == ROUTELLM_SIDE_STRONG);
    }
    /* And one of a tenth of a second in the middle of the work: what was scored by then stays scored. */
    CHECK_OK(routellm_route_options_set_timeout_ms(options, 100.0, &err));
    CHECK_OK(routellm_route_batch(router, prompts, MANY, options, decisions, &err));
    for (i = 0; i < MANY; i++) {
        fallbacks += decisions[i].fallback;
        strange += decisions[i].fallback != (decisions[i].fallback_status == ROUTELLM_RESOURCE_EXHAUSTED);
    }
    CHECK(fallbacks > 0 && strange == 0);

    CHECK_OK(routellm_route_options_set_timeout_ms(options, 600000.0, &err));
    CHECK_OK(routellm_route_options_set_cancel(options, token, &err));
    job.router = router;
    job.options = options;
    CHECK(pthread_create(&thread, NULL, work, &job) == 0);
    nanosleep(&moment, NULL);
    routellm_cancel_token_cancel(token);
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK_FAILS((err = job.err, job.status), ROUTELLM_CANCELLED, "cancelled");
    routellm_cancel_token_free(token);
    routellm_route_options_free(options);
}

int main(int argc, char **argv)
{
    const routellm_decision empty = ROUTELLM_DECISION_INIT;
    static char texts[MANY][64];
    routellm_router *router;
    int i;

    if (argc != 2) {
        fprintf(stderr, "usage: models FOLDER\n");
        return 2;
    }
    folder = argv[1];
    for (i = 0; i < MANY; i++) {
        decisions[i] = empty;
        snprintf(texts[i], sizeof texts[i], "Question %d: what is %d times %d?", i, i * 3, i % 17);
        prompts[i].data = texts[i];
        prompts[i].len = strlen(texts[i]);
    }
    refusals();
    if (runtime()) {
        providers();
        router = causal();
        if (router != NULL) {
            stopping(router);
        }
        routellm_router_free(router);
    }
    return report();
}
