/*
 * Exported models: exports CASES OUT [cuda]. Runs the cases, and writes the bits of the win rates to OUT (`-` for
 * nowhere). With `cuda`, every model runs on the GPU.
 */
#include "check.h"
#include "exports.h"

typedef routellm_status set_text(routellm_open_options *, const char *, routellm_error **);
typedef routellm_status set_count(routellm_open_options *, size_t, routellm_error **);

static const struct {
    const char *key;
    set_text *set;
} texts[] = {
    {"strong", routellm_open_options_set_strong},
    {"weak", routellm_open_options_set_weak},
    {"kind", routellm_open_options_set_kind},
    {"provider", routellm_open_options_set_provider},
    {"preset", routellm_open_options_set_preset},
    {"head", routellm_open_options_set_head},
    {"long_prompts", routellm_open_options_set_long_prompts},
    {"template", routellm_open_options_set_template},
    {"score_tokens", routellm_open_options_add_score_token},
};

static const struct {
    const char *key;
    set_count *set;
} counts[] = {
    {"sessions", routellm_open_options_set_sessions},
    {"intra_threads", routellm_open_options_set_intra_threads},
    {"score_threshold", routellm_open_options_set_score_threshold},
    {"max_new_tokens", routellm_open_options_set_max_new_tokens},
    {"max_tokens", routellm_open_options_set_max_tokens},
};

static routellm_status set(routellm_open_options *options, const struct exports_option *option, routellm_error **err)
{
    size_t i;

    for (i = 0; option->text != NULL && i < sizeof texts / sizeof *texts; i++) {
        if (strcmp(texts[i].key, option->key) == 0) {
            return texts[i].set(options, option->text, err);
        }
    }
    for (i = 0; option->text == NULL && i < sizeof counts / sizeof *counts; i++) {
        if (strcmp(counts[i].key, option->key) == 0) {
            return counts[i].set(options, option->number, err);
        }
    }
    if (strcmp(option->key, "mode") == 0) {
        return routellm_open_options_set_mode(options, (int32_t)option->number, err);
    }
    if (strcmp(option->key, "device_id") == 0) {
        return routellm_open_options_set_device_id(options, (uint32_t)option->number, err);
    }
    if (strcmp(option->key, "memory_limit") == 0) {
        return routellm_open_options_set_memory_limit(options, option->number, err);
    }
    if (strcmp(option->key, "score_tokens") == 0) {
        return routellm_open_options_add_score_token_id(options, (uint32_t)option->number, err);
    }
    cases_die("unknown option", option->key);
    return ROUTELLM_INTERNAL;
}

static routellm_status open_router(const struct exports_case *one, int cuda, routellm_router **router,
                                   routellm_error **err)
{
    routellm_open_options *options = routellm_open_options_new();
    routellm_status status = ROUTELLM_OK;
    int i;

    for (i = 0; status == ROUTELLM_OK && i < one->options; i++) {
        status = set(options, &one->option[i], err);
    }
    if (status == ROUTELLM_OK && cuda) {
        status = routellm_open_options_set_provider(options, "cuda", err);
    }
    if (status == ROUTELLM_OK) {
        status = routellm_router_open(one->folder, options, router, err);
    }
    routellm_open_options_free(options);
    return status;
}

/* Every prompt alone and all at once. */
static void decide(const struct exports_case *one, int cuda, const routellm_router *router, struct cases_out *out)
{
    const double tolerance = exports_tolerance(one, cuda);
    routellm_decision batch[EXPORTS_PROMPTS] = {ROUTELLM_DECISION_INIT};
    routellm_text prompts[EXPORTS_PROMPTS];
    double rates[EXPORTS_PROMPTS];
    routellm_route_options *options = routellm_route_options_new();
    routellm_error *err = NULL;
    int i;

    CHECK_OK(routellm_route_options_set_threshold(options, one->threshold, &err));
    for (i = 0; i < one->prompts; i++) {
        prompts[i].data = one->prompt[i].text;
        prompts[i].len = one->prompt[i].len;
    }
    CHECK_OK(routellm_route_batch(router, prompts, (size_t)one->prompts, options, batch, &err));
    for (i = 0; i < one->prompts; i++) {
        routellm_decision decision = ROUTELLM_DECISION_INIT;
        int ok;
        CHECK_OK(routellm_route(router, prompts[i].data, prompts[i].len, options, &decision, &err));
        rates[i] = decision.win_rate;
        ok = exports_match(one, &one->prompt[i], tolerance, decision.win_rate, decision.side == ROUTELLM_SIDE_STRONG,
                           decision.truncated, decision.no_score);
        if (!ok) {
            printf("%s, prompt %d: expected %.17g, got %.17g, truncated %d, no_score %d\n", one->name, i,
                   one->prompt[i].win_rate, decision.win_rate, decision.truncated, decision.no_score);
        }
        check_that(ok, one->name, __FILE__, __LINE__);
        if (cuda) {
            ok = exports_match(one, &one->prompt[i], tolerance, batch[i].win_rate,
                               batch[i].side == ROUTELLM_SIDE_STRONG, batch[i].truncated, batch[i].no_score);
        } else {
            /* NaN in both similarities: bits are compared, not numbers. */
            ok = memcmp(&decision, &batch[i], sizeof decision) == 0;
        }
        check_that(ok, one->name, __FILE__, __LINE__);
    }
    exports_write(out, one->name, rates, one->prompts);
    routellm_route_options_free(options);
}

int main(int argc, char **argv)
{
    struct cases_file file;
    struct exports_case one;
    struct cases_out out = {NULL, 0};
    const int cuda = argc == 4 && strcmp(argv[3], "cuda") == 0;
    int cases = 0;
    int skipped = 0;

    if (argc != 3 && !cuda) {
        fprintf(stderr, "usage: exports CASES OUT [cuda]\n");
        return 2;
    }
    if (strcmp(argv[2], "-") != 0) {
        out.stream = fopen(argv[2], "w");
        CHECK(out.stream != NULL);
    }
    file = cases_open(argv[1]);
    while (exports_next(&file, &one)) {
        routellm_router *router = NULL;
        routellm_error *err = NULL;
        routellm_status status = ROUTELLM_OK;

        cases++;
        if (!cuda || one.error == NULL) {
            status = open_router(&one, cuda, &router, &err);
        }
        if (check_no_runtime(status)) {
            skipped++;
        } else if (one.error == NULL) {
            check_status(status, ROUTELLM_OK, "", &err, one.name, __FILE__, __LINE__);
            if (router != NULL) {
                decide(&one, cuda, router, &out);
            }
        } else if (!cuda) {
            const int ok = strcmp(routellm_status_name(status), one.error) == 0 && router == NULL &&
                           strstr(routellm_error_message(err), one.message) != NULL;
            if (!ok) {
                printf("%s: expected %s: %s, got %s: %s\n", one.name, one.error, one.message,
                       routellm_status_name(status), routellm_error_message(err));
            }
            check_that(ok, one.name, __FILE__, __LINE__);
        }
        routellm_error_free(err);
        routellm_router_free(router);
        exports_free(&one);
    }
    if (out.stream != NULL) {
        fputs(out.count == 0 ? "{}\n" : "}\n", out.stream);
        CHECK(fclose(out.stream) == 0);
    }
    CHECK(cases > 0);
    if (skipped > 0) {
        check_skipped("cases of exported models", "no ONNX Runtime");
    }
    free(file.text);
    return report();
}
