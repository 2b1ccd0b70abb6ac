/* Reads the cases of exported models that cases.py writes. For C99 and C++17. */
#ifndef EXPORTS_H
#define EXPORTS_H

#include "cases.h"

enum { EXPORTS_OPTIONS = 32, EXPORTS_PROMPTS = 32 };

/* A text, malloc'ed, or a number if that is NULL. */
struct exports_option {
    const char *key;
    char *text;
    unsigned long number;
};

struct exports_prompt {
    /* malloc'ed. */
    char *text;
    size_t len;
    double win_rate;
    int strong;
    int truncated;
    int no_score;
};

struct exports_case {
    const char *name;
    const char *folder;
    /* The kind of error of opening, or NULL, and a part of its message. */
    const char *error;
    const char *message;
    double threshold;
    double tolerance;
    struct exports_option option[EXPORTS_OPTIONS];
    int options;
    struct exports_prompt prompt[EXPORTS_PROMPTS];
    int prompts;
};

/* Cuts the next line into fields, of which there must be as many; field[0] is the kind of line. */
static inline int exports_fields(struct cases_file *file, const char **field, int most)
{
    int count = 0;
    int last = 0;

    while (!last) {
        size_t length = strcspn(file->next, "\t\n");
        if (count == most || file->next[length] == '\0') {
            cases_die("malformed line of", count == 0 ? "nothing" : field[0]);
        }
        last = file->next[length] == '\n';
        file->next[length] = '\0';
        field[count++] = file->next;
        file->next += length + 1;
    }
    return count;
}

/* The next case, or 0 at the end. Names stay in the file's memory; the rest is freed by exports_free(). */
static inline int exports_next(struct cases_file *file, struct exports_case *out)
{
    const char *field[6];
    size_t len;

    if (*file->next == '\0') {
        return 0;
    }
    if (exports_fields(file, field, 6) != 5) {
        cases_die("malformed case", field[0]);
    }
    out->name = field[1];
    out->folder = field[2];
    out->error = strcmp(field[0], "refused") == 0 ? field[3] : NULL;
    out->message = field[4];
    out->threshold = out->error == NULL ? cases_double(field[3]) : 0.0;
    out->tolerance = out->error == NULL ? cases_double(field[4]) : 0.0;
    out->options = 0;
    out->prompts = 0;
    for (;;) {
        const int count = exports_fields(file, field, 6);
        if (strcmp(field[0], "end") == 0) {
            return 1;
        }
        if (strcmp(field[0], "option") == 0 && count == 4 && out->options < EXPORTS_OPTIONS) {
            struct exports_option *option = &out->option[out->options++];
            const int number = strcmp(field[2], "number") == 0;
            option->key = field[1];
            option->text = number ? NULL : (char *)cases_bytes(field[3], &len);
            option->number = number ? strtoul(field[3], NULL, 10) : 0;
        } else if (strcmp(field[0], "prompt") == 0 && count == 6 && out->prompts < EXPORTS_PROMPTS) {
            struct exports_prompt *prompt = &out->prompt[out->prompts++];
            prompt->text = (char *)cases_bytes(field[1], &prompt->len);
            prompt->win_rate = cases_double(field[2]);
            prompt->strong = strcmp(field[3], "strong") == 0;
            prompt->truncated = field[4][0] == '1';
            prompt->no_score = field[5][0] == '1';
        } else {
            cases_die("malformed line of", out->name);
        }
    }
}

static inline void exports_free(struct exports_case *one)
{
    int i;

    for (i = 0; i < one->options; i++) {
        free(one->option[i].text);
    }
    for (i = 0; i < one->prompts; i++) {
        free(one->prompt[i].text);
    }
}

/* Whether a decision is the expected one. The side does not count for a win rate that lies on the line. */
static inline int exports_match(const struct exports_case *one, const struct exports_prompt *expected,
                                double tolerance, double win_rate, int strong, int truncated, int no_score)
{
    const double difference = win_rate - expected->win_rate;
    const double distance = expected->win_rate - one->threshold;

    return difference <= tolerance && difference >= -tolerance && truncated == expected->truncated &&
           no_score == expected->no_score &&
           (strong == expected->strong || (distance <= tolerance && distance >= -tolerance));
}

/* A JSON object {name: [bits]} of win rates, for the comparison of languages. */
static inline void exports_write(struct cases_out *out, const char *name, const double *rates, int count)
{
    int i;

    if (out->stream == NULL) {
        return;
    }
    fprintf(out->stream, "%s\"%s\": [", out->count++ == 0 ? "{" : ", ", name);
    for (i = 0; i < count; i++) {
        uint64_t bits;
        memcpy(&bits, &rates[i], sizeof bits);
        fprintf(out->stream, "%s\"%08lx%08lx\"", i == 0 ? "" : ", ", (unsigned long)(bits >> 32),
                (unsigned long)(bits & 0xffffffffu));
    }
    fputs("]", out->stream);
}

/* On a GPU win rates round otherwise. */
static inline double exports_tolerance(const struct exports_case *one, int cuda)
{
    return cuda && one->tolerance < 1e-4 ? 1e-4 : one->tolerance;
}

#endif
