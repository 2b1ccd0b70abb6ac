/* What a compiled program relies on: numbers, sizes and places. */
#include <stddef.h>

#include "check.h"

int main(void)
{
    CHECK(routellm_abi_version() == ROUTELLM_ABI_VERSION);
    CHECK(ROUTELLM_ABI_VERSION == 0);
    CHECK(strcmp(routellm_version(), ROUTELLM_VERSION) == 0);

    CHECK(sizeof(routellm_status) == 4);
    CHECK(sizeof(void *) != 8 || sizeof(routellm_decision) == 152);
    CHECK(offsetof(routellm_decision, struct_size) == 0);
    CHECK(sizeof(void *) != 8 || offsetof(routellm_decision, win_rate) == 8);
    CHECK(sizeof(void *) != 8 || offsetof(routellm_decision, threshold) == 16);
    CHECK(sizeof(void *) != 8 || offsetof(routellm_decision, model) == 24);
    CHECK(sizeof(void *) != 8 || offsetof(routellm_decision, fallback_error) == 32);
    CHECK(sizeof(void *) != 8 || offsetof(routellm_decision, side) == 40);
    CHECK(sizeof(void *) != 8 || offsetof(routellm_decision, truncated) == 44);
    CHECK(sizeof(void *) != 8 || offsetof(routellm_decision, fallback) == 48);
    CHECK(sizeof(void *) != 8 || offsetof(routellm_decision, fallback_status) == 52);
    CHECK(sizeof(void *) != 8 || offsetof(routellm_decision, similarity) == 56);
    CHECK(sizeof(void *) != 8 || offsetof(routellm_decision, out_of_distribution) == 64);
    CHECK(sizeof(void *) != 8 || offsetof(routellm_decision, no_score) == 68);
    CHECK(sizeof(void *) != 8 || offsetof(routellm_decision, fallback_warning) == 72);
    CHECK(sizeof(void *) != 8 || offsetof(routellm_decision, propensity) == 80);
    CHECK(sizeof(void *) != 8 || offsetof(routellm_decision, id) == 88);
    CHECK(sizeof(void *) != 8 || offsetof(routellm_decision, candidate) == 128);
    CHECK(sizeof(void *) != 8 || offsetof(routellm_decision, quality) == 136);
    CHECK(sizeof(void *) != 8 || offsetof(routellm_decision, expected_cost) == 144);
    CHECK(sizeof(void *) != 8 || sizeof(routellm_option) == 64);
    CHECK(sizeof(void *) != 8 || sizeof(routellm_decision_event) == 120);
    CHECK(offsetof(routellm_decision_event, struct_size) == 0);
    CHECK(sizeof(void *) != 8 || offsetof(routellm_decision_event, id) == 8);
    CHECK(sizeof(void *) != 8 || offsetof(routellm_decision_event, model) == 16);
    CHECK(sizeof(void *) != 8 || offsetof(routellm_decision_event, win_rate) == 24);
    CHECK(sizeof(void *) != 8 || offsetof(routellm_decision_event, threshold) == 32);
    CHECK(sizeof(void *) != 8 || offsetof(routellm_decision_event, propensity) == 40);
    CHECK(sizeof(void *) != 8 || offsetof(routellm_decision_event, queue_ns) == 48);
    CHECK(sizeof(void *) != 8 || offsetof(routellm_decision_event, score_ns) == 56);
    CHECK(sizeof(void *) != 8 || offsetof(routellm_decision_event, total_ns) == 64);
    CHECK(sizeof(void *) != 8 || offsetof(routellm_decision_event, index) == 72);
    CHECK(sizeof(void *) != 8 || offsetof(routellm_decision_event, batch_size) == 80);
    CHECK(sizeof(void *) != 8 || offsetof(routellm_decision_event, side) == 88);
    CHECK(sizeof(void *) != 8 || offsetof(routellm_decision_event, fallback_status) == 92);
    CHECK(sizeof(void *) != 8 || offsetof(routellm_decision_event, candidate) == 96);
    CHECK(sizeof(void *) != 8 || offsetof(routellm_decision_event, quality) == 104);
    CHECK(sizeof(void *) != 8 || offsetof(routellm_decision_event, expected_cost) == 112);
    CHECK(offsetof(routellm_text, data) == 0);
    CHECK(offsetof(routellm_text, len) == sizeof(void *));

    CHECK(strcmp(routellm_status_name(ROUTELLM_OK), "Ok") == 0);
    CHECK(strcmp(routellm_status_name(ROUTELLM_INVALID_ARGUMENT), "InvalidArgument") == 0);
    CHECK(strcmp(routellm_status_name(ROUTELLM_REMOTE), "Remote") == 0);
    CHECK(strcmp(routellm_status_name(-7), "Unknown") == 0);
    CHECK(ROUTELLM_NOT_FOUND == 2 && ROUTELLM_INVALID_MODEL == 3 && ROUTELLM_UNSUPPORTED == 4);
    CHECK(ROUTELLM_RUNTIME_UNAVAILABLE == 5 && ROUTELLM_INFERENCE == 6 && ROUTELLM_TOKENIZE == 7);
    CHECK(ROUTELLM_CANCELLED == 8 && ROUTELLM_RESOURCE_EXHAUSTED == 9 && ROUTELLM_INTERNAL == 10);
    CHECK(ROUTELLM_IO == 11);
    return report();
}
