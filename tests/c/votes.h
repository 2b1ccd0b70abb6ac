/* Reads the cases of routers with votes that cases.py writes. For C99 and C++17. */
#ifndef VOTES_H
#define VOTES_H

#include "cases.h"

/* How a router is opened, and what it is called or how it is refused. Absent texts are NULL. */
struct votes_router {
    int refused;
    /* The name of the router, or the kind of error. */
    const char *name;
    const char *folder;
    const char *strong;
    const char *weak;
    const char *mode;
    const char *out_of_distribution;
    const char *min_similarity;
    const char *open_clusters;
    const char *error_target;
};

struct votes_case {
    const char *router;
    const char *id;
    int embedding;
    /* A prompt, or float32; malloc'ed. */
    unsigned char *data;
    size_t len;
    double threshold;
    size_t k;
    /* The kind of error that is expected, or NULL. */
    const char *error;
    double win_rate;
    int strong;
    double similarity;
    /* To any vote; `similarity` is that of the decision. */
    double largest;
    int out_of_distribution;
};

enum votes_line { VOTES_END, VOTES_ROUTER, VOTES_CASE };

/* The next line: a router, a case, or the end. Texts stay in the file's memory. */
static inline enum votes_line votes_next(struct cases_file *file, struct votes_router *router,
                                         struct votes_case *out)
{
    const char *field[12];
    size_t i = 0;
    int last = 0;

    if (*file->next == '\0') {
        return VOTES_END;
    }
    while (!last) {
        size_t length = strcspn(file->next, "\t\n");
        if (i == 12 || file->next[length] == '\0') {
            cases_die("malformed line of", field[0]);
        }
        last = file->next[length] == '\n';
        file->next[length] = '\0';
        field[i++] = file->next;
        file->next += length + 1;
    }
    if (strcmp(field[0], "router") == 0 || strcmp(field[0], "refused") == 0) {
        const char **options[] = {&router->strong,         &router->weak,          &router->mode,
                                  &router->out_of_distribution, &router->min_similarity, &router->open_clusters,
                                  &router->error_target};
        if (i != 10) {
            cases_die("malformed router", field[1]);
        }
        router->refused = strcmp(field[0], "refused") == 0;
        router->name = field[1];
        router->folder = field[2];
        for (i = 0; i < 7; i++) {
            *options[i] = strcmp(field[3 + i], "-") == 0 ? NULL : field[3 + i];
        }
        return VOTES_ROUTER;
    }
    if (i != 12) {
        cases_die("malformed case of", field[0]);
    }
    out->embedding = strcmp(field[0], "values") == 0;
    out->router = field[1];
    out->id = field[2];
    out->data = cases_bytes(field[3], &out->len);
    out->threshold = cases_double(field[4]);
    out->k = (size_t)strtoul(field[5], NULL, 10);
    out->error = strcmp(field[6], "error") == 0 ? field[7] : NULL;
    out->win_rate = out->error == NULL ? cases_double(field[7]) : 0.0;
    out->strong = strcmp(field[8], "strong") == 0;
    out->similarity = out->error == NULL ? cases_double(field[9]) : 0.0;
    out->largest = out->error == NULL ? cases_double(field[11]) : 0.0;
    out->out_of_distribution = strcmp(field[10], "1") == 0;
    return VOTES_CASE;
}

/* SIZE_MAX for `all`. */
static inline size_t votes_clusters(const char *text)
{
    return strcmp(text, "all") == 0 ? (size_t)-1 : (size_t)strtoul(text, NULL, 10);
}

#endif
