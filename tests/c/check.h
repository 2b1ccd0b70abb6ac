/* Counting checks. A program of checks ends with `return report();`. */
#ifndef CHECK_H
#define CHECK_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <routellm.h>

static int check_passed;
static int check_failed;

static inline void check_that(int ok, const char *what, const char *file, int line)
{
    if (ok) {
        check_passed++;
    } else {
        check_failed++;
        printf("%s:%d: failed: %s\n", file, line, what);
    }
}

/* A status that is as expected, with an error that agrees; frees the error. `part` must occur in the message. */
static inline void check_status(routellm_status got, routellm_status expected, const char *part,
                                routellm_error **err, const char *what, const char *file, int line)
{
    int ok = got == expected;
    if (ok && expected == ROUTELLM_OK) {
        ok = *err == NULL;
    } else if (ok) {
        ok = *err != NULL && routellm_error_status(*err) == expected &&
             strcmp(routellm_error_name(*err), routellm_status_name(expected)) == 0 &&
             strstr(routellm_error_message(*err), part) != NULL;
    }
    check_that(ok, what, file, line);
    if (!ok) {
        printf("  expected %s with \"%s\", got %s: %s\n", routellm_status_name(expected), part,
               routellm_status_name(got), *err == NULL ? "no error" : routellm_error_message(*err));
    }
    routellm_error_free(*err);
    *err = NULL;
}

#define CHECK(condition) check_that((condition) ? 1 : 0, #condition, __FILE__, __LINE__)
/* These two need a variable `err`, which is NULL between them. */
#define CHECK_OK(call) check_status((call), ROUTELLM_OK, "", &err, #call, __FILE__, __LINE__)
#define CHECK_FAILS(call, status, part) check_status((call), (status), (part), &err, #call, __FILE__, __LINE__)

/* Says what is not tested and why, in the form that the suite counts. */
static inline void check_skipped(const char *what, const char *reason)
{
    printf("skipped: %s: %s\n", what, reason);
}

/* Whether a router did not open because there is no ONNX Runtime. Where one is named, it has to be there. */
static inline int check_no_runtime(routellm_status status)
{
    const char *named = getenv("ROUTELLM_ORT_PATH");

    return status == ROUTELLM_RUNTIME_UNAVAILABLE && (named == NULL || *named == '\0');
}

static inline int report(void)
{
    printf("%d passed, %d failed\n", check_passed, check_failed);
    return check_failed != 0;
}

#endif
