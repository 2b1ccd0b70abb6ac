/* One crossing from Go to C for each call: options are made, used and freed on this side. */
#ifndef ROUTELLM_GO_GLUE_H
#define ROUTELLM_GO_GLUE_H

#include <stdint.h>
#include <stdlib.h>

#include <routellm.h>

/* What a call asks for. Absent numbers stand beside a 0. */
typedef struct {
    double threshold;
    double strong_share;
    double timeout_ms;
    int32_t has_threshold;
    int32_t has_strong_share;
    int32_t has_timeout;
    int32_t read;
    int32_t has_read;
    int32_t on_error;
    int32_t is_default;
} go_route_options;

/* The JSON names a candidate. */
#define GO_ON_ERROR_BY_NAME (-1)

/* What is asked for seldom comes as `json`. */
static inline routellm_status go_options(const go_route_options *wanted, const char *json, size_t json_len,
                                         const routellm_cancel_token *token,
                                         routellm_route_options **out, routellm_error **err)
{
    routellm_status status = ROUTELLM_OK;
    routellm_route_options *options = NULL;

    *out = NULL;
    if (wanted->is_default && token == NULL) {
        return ROUTELLM_OK;
    }
    options = routellm_route_options_new();
    if (wanted->has_threshold) {
        status = routellm_route_options_set_threshold(options, wanted->threshold, err);
    }
    if (status == ROUTELLM_OK && wanted->has_strong_share) {
        status = routellm_route_options_set_strong_share(options, wanted->strong_share, err);
    }
    if (status == ROUTELLM_OK && json_len > 0) {
        status = routellm_route_options_set_json(options, json, json_len, err);
    }
    if (status == ROUTELLM_OK && wanted->on_error != GO_ON_ERROR_BY_NAME) {
        status = routellm_route_options_set_on_error(options, wanted->on_error, err);
    }
    if (status == ROUTELLM_OK && wanted->on_error != ROUTELLM_ON_ERROR_RAISE) {
        status = routellm_route_options_set_keep_fallback_errors(options, 1, err);
    }
    if (status == ROUTELLM_OK && wanted->has_timeout) {
        status = routellm_route_options_set_timeout_ms(options, wanted->timeout_ms, err);
    }
    if (status == ROUTELLM_OK && wanted->has_read) {
        status = routellm_route_options_set_read(options, wanted->read, err);
    }
    if (status == ROUTELLM_OK && token != NULL) {
        status = routellm_route_options_set_cancel(options, token, err);
    }
    if (status != ROUTELLM_OK) {
        routellm_route_options_free(options);
        return status;
    }
    *out = options;
    return ROUTELLM_OK;
}

/* No status of the library: the call takes too long for the caller's thread, and nothing was done. */
#define GO_NOT_QUICK (-2)

static inline routellm_status go_route(const routellm_router *router, const char *prompt, size_t len,
                                       const go_route_options *wanted, const char *json, size_t json_len,
                                       routellm_decision *decision,
                                       routellm_error **err)
{
    routellm_route_options *options;
    routellm_status status;

    if (!routellm_router_is_quick(router, len)) {
        return GO_NOT_QUICK;
    }
    status = go_options(wanted, json, json_len, NULL, &options, err);
    if (status == ROUTELLM_OK) {
        decision->struct_size = sizeof *decision;
        status = routellm_route(router, prompt, len, options, decision, err);
        routellm_route_options_free(options);
    }
    return status;
}

static inline routellm_status go_route_messages(const routellm_router *router, const char *chat, size_t len,
                                                const go_route_options *wanted, const char *json, size_t json_len,
                                                routellm_decision *decision,
                                                routellm_error **err)
{
    routellm_route_options *options;
    routellm_status status;

    if (!routellm_router_is_quick(router, len)) {
        return GO_NOT_QUICK;
    }
    status = go_options(wanted, json, json_len, NULL, &options, err);
    if (status == ROUTELLM_OK) {
        decision->struct_size = sizeof *decision;
        status = routellm_route_messages(router, chat, len, options, decision, err);
        routellm_route_options_free(options);
    }
    return status;
}

static inline routellm_status go_route_embedding(const routellm_router *router, const float *values, size_t dimension,
                                                 const go_route_options *wanted, const char *json, size_t json_len,
                                                 routellm_decision *decision,
                                                 routellm_error **err)
{
    routellm_route_options *options;
    routellm_status status = go_options(wanted, json, json_len, NULL, &options, err);

    if (status == ROUTELLM_OK) {
        decision->struct_size = sizeof *decision;
        status = routellm_route_embedding(router, values, dimension, options, decision, err);
        routellm_route_options_free(options);
    }
    return status;
}

/* For routers with a hook: Go does not let the one above call back. */
static inline routellm_status go_route_embedding_heard(const routellm_router *router, const float *values,
                                                       size_t dimension, const go_route_options *wanted,
                                                       const char *json, size_t json_len,
                                                       routellm_decision *decision, routellm_error **err)
{
    return go_route_embedding(router, values, dimension, wanted, json, json_len, decision, err);
}

static inline routellm_status go_threshold(const routellm_router *router, const go_route_options *wanted,
                                           const char *json, size_t json_len,
                                           double *threshold, routellm_error **err)
{
    routellm_route_options *options;
    routellm_status status = go_options(wanted, json, json_len, NULL, &options, err);

    if (status == ROUTELLM_OK) {
        status = routellm_threshold(router, options, threshold, err);
        routellm_route_options_free(options);
    }
    return status;
}

/*
 * Go memory that C reads may hold no Go pointers, so that a batch comes as one text and the lengths of its parts.
 * NULL if there is no memory.
 */
static inline routellm_text *go_texts(const char *joined, const size_t *lengths, size_t count)
{
    routellm_text *texts = (routellm_text *)calloc(count == 0 ? 1 : count, sizeof *texts);
    size_t i;

    for (i = 0; texts != NULL && i < count; i++) {
        texts[i].data = lengths[i] == 0 ? NULL : joined;
        texts[i].len = lengths[i];
        joined += lengths[i];
    }
    return texts;
}

/* For few short prompts. -1 if there is no memory; `bytes` is the length of them all, with something for each. */
static inline routellm_status go_route_batch(const routellm_router *router, int32_t messages, const char *joined,
                                             const size_t *lengths, size_t count, size_t bytes,
                                             const go_route_options *wanted, const char *json, size_t json_len,
                                             routellm_decision *decisions, routellm_error **err)
{
    routellm_route_options *options;
    routellm_text *texts;
    routellm_status status;

    if (!routellm_router_is_quick(router, bytes)) {
        return GO_NOT_QUICK;
    }
    status = go_options(wanted, json, json_len, NULL, &options, err);
    if (status != ROUTELLM_OK) {
        return status;
    }
    texts = go_texts(joined, lengths, count);
    if (texts == NULL) {
        status = -1;
    } else {
        if (count > 0) {
            decisions[0].struct_size = sizeof decisions[0];
        }
        status = messages ? routellm_route_batch_messages(router, texts, count, options, decisions, err)
                          : routellm_route_batch(router, texts, count, options, decisions, err);
    }
    free(texts);
    routellm_route_options_free(options);
    return status;
}

/* Written in Go: takes what the call `user` came to. */
extern void routellmGoDone(uintptr_t user, routellm_status status, routellm_decision *decisions, size_t count,
                           routellm_error *error);

static inline void go_done(void *user, routellm_status status, const routellm_decision *decisions, size_t count,
                           const routellm_error *error)
{
    /* Go knows no const; it changes neither. */
    routellmGoDone((uintptr_t)user, status, (routellm_decision *)decisions, count, (routellm_error *)error);
}

/* Written in Go: the hook `user` hears of a decision, and is not needed any more. */
extern void routellmGoHear(uintptr_t user, routellm_decision_event *event);
extern void routellmGoForget(uintptr_t user);

static inline void go_hear(void *user, const routellm_decision_event *event)
{
    /* Go knows no const; it changes nothing. */
    routellmGoHear((uintptr_t)user, (routellm_decision_event *)event);
}

static inline void go_forget(void *user)
{
    routellmGoForget((uintptr_t)user);
}

extern void routellmGoNotice(uintptr_t user, char *message);

static inline void go_notice(void *user, const char *message)
{
    /* Go knows no const; it changes nothing. */
    routellmGoNotice((uintptr_t)user, (char *)message);
}

static inline routellm_status go_on_notice(const routellm_router *router, uintptr_t user, routellm_error **err)
{
    return routellm_router_on_notice(router, go_notice, (void *)user, go_forget, err);
}

static inline routellm_status go_on_decision(const routellm_router *router, uintptr_t user, routellm_error **err)
{
    return routellm_router_on_decision(router, go_hear, (void *)user, go_forget, err);
}

/* Written in Go: the listener `user` hears how far a training has come, and says 0 to go on. */
extern int32_t routellmGoProgress(uintptr_t user, routellm_progress *progress);

static inline int32_t go_progress(void *user, const routellm_progress *progress)
{
    /* Go knows no const; it changes nothing. */
    return routellmGoProgress((uintptr_t)user, (routellm_progress *)progress);
}

/* Without a listener `user` is 0. */
static inline routellm_status go_train(const char *spec, size_t len, uintptr_t user,
                                       const routellm_cancel_token *token, routellm_string **report,
                                       routellm_error **err)
{
    return routellm_train(spec, len, user == 0 ? NULL : go_progress, (void *)user, token, report, err);
}

/* As go_train. */
static inline routellm_status go_evaluate(const char *spec, size_t len, uintptr_t user,
                                          const routellm_cancel_token *token, routellm_string **report,
                                          routellm_error **err)
{
    return routellm_evaluate(spec, len, user == 0 ? NULL : go_progress, (void *)user, token, report, err);
}

/* As go_train. */
static inline routellm_status go_calibrate(const routellm_router *router, const char *spec, size_t len, uintptr_t user,
                                           const routellm_cancel_token *token, routellm_router **calibrated,
                                           routellm_error **err)
{
    return routellm_router_calibrate(router, spec, len, user == 0 ? NULL : go_progress, (void *)user, token,
                                     calibrated, NULL, err);
}

/* After ROUTELLM_OK, and only then, routellmGoDone is called with `user`, perhaps before this returns. */
static inline routellm_status go_route_async(const routellm_router *router, int32_t messages, const char *prompt,
                                             size_t len, const go_route_options *wanted, const char *json,
                                             size_t json_len,
                                             const routellm_cancel_token *token, uintptr_t user, routellm_error **err)
{
    routellm_route_options *options;
    routellm_status status = go_options(wanted, json, json_len, token, &options, err);

    if (status == ROUTELLM_OK) {
        status = messages ? routellm_route_messages_async(router, prompt, len, options, go_done, (void *)user, err)
                          : routellm_route_async(router, prompt, len, options, go_done, (void *)user, err);
        routellm_route_options_free(options);
    }
    return status;
}

/* As go_route_async(). -1 if there is no memory. */
static inline routellm_status go_route_batch_async(const routellm_router *router, int32_t messages,
                                                   const char *joined, const size_t *lengths, size_t count,
                                                   const go_route_options *wanted, const char *json, size_t json_len,
                                                   const routellm_cancel_token *token, uintptr_t user,
                                                   routellm_error **err)
{
    routellm_route_options *options;
    routellm_text *texts;
    routellm_status status = go_options(wanted, json, json_len, token, &options, err);

    if (status != ROUTELLM_OK) {
        return status;
    }
    texts = go_texts(joined, lengths, count);
    if (texts == NULL) {
        status = -1;
    } else if (messages) {
        status = routellm_route_batch_messages_async(router, texts, count, options, go_done, (void *)user, err);
    } else {
        status = routellm_route_batch_async(router, texts, count, options, go_done, (void *)user, err);
    }
    free(texts);
    routellm_route_options_free(options);
    return status;
}

/* Questions about inputs, whose data are memory of Go. */

#define GO_ASK(call) \
    routellm_input input = {data, len, kind}; \
    routellm_route_options *options; \
    routellm_status status = go_options(wanted, json, json_len, token, &options, err); \
    if (status == ROUTELLM_OK) { \
        status = call; \
        routellm_route_options_free(options); \
    } \
    return status

static inline routellm_status go_candidate_scores_of(const routellm_router *router, const void *data, size_t len,
                                                     int32_t kind, const go_route_options *wanted, const char *json,
                                                     size_t json_len,
                                                     const routellm_cancel_token *token, double *out, size_t count,
                                                     routellm_error **err)
{
    GO_ASK(routellm_candidate_scores_of(router, &input, options, out, count, err));
}

static inline routellm_status go_similarity_of(const routellm_router *router, const void *data, size_t len,
                                               int32_t kind, const go_route_options *wanted, const char *json,
                                               size_t json_len,
                                               const routellm_cancel_token *token, double *out, routellm_error **err)
{
    GO_ASK(routellm_similarity_of(router, &input, options, out, err));
}

static inline routellm_status go_embed_of(const routellm_router *router, const void *data, size_t len, int32_t kind,
                                          const go_route_options *wanted, const char *json, size_t json_len,
                                          const routellm_cancel_token *token,
                                          float *out, size_t count, routellm_error **err)
{
    GO_ASK(routellm_embed_of(router, &input, options, out, count, err));
}

static inline routellm_status go_explain_of(const routellm_router *router, const void *data, size_t len, int32_t kind,
                                            const go_route_options *wanted, const char *json, size_t json_len,
                                            const routellm_cancel_token *token,
                                            size_t k, routellm_string **out, routellm_error **err)
{
    GO_ASK(routellm_explain_of(router, &input, k, options, out, err));
}

/* The data of the inputs are pinned. */
static inline routellm_status go_win_rates_of(const routellm_router *router, const routellm_input *inputs, size_t count,
                                              const go_route_options *wanted, const char *json, size_t json_len,
                                              const routellm_cancel_token *token,
                                              double *out, routellm_error **err)
{
    routellm_route_options *options;
    routellm_status status = go_options(wanted, json, json_len, token, &options, err);

    if (status == ROUTELLM_OK) {
        status = routellm_win_rates_of(router, inputs, count, options, out, err);
        routellm_route_options_free(options);
    }
    return status;
}

/* As go_win_rates_of(): `models` numbers for each input. */
static inline routellm_status go_qualities_of(const routellm_router *router, const routellm_input *inputs, size_t count,
                                              const go_route_options *wanted, const char *json, size_t json_len,
                                              const routellm_cancel_token *token, double *out, size_t models,
                                              routellm_error **err)
{
    routellm_route_options *options;
    routellm_status status = go_options(wanted, json, json_len, token, &options, err);

    if (status == ROUTELLM_OK) {
        status = routellm_qualities_of(router, inputs, count, options, out, models, err);
        routellm_route_options_free(options);
    }
    return status;
}

static inline routellm_status go_win_rate(const routellm_router *router, const char *prompt, size_t len,
                                          double *win_rate, routellm_error **err)
{
    return routellm_router_is_quick(router, len) ? routellm_win_rate(router, prompt, len, win_rate, err) : GO_NOT_QUICK;
}

static inline routellm_status go_win_rates(const routellm_router *router, const char *joined, const size_t *lengths,
                                           size_t count, const routellm_cancel_token *token, double *win_rates,
                                           routellm_error **err)
{
    routellm_text *texts = go_texts(joined, lengths, count);
    routellm_status status = -1;

    if (texts != NULL) {
        status = routellm_win_rates(router, texts, count, token, win_rates, err);
    }
    free(texts);
    return status;
}

#endif
