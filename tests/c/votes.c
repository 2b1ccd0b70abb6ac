/*
 * Routers with votes: votes CASES EXPLANATIONS. Runs the cases, writes a line with the id and the explanation of each
 * to EXPLANATIONS, where they are compared, and checks what the cases do not say.
 */
#include <math.h>
#include <stddef.h>

#include "check.h"
#include "votes.h"

enum { ROUTERS = 64, DIMENSION = 8 };

static const char *names[ROUTERS];
static routellm_router *routers[ROUTERS];
static int count;

static const routellm_router *named(const char *name)
{
    int i;

    for (i = 0; i < count; i++) {
        if (strcmp(names[i], name) == 0) {
            return routers[i];
        }
    }
    cases_die("no router", name);
    return NULL;
}

#define SET(call)                                                                                                  \
    do {                                                                                                           \
        if (status == ROUTELLM_OK) {                                                                               \
            status = (call);                                                                                       \
        }                                                                                                          \
    } while (0)

static routellm_status open_router(const struct votes_router *how, routellm_router **router, routellm_error **err)
{
    routellm_open_options *options = routellm_open_options_new();
    routellm_status status = ROUTELLM_OK;

    if (how->strong != NULL) {
        SET(routellm_open_options_set_strong(options, how->strong, err));
    }
    if (how->weak != NULL) {
        SET(routellm_open_options_set_weak(options, how->weak, err));
    }
    if (how->mode != NULL) {
        SET(routellm_open_options_set_mode(options, how->mode[0] - '0', err));
    }
    if (how->out_of_distribution != NULL) {
        SET(routellm_open_options_set_out_of_distribution(options, how->out_of_distribution[0] - '0', err));
    }
    if (how->min_similarity != NULL) {
        SET(routellm_open_options_set_min_similarity(options, cases_double(how->min_similarity), err));
    }
    if (how->open_clusters != NULL) {
        SET(routellm_open_options_set_open_clusters(options, votes_clusters(how->open_clusters), err));
    }
    if (how->error_target != NULL) {
        SET(routellm_open_options_set_error_target(options, cases_double(how->error_target), err));
    }
    SET(routellm_router_open(how->folder, options, router, err));
    routellm_open_options_free(options);
    return status;
}

static void opening(const struct votes_router *how)
{
    routellm_error *err = NULL;
    routellm_router *router = NULL;
    const routellm_status status = open_router(how, &router, &err);

    if (how->refused) {
        check_that(strcmp(routellm_status_name(status), how->name) == 0 && router == NULL, how->folder, __FILE__,
                   __LINE__);
    } else {
        check_that(status == ROUTELLM_OK && count < ROUTERS, how->name, __FILE__, __LINE__);
        names[count] = how->name;
        routers[count++] = router;
    }
    routellm_error_free(err);
}

/* Same bits. */
static int same(double a, double b)
{
    return memcmp(&a, &b, sizeof a) == 0;
}

static void run(const struct votes_case *one, FILE *out)
{
    const routellm_router *router = named(one->router);
    routellm_route_options *options = routellm_route_options_new();
    routellm_decision decision = ROUTELLM_DECISION_INIT;
    routellm_error *errs[3] = {NULL, NULL, NULL};
    routellm_status status[3];
    routellm_string *json = NULL;
    double similarity = NAN;
    int ok = routellm_route_options_set_threshold(options, one->threshold, NULL) == ROUTELLM_OK;
    int i;

    if (one->embedding) {
        const float *values = (const float *)(const void *)one->data;
        const size_t dimension = one->len / sizeof *values;
        status[0] = routellm_route_embedding(router, values, dimension, options, &decision, &errs[0]);
        status[1] = routellm_similarity_from_embedding(router, values, dimension, &similarity, &errs[1]);
        status[2] = routellm_explain_embedding(router, values, dimension, one->k, &json, &errs[2]);
    } else {
        const char *text = (const char *)one->data;
        status[0] = routellm_route(router, text, one->len, options, &decision, &errs[0]);
        status[1] = routellm_similarity(router, text, one->len, &similarity, &errs[1]);
        status[2] = routellm_explain(router, text, one->len, one->k, &json, &errs[2]);
    }
    for (i = 0; i < 3; i++) {
        ok = ok && strcmp(routellm_status_name(status[i]), one->error == NULL ? "Ok" : one->error) == 0 &&
             (errs[i] == NULL) == (one->error == NULL);
    }
    if (one->error == NULL) {
        ok = ok && same(decision.win_rate, one->win_rate) && same(decision.similarity, one->similarity) &&
             same(similarity, one->largest) && decision.out_of_distribution == one->out_of_distribution &&
             decision.side == (one->strong ? ROUTELLM_SIDE_STRONG : ROUTELLM_SIDE_WEAK) && decision.no_score == 0;
        fprintf(out, "%s\t%s\n", one->id, routellm_string_data(json));
    } else {
        ok = ok && json == NULL && isnan(similarity) && decision.side == 0;
    }
    check_that(ok, one->id, __FILE__, __LINE__);
    if (!ok) {
        printf("  expected %s, %.17g, %.17g, got %s, %s, %s, %.17g, %.17g, %.17g\n",
               one->error == NULL ? "Ok" : one->error, one->win_rate, one->similarity,
               routellm_status_name(status[0]), routellm_status_name(status[1]), routellm_status_name(status[2]),
               decision.win_rate, decision.similarity, similarity);
    }
    for (i = 0; i < 3; i++) {
        routellm_error_free(errs[i]);
    }
    routellm_string_free(json);
    routellm_route_options_free(options);
}

/* A caller of the first version knows no similarity, and finds nothing written behind what it knows. */
static void old_callers(void)
{
    enum { COUNT = 3 };
    const routellm_router *router = named("hashed");
    const size_t old = offsetof(routellm_decision, similarity);
    const routellm_text texts[COUNT] = {{"What is 2+2?", 12}, {"a", 1}, {NULL, 0}};
    routellm_decision batch[COUNT] = {ROUTELLM_DECISION_INIT, ROUTELLM_DECISION_INIT, ROUTELLM_DECISION_INIT};
    /* Aligned memory for COUNT old structs and what must not be touched. */
    routellm_decision memory[COUNT + 1];
    routellm_decision guard;
    routellm_error *err = NULL;
    int i;

    memset(&guard, 0x5a, sizeof guard);
    memset(memory, 0x5a, sizeof memory);
    memory[0].struct_size = old;
    CHECK_OK(routellm_route_batch(router, texts, COUNT, NULL, batch, &err));
    CHECK_OK(routellm_route_batch(router, texts, COUNT, NULL, memory, &err));
    for (i = 0; i < COUNT; i++) {
        const unsigned char *element = (const unsigned char *)memory + (size_t)i * old;
        routellm_decision expected = batch[i];
        expected.struct_size = old;
        CHECK(memcmp(element, &expected, old) == 0);
        CHECK(batch[i].similarity >= -1.0 && batch[i].similarity <= 1.0);
    }
    CHECK(memcmp((const unsigned char *)memory + COUNT * old, &guard, sizeof guard) == 0);
}

static void rest(void)
{
    const routellm_router *hashed = named("hashed");
    const routellm_router *clustered = named("clustered");
    routellm_route_options *options = routellm_route_options_new();
    routellm_decision decision = ROUTELLM_DECISION_INIT;
    routellm_error *err = NULL;
    routellm_string *json = NULL;
    float embedding[DIMENSION];
    double similarity = 0.0;

    /* Hashed features of this kind are dense: given, and not taken. */
    CHECK(routellm_router_embedding_dimension(hashed) == 0);
    CHECK(routellm_router_embed_dimension(hashed) == DIMENSION);
    CHECK_OK(routellm_embed(hashed, "a", 1, embedding, DIMENSION, &err));
    CHECK(routellm_router_embedding_dimension(clustered) == DIMENSION);
    CHECK(routellm_router_embed_dimension(clustered) == 0);
    CHECK_FAILS(routellm_explain_embedding(hashed, embedding, DIMENSION, 1, &json, &err), ROUTELLM_INVALID_ARGUMENT,
                "hashed");
    CHECK_FAILS(routellm_explain_embedding(clustered, embedding, DIMENSION - 1, 1, &json, &err),
                ROUTELLM_INVALID_ARGUMENT, "8");
    CHECK_FAILS(routellm_explain(hashed, "\xff", 1, 1, &json, &err), ROUTELLM_INVALID_ARGUMENT, "UTF-8");
    CHECK_FAILS(routellm_similarity(hashed, "\xff", 1, &similarity, &err), ROUTELLM_INVALID_ARGUMENT, "UTF-8");
    embedding[3] = NAN;
    CHECK_FAILS(routellm_similarity_from_embedding(clustered, embedding, DIMENSION, &similarity, &err),
                ROUTELLM_INVALID_ARGUMENT, "NaN in dimension 3");
    CHECK(json == NULL && similarity == 0.0);

    /* More votes than there are: all of them. */
    CHECK_OK(routellm_explain(hashed, "a", 1, (size_t)-1, &json, &err));
    CHECK(strstr(routellm_string_data(json), "\"votes\":[{\"row\":") != NULL);
    routellm_string_free(json);
    json = NULL;
    CHECK_OK(routellm_router_info_json(clustered, &json, &err));
    CHECK(strstr(routellm_string_data(json), "\"kind\":\"sw_ranking\"") != NULL);
    CHECK(strstr(routellm_string_data(json), "\"votes\":{\"count\":") != NULL);
    routellm_string_free(json);

    /* Without a score there is no similarity. */
    CHECK_OK(routellm_route_options_set_on_error(options, ROUTELLM_ON_ERROR_WEAK, &err));
    CHECK_OK(routellm_route(named("hashed-abstains"), "\xff", 1, options, &decision, &err));
    CHECK(decision.fallback == 1 && isnan(decision.similarity) && decision.out_of_distribution == 0);
    routellm_route_options_free(options);
}

int main(int argc, char **argv)
{
    struct cases_file file;
    struct votes_router how;
    struct votes_case one = {0};
    enum votes_line line;
    FILE *out;
    int cases = 0;

    if (argc != 3 || (out = fopen(argv[2], "w")) == NULL) {
        fprintf(stderr, "usage: votes CASES EXPLANATIONS\n");
        return 2;
    }
    file = cases_open(argv[1]);
    while ((line = votes_next(&file, &how, &one)) != VOTES_END) {
        if (line == VOTES_ROUTER) {
            opening(&how);
        } else {
            run(&one, out);
            free(one.data);
            cases++;
        }
    }
    CHECK(fclose(out) == 0);
    CHECK(count >= 5 && cases >= 40);
    old_callers();
    rest();
    while (count > 0) {
        routellm_router_free(routers[--count]);
    }
    free(file.text);
    return report();
}
