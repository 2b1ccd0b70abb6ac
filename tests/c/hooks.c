/* A callback hears of every decision, once, in order, and of nothing else. */
#include <math.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "pending.h"

enum { MOST = 64, ID = 36, CHILDREN = 2, EACH = 3 };

struct heard {
    int count, freed, strange;
    char ids[MOST][ID + 1];
    routellm_decision_event last[MOST];
};

static void hear(void *user, const routellm_decision_event *event)
{
    struct heard *heard = (struct heard *)user;
    int ok = heard->count < MOST && event->struct_size == sizeof *event && strlen(event->id) == ID;

    ok = ok && event->propensity == 1.0 && event->total_ns > 0 &&
         event->queue_ns + event->score_ns <= event->total_ns && event->model[0] != '\0';
    if (!ok) {
        heard->strange++;
        return;
    }
    heard->last[heard->count] = *event;
    snprintf(heard->ids[heard->count], ID + 1, "%s", event->id);
    heard->count++;
}

static void released(void *user)
{
    __atomic_fetch_add(&((struct heard *)user)->freed, 1, __ATOMIC_RELEASE);
}

/* Whether the next event is of this decision. */
static int is_of(const struct heard *heard, int which, const routellm_decision *decision, size_t index, size_t count)
{
    const routellm_decision_event *event = &heard->last[which];

    return which < heard->count && event->side == decision->side && event->threshold == decision->threshold &&
           event->index == index && event->batch_size == count &&
           event->fallback_status == decision->fallback_status &&
           (decision->fallback ? isnan(event->win_rate) : event->win_rate == decision->win_rate);
}

static void every_call(void)
{
    static const char CHAT[] = "[{\"role\":\"user\",\"content\":\"hello\"}]";
    const routellm_text prompts[] = {{"hello", 5}, {"What is 17 * 23?", 16}, {"\xff", 1}};
    const routellm_text chats[] = {{CHAT, sizeof CHAT - 1}, {CHAT, sizeof CHAT - 1}};
    routellm_route_options *weak = routellm_route_options_new();
    routellm_router *router = NULL, *clone;
    routellm_decision decision = ROUTELLM_DECISION_INIT, many[3] = {ROUTELLM_DECISION_INIT};
    routellm_error *err = NULL;
    static struct heard heard, later;
    const struct timespec moment = {0, 1000000};
    struct pending pending;
    double rate;
    int i;

    CHECK_OK(routellm_route_options_set_on_error(weak, ROUTELLM_ON_ERROR_WEAK, &err));
    CHECK_OK(routellm_router_open_default(NULL, &router, &err));
    clone = routellm_router_clone(router);
    CHECK_FAILS(routellm_router_on_decision(NULL, hear, &heard, NULL, &err), ROUTELLM_INVALID_ARGUMENT, "router");
    CHECK_FAILS(routellm_router_on_decision(router, NULL, &heard, NULL, &err), ROUTELLM_INVALID_ARGUMENT, "NULL");
    CHECK_FAILS(routellm_router_on_decision(router, NULL, NULL, released, &err), ROUTELLM_INVALID_ARGUMENT, "NULL");
    CHECK_OK(routellm_router_on_decision(router, NULL, NULL, NULL, &err));
    CHECK_OK(routellm_route(clone, "hello", 5, NULL, &decision, &err));
    CHECK_OK(routellm_router_on_decision(router, hear, &heard, released, &err));

    CHECK_OK(routellm_route(clone, "hello", 5, NULL, &decision, &err));
    CHECK(heard.count == 1 && is_of(&heard, 0, &decision, 0, 1));
    CHECK_OK(routellm_route_messages(clone, CHAT, sizeof CHAT - 1, NULL, &decision, &err));
    CHECK(heard.count == 2 && is_of(&heard, 1, &decision, 0, 1));
    CHECK_OK(routellm_route_batch(clone, prompts, 3, weak, many, &err));
    CHECK(heard.count == 5);
    for (i = 0; i < 3; i++) {
        CHECK(is_of(&heard, 2 + i, &many[i], (size_t)i, 3));
    }
    CHECK(heard.last[4].fallback_status == ROUTELLM_INVALID_ARGUMENT);
    CHECK_OK(routellm_route_batch_messages(clone, chats, 2, NULL, many, &err));
    CHECK(heard.count == 7 && is_of(&heard, 5, &many[0], 0, 2) && is_of(&heard, 6, &many[1], 1, 2));
    pending_init(&pending);
    CHECK_OK(routellm_route_async(clone, "hello", 5, NULL, pending_told, &pending, &err));
    CHECK_OK(routellm_route_batch_async(clone, prompts, 3, weak, pending_told, &pending, &err));
    pending_wait(&pending, 2);
    CHECK(heard.count == 11);
    /* No decisions. */
    CHECK_FAILS(routellm_route(clone, "\xff", 1, NULL, &decision, &err), ROUTELLM_INVALID_ARGUMENT, "UTF-8");
    CHECK_FAILS(routellm_route_batch(clone, prompts, 3, NULL, many, &err), ROUTELLM_INVALID_ARGUMENT, "prompt 2");
    CHECK_OK(routellm_win_rate(clone, "hello", 5, &rate, &err));
    CHECK(heard.count == 11 && heard.strange == 0);
    for (i = 1; i < heard.count; i++) {
        CHECK(strcmp(heard.ids[i - 1], heard.ids[i]) < 0);
    }
    CHECK_OK(routellm_router_on_decision(router, hear, &later, released, &err));
    CHECK(heard.freed == 1);
    CHECK_OK(routellm_router_on_decision(clone, NULL, NULL, NULL, &err));
    CHECK(later.freed == 1);
    CHECK_OK(routellm_router_on_decision(clone, hear, &later, released, &err));
    routellm_router_free(router);
    CHECK(later.freed == 1);
    routellm_router_free(clone);
    /* A call that was answered may be ending still, on its own thread. */
    for (i = 0; i < 5000 && __atomic_load_n(&later.freed, __ATOMIC_ACQUIRE) < 2; i++) {
        nanosleep(&moment, NULL);
    }
    CHECK(later.freed == 2 && later.count == 0 && heard.count == 11);
    routellm_route_options_free(weak);
}

/* The one that takes the place of another is heard, too. */
static void reloading(void)
{
    routellm_router *first = NULL, *second = NULL, *used;
    routellm_reloadable *place;
    routellm_decision decision = ROUTELLM_DECISION_INIT;
    routellm_error *err = NULL;
    static struct heard heard;

    CHECK_OK(routellm_router_open_default(NULL, &first, &err));
    CHECK_OK(routellm_router_open_default(NULL, &second, &err));
    CHECK_OK(routellm_router_on_decision(first, hear, &heard, released, &err));
    place = routellm_reloadable_new(first);
    CHECK_OK(routellm_reloadable_replace(place, second, &err));
    routellm_router_free(first);
    used = routellm_reloadable_get(place);
    CHECK_OK(routellm_route(used, "hello", 5, NULL, &decision, &err));
    CHECK(heard.count == 1 && heard.freed == 0 && heard.strange == 0);
    routellm_router_free(used);
    routellm_router_free(second);
    routellm_reloadable_free(place);
    CHECK(heard.freed == 1);
}

/* Children of one parent, and the parent, never make the same id. */
static void forked_children(void)
{
    routellm_router *router = NULL;
    routellm_decision decision = ROUTELLM_DECISION_INIT;
    routellm_error *err = NULL;
    static struct heard heard;
    char ids[(CHILDREN + 1) * EACH][ID + 1];
    int child, i, j, known = 0, status;

    memset(ids, 0, sizeof ids);
    CHECK_OK(routellm_router_open_default(NULL, &router, &err));
    CHECK_OK(routellm_router_on_decision(router, hear, &heard, NULL, &err));
    CHECK_OK(routellm_route(router, "hello", 5, NULL, &decision, &err));
    for (child = 0; child < CHILDREN; child++) {
        int ends[2];
        pid_t pid;

        CHECK(pipe(ends) == 0);
        fflush(stdout);
        pid = fork();
        if (pid == 0) {
            int failed = 0;

            alarm(60);
            for (i = 0; i < EACH; i++) {
                failed |= routellm_route(router, "hello", 5, NULL, &decision, NULL) != ROUTELLM_OK;
                failed |= write(ends[1], heard.ids[heard.count - 1], ID) != ID;
            }
            _exit(failed);
        }
        CHECK(pid > 0);
        for (i = 0; i < EACH; i++) {
            CHECK(read(ends[0], ids[known++], ID) == ID);
        }
        CHECK(waitpid(pid, &status, 0) == pid && status == 0);
        close(ends[0]);
        close(ends[1]);
    }
    for (i = 0; i < EACH; i++) {
        CHECK_OK(routellm_route(router, "hello", 5, NULL, &decision, &err));
        memcpy(ids[known++], heard.ids[heard.count - 1], ID + 1);
    }
    for (i = 0; i < known; i++) {
        CHECK(strlen(ids[i]) == ID && strcmp(ids[i], heard.ids[0]) > 0);
        for (j = 0; j < i; j++) {
            /* The random end alone is of one process. */
            CHECK(strcmp(ids[i] + 19, ids[j] + 19) != 0);
        }
    }
    CHECK(heard.strange == 0);
    routellm_router_free(router);
}

int main(void)
{
    /* First, while there is one thread: a child has what the others held, and no thread to free it. */
    forked_children();
    every_call();
    reloading();
    return report();
}
