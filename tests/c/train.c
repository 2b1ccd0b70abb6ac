/* Training through a specification: train WORK, a folder to write in. */
#include <math.h>

#include "check.h"

enum { ROWS = 90, TEXT = 8192 };

typedef struct {
    int calls;
    int stop_at;
    int wrong;
} steps;

static int32_t hear(void *user, const routellm_progress *progress)
{
    steps *heard = user;

    heard->calls++;
    heard->wrong += progress->struct_size != sizeof *progress || progress->stage[0] == '\0' ||
                    progress->done > progress->total || (!isnan(progress->loss) && progress->loss < 0.0) ||
                    (!isnan(progress->rate) && progress->rate < 0.0);
    return heard->calls == heard->stop_at;
}

/* Hard prompts are those with "integral" in them: the strong model solves all, the weak one the easy ones. */
static void write_gold(const char *path)
{
    FILE *file = fopen(path, "w");
    int i;

    CHECK(file != NULL);
    for (i = 0; file != NULL && i < ROWS; i++) {
        fprintf(file, "{\"prompt\": \"%s %d\", \"big\": true, \"small\": %s}\n",
                i % 3 == 0 ? "integral of x number" : "greet person", i, i % 3 == 0 ? "false" : "true");
    }
    if (file != NULL) {
        CHECK(fclose(file) == 0);
    }
}

static void trains(const char *spec, const char *out)
{
    routellm_error *err = NULL;
    routellm_string *report = NULL;
    routellm_router *router = NULL;
    steps heard = {0, 0, 0};
    double hard = -1.0, easy = -1.0;

    CHECK_OK(routellm_train(spec, strlen(spec), hear, &heard, NULL, &report, &err));
    CHECK(heard.calls > 2 && heard.wrong == 0);
    CHECK(report != NULL && strstr(routellm_string_data(report), "\"kind\":\"linear\"") != NULL);
    CHECK(report != NULL && strstr(routellm_string_data(report), "\"calibration_prompts\":90") != NULL);
    routellm_string_free(report);
    CHECK_OK(routellm_router_open(out, NULL, &router, &err));
    CHECK(strcmp(routellm_router_strong(router), "big") == 0);
    CHECK_OK(routellm_win_rate(router, "integral of x number 7", 22, &hard, &err));
    CHECK_OK(routellm_win_rate(router, "greet person 7", 14, &easy, &err));
    CHECK(hard > easy);
    routellm_router_free(router);
    /* Nobody has to listen, or want a report. */
    CHECK_OK(routellm_train(spec, strlen(spec), NULL, NULL, NULL, NULL, &err));
}

static void stops(const char *spec)
{
    routellm_error *err = NULL;
    routellm_string *report = NULL;
    routellm_cancel_token *token = routellm_cancel_token_new();
    steps heard = {0, 2, 0};

    CHECK_FAILS(routellm_train(spec, strlen(spec), hear, &heard, NULL, &report, &err), ROUTELLM_CANCELLED, "training");
    CHECK(heard.calls == 2 && report == NULL);
    routellm_cancel_token_cancel(token);
    CHECK_FAILS(routellm_train(spec, strlen(spec), NULL, NULL, token, NULL, &err), ROUTELLM_CANCELLED, "");
    routellm_cancel_token_free(token);
}

static void refuses(void)
{
    static const struct {
        const char *spec;
        routellm_status status;
        const char *part;
    } wrong[] = {
        {"", ROUTELLM_INVALID_ARGUMENT, "specification"},
        {"[]", ROUTELLM_INVALID_ARGUMENT, "specification"},
        {"{\"trainer\": {\"kind\": \"forest\"}, \"sources\": [], \"out\": \"x\"}", ROUTELLM_INVALID_ARGUMENT,
         "expected one of `linear`"},
        {"{\"trainer\": {\"kind\": \"linear\"}, \"sources\": [], \"out\": \"x\"}", ROUTELLM_INVALID_ARGUMENT,
         "sources is empty"},
        {"{\"trainer\": {\"kind\": \"linear\"}, \"sources\": [{\"kind\": \"gold\", \"path\": \"/nowhere/g.csv\"}], "
         "\"out\": \"x\"}",
         ROUTELLM_NOT_FOUND, "/nowhere/g.csv"},
        {"{\"trainer\": {\"kind\": \"linear\"}, \"sources\": [{\"kind\": \"gold\", \"rows\": [{\"prompt\": \"p\", "
         "\"a\": 1, \"b\": 0}, {\"a\": 1}]}], \"out\": \"x\"}",
         ROUTELLM_INVALID_ARGUMENT, "line 2"},
    };
    routellm_error *err = NULL;
    size_t i;

    for (i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        CHECK_FAILS(routellm_train(wrong[i].spec, strlen(wrong[i].spec), NULL, NULL, NULL, NULL, &err),
                    wrong[i].status, wrong[i].part);
    }
    CHECK_FAILS(routellm_train(NULL, 3, NULL, NULL, NULL, NULL, &err), ROUTELLM_INVALID_ARGUMENT, "spec is NULL");
}

int main(int argc, char **argv)
{
    char gold[TEXT], out[TEXT], spec[4 * TEXT];

    if (argc != 2) {
        return 2;
    }
    CHECK(snprintf(gold, sizeof gold, "%s/gold.jsonl", argv[1]) < (int)sizeof gold);
    CHECK(snprintf(out, sizeof out, "%s/trained", argv[1]) < (int)sizeof out);
    CHECK(snprintf(spec, sizeof spec,
                   "{\"trainer\": {\"kind\": \"linear\", \"bits\": 10, \"folds\": 3, \"lambdas\": [0.1, 1]}, "
                   "\"sources\": [{\"kind\": \"gold\", \"path\": \"%s\"}], \"strong\": \"big\", \"weak\": \"small\", "
                   "\"seed\": 7, \"out\": \"%s\"}",
                   gold, out) < (int)sizeof spec);
    write_gold(gold);
    trains(spec, out);
    stops(spec);
    refuses();
    return report();
}
