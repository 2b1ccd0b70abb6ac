/*
 * Routers in forked children: forks MODELS, the folder with the tiny models, which are left out without ONNX Runtime.
 * A child that hangs is ended by its alarm(), and fails.
 */
#include <errno.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "pending.h"

enum { MANY = 5000, FEW = 8, CALLERS = 4, TRIES = 200, WANTED = 3, PATIENCE_S = 300 };

/* How a child ends. */
enum end { AT_ONCE, NORMALLY };

static const char *models;
static char texts[MANY][48];
static routellm_text prompts[MANY];

static const char *path(const char *name)
{
    static char text[4096];

    snprintf(text, sizeof text, "%s/%s", models, name);
    return text;
}

/* What a child works with, and what must come of it. */
struct parent {
    routellm_router *first;
    routellm_router *second;
    const char *first_model;
    const char *second_model;
    size_t threads;
    routellm_decision expected[2];
    enum end end;
};

/* Without routers as yet. */
static struct parent start(size_t threads, enum end end)
{
    const routellm_decision empty = ROUTELLM_DECISION_INIT;
    struct parent parent;

    memset(&parent, 0, sizeof parent);
    parent.threads = threads;
    parent.expected[0] = empty;
    parent.expected[1] = empty;
    parent.end = end;
    return parent;
}

typedef void (*child)(struct parent *parent);

/* In a child: it was refused, because a call was running when it was forked. */
static int refused;

enum { PASSED, FAILED, REFUSED };

/* Forks, and says how the child ended: one of the above, or something else if it was killed. */
static int run_child(child work, struct parent *parent)
{
    int status = 0;
    pid_t pid;

    fflush(stdout);
    pid = fork();
    if (pid == 0) {
        alarm(PATIENCE_S);
        check_failed = 0;
        refused = 0;
        work(parent);
        status = check_failed > 0 ? FAILED : refused ? REFUSED : PASSED;
        if (parent->end == NORMALLY) {
            exit(status);
        }
        fflush(stdout);
        _exit(status);
    }
    if (pid < 0) {
        return -1;
    }
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (WIFSIGNALED(status)) {
        printf("a child was ended by signal %d\n", WTERMSIG(status));
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Whether all checks of the child passed, and it came to its end. */
static int forked(child work, struct parent *parent)
{
    return run_child(work, parent) == PASSED;
}

/* Names belong to a router, which may have been freed. */
static int same(const routellm_decision *a, const routellm_decision *b)
{
    return a->win_rate == b->win_rate && a->side == b->side;
}

static routellm_route_options *half(void)
{
    routellm_route_options *options = routellm_route_options_new();
    routellm_error *err = NULL;

    CHECK_OK(routellm_route_options_set_threshold(options, 0.5, &err));
    CHECK_OK(routellm_route_options_set_timeout_ms(options, 600000.0, &err));
    return options;
}

/* Every way to route gives what it gave in the parent. */
static void use(const routellm_router *router, const routellm_decision *expected)
{
    routellm_route_options *options = half();
    routellm_decision decision = ROUTELLM_DECISION_INIT;
    routellm_decision batch[FEW];
    routellm_error *err = NULL;
    struct pending pending;
    int i;

    for (i = 0; i < FEW; i++) {
        const routellm_decision empty = ROUTELLM_DECISION_INIT;
        batch[i] = empty;
    }
    pending_init(&pending);
    CHECK_OK(routellm_route(router, prompts[0].data, prompts[0].len, options, &decision, &err));
    CHECK(same(&decision, expected));
    CHECK(strcmp(decision.model, decision.side == ROUTELLM_SIDE_STRONG ? routellm_router_strong(router)
                                                                       : routellm_router_weak(router)) == 0);
    CHECK_OK(routellm_route_batch(router, prompts, FEW, options, batch, &err));
    CHECK(same(&batch[0], expected));
    CHECK_OK(routellm_route_async(router, prompts[0].data, prompts[0].len, options, pending_told, &pending, &err));
    pending_wait(&pending, 1);
    CHECK(pending.by_status[ROUTELLM_OK] == 1 && same(&pending.decision, expected));
    CHECK_OK(routellm_route_batch_async(router, prompts, FEW, options, pending_told, &pending, &err));
    pending_wait(&pending, 2);
    CHECK(pending.by_status[ROUTELLM_OK] == 2 && same(&pending.decision, expected));
    routellm_route_options_free(options);
}

static routellm_status open_model(const char *name, size_t threads, routellm_router **router, routellm_error **err)
{
    routellm_open_options *options = routellm_open_options_new();
    routellm_error *none = NULL;
    routellm_status status;
    uint32_t id;

    check_status(routellm_open_options_set_strong(options, "gpt-4", &none), ROUTELLM_OK, "", &none, "strong", __FILE__,
                 __LINE__);
    routellm_open_options_set_weak(options, "mixtral", NULL);
    routellm_open_options_set_sessions(options, 2, NULL);
    routellm_open_options_set_intra_threads(options, threads, NULL);
    if (strncmp(name, "llama", 5) == 0) {
        routellm_open_options_set_template(options, "Rate it from 1 to 5.\n{question}\nScore:", NULL);
        for (id = 805; id < 810; id++) {
            routellm_open_options_add_score_token_id(options, id, NULL);
        }
        routellm_open_options_set_max_new_tokens(options, 0, NULL);
    }
    status = routellm_router_open(name[0] == '/' ? name : path(name), options, router, err);
    routellm_open_options_free(options);
    return status;
}

static routellm_router *open_or_fail(const char *name, size_t threads)
{
    routellm_router *router = NULL;
    routellm_error *err = NULL;

    CHECK_OK(open_model(name, threads, &router, &err));
    return router;
}

static routellm_decision decide(const routellm_router *router)
{
    routellm_route_options *options = half();
    routellm_decision decision = ROUTELLM_DECISION_INIT;
    routellm_error *err = NULL;

    CHECK_OK(routellm_route(router, prompts[0].data, prompts[0].len, options, &decision, &err));
    routellm_route_options_free(options);
    return decision;
}

/* The children. */

static void drop(struct parent *parent)
{
    routellm_router_free(parent->second);
    routellm_router_free(parent->first);
}

static void use_both(struct parent *parent)
{
    use(parent->first, &parent->expected[0]);
    use(parent->second, &parent->expected[1]);
    use(parent->first, &parent->expected[0]);
    CHECK(pending_stat(parent->first, "busy") == 0 && pending_stat(parent->second, "busy") == 0);
}

static void close_both(struct parent *parent)
{
    routellm_decision decision = ROUTELLM_DECISION_INIT;
    routellm_error *err = NULL;

    routellm_router_close(parent->first);
    CHECK_FAILS(routellm_route(parent->first, "x", 1, NULL, &decision, &err), ROUTELLM_INVALID_ARGUMENT, "closed");
    use(parent->second, &parent->expected[1]);
    routellm_router_close(parent->second);
    drop(parent);
}

static routellm_router *again(const char *name, size_t threads)
{
    routellm_router *router = NULL;
    routellm_error *err = NULL;

    if (name == NULL) {
        CHECK_OK(routellm_router_open_default(NULL, &router, &err));
        return router;
    }
    return open_or_fail(name, threads);
}

static void replace(struct parent *parent)
{
    routellm_router *other;

    /* One is dropped unused, the other after its use. */
    routellm_router_free(parent->first);
    use(parent->second, &parent->expected[1]);
    routellm_router_free(parent->second);
    other = again(parent->first_model, parent->threads);
    use(other, &parent->expected[0]);
    routellm_router_free(other);
}

static void fork_again(struct parent *parent)
{
    CHECK(forked(use_both, parent));
    use_both(parent);
    CHECK(forked(replace, parent));
    use_both(parent);
    CHECK(forked(drop, parent));
    drop(parent);
}

static void fork_again_unused(struct parent *parent)
{
    CHECK(forked(fork_again, parent));
    CHECK(forked(close_both, parent));
}

static void *use_first(void *argument)
{
    struct parent *parent = (struct parent *)argument;
    routellm_route_options *options = half();
    long wrong = 0;
    int i;

    for (i = 0; i < 20; i++) {
        routellm_decision decision = ROUTELLM_DECISION_INIT;

        wrong += routellm_route(parent->first, prompts[0].data, prompts[0].len, options, &decision, NULL) !=
                     ROUTELLM_OK ||
                 !same(&decision, &parent->expected[0]);
    }
    routellm_route_options_free(options);
    return wrong == 0 ? argument : NULL;
}

/* Threads of the child that all come first. */
static void use_in_threads(struct parent *parent)
{
    pthread_t threads[CALLERS];
    void *result = NULL;
    int i;

    for (i = 0; i < CALLERS; i++) {
        CHECK(pthread_create(&threads[i], NULL, use_first, parent) == 0);
    }
    for (i = 0; i < CALLERS; i++) {
        CHECK(pthread_join(threads[i], &result) == 0 && result != NULL);
    }
}

static void children(struct parent *parent)
{
    const child all[] = {drop, use_both, close_both, replace, use_in_threads, fork_again, fork_again_unused};
    size_t i;

    for (i = 0; i < sizeof all / sizeof *all; i++) {
        parent->end = i % 2 == 0 ? NORMALLY : AT_ONCE;
        CHECK(forked(all[i], parent));
        /* The other way too, where it may matter most. */
        if (parent->threads == 2 || all[i] == drop || all[i] == use_both) {
            parent->end = i % 2 == 0 ? AT_ONCE : NORMALLY;
            CHECK(forked(all[i], parent));
        }
    }
    /* The parent is what it was. */
    use_both(parent);
}

static void without_sessions(void)
{
    struct parent parent = start(1, NORMALLY);

    parent.first = again(NULL, 1);
    parent.second = again(NULL, 1);
    parent.expected[0] = decide(parent.first);
    parent.expected[1] = parent.expected[0];
    children(&parent);
    drop(&parent);
}

static void with_sessions(size_t threads)
{
    struct parent parent = start(threads, NORMALLY);

    parent.first_model = "bert-tiny";
    parent.second_model = "llama-genai-ts";
    parent.first = open_or_fail(parent.first_model, threads);
    parent.second = open_or_fail(parent.second_model, threads);
    parent.expected[0] = decide(parent.first);
    parent.expected[1] = decide(parent.second);
    children(&parent);
    drop(&parent);
}

/* A model's folder of its own, which may be changed. */

static void copy(const char *from, const char *to)
{
    static char bytes[1 << 16];
    FILE *in = fopen(from, "rb");
    FILE *out = fopen(to, "wb");
    size_t count;

    CHECK(in != NULL && out != NULL);
    while (in != NULL && out != NULL && (count = fread(bytes, 1, sizeof bytes, in)) > 0) {
        CHECK(fwrite(bytes, 1, count, out) == count);
    }
    if (in != NULL) {
        fclose(in);
    }
    if (out != NULL) {
        CHECK(fclose(out) == 0);
    }
}

static void changed(struct parent *parent)
{
    routellm_route_options *options = half();
    routellm_decision decision = ROUTELLM_DECISION_INIT;
    routellm_error *err = NULL;
    struct pending pending;

    pending_init(&pending);
    CHECK_FAILS(routellm_route(parent->first, "x", 1, options, &decision, &err), ROUTELLM_INVALID_MODEL, "was changed");
    CHECK_OK(routellm_route_async(parent->first, "x", 1, options, pending_told, &pending, &err));
    pending_wait(&pending, 1);
    CHECK(pending.by_status[ROUTELLM_INVALID_MODEL] == 1);
    CHECK_OK(routellm_route_batch_async(parent->first, prompts, FEW, options, pending_told, &pending, &err));
    pending_wait(&pending, 2);
    CHECK(pending.by_status[ROUTELLM_INVALID_MODEL] == 2);
    /* The other router has its files. */
    use(parent->second, &parent->expected[1]);
    routellm_route_options_free(options);
    drop(parent);
}

static void removed(struct parent *parent)
{
    routellm_route_options *options = half();
    routellm_decision decision = ROUTELLM_DECISION_INIT;
    routellm_error *err = NULL;

    CHECK_FAILS(routellm_route(parent->first, "x", 1, options, &decision, &err), ROUTELLM_INVALID_MODEL, "was removed");
    CHECK_OK(routellm_route_options_set_on_error(options, ROUTELLM_ON_ERROR_STRONG, &err));
    CHECK_OK(routellm_route(parent->first, "x", 1, options, &decision, &err));
    CHECK(decision.fallback == 1 && decision.fallback_status == ROUTELLM_INVALID_MODEL);
    routellm_route_options_free(options);
}

/* Once the child has its sessions, nothing that happens to the files reaches it. */
static const char *vanishing;

static void opened_in_time(struct parent *parent)
{
    use(parent->first, &parent->expected[0]);
    CHECK(unlink(vanishing) == 0);
    use(parent->first, &parent->expected[0]);
}

static void changed_files(void)
{
    static const char *files[] = {"config.json", "model.onnx", "special_tokens_map.json", "tokenizer.json",
                                  "tokenizer_config.json"};
    struct parent parent = start(1, NORMALLY);
    char here[2048];
    char folder[2304];
    char from[4096];
    char to[2560];
    char kept[2560];
    size_t i;

    CHECK(getcwd(here, sizeof here) != NULL);
    snprintf(folder, sizeof folder, "%s/forks-XXXXXX", here);
    CHECK(mkdtemp(folder) != NULL);
    for (i = 0; i < sizeof files / sizeof *files; i++) {
        snprintf(from, sizeof from, "%s/bert-tiny/%s", models, files[i]);
        snprintf(to, sizeof to, "%s/%s", folder, files[i]);
        copy(from, to);
    }
    snprintf(to, sizeof to, "%s/model.onnx", folder);
    snprintf(kept, sizeof kept, "%s/kept.onnx", folder);
    vanishing = to;
    parent.first = open_or_fail(folder, 2);
    parent.second = open_or_fail("llama-genai-ts", 2);
    parent.expected[0] = decide(parent.first);
    parent.expected[1] = decide(parent.second);

    CHECK(rename(to, kept) == 0);
    CHECK(forked(removed, &parent));
    snprintf(from, sizeof from, "%s/roberta-tiny/model.onnx", models);
    copy(from, to);
    CHECK(forked(changed, &parent));
    parent.end = AT_ONCE;
    CHECK(forked(changed, &parent));
    /* The parent goes on with what it has. */
    use_both(&parent);
    CHECK(rename(kept, to) == 0);
    CHECK(forked(use_both, &parent));
    CHECK(forked(opened_in_time, &parent));
    CHECK(forked(removed, &parent));
    use_both(&parent);
    drop(&parent);
    for (i = 0; i < sizeof files / sizeof *files; i++) {
        snprintf(to, sizeof to, "%s/%s", folder, files[i]);
        unlink(to);
    }
    CHECK(rmdir(folder) == 0);
}

/* A fork in the middle of calls. */

static void interrupted(struct parent *parent)
{
    routellm_route_options *options = half();
    routellm_decision decision = ROUTELLM_DECISION_INIT;
    routellm_router *router = NULL;
    routellm_error *err = NULL;
    struct pending pending;

    pending_init(&pending);
    if (routellm_route(parent->first, "x", 1, options, &decision, &err) == ROUTELLM_OK) {
        /* The fork fell between two parts of the batch. */
        use(parent->second, &parent->expected[1]);
        drop(parent);
        routellm_route_options_free(options);
        return;
    }
    CHECK_FAILS(routellm_error_status(err), ROUTELLM_UNSUPPORTED, "forked while a call was running");
    /* Nor may another router be used, or opened. */
    CHECK_FAILS(routellm_route(parent->second, "x", 1, options, &decision, &err), ROUTELLM_UNSUPPORTED, "forked");
    CHECK_FAILS(routellm_route_batch(parent->second, prompts, 1, options, &decision, &err), ROUTELLM_UNSUPPORTED,
                "forked");
    CHECK_FAILS(open_model("bert-tiny", 1, &router, &err), ROUTELLM_UNSUPPORTED, "forked");
    CHECK_OK(routellm_route_async(parent->first, "x", 1, options, pending_told, &pending, &err));
    pending_wait(&pending, 1);
    CHECK_OK(routellm_route_batch_async(parent->first, prompts, FEW, options, pending_told, &pending, &err));
    pending_wait(&pending, 2);
    CHECK(pending.by_status[ROUTELLM_UNSUPPORTED] == 2);
    /* It is told apart from a model that fails, and may be a fallback as any error. */
    CHECK_OK(routellm_route_options_set_on_error(options, ROUTELLM_ON_ERROR_WEAK, &err));
    CHECK_OK(routellm_route(parent->first, "x", 1, options, &decision, &err));
    CHECK(decision.fallback == 1 && decision.fallback_status == ROUTELLM_UNSUPPORTED);
    /* What has no sessions works. */
    CHECK_OK(routellm_router_open_default(NULL, &router, &err));
    CHECK_OK(routellm_route(router, "x", 1, NULL, &decision, &err));
    routellm_router_free(router);
    routellm_router_close(parent->second);
    drop(parent);
    routellm_route_options_free(options);
    refused = 1;
}

static void during_calls(size_t threads)
{
    const struct timespec moment = {0, 1000000};
    struct parent parent = start(threads, NORMALLY);
    routellm_route_options *options = half();
    routellm_cancel_token *token = routellm_cancel_token_new();
    routellm_error *err = NULL;
    struct pending pending;
    int refusals = 0;
    int i;

    pending_init(&pending);
    parent.first = open_or_fail("bert-tiny", threads);
    parent.second = open_or_fail("llama-genai-ts", threads);
    parent.expected[0] = decide(parent.first);
    parent.expected[1] = decide(parent.second);
    CHECK_OK(routellm_route_options_set_cancel(options, token, &err));
    for (i = 0; i < TRIES && refusals < WANTED; i++) {
        int ended;

        parent.end = i % 2 == 0 ? NORMALLY : AT_ONCE;
        if (pending_count(&pending) == i) {
            CHECK_OK(routellm_route_batch_async(parent.first, prompts, MANY, options, pending_told, &pending, &err));
        }
        while (pending_stat(parent.first, "busy") < 1 && pending_count(&pending) == i) {
            nanosleep(&moment, NULL);
        }
        ended = run_child(interrupted, &parent);
        CHECK(ended == PASSED || ended == REFUSED);
        refusals += ended == REFUSED;
        if (pending_count(&pending) == i) {
            routellm_cancel_token_cancel(token);
            pending_wait(&pending, i + 1);
            routellm_cancel_token_free(token);
            token = routellm_cancel_token_new();
            CHECK_OK(routellm_route_options_set_cancel(options, token, &err));
        }
    }
    CHECK(refusals == WANTED);
    /* Afterwards nothing runs, and a child is served. */
    parent.end = NORMALLY;
    CHECK(forked(use_both, &parent));
    routellm_cancel_token_free(token);
    routellm_route_options_free(options);
    drop(&parent);
}

static void on_cuda(struct parent *parent)
{
    routellm_route_options *options = half();
    routellm_decision decision = ROUTELLM_DECISION_INIT;
    routellm_error *err = NULL;

    CHECK_FAILS(routellm_route(parent->first, "x", 1, options, &decision, &err), ROUTELLM_RUNTIME_UNAVAILABLE,
                "forked");
    routellm_route_options_free(options);
    drop(parent);
}

static void cuda(void)
{
    const char *variable = getenv("ROUTELLM_TEST_CUDA");
    struct parent parent = start(1, AT_ONCE);
    routellm_open_options *options = routellm_open_options_new();
    routellm_error *err = NULL;

    if (variable == NULL || strcmp(variable, "1") != 0) {
        check_skipped("a forked child on CUDA", "ROUTELLM_TEST_CUDA is not 1");
    } else {
        CHECK_OK(routellm_open_options_set_strong(options, "gpt-4", &err));
        CHECK_OK(routellm_open_options_set_weak(options, "mixtral", &err));
        CHECK_OK(routellm_open_options_set_provider(options, "cuda", &err));
        CHECK_OK(routellm_router_open(path("bert-tiny"), options, &parent.first, &err));
        parent.expected[0] = decide(parent.first);
        CHECK(forked(on_cuda, &parent));
        use(parent.first, &parent.expected[0]);
        routellm_router_free(parent.first);
    }
    routellm_open_options_free(options);
}

int main(int argc, char **argv)
{
    routellm_router *router = NULL;
    routellm_error *err = NULL;
    routellm_status status;
    int i;

    if (argc != 2) {
        fprintf(stderr, "usage: forks MODELS\n");
        return 2;
    }
    models = argv[1];
    for (i = 0; i < MANY; i++) {
        snprintf(texts[i], sizeof texts[i], "Question %d: what is %d times %d?", i, i * 3, i % 17);
        prompts[i].data = texts[i];
        prompts[i].len = strlen(texts[i]);
    }
    without_sessions();
    status = open_model("bert-tiny", 1, &router, &err);
    routellm_router_free(router);
    if (check_no_runtime(status)) {
        check_skipped("forked children with sessions", "no ONNX Runtime");
        routellm_error_free(err);
        return report();
    }
    check_status(status, ROUTELLM_OK, "", &err, "bert-tiny", __FILE__, __LINE__);
    with_sessions(1);
    with_sessions(2);
    with_sessions(4);
    changed_files();
    during_calls(1);
    during_calls(4);
    cuda();
    return report();
}
