/* Evaluating through a specification: evaluate WORK, a folder to write in. */
#include "check.h"

enum { ROWS = 60, TEXT = 8192 };

static int32_t hear(void *user, const routellm_progress *progress)
{
    int *calls = user;

    CHECK(progress->struct_size == sizeof *progress && progress->stage[0] != '\0' && progress->done <= progress->total);
    ++*calls;
    return *calls < 0;
}

static int32_t stop(void *user, const routellm_progress *progress)
{
    (void)user;
    (void)progress;
    return 1;
}

/* The strong model solves all, the weak one what is easy. */
static void write_gold(const char *path)
{
    FILE *file = fopen(path, "w");
    int i;

    CHECK(file != NULL);
    for (i = 0; file != NULL && i < ROWS; i++) {
        fprintf(file, "{\"prompt\": \"%s %d\", \"big\": true, \"small\": %s}\n",
                i % 3 == 0 ? "Prove it for number" : "greet person", i, i % 3 == 0 ? "false" : "true");
    }
    if (file != NULL) {
        CHECK(fclose(file) == 0);
    }
}

static void evaluates(const char *spec)
{
    routellm_error *err = NULL;
    routellm_string *report = NULL;
    const char *text;
    int calls = 0;

    CHECK_OK(routellm_evaluate(spec, strlen(spec), hear, &calls, NULL, &report, &err));
    CHECK(calls > 2 && report != NULL);
    text = report == NULL ? "" : routellm_string_data(report);
    CHECK(strstr(text, "\"form\":1") != NULL && strstr(text, "\"strong\":\"big\"") != NULL);
    CHECK(strstr(text, "\"rows\":60") != NULL && strstr(text, "\"name\":\"oracle\"") != NULL);
    CHECK(strstr(text, "greet person") == NULL);
    routellm_string_free(report);
    /* Nobody has to listen, or want a report. */
    CHECK_OK(routellm_evaluate(spec, strlen(spec), NULL, NULL, NULL, NULL, &err));
}

static void refuses(const char *spec)
{
    static const struct {
        const char *spec;
        routellm_status status;
        const char *part;
    } wrong[] = {
        {"", ROUTELLM_INVALID_ARGUMENT, "evaluation specification"},
        {"{\"routers\": [], \"data\": [\"x.csv\"]}", ROUTELLM_INVALID_ARGUMENT, "routers is empty"},
        {"{\"routers\": [\"default\"]}", ROUTELLM_INVALID_ARGUMENT, "nothing to evaluate on"},
        {"{\"routers\": [\"default\"], \"data\": [\"x.csv\"], \"draw\": 1}", ROUTELLM_INVALID_ARGUMENT, "`draw`"},
        {"{\"routers\": [\"default\"], \"data\": [\"/nowhere/g.csv\"]}", ROUTELLM_NOT_FOUND, "/nowhere/g.csv"},
    };
    routellm_error *err = NULL;
    routellm_string *report = NULL;
    routellm_cancel_token *token = routellm_cancel_token_new();
    size_t i;

    for (i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        CHECK_FAILS(routellm_evaluate(wrong[i].spec, strlen(wrong[i].spec), NULL, NULL, NULL, NULL, &err),
                    wrong[i].status, wrong[i].part);
    }
    CHECK_FAILS(routellm_evaluate(NULL, 3, NULL, NULL, NULL, NULL, &err), ROUTELLM_INVALID_ARGUMENT, "spec is NULL");
    CHECK_FAILS(routellm_evaluate(spec, strlen(spec), stop, NULL, NULL, &report, &err), ROUTELLM_CANCELLED, "");
    routellm_cancel_token_cancel(token);
    CHECK_FAILS(routellm_evaluate(spec, strlen(spec), NULL, NULL, token, NULL, &err), ROUTELLM_CANCELLED, "");
    CHECK(report == NULL);
    routellm_cancel_token_free(token);
}

int main(int argc, char **argv)
{
    char gold[TEXT], spec[2 * TEXT];

    if (argc != 2) {
        return 2;
    }
    CHECK(snprintf(gold, sizeof gold, "%s/evaluated.jsonl", argv[1]) < (int)sizeof gold);
    CHECK(snprintf(spec, sizeof spec,
                   "{\"routers\": [\"default\"], \"data\": [\"%s\"], \"draws\": 20, \"robustness\": 0}",
                   gold) < (int)sizeof spec);
    write_gold(gold);
    evaluates(spec);
    refuses(spec);
    return report();
}
