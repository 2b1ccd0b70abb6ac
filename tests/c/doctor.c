/* What a report of a defect has to say. */
#include "check.h"

/* Whether every part is in the report. */
static int has_all(const routellm_string *json, const char *const *parts)
{
    const char *text = routellm_string_data(json);

    if (text == NULL || routellm_string_len(json) != strlen(text)) {
        return 0;
    }
    for (; *parts != NULL; parts++) {
        if (strstr(text, *parts) == NULL) {
            printf("  %s is not in %s\n", *parts, text);
            return 0;
        }
    }
    return 1;
}

int main(int argc, char **argv)
{
    static const char *const parts[] = {"\"versions\":{\"routellm\":\"" ROUTELLM_VERSION "\"", "\"runtime\":{\"found\":",
                                        "\"gpu\":{\"cuda\":", "\"cpu\":{\"architecture\":", "\"kernel\":",
                                        "\"form\":\"compiled_in\"", "\"environment\":{", "\"language\":null", NULL};
    static const char *const artifact[] = {"\"form\":\"artifact\"", "\"kind\":\"sw_ranking\"", "\"checksums\":true",
                                           NULL};
    static const char *const missing[] = {"\"form\":\"missing\"", "no such folder", NULL};
    static const char *const found[] = {"\"found\":true", "\"CPUExecutionProvider\"", "ROUTELLM_ORT_PATH)", NULL};
    const char *named = getenv("ROUTELLM_ORT_PATH");
    char folder[4096];
    routellm_error *err = NULL;
    routellm_string *json = NULL;

    if (argc != 2) {
        fprintf(stderr, "usage: doctor CONFORMANCE\n");
        return 2;
    }
    CHECK_OK(routellm_doctor(&json, &err));
    CHECK(has_all(json, parts));
    if (named != NULL && *named != '\0') {
        CHECK(has_all(json, found));
    }
    routellm_string_free(json);
    json = NULL;
    snprintf(folder, sizeof folder, "%s/sw-caller", argv[1]);
    CHECK_OK(routellm_doctor_of(folder, &json, &err));
    CHECK(has_all(json, artifact));
    routellm_string_free(json);
    json = NULL;
    CHECK_OK(routellm_doctor_of("/nowhere/at/all", &json, &err));
    CHECK(has_all(json, missing));
    routellm_string_free(json);
    json = NULL;
    CHECK_FAILS(routellm_doctor(NULL, &err), ROUTELLM_INVALID_ARGUMENT, "json");
    CHECK_FAILS(routellm_doctor_of(NULL, &json, &err), ROUTELLM_INVALID_ARGUMENT, "folder");
    CHECK(json == NULL);
    return report();
}
