/* Reads the file of cases.py. For C99 and C++17. */
#ifndef CASES_H
#define CASES_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct cases_case {
    int embedding;
    const char *router;
    const char *id;
    int messages;
    /* Prompt or JSON, or little-endian float32; malloc'ed. */
    unsigned char *data;
    size_t len;
    /* The kind of error that is expected, or NULL. */
    const char *error;
    double win_rate;
    int strong;
    /* -1 if it is not said. */
    int truncated;
};

struct cases_file {
    char *text;
    char *next;
};

static inline void cases_die(const char *what, const char *detail)
{
    fprintf(stderr, "%s: %s\n", what, detail);
    exit(2);
}

static inline struct cases_file cases_open(const char *path)
{
    struct cases_file file;
    long size;
    FILE *stream = fopen(path, "rb");

    if (stream == NULL || fseek(stream, 0, SEEK_END) != 0 || (size = ftell(stream)) < 0) {
        cases_die(path, "cannot be read");
    }
    rewind(stream);
    file.text = (char *)malloc((size_t)size + 1);
    if (file.text == NULL || fread(file.text, 1, (size_t)size, stream) != (size_t)size) {
        cases_die(path, "cannot be read");
    }
    fclose(stream);
    file.text[size] = '\0';
    file.next = file.text;
    return file;
}

static inline int cases_digit(char c)
{
    return c >= 'a' ? c - 'a' + 10 : c - '0';
}

/* The bits of a double, as 16 hexadecimal digits. */
static inline double cases_double(const char *digits)
{
    uint64_t bits = 0;
    double value;
    int i;

    for (i = 0; i < 16; i++) {
        bits = bits << 4 | (uint64_t)cases_digit(digits[i]);
    }
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* The bytes behind hexadecimal digits, `-` for none, with a NUL after them; malloc'ed. */
static inline unsigned char *cases_bytes(const char *digits, size_t *len)
{
    unsigned char *data;
    size_t i;

    *len = strcmp(digits, "-") == 0 ? 0 : strlen(digits) / 2;
    data = (unsigned char *)malloc(*len + 1);
    if (data == NULL) {
        cases_die("no memory for", digits);
    }
    for (i = 0; i < *len; i++) {
        data[i] = (unsigned char)(cases_digit(digits[2 * i]) << 4 | cases_digit(digits[2 * i + 1]));
    }
    data[*len] = '\0';
    return data;
}

/* The next case, or 0 at the end. Names stay in the file's memory. */
static inline int cases_next(struct cases_file *file, struct cases_case *out)
{
    char *field[9];
    size_t i;

    if (*file->next == '\0') {
        return 0;
    }
    for (i = 0; i < 9; i++) {
        size_t length = strcspn(file->next, " \n");
        field[i] = file->next;
        if (file->next[length] == '\0' || (file->next[length] == '\n') != (i == 8)) {
            cases_die("malformed line of", field[0]);
        }
        file->next[length] = '\0';
        file->next += length + 1;
    }
    out->embedding = strcmp(field[0], "embedding") == 0;
    out->router = field[1];
    out->id = field[2];
    out->messages = strcmp(field[3], "messages") == 0;
    out->data = cases_bytes(field[4], &out->len);
    out->error = strcmp(field[5], "error") == 0 ? field[6] : NULL;
    out->win_rate = out->error == NULL ? cases_double(field[6]) : 0.0;
    out->strong = strcmp(field[7], "strong") == 0;
    out->truncated = strcmp(field[8], "-") == 0 ? -1 : field[8][0] == '1';
    return 1;
}

/* Of this project's own arithmetic every bit counts; encoders round as the CPU does. */
static inline int cases_close(const struct cases_case *expected, double win_rate)
{
    double difference = expected->win_rate - win_rate;

    if (expected->embedding || strcmp(expected->router, "default") == 0) {
        return memcmp(&expected->win_rate, &win_rate, sizeof win_rate) == 0;
    }
    return difference <= 1e-4 && difference >= -1e-4;
}

/* Whether the side must be the file's: not for an encoder's win rate that lies on the line. */
static inline int cases_side(const struct cases_case *expected, double threshold, int strong)
{
    double distance = expected->win_rate - threshold;

    return expected->strong == strong ||
           (!expected->embedding && strcmp(expected->router, "default") != 0 && distance <= 1e-4 &&
            distance >= -1e-4);
}

/* A JSON object {id: bits} of the encoder's win rates, for the comparison of languages. Ids come sorted. */
struct cases_out {
    FILE *stream;
    int count;
};

static inline void cases_write(struct cases_out *out, const struct cases_case *done, double win_rate)
{
    uint64_t bits;

    if (out->stream != NULL && !done->embedding && strcmp(done->router, "mf-minilm") == 0) {
        memcpy(&bits, &win_rate, sizeof bits);
        fprintf(out->stream, "%s\"%s\": \"%08lx%08lx\"", out->count++ == 0 ? "{" : ", ", done->id,
                (unsigned long)(bits >> 32), (unsigned long)(bits & 0xffffffffu));
    }
}

#endif
