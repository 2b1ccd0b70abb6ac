/* Options as a JSON object, the list of them, and the fields of a decision that they ask for. */
#include <stdlib.h>

#include "check.h"

static const routellm_status BAD = ROUTELLM_INVALID_ARGUMENT;

static routellm_status set(routellm_open_options *options, const char *json, routellm_error **err)
{
    return routellm_open_options_set_json(options, json, strlen(json), err);
}

static void objects(void)
{
    routellm_open_options *options = routellm_open_options_new();
    routellm_router *router = NULL;
    routellm_error *err = NULL;
    routellm_decision decision = ROUTELLM_DECISION_INIT;
    routellm_decision next = ROUTELLM_DECISION_INIT;

    CHECK_OK(routellm_router_open_default(NULL, &router, &err));
    CHECK_OK(routellm_route(router, "Why?", 4, NULL, &decision, &err));
    CHECK(decision.propensity == 1.0 && decision.id[0] == 0);
    routellm_router_free(router);

    CHECK_OK(set(options, "{\"ids\": true, \"read\": \"all_user\", \"strong\": null}", &err));
    CHECK_OK(routellm_router_open_default(options, &router, &err));
    CHECK_OK(routellm_route(router, "Why?", 4, NULL, &decision, &err));
    CHECK_OK(routellm_route(router, "Why?", 4, NULL, &next, &err));
    CHECK(strlen(decision.id) == 36 && strcmp(decision.id, next.id) < 0);
    routellm_router_free(router);
    router = NULL;

    /* What is wrong is said by name, and changes nothing. */
    CHECK_FAILS(set(options, "{\"ids\": false, \"sessions\": 0}", &err), BAD,
                "sessions is 0, expected a whole number from 1 to 256");
    CHECK_FAILS(set(options, "{\"sesions\": 1}", &err), BAD, "unknown option \"sesions\"");
    CHECK_FAILS(set(options, "{\"mode\": 1}", &err), BAD, "mode is 1, expected \"exact\" or \"reference\"");
    CHECK_FAILS(set(options, "[]", &err), BAD, "JSON object");
    CHECK_FAILS(set(NULL, "{}", &err), BAD, "options is NULL");
    CHECK_FAILS(routellm_open_options_set_json(options, NULL, 2, &err), BAD, "json is NULL");
    CHECK_OK(routellm_router_open_default(options, &router, &err));
    CHECK_OK(routellm_route(router, "Why?", 4, NULL, &next, &err));
    CHECK(strlen(next.id) == 36);
    routellm_router_free(router);
    routellm_open_options_free(options);
}

static void table(void)
{
    routellm_error *err = NULL;
    const size_t count = routellm_option_count();
    int sessions = 0;
    size_t i;

    CHECK(count > 20);
    for (i = 0; i < count; i++) {
        routellm_option option = ROUTELLM_OPTION_INIT;
        char json[128];
        routellm_open_options *options = routellm_open_options_new();

        CHECK_OK(routellm_option_at(i, &option, &err));
        CHECK(option.struct_size == sizeof option && option.name[0] != 0 && option.documentation[0] != 0);
        CHECK(option.group[0] != 0 && option.default_value[0] != 0 && option.since[0] != 0);
        /* Whatever it is, a list of a flag is none of its values: the message says what is expected. */
        snprintf(json, sizeof json, "{\"%s\": [true]}", option.name);
        CHECK_FAILS(set(options, json, &err), BAD, option.name);
        routellm_open_options_free(options);
        if (strcmp(option.name, "sessions") == 0) {
            sessions++;
            CHECK(strcmp(option.value_type, "count") == 0 && strcmp(option.group, "session") == 0);
            CHECK(strcmp(option.expected, "a whole number from 1 to 256") == 0);
        }
    }
    CHECK(sessions == 1);
    {
        routellm_option option = ROUTELLM_OPTION_INIT;

        CHECK_FAILS(routellm_option_at(count, &option, &err), BAD, "options");
        CHECK(option.name == NULL);
        CHECK_FAILS(routellm_option_at(0, NULL, &err), BAD, "option is NULL");
        option.struct_size--;
        CHECK_FAILS(routellm_option_at(0, &option, &err), BAD, "struct_size");
    }
}

static void names(void)
{
    routellm_open_options *options = routellm_open_options_new();
    routellm_route_options *all = routellm_route_options_new();
    routellm_router *router = NULL;
    routellm_error *err = NULL;
    routellm_decision decision = ROUTELLM_DECISION_INIT;
    routellm_string *json = NULL;

    CHECK_OK(routellm_open_options_add_name(options, "strong", "gpt-5", &err));
    CHECK_OK(set(options, "{\"ids\": true}", &err));
    CHECK_OK(routellm_open_options_add_name(options, "weak", "gpt-5-mini", &err));
    CHECK_OK(routellm_router_open_default(options, &router, &err));
    CHECK(strcmp(routellm_router_strong(router), "gpt-5") == 0);
    CHECK(strcmp(routellm_router_weak(router), "gpt-5-mini") == 0);
    CHECK_OK(routellm_route_options_set_strong_share(all, 1.0, &err));
    CHECK_OK(routellm_route(router, "Why?", 4, all, &decision, &err));
    CHECK(strcmp(decision.model, "gpt-5") == 0);
    CHECK_OK(routellm_router_info_json(router, &json, &err));
    CHECK(strstr(routellm_string_data(json), "\"names\":{") != NULL);
    routellm_string_free(json);
    routellm_router_free(router);
    router = NULL;
    CHECK_OK(routellm_open_options_add_name(options, "nobody", "x", &err));
    CHECK_FAILS(routellm_router_open_default(options, &router, &err), BAD, "names has \"nobody\"");
    CHECK_FAILS(routellm_open_options_add_name(options, NULL, "x", &err), BAD, "of is NULL");
    CHECK_FAILS(routellm_open_options_add_name(NULL, "strong", "x", &err), BAD, "options is NULL");
    routellm_route_options_free(all);
    routellm_open_options_free(options);
}

int main(void)
{
    objects();
    names();
    table();
    return report();
}
