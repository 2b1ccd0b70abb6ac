/* Reads the file of chats that cases.py writes. For C99 and C++17. */
#ifndef MESSAGES_H
#define MESSAGES_H

#include "cases.h"

struct messages_case {
    const char *id;
    int32_t read;
    /* Whether it is a case alone, and one in a batch. */
    int alone, in_batch;
    /* JSON, and the prompt that comes of it; malloc'ed. */
    unsigned char *json, *prompt;
    size_t json_len, prompt_len;
    /* Instead of a prompt, the kind of error, and whether on_error covers it. */
    const char *error;
    int covered;
};

/* The next field, which it ends with a NUL. */
static inline char *messages_field(char **next)
{
    char *field = *next;
    char *end = field + strcspn(field, "\t\n");

    *next = *end == '\0' ? end : end + 1;
    *end = '\0';
    return field;
}

/* The next case, 0 at the end. */
static inline int messages_next(struct cases_file *file, struct messages_case *one)
{
    const char *places, *kind;

    if (*file->next == '\0') {
        return 0;
    }
    memset(one, 0, sizeof *one);
    one->id = messages_field(&file->next);
    one->read = (int32_t)atoi(messages_field(&file->next));
    places = messages_field(&file->next);
    one->alone = strchr(places, 'a') != NULL;
    one->in_batch = strchr(places, 'b') != NULL;
    one->json = cases_bytes(messages_field(&file->next), &one->json_len);
    kind = messages_field(&file->next);
    if (strcmp(kind, "prompt") == 0) {
        one->prompt = cases_bytes(messages_field(&file->next), &one->prompt_len);
    } else {
        one->error = messages_field(&file->next);
        one->covered = atoi(messages_field(&file->next));
    }
    return 1;
}

#endif
