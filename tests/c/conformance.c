/*
 * Runs the conformance cases: conformance CASES ARTIFACT-OF-MF-MINILM.
 * With ROUTELLM_CONFORMANCE_OUT the encoder's win rates are written there.
 */
#include "cases.h"
#include "check.h"

static void run(const routellm_router *router, const struct cases_case *expected, struct cases_out *out)
{
    routellm_decision decision = ROUTELLM_DECISION_INIT;
    routellm_error *err = NULL;
    routellm_string *prompt = NULL;
    routellm_status status = ROUTELLM_OK;
    int ok;

    if (expected->embedding) {
        float *values = (float *)(void *)expected->data;
        status = routellm_route_embedding(router, values, expected->len / sizeof *values, NULL, &decision, &err);
    } else {
        const char *text = (const char *)expected->data;
        size_t len = expected->len;
        if (expected->messages) {
            status = routellm_prompt_from_messages(text, len, &prompt, &err);
            text = routellm_string_data(prompt);
            len = routellm_string_len(prompt);
        }
        if (status == ROUTELLM_OK) {
            status = routellm_route(router, text, len, NULL, &decision, &err);
        }
    }
    if (expected->error != NULL) {
        ok = strcmp(routellm_status_name(status), expected->error) == 0 && routellm_error_status(err) == status;
    } else {
        ok = status == ROUTELLM_OK && cases_close(expected, decision.win_rate) &&
             cases_side(expected, decision.threshold, decision.side == ROUTELLM_SIDE_STRONG) &&
             (expected->truncated < 0 || expected->truncated == decision.truncated);
        if (ok) {
            cases_write(out, expected, decision.win_rate);
        }
    }
    if (!ok) {
        printf("%s %s: expected %s, got %s, %.17g: %s\n", expected->router, expected->id,
               expected->error != NULL ? expected->error : "a win rate", routellm_status_name(status),
               decision.win_rate, err == NULL ? "" : routellm_error_message(err));
    }
    check_that(ok, expected->id, __FILE__, __LINE__);
    routellm_error_free(err);
    routellm_string_free(prompt);
}

int main(int argc, char **argv)
{
    struct cases_file file;
    struct cases_case one;
    struct cases_out out = {NULL, 0};
    routellm_router *routers[2] = {NULL, NULL};
    routellm_error *err = NULL;
    int skipped = 0;
    routellm_status status;
    const char *path = getenv("ROUTELLM_CONFORMANCE_OUT");

    if (argc != 3) {
        fprintf(stderr, "usage: conformance CASES MF-MINILM\n");
        return 2;
    }
    CHECK_OK(routellm_router_open_default(NULL, &routers[0], &err));
    status = routellm_router_open(argv[2], NULL, &routers[1], &err);
    if (check_no_runtime(status)) {
        check_skipped("mf-minilm", "no ONNX Runtime");
        routellm_error_free(err);
        err = NULL;
    } else {
        check_status(status, ROUTELLM_OK, "", &err, "mf-minilm", __FILE__, __LINE__);
    }
    if (routers[1] != NULL && path != NULL && *path != '\0') {
        out.stream = fopen(path, "w");
        CHECK(out.stream != NULL);
    }
    file = cases_open(argv[1]);
    while (cases_next(&file, &one)) {
        const routellm_router *router = routers[strcmp(one.router, "default") != 0];
        if (router != NULL) {
            run(router, &one, &out);
        } else {
            skipped++;
        }
        free(one.data);
    }
    if (out.stream != NULL) {
        fputs(out.count == 0 ? "{}\n" : "}\n", out.stream);
        CHECK(fclose(out.stream) == 0);
    }
    CHECK(check_passed + skipped > 100);
    free(file.text);
    routellm_router_free(routers[0]);
    routellm_router_free(routers[1]);
    return report();
}
