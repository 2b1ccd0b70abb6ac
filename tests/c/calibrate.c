/* A router is calibrated from an array of win rates and from JSON, kept, opened again, and notices a threshold. */

#include "check.h"

static int heard;

static void hear(void *user, const char *message)
{
    CHECK(user == &heard);
    CHECK(strstr(message, "threshold 0.6 is above every win rate of the calibration sample (0.2 to 0.5)") == message);
    heard++;
}

static double default_threshold(const routellm_router *router)
{
    routellm_decision decision = ROUTELLM_DECISION_INIT;
    CHECK(routellm_route(router, "hi", 2, NULL, &decision, NULL) == ROUTELLM_OK);
    return decision.threshold;
}

int main(int argc, char **argv)
{
    const double rates[] = {0.2, 0.3, 0.4, 0.5};
    const char *spec = "{\"win_rates\": [0.2, 0.3, 0.4, 0.5], \"strong_share\": 0.5, \"further_requests\": 100}";
    char path[4096];
    routellm_router *router = NULL, *one = NULL, *other = NULL, *opened = NULL;
    routellm_string *text = NULL;
    routellm_open_options *options = NULL;
    routellm_route_options *call = NULL;
    routellm_decision decision = ROUTELLM_DECISION_INIT;

    CHECK(argc == 2);
    snprintf(path, sizeof path, "%s/calibration.json", argv[1]);
    CHECK(routellm_router_open_default(NULL, &router, NULL) == ROUTELLM_OK);
    CHECK(routellm_router_calibrate_win_rates(router, rates, 4, 0.5, 100, &one, &text, NULL) == ROUTELLM_OK);
    CHECK(strstr(routellm_string_data(text), "\"prediction_interval\"") != NULL);
    CHECK(strstr(routellm_string_data(text), "\"further_requests\":100") != NULL);
    routellm_string_free(text);
    CHECK(routellm_router_calibrate(router, spec, strlen(spec), NULL, NULL, NULL, &other, NULL, NULL) == ROUTELLM_OK);
    CHECK(default_threshold(one) == 0.4 && default_threshold(other) == 0.4);
    text = NULL;
    CHECK(routellm_router_calibration_report(router, &text, NULL) == ROUTELLM_OK && text == NULL);
    CHECK(routellm_router_calibration_report(other, &text, NULL) == ROUTELLM_OK && text != NULL);
    routellm_string_free(text);
    CHECK(routellm_router_save_calibration(one, path, NULL) == ROUTELLM_OK);
    CHECK(routellm_router_save_calibration(router, path, NULL) == ROUTELLM_INVALID_ARGUMENT);
    options = routellm_open_options_new();
    CHECK(routellm_open_options_set_calibration(options, path, NULL) == ROUTELLM_OK);
    CHECK(routellm_router_open_default(options, &opened, NULL) == ROUTELLM_OK);
    CHECK(default_threshold(opened) == 0.4);
    CHECK(routellm_router_on_notice(opened, hear, &heard, NULL, NULL) == ROUTELLM_OK);
    call = routellm_route_options_new();
    CHECK(routellm_route_options_set_threshold(call, 0.6, NULL) == ROUTELLM_OK);
    CHECK(routellm_route(opened, "hi", 2, call, &decision, NULL) == ROUTELLM_OK);
    CHECK(routellm_route(opened, "hi", 2, call, &decision, NULL) == ROUTELLM_OK);
    CHECK(heard == 1);
    CHECK(routellm_router_on_notice(opened, NULL, NULL, NULL, NULL) == ROUTELLM_OK);
    CHECK(routellm_router_calibrate_win_rates(router, rates, 1, 0.5, 0, &one, NULL, NULL) == ROUTELLM_INVALID_ARGUMENT);
    routellm_route_options_free(call);
    routellm_open_options_free(options);
    routellm_router_free(opened);
    routellm_router_free(other);
    routellm_router_free(one);
    routellm_router_free(router);
    return report();
}
