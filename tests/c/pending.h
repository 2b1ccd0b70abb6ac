/* Calls without waiting: how many have ended and how. Needs pthreads. */
#ifndef PENDING_H
#define PENDING_H

#include <pthread.h>

#include "check.h"

/* The highest status, and one more for those that are not known. */
enum { STATUSES = ROUTELLM_REMOTE + 2 };

struct pending {
    pthread_mutex_t lock;
    pthread_cond_t ended;
    long begun;
    long told;
    long by_status[STATUSES];
    /* Of the last one that was told: its first decision, how many there were, or the error's message. */
    routellm_decision decision;
    size_t count;
    char message[512];
    /* Those that told what cannot be: a status that its error denies, or decisions with an error. */
    long strange;
};

static inline void pending_init(struct pending *pending)
{
    memset(pending, 0, sizeof *pending);
    pthread_mutex_init(&pending->lock, NULL);
    pthread_cond_init(&pending->ended, NULL);
}

/* The callback; `user` is the struct. */
static inline void pending_told(void *user, routellm_status status, const routellm_decision *decisions, size_t count,
                                const routellm_error *error)
{
    struct pending *pending = (struct pending *)user;

    pthread_mutex_lock(&pending->lock);
    pending->told++;
    pending->by_status[status >= 0 && status < STATUSES - 1 ? status : STATUSES - 1]++;
    pending->strange += status == ROUTELLM_OK ? error != NULL : count != 0 || routellm_error_status(error) != status;
    pending->count = count;
    if (count > 0) {
        pending->decision = decisions[0];
    }
    pending->message[0] = '\0';
    if (error != NULL) {
        snprintf(pending->message, sizeof pending->message, "%s", routellm_error_message(error));
    }
    pthread_cond_broadcast(&pending->ended);
    pthread_mutex_unlock(&pending->lock);
}

/* Waits until as many calls were told. One that never is leaves the program to its alarm(). */
static inline void pending_wait(struct pending *pending, long told)
{
    pthread_mutex_lock(&pending->lock);
    while (pending->told < told) {
        pthread_cond_wait(&pending->ended, &pending->lock);
    }
    pthread_mutex_unlock(&pending->lock);
}

static inline long pending_count(struct pending *pending)
{
    long told;

    pthread_mutex_lock(&pending->lock);
    told = pending->told;
    pthread_mutex_unlock(&pending->lock);
    return told;
}

/* A number of stats, or -1. */
static inline long pending_stat(const routellm_router *router, const char *name)
{
    routellm_string *json = NULL;
    const char *found = NULL;
    char key[64];
    long value = -1;

    if (routellm_router_stats_json(router, &json, NULL) == ROUTELLM_OK) {
        snprintf(key, sizeof key, "\"%s\":", name);
        found = strstr(routellm_string_data(json), key);
        value = found == NULL ? -1 : strtol(found + strlen(key), NULL, 10);
    }
    routellm_string_free(json);
    return value;
}

#endif
