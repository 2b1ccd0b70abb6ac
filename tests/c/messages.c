/* Runs the cases of chats, and hears of their fallbacks: messages CASES. */
#include "messages.h"

#include "check.h"

static routellm_route_options *options_of(int32_t read, int32_t on_error)
{
    routellm_error *err = NULL;
    routellm_route_options *options = routellm_route_options_new();

    CHECK_OK(routellm_route_options_set_threshold(options, 0.5, &err));
    CHECK_OK(routellm_route_options_set_read(options, read, &err));
    CHECK_OK(routellm_route_options_set_on_error(options, on_error, &err));
    return options;
}

/* The chat alone, or as the second of a batch. */
static routellm_status route(const routellm_router *router, const struct messages_case *one, int in_batch,
                             int32_t on_error, routellm_decision *decision, routellm_error **err)
{
    routellm_route_options *options = options_of(one->read, on_error);
    const char *json = (const char *)one->json;
    routellm_status status;

    if (in_batch) {
        routellm_text chats[2] = {{"\"fine\"", 6}, {NULL, 0}};
        routellm_decision decisions[2] = {ROUTELLM_DECISION_INIT, ROUTELLM_DECISION_INIT};
        chats[1].data = json;
        chats[1].len = one->json_len;
        status = routellm_route_batch_messages(router, chats, 2, options, decisions, err);
        *decision = decisions[1];
    } else {
        status = routellm_route_messages(router, json, one->json_len, options, decision, err);
    }
    routellm_route_options_free(options);
    return status;
}

static void run(const routellm_router *router, const struct messages_case *one, int in_batch)
{
    routellm_decision decision = ROUTELLM_DECISION_INIT;
    routellm_error *err = NULL;
    int before = check_failed;

    if (one->error == NULL) {
        routellm_decision expected = ROUTELLM_DECISION_INIT;
        routellm_route_options *options = options_of(one->read, ROUTELLM_ON_ERROR_RAISE);
        CHECK_OK(routellm_route(router, (const char *)one->prompt, one->prompt_len, options, &expected, &err));
        CHECK_OK(route(router, one, in_batch, ROUTELLM_ON_ERROR_RAISE, &decision, &err));
        CHECK(memcmp(&decision, &expected, sizeof decision) == 0);
        routellm_route_options_free(options);
    } else {
        routellm_status status = route(router, one, in_batch, ROUTELLM_ON_ERROR_RAISE, &decision, &err);
        CHECK(strcmp(routellm_status_name(status), one->error) == 0);
        CHECK(!in_batch || strstr(routellm_error_message(err), "prompt 1: ") != NULL);
        routellm_error_free(err);
        err = NULL;
        status = route(router, one, in_batch, ROUTELLM_ON_ERROR_STRONG, &decision, &err);
        CHECK((status == ROUTELLM_OK) == one->covered);
        CHECK(status != ROUTELLM_OK || (decision.fallback == 1 && decision.side == ROUTELLM_SIDE_STRONG));
        routellm_error_free(err);
    }
    if (check_failed != before) {
        printf("  in case %s%s\n", one->id, in_batch ? ", in a batch" : "");
    }
}

static void prompt(const struct messages_case *one)
{
    routellm_string *string = NULL;
    routellm_error *err = NULL;
    const routellm_status status =
        routellm_read_messages((const char *)one->json, one->json_len, one->read, &string, &err);

    if (one->error == NULL) {
        CHECK(status == ROUTELLM_OK && routellm_string_len(string) == one->prompt_len &&
              memcmp(routellm_string_data(string), one->prompt, one->prompt_len) == 0);
    } else {
        CHECK(status == ROUTELLM_INVALID_ARGUMENT && string == NULL);
    }
    routellm_string_free(string);
    routellm_error_free(err);
}

struct heard {
    int calls, freed;
    routellm_status status;
    uint64_t count;
    char message[400];
};

static void listen(void *user, routellm_status status, uint64_t count, const char *message)
{
    struct heard *heard = (struct heard *)user;

    heard->calls++;
    heard->status = status;
    heard->count = count;
    snprintf(heard->message, sizeof heard->message, "%s", message);
}

static void freed(void *user)
{
    ((struct heard *)user)->freed++;
}

static void fallbacks(void)
{
    static const char SECRET[] = "[{\"role\":\"user\",\"content\":\"secret \\ud83c\"}]";
    routellm_error *err = NULL;
    routellm_router *router = NULL, *clone;
    routellm_route_options *options = options_of(ROUTELLM_READ_LAST_USER, ROUTELLM_ON_ERROR_WEAK);
    routellm_decision decision = ROUTELLM_DECISION_INIT;
    routellm_string *string = NULL;
    static struct heard heard, later;
    int i;

    CHECK_OK(routellm_router_open_default(NULL, &router, &err));
    clone = routellm_router_clone(router);
    CHECK_FAILS(routellm_router_on_fallback(router, NULL, &heard, NULL, &err), ROUTELLM_INVALID_ARGUMENT, "NULL");
    CHECK_OK(routellm_router_on_fallback(router, listen, &heard, freed, &err));
    for (i = 0; i < 5; i++) {
        CHECK_OK(routellm_route_messages(clone, SECRET, sizeof SECRET - 1, options, &decision, &err));
        CHECK(decision.fallback == 1 && decision.fallback_status == ROUTELLM_INVALID_ARGUMENT);
        CHECK(decision.fallback_warning == (i == 0 ? 1u : 0u));
    }
    CHECK(routellm_router_fallbacks(router) == 5);
    CHECK(heard.calls == 1 && heard.status == ROUTELLM_INVALID_ARGUMENT && heard.count == 1);
    CHECK(strstr(heard.message, "InvalidArgument") != NULL && strstr(heard.message, "secret") == NULL);
    CHECK_OK(routellm_fallback_message(heard.status, heard.count, &string, &err));
    CHECK(string != NULL && strcmp(routellm_string_data(string), heard.message) == 0);
    routellm_string_free(string);
    string = NULL;
    CHECK_FAILS(routellm_fallback_message(ROUTELLM_OK, 1, &string, &err), ROUTELLM_INVALID_ARGUMENT, "no warning");
    CHECK_FAILS(routellm_fallback_message(1, 0, &string, &err), ROUTELLM_INVALID_ARGUMENT, "no warning");
    CHECK_OK(routellm_router_on_fallback(router, listen, &later, freed, &err));
    CHECK(heard.freed == 1);
    routellm_router_free(router);
    CHECK(later.freed == 0);
    routellm_router_free(clone);
    CHECK(later.freed == 1 && later.calls == 0 && heard.freed == 1);
    routellm_route_options_free(options);
}

static void refusals(void)
{
    static const char CHAT[] = "[{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"user\",\"content\":\"b\"}]";
    routellm_error *err = NULL;
    routellm_router *router = NULL;
    routellm_open_options *open = routellm_open_options_new();
    routellm_route_options *options = routellm_route_options_new();
    routellm_decision decision = ROUTELLM_DECISION_INIT, expected = ROUTELLM_DECISION_INIT;
    routellm_string *string = NULL;
    const float value = 0.0f;

    CHECK_FAILS(routellm_route_options_set_read(options, 3, &err), ROUTELLM_INVALID_ARGUMENT, "read is 3");
    CHECK_FAILS(routellm_open_options_set_read(open, -1, &err), ROUTELLM_INVALID_ARGUMENT, "read is -1");
    CHECK_FAILS(routellm_read_messages(CHAT, sizeof CHAT - 1, 9, &string, &err), ROUTELLM_INVALID_ARGUMENT, "read");
    CHECK_OK(routellm_open_options_set_read(open, ROUTELLM_READ_ALL_USER, &err));
    CHECK_OK(routellm_router_open_default(open, &router, &err));
    CHECK_OK(routellm_route_messages(router, CHAT, sizeof CHAT - 1, NULL, &decision, &err));
    CHECK_OK(routellm_route(router, "a\nb", 3, NULL, &expected, &err));
    CHECK(decision.win_rate == expected.win_rate);
    CHECK_OK(routellm_route_options_set_read(options, ROUTELLM_READ_LAST_USER, &err));
    CHECK_OK(routellm_route_messages(router, CHAT, sizeof CHAT - 1, options, &decision, &err));
    CHECK_OK(routellm_route(router, "b", 1, options, &expected, &err));
    CHECK(decision.win_rate == expected.win_rate);
    CHECK_FAILS(routellm_route_embedding(router, &value, 1, options, &decision, &err), ROUTELLM_INVALID_ARGUMENT,
                "read has no effect");
    CHECK_FAILS(routellm_route_messages(router, NULL, 3, NULL, &decision, &err), ROUTELLM_INVALID_ARGUMENT, "json");
    CHECK_FAILS(routellm_route_messages(NULL, CHAT, 1, NULL, &decision, &err), ROUTELLM_INVALID_ARGUMENT, "router");
    CHECK_OK(routellm_route_batch_messages(router, NULL, 0, NULL, NULL, &err));
    routellm_router_free(router);
    routellm_open_options_free(open);
    routellm_route_options_free(options);
}

int main(int argc, char **argv)
{
    struct cases_file file;
    struct messages_case one;
    routellm_router *router = NULL;
    routellm_error *err = NULL;

    if (argc != 2) {
        fprintf(stderr, "usage: messages CASES\n");
        return 2;
    }
    CHECK_OK(routellm_router_open_default(NULL, &router, &err));
    file = cases_open(argv[1]);
    while (messages_next(&file, &one)) {
        if (one.alone) {
            prompt(&one);
            run(router, &one, 0);
        }
        if (one.in_batch) {
            run(router, &one, 1);
        }
        free(one.json);
        free(one.prompt);
    }
    CHECK(check_passed > 300);
    free(file.text);
    routellm_router_free(router);
    fallbacks();
    refusals();
    return report();
}
