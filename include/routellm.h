/**
 * routellm.h: decides per prompt, before any LLM is called, whether a strong (expensive) or a weak (cheap)
 * model should answer.
 *
 * This is the manual of the C interface. It begins with a program that works:
 *
 *     #include <stdio.h>
 *     #include <string.h>
 *
 *     #include <routellm.h>
 *
 *     int main(void)
 *     {
 *         const char *prompt = "Prove that the square root of two is irrational.";
 *         routellm_decision decision = ROUTELLM_DECISION_INIT;
 *         routellm_router *router = NULL;
 *         routellm_error *err = NULL;
 *
 *         if (routellm_router_open_default(NULL, &router, &err) != ROUTELLM_OK ||
 *             routellm_route(router, prompt, strlen(prompt), NULL, &decision, &err) != ROUTELLM_OK) {
 *             fprintf(stderr, "%s: %s\n", routellm_error_name(err), routellm_error_message(err));
 *             routellm_error_free(err);
 *             routellm_router_free(router);
 *             return 1;
 *         }
 *         printf("%s (win rate %.3f, threshold %.3f)\n", decision.model, decision.win_rate, decision.threshold);
 *         routellm_router_free(router);
 *         return 0;
 *     }
 *
 * Compile it with `cc route.c $(pkg-config --cflags --libs routellm)`, or in CMake with
 * `find_package(routellm)` and `target_link_libraries(route routellm::routellm)`.
 *
 *
 * WORDS
 *
 * A prompt is the text that is scored. Its win rate, in [0, 1], is the probability that the strong model's
 * answer is preferred or needed. The decision is strong if and only if the win rate is at least the threshold.
 * A strong share names a threshold by the fraction of traffic that it sends to the strong model, through the
 * calibration table of the router: sorted win rates of a sample of prompts, with counts. The threshold is the one
 * nearest to the share (`routellm_share()`); a share of 0 sends nothing to the strong model and 1 everything. An
 * artifact is a folder with everything that one router needs.
 *
 * A router with votes (similarity-weighted ranking) rates the models anew for each prompt, from votes that people
 * gave on other prompts. It can say how near the nearest of them is (`routellm_similarity()`), name those that
 * weighed most (`routellm_explain()`), and leave prompts that none resembles to a chosen side
 * (`routellm_open_options_set_out_of_distribution()`).
 *
 * A chat in JSON, as any client of an LLM sends it, is routed by `routellm_route_messages()`, whole request bodies
 * included. `routellm_prompt_from_messages()` tells what of it is scored. `routellm_route_options_set_on_error()` makes
 * a chat without text a decision, too, and `routellm_router_on_fallback()` sets who hears of it.
 *
 *
 * MODELS THAT READ THE PROMPT
 *
 * A folder that holds a sequence classifier or a causal LM, exported to ONNX with its `config.json` and
 * `tokenizer.json`, is a router too. It names no models, so that the strong and the weak one have to be said, and it
 * has no calibration, so that calls have to say a threshold. It needs ONNX Runtime. This program opens one of each:
 *
 *     #include <stdio.h>
 *     #include <string.h>
 *
 *     #include <routellm.h>
 *
 *     static int fail(routellm_error *err)
 *     {
 *         fprintf(stderr, "%s: %s\n", routellm_error_name(err), routellm_error_message(err));
 *         routellm_error_free(err);
 *         return 1;
 *     }
 *
 *     static int route(const char *folder, const routellm_open_options *options, routellm_error **err)
 *     {
 *         const char *prompt = "Prove that the square root of two is irrational.";
 *         routellm_decision decision = ROUTELLM_DECISION_INIT;
 *         routellm_route_options *call = routellm_route_options_new();
 *         routellm_router *router = NULL;
 *         int ok = routellm_route_options_set_threshold(call, 0.5, err) == ROUTELLM_OK &&
 *                  routellm_route_options_set_timeout_ms(call, 30000.0, err) == ROUTELLM_OK &&
 *                  routellm_router_open(folder, options, &router, err) == ROUTELLM_OK &&
 *                  routellm_route(router, prompt, strlen(prompt), call, &decision, err) == ROUTELLM_OK;
 *
 *         if (ok) {
 *             printf("%s (win rate %.3f)\n", decision.model, decision.win_rate);
 *         }
 *         routellm_route_options_free(call);
 *         routellm_router_free(router);
 *         return ok;
 *     }
 *
 *     int main(int argc, char **argv)
 *     {
 *         const char *scores[] = {"1", "2", "3", "4", "5"};
 *         routellm_open_options *options = routellm_open_options_new();
 *         routellm_error *err = NULL;
 *         int ok = argc == 3 && routellm_open_options_set_strong(options, "gpt-4", &err) == ROUTELLM_OK &&
 *                  routellm_open_options_set_weak(options, "mixtral-8x7b", &err) == ROUTELLM_OK &&
 *                  routellm_open_options_set_provider(options, "auto", &err) == ROUTELLM_OK;
 *         size_t i;
 *
 *         // A classifier of three labels: strong wins, tie, weak wins.
 *         ok = ok && route(argv[1], options, &err);
 *
 *         // A causal LM, asked for a score from 1 to 5. Its win rate is P(score < 4).
 *         ok = ok && routellm_open_options_set_template(options, "Rate the question from 1 to 5.\n{question}\nScore:",
 *                                                       &err) == ROUTELLM_OK;
 *         for (i = 0; ok && i < sizeof scores / sizeof *scores; i++) {
 *             ok = routellm_open_options_add_score_token(options, scores[i], &err) == ROUTELLM_OK;
 *         }
 *         ok = ok && routellm_open_options_set_max_new_tokens(options, 0, &err) == ROUTELLM_OK;
 *         ok = ok && route(argv[2], options, &err);
 *         routellm_open_options_free(options);
 *         return ok ? 0 : fail(err);
 *     }
 *
 * Options that have a form of their own, such as the head of a classifier, are texts: a name, or a JSON object with
 * the name as `kind` and parameters. They are checked when they are set; whether they fit the model, when opening.
 *
 *
 * WITHOUT WAITING
 *
 * `routellm_route_async()` and `routellm_route_batch_async()` return at once, and tell a callback what the call came to.
 * No thread of yours waits for a session, so that an event loop may call them, and any number of calls may be under way:
 *
 *     #include <semaphore.h>
 *     #include <stdio.h>
 *
 *     #include <routellm.h>
 *
 *     static void told(void *user, routellm_status status, const routellm_decision *decisions, size_t count,
 *                      const routellm_error *error)
 *     {
 *         size_t i;
 *
 *         if (status != ROUTELLM_OK) {
 *             fprintf(stderr, "%s: %s\n", routellm_error_name(error), routellm_error_message(error));
 *         }
 *         for (i = 0; i < count; i++) {
 *             printf("%s (win rate %.3f)\n", decisions[i].model, decisions[i].win_rate);
 *         }
 *         sem_post((sem_t *)user);
 *     }
 *
 *     int main(void)
 *     {
 *         const routellm_text prompts[] = {{"Hello!", 6}, {"Prove that there are infinitely many primes.", 44}};
 *         routellm_router *router = NULL;
 *         routellm_error *err = NULL;
 *         sem_t done;
 *
 *         sem_init(&done, 0, 0);
 *         if (routellm_router_open_default(NULL, &router, &err) != ROUTELLM_OK ||
 *             routellm_route_batch_async(router, prompts, 2, NULL, told, &done, &err) != ROUTELLM_OK) {
 *             fprintf(stderr, "%s: %s\n", routellm_error_name(err), routellm_error_message(err));
 *             routellm_error_free(err);
 *             routellm_router_free(router);
 *             return 1;
 *         }
 *         while (sem_wait(&done) != 0) {
 *         }
 *         routellm_router_free(router);
 *         return 0;
 *     }
 *
 * Calls of a router with sessions are served first come, first served, also those that wait in `routellm_route()`. A
 * timeout counts from the call, waiting included; `routellm_open_options_set_max_waiting()` bounds how many wait, and
 * `routellm_router_stats_json()` tells how many do. Freeing the last handle of a router ends no call: those under way
 * are told as they would have been. `routellm_router_close()` ends those that wait.
 *
 * A program that reloads keeps its router in a `routellm_reloadable`: it opens the new one in full, puts it there with
 * `routellm_reloadable_replace()`, and frees its handle of it. Each call takes a handle with
 * `routellm_reloadable_get()` and frees it afterwards. So no call fails, and none sees half of a router.
 *
 *
 * WATCHING
 *
 * `routellm_router_on_decision()` sets a callback that hears of every decision, in whatever way it was asked for: its id,
 * which sorts by time, the model, the win rate and the threshold, and where the time went; never the prompt. Without a
 * callback none of this is made or measured. This program writes a line for each decision:
 *
 *     #include <stdio.h>
 *
 *     #include <routellm.h>
 *
 *     static void watch(void *user, const routellm_decision_event *event)
 *     {
 *         fprintf((FILE *)user, "%s %s %.3f in %.1f us\n", event->id, event->model, event->win_rate,
 *                 (double)event->total_ns / 1e3);
 *     }
 *
 *     int main(void)
 *     {
 *         const routellm_text prompts[] = {{"Hello!", 6}, {"Prove that there are infinitely many primes.", 44}};
 *         routellm_decision decisions[2] = {ROUTELLM_DECISION_INIT};
 *         routellm_router *router = NULL;
 *         routellm_error *err = NULL;
 *         int ok = routellm_router_open_default(NULL, &router, &err) == ROUTELLM_OK &&
 *                  routellm_router_on_decision(router, watch, stdout, NULL, &err) == ROUTELLM_OK &&
 *                  routellm_route_batch(router, prompts, 2, NULL, decisions, &err) == ROUTELLM_OK;
 *
 *         if (!ok) {
 *             fprintf(stderr, "%s: %s\n", routellm_error_name(err), routellm_error_message(err));
 *             routellm_error_free(err);
 *         }
 *         routellm_router_free(router);
 *         return ok ? 0 : 1;
 *     }
 *
 *
 * RULES
 *
 * Threads. A function that takes a `const` pointer may run on the same object in many threads at once: above
 * all, one `const routellm_router *` serves a whole program. A function that takes a pointer without `const`
 * needs the object for itself, `_free` functions included.
 *
 * ThreadSanitizer. The library is not built for it, so that a program built with -fsanitize=thread gets false reports of
 * races in it. `share/routellm/tsan.supp` of the installation silences those, and none of the program's own:
 *
 *     TSAN_OPTIONS="suppressions=/usr/local/share/routellm/tsan.supp" ./program
 *
 * Threads of the library. Without sessions and timeouts there are none but for calls without waiting that take long,
 * which all routers without sessions make on one thread a core. A router with sessions begins a thread for each of them
 * at most when calls wait, and ends them when it is closed or freed; one thread a process watches all timeouts, from the
 * first call with one. ONNX Runtime has its own, `intra_threads` - 1 for each session.
 *
 * Callbacks. They run on those threads, on the thread of timeouts, on the one that cancels or closes, or inside the call
 * that they were given to, in place, if the work is too short to be handed over: do not hold a lock that the callback
 * takes while you begin or cancel a call. They should return soon. They may begin calls without waiting, cancel, close and
 * free; they must not wait for another call, and nothing may be thrown or jumped out of them.
 *
 * Ownership. What a `_new`, `_open` or `_clone` function returns, and what a call stores in a `routellm_xxx **`,
 * is yours: free it once with the `_free` function of its type. Every `_free` takes `NULL`. A `const char *` that
 * is returned is not yours: it lives as long as the object that it came from. What you pass is only read during the
 * call, and copied if it is kept.
 *
 * Errors. Functions that can fail return a status: `ROUTELLM_OK`, which is 0, or a positive number. Their last
 * parameter `err` may be `NULL`; otherwise a failure, and only a failure, stores a new error there. Initialise it
 * with `NULL`. Nothing is kept between calls, in no thread: there is no last error. A result is stored only on
 * success (arrays of numbers may hold anything after a failure). A `NULL` where an object or a place for a result
 * is needed is `ROUTELLM_INVALID_ARGUMENT`, and so is a pointer that is not aligned to its type.
 *
 * Texts. Prompts and JSON are a pointer and a length in bytes; length 0 permits `NULL`, no NUL is needed at the
 * end, and a NUL inside is a character as any other. They must be UTF-8. Names of models and texts of options are
 * NUL-terminated UTF-8, paths NUL-terminated strings as the file system has them.
 *
 * Numbers that choose (sides, modes, flags) are `int32_t`, and others than the named ones are refused.
 *
 * Growth. Objects are opaque, and `routellm_decision` says its own size, so that later versions of the library serve
 * programs compiled with this header as long as `routellm_abi_version()` stays.
 *
 * Privacy. No prompt is logged, stored or sent anywhere.
 *
 *
 * FORKS
 *
 * A child process may use the routers that its parent opened, free them, replace them and outlive them; it may fork again.
 * A router without ONNX sessions just goes on. Of one with sessions the child leaves the parent's alone, which have no
 * threads in it, and opens its own on first use, from the model's files, which it verifies again: a file that was changed
 * or removed since the parent opened the router is `ROUTELLM_INVALID_MODEL`, and a GPU, which a child cannot use, is
 * `ROUTELLM_RUNTIME_UNAVAILABLE`. The parent's memory stays in the child until that ends: a server that forks many
 * workers opens its router before the fork to share what is read only, or after it to share nothing.
 *
 * This holds if no call was running on a router with sessions when the process was forked. If one was, locks inside ONNX
 * Runtime may be held in the child for ever: every call there on a router with sessions, and opening one, is
 * `ROUTELLM_UNSUPPORTED`. It never hangs. Calls without waiting that were under way are the parent's: their callbacks run
 * there, and never in the child. `exec` after the fork starts afresh, and needs none of this.
 *
 * Recent releases of ONNX Runtime start a thread for telemetry when they are loaded, which a forked child waits for when it
 * exits normally: for ever, since the thread is in the parent. The library sets the environment variable
 * `ORT_DISABLE_TELEMETRY=1` before it loads ONNX Runtime, unless it is set. If your program loads ONNX Runtime itself,
 * earlier, set the variable before that, or let children end by `_exit()`.
 */

#ifndef ROUTELLM_H
#define ROUTELLM_H


#include <stddef.h>
#include <stdint.h>

/**
 * The version of this header. `routellm_version()` is that of the library.
 */
#define ROUTELLM_VERSION "0.1.0"

/**
 * A decision that is ready to be passed: `routellm_decision decision = ROUTELLM_DECISION_INIT;`
 */
#define ROUTELLM_DECISION_INIT \
    { sizeof(routellm_decision), 0.0, 0.0, NULL, NULL, 0, 0, 0, 0, 0.0, 0, 0, 0, 0.0, "", 0, 0.0, 0.0 }

/**
 * What is known about an option, ready to be passed: `routellm_option option = ROUTELLM_OPTION_INIT;`
 */
#define ROUTELLM_OPTION_INIT { sizeof(routellm_option), NULL, NULL, NULL, NULL, NULL, NULL, NULL }

/**
 * An initializer of an input that is a text: `routellm_input input = ROUTELLM_TEXT(prompt, strlen(prompt));`
 */
#define ROUTELLM_TEXT(bytes, count) { (bytes), (count), ROUTELLM_INPUT_TEXT }

/**
 * An initializer of an input that is a chat in JSON.
 */
#define ROUTELLM_MESSAGES(bytes, count) { (bytes), (count), ROUTELLM_INPUT_MESSAGES }

/**
 * An initializer of an input that is an embedding, an array of `float`.
 */
#define ROUTELLM_EMBEDDING(numbers, count) { (numbers), (count), ROUTELLM_INPUT_EMBEDDING }

/**
 * The number of the binary interface, also the suffix of the shared library's name. It is separate from the
 * version: it changes only when a program that was compiled before would no longer work.
 */
#define ROUTELLM_ABI_VERSION 0

/**
 * Mode: the mathematically right one. The default.
 */
#define ROUTELLM_MODE_EXACT 0

/**
 * Mode: that of lm-sys/RouteLLM, to the digit where that is possible. Routers that know one mode take either.
 */
#define ROUTELLM_MODE_REFERENCE 1

/**
 * Read: the newest user message that has text.
 */
#define ROUTELLM_READ_LAST_USER 0

/**
 * Read: every user message that has text, oldest first, joined by newlines.
 */
#define ROUTELLM_READ_ALL_USER 1

/**
 * Read: every message that has text, whatever its role, oldest first, joined by newlines and without roles.
 */
#define ROUTELLM_READ_CONVERSATION 2

/**
 * Out of distribution: the win rate decides as for any prompt; the decision says that the prompt is far away. The
 * default.
 */
#define ROUTELLM_OUT_OF_DISTRIBUTION_IGNORE 0

/**
 * Out of distribution: the strong model.
 */
#define ROUTELLM_OUT_OF_DISTRIBUTION_STRONG 1

/**
 * Out of distribution: the weak model.
 */
#define ROUTELLM_OUT_OF_DISTRIBUTION_WEAK 2

/**
 * On error: return the error. The default.
 */
#define ROUTELLM_ON_ERROR_RAISE 0

/**
 * On error: decide for the strong model, with `fallback` set.
 */
#define ROUTELLM_ON_ERROR_STRONG 1

/**
 * On error: decide for the weak model, with `fallback` set.
 */
#define ROUTELLM_ON_ERROR_WEAK 2

/**
 * Side: none. Policies that compare candidates decide between no sides, and `on_error` may name a candidate that is on
 * neither.
 */
#define ROUTELLM_SIDE_NONE 0

/**
 * Side: the strong, expensive model.
 */
#define ROUTELLM_SIDE_STRONG 1

/**
 * Side: the weak, cheap model.
 */
#define ROUTELLM_SIDE_WEAK 2

/**
 * Kind of input: a text in UTF-8. No kind is 0, so that a struct of zeros is no input.
 */
#define ROUTELLM_INPUT_TEXT 1

/**
 * Kind of input: a chat in JSON, as `routellm_prompt_from_messages()` takes it.
 */
#define ROUTELLM_INPUT_MESSAGES 2

/**
 * Kind of input: an embedding that you computed, `routellm_router_embedding_dimension()` numbers of type `float`.
 */
#define ROUTELLM_INPUT_EMBEDDING 3

/**
 * Cancels calls from another thread.
 *
 * Every function on a living token may be called by many threads at once. Options keep their own share of
 * it: it may be freed once they have it. A token that was cancelled stays so: make a new one for the next
 * call.
 */
typedef struct routellm_cancel_token routellm_cancel_token;

/**
 * What went wrong: a status, its name, and a message that says what was expected and what came.
 *
 * You own an error that a call gave you, and free it with `routellm_error_free()`. It is immutable: many
 * threads may read it at once. It does not depend on the object that it came from.
 */
typedef struct routellm_error routellm_error;

/**
 * How a router is opened. `NULL` stands for every default.
 *
 * You own it. Setting is exclusive: one thread at a time. Opening only reads it, and keeps nothing of it.
 * An option that has no effect on the router that is opened is an error, with the exception of the mode.
 */
typedef struct routellm_open_options routellm_open_options;

/**
 * A place for the router that is in use, for programs that reload: readers take a handle from it without waiting,
 * and whoever puts another router there disturbs no call.
 *
 * You own it. Every function on it may be called by many threads at once, but for its `_free`.
 */
typedef struct routellm_reloadable routellm_reloadable;

/**
 * Options of one call, of whatever kind. `NULL` stands for every default.
 *
 * You own it. Setting is exclusive: one thread at a time. Calls only read it: once set, many threads may
 * use the same options at once.
 */
typedef struct routellm_route_options routellm_route_options;

/**
 * Decides which model should answer a prompt.
 *
 * You own it, and free it with `routellm_router_free()`. A router is immutable: many threads may use the same
 * one at once, and none waits for another (except for a free ONNX session). Programs that reload keep it in a
 * `routellm_reloadable`.
 */
typedef struct routellm_router routellm_router;

/**
 * A text that a call made: UTF-8 with its length, and a NUL after it.
 *
 * You own it, and free it with `routellm_string_free()`. It is immutable: many threads may read it at once.
 */
typedef struct routellm_string routellm_string;

/**
 * What a function returns: `ROUTELLM_OK`, or one of the numbers below. Numbers are never reused, and new
 * ones may be added: treat a number that you do not know as a failure.
 */
typedef int32_t routellm_status;

/**
 * What is known about an option.
 *
 * Set `struct_size` before the call, most easily with `ROUTELLM_OPTION_INIT`. The texts are NUL-terminated, belong to the
 * library and are always valid.
 */
typedef struct routellm_option {
    /**
     * `sizeof(routellm_option)`, set by you.
     */
    size_t struct_size;
    /**
     * Its name, as in `routellm_open_options_set_json()` or `routellm_route_options_set_json()` and in the name of its
     * setter.
     */
    const char *name;
    /**
     * What it belongs to: `router`, `session`, `votes` or `export` of those of opening; `call`.
     */
    const char *group;
    /**
     * The type of its value: `text`, `path`, `name`, `count`, `index`, `bytes`, `number`, `flag`, `clusters`, `spec`,
     * `tokens`, `labels`, `candidates`, `texts` or `milliseconds`.
     */
    const char *value_type;
    /**
     * The values that it takes, in words.
     */
    const char *expected;
    /**
     * What counts without it, in words.
     */
    const char *default_value;
    /**
     * The version of the library that brought it.
     */
    const char *since;
    /**
     * What it does.
     */
    const char *documentation;
} routellm_option;

/**
 * Which model should answer, and why.
 *
 * Set `struct_size` before the call, most easily with `ROUTELLM_DECISION_INIT`. The library fills in the rest
 * on success, and touches nothing on failure. Later versions may append members: the size tells which ones
 * your program knows.
 */
typedef struct routellm_decision {
    /**
     * `sizeof(routellm_decision)`, set by you.
     */
    size_t struct_size;
    /**
     * P(strong model's answer is preferred or needed), in [0, 1]; NaN in a fallback and outside the policies of the
     * pair, `routellm_route_options_set_threshold()` and `routellm_route_options_set_strong_share()`.
     */
    double win_rate;
    /**
     * The threshold that the win rate was compared with, in [0, 1] or the next number above 1; NaN outside the
     * policies of the pair.
     */
    double threshold;
    /**
     * The name of the chosen model. It belongs to the router, and is valid until that is freed.
     */
    const char *model;
    /**
     * The error behind a fallback, if `routellm_route_options_set_keep_fallback_errors()` asked for it; then
     * you own it. Else `NULL`.
     */
    struct routellm_error *fallback_error;
    /**
     * `ROUTELLM_SIDE_STRONG`, `ROUTELLM_SIDE_WEAK`, or, outside the policies of the pair, `ROUTELLM_SIDE_NONE`.
     */
    int32_t side;
    /**
     * 1 if the prompt was longer than the router reads, and was cut; else 0.
     */
    int32_t truncated;
    /**
     * 1 if the prompt could not be scored, and `on_error` decided; else 0.
     */
    int32_t fallback;
    /**
     * In a fallback, the status of the error behind it; else `ROUTELLM_OK`.
     */
    routellm_status fallback_status;
    /**
     * The largest cosine similarity to any vote that was read, in [-1, 1]; NaN in a fallback and for routers without
     * votes. A clustered store reads the votes of some clusters; `routellm_similarity()` reads all.
     */
    double similarity;
    /**
     * 1 if the prompt is farther from every vote than the router was told to trust, by
     * `routellm_open_options_set_min_similarity()`; else 0. Then
     * `routellm_open_options_set_out_of_distribution()` may have decided instead of the win rate.
     */
    int32_t out_of_distribution;
    /**
     * 1 if a causal LM gave no score token, so that the win rate is 1; else 0.
     */
    int32_t no_score;
    /**
     * In a fallback of which whoever watches the program should hear (the first of its kind of error, and at most one a
     * minute after it): how many of this kind there were since the last such one, this one included. Else 0.
     * `routellm_router_on_fallback()` hears of the same.
     */
    uint64_t fallback_warning;
    /**
     * The probability that the side had of being chosen, in (0, 1]. It is 1 unless a policy leaves something to
     * chance.
     */
    double propensity;
    /**
     * The decision's id, which sorts by time and is unlike that of any other decision: 36 characters, a UUID of
     * version 7. It is empty unless a hook, an adapter or `routellm_open_options_set_ids()` asks for it. NULs follow
     * it.
     */
    char id[40];
    /**
     * The number of the chosen candidate, from 0, in the order of `routellm_router_model()`.
     */
    size_t candidate;
    /**
     * The quality that the chosen candidate is expected to have on this prompt, in [0, 1]; NaN in a fallback, and for
     * `routellm_route_options_set_threshold()` and `routellm_route_options_set_strong_share()`, which compute none.
     */
    double quality;
    /**
     * What the request is expected to cost in USD: the chosen candidate's price for the input tokens and the output
     * tokens; NaN without a price, and for an embedding without input tokens.
     */
    double expected_cost;
} routellm_decision;

/**
 * A text of a batch: `len` bytes of UTF-8. `data` may be `NULL` if `len` is 0.
 */
typedef struct routellm_text {
    /**
     * The bytes. They need no NUL at the end.
     */
    const char *data;
    /**
     * Their number.
     */
    size_t len;
} routellm_text;

/**
 * What is asked about: a text, a chat or an embedding. `ROUTELLM_TEXT()`, `ROUTELLM_MESSAGES()` and `ROUTELLM_EMBEDDING()`
 * are initializers of it.
 */
typedef struct routellm_input {
    /**
     * The bytes, or the numbers of an embedding. May be `NULL` if `len` is 0.
     */
    const void *data;
    /**
     * Their number.
     */
    size_t len;
    /**
     * `ROUTELLM_INPUT_TEXT`, `ROUTELLM_INPUT_MESSAGES` or `ROUTELLM_INPUT_EMBEDDING`.
     */
    int32_t kind;
} routellm_input;

/**
 * Takes what a call without waiting comes to: `count` decisions, in the order of the prompts, and `ROUTELLM_OK`; or
 * another status, no decisions, and the error. Decisions and error are valid until it returns, but for a
 * `fallback_error` that the options keep, which is yours; the names in decisions, for as long as you keep a handle of the
 * router. `user` is what you gave to the call.
 *
 * It runs on a thread of the library, on the one that cancels the call or closes the router, or, where nothing has to be
 * waited for, inside the call itself. It should return soon: it holds up other calls and their deadlines. It may begin
 * further calls without waiting, and must not wait for one. It must not throw.
 */
typedef void (*routellm_route_callback)(void *user,
                                        routellm_status status,
                                        const struct routellm_decision *decisions,
                                        size_t count,
                                        const struct routellm_error *error);

/**
 * Hears that decisions were fallbacks: the status of the errors behind them, how many of this kind there were since the
 * last warning of it, and both as a text with advice, NUL-terminated and valid during the call. `user` is yours.
 *
 * It runs in the thread of the routing call, before that returns, and must not throw or jump out.
 */
typedef void (*routellm_fallback_callback)(void *user,
                                           routellm_status status,
                                           uint64_t count,
                                           const char *message);

/**
 * Frees what is yours.
 */
typedef void (*routellm_free_callback)(void *user);

/**
 * What a callback hears of a decision. The prompt is not in it.
 *
 * Texts are NUL-terminated UTF-8, and valid until the callback returns, as the struct is. Later versions may append
 * members: `struct_size` tells which ones the library knows.
 */
typedef struct routellm_decision_event {
    /**
     * The size of the struct, as the library knows it.
     */
    size_t struct_size;
    /**
     * The decision's id: 36 characters, a UUID of version 7 in lower case. Ids sort by time, also as texts; no two
     * decisions have the same one, also not in a process and its forked children.
     */
    const char *id;
    /**
     * The name of the chosen model.
     */
    const char *model;
    /**
     * P(strong model's answer is preferred or needed), in [0, 1]; NaN in a fallback and outside the policies of the pair.
     */
    double win_rate;
    /**
     * The threshold that the win rate was compared with; NaN outside the policies of the pair.
     */
    double threshold;
    /**
     * The probability that the side had of being chosen, in (0, 1]: 1, as no policy leaves it to chance.
     */
    double propensity;
    /**
     * Nanoseconds from the beginning of the call until the prompt's turn: the wait for a session, and for prompts of the
     * same batch that came before. All of the time, if the turn never came.
     */
    uint64_t queue_ns;
    /**
     * Nanoseconds for features and score together. Prompts that a model reads in one run have the time of that run each.
     */
    uint64_t score_ns;
    /**
     * Nanoseconds from the beginning of the call until all of its decisions were made; at least the sum of the others.
     */
    uint64_t total_ns;
    /**
     * The prompt's place in its batch, from 0; 0 for a prompt alone.
     */
    size_t index;
    /**
     * How many prompts the call had; 1 for a prompt alone.
     */
    size_t batch_size;
    /**
     * The chosen side, `ROUTELLM_SIDE_STRONG`, `ROUTELLM_SIDE_WEAK`, or `ROUTELLM_SIDE_NONE` outside the policies of the
     * pair.
     */
    int32_t side;
    /**
     * The status of the error behind a fallback; else `ROUTELLM_OK`.
     */
    routellm_status fallback_status;
    /**
     * The number of the chosen candidate, as `routellm_router_model()` counts them.
     */
    size_t candidate;
    /**
     * The quality that the chosen candidate is expected to have, in [0, 1]; NaN in a fallback and for the policies of the
     * pair.
     */
    double quality;
    /**
     * What the request is expected to cost in USD; NaN if that is not known.
     */
    double expected_cost;
} routellm_decision_event;

/**
 * Hears of a decision. `user` is yours.
 *
 * It runs on the thread that decides, after the decision is made and before the call returns or calls back. That may be
 * a thread of the library that serves other calls: it must be quick, and must not wait for another call of the router. It
 * must not throw or jump out.
 */
typedef void (*routellm_decision_callback)(void *user,
                                           const struct routellm_decision_event *event);

/**
 * How far a training or an evaluation has come. Later versions may append members: `struct_size` tells which ones there are.
 */
typedef struct routellm_progress {
    /**
     * Size of this struct, in bytes.
     */
    size_t struct_size;
    /**
     * What is being done: `features`, `cross-validation`, `embedding`, `epoch`, `calibration` and others. It ends with
     * NUL, and is valid until the callback returns.
     */
    const char *stage;
    /**
     * Steps of this stage that are done.
     */
    size_t done;
    /**
     * Steps of this stage.
     */
    size_t total;
    /**
     * Loss of the step; NaN where there is none.
     */
    double loss;
    /**
     * Steps of this stage a second, since its first report; NaN there.
     */
    double rate;
} routellm_progress;

/**
 * Hears how far a training or an evaluation has come, on the thread that works. It returns 0 to go on; anything else stops
 * the work, which then is `ROUTELLM_CANCELLED`. It must not throw.
 */
typedef int32_t (*routellm_progress_callback)(void *user,
                                              const struct routellm_progress *progress);

/**
 * Hears what a router notices about calls: a text, NUL-terminated and valid during the call. `user` is yours.
 *
 * It runs in the thread of the call, before anything is decided, and must not throw or jump out.
 */
typedef void (*routellm_notice_callback)(void *user,
                                         const char *message);

/**
 * Success.
 */
#define ROUTELLM_OK 0

/**
 * An argument, option, prompt or embedding is not acceptable.
 */
#define ROUTELLM_INVALID_ARGUMENT 1

/**
 * A file, artifact or bundled router does not exist.
 */
#define ROUTELLM_NOT_FOUND 2

/**
 * An artifact, checkpoint or tokenizer is malformed, incomplete or altered.
 */
#define ROUTELLM_INVALID_MODEL 3

/**
 * The request is understood but this router cannot do it.
 */
#define ROUTELLM_UNSUPPORTED 4

/**
 * ONNX Runtime is needed and could not be loaded; the message names every place that was looked at.
 */
#define ROUTELLM_RUNTIME_UNAVAILABLE 5

/**
 * ONNX Runtime failed while computing.
 */
#define ROUTELLM_INFERENCE 6

/**
 * The tokenizer failed on a text.
 */
#define ROUTELLM_TOKENIZE 7

/**
 * The caller cancelled the call.
 */
#define ROUTELLM_CANCELLED 8

/**
 * A limit of memory, size or time was hit.
 */
#define ROUTELLM_RESOURCE_EXHAUSTED 9

/**
 * A defect of this library: a caught panic.
 */
#define ROUTELLM_INTERNAL 10

/**
 * The operating system refused to read or write.
 */
#define ROUTELLM_IO 11

/**
 * An endpoint that the caller configured failed.
 */
#define ROUTELLM_REMOTE 12

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * The number of the binary interface of the library that is loaded. Compare it with `ROUTELLM_ABI_VERSION`
 * when you load the library by hand.
 */
uint32_t routellm_abi_version(void);

/**
 * The version of the library that is loaded, as in `0.1.0`. Valid for ever. `ROUTELLM_VERSION` is the version
 * that a program was compiled with.
 */
const char *routellm_version(void);

/**
 * The name of a status, as in `InvalidArgument`; `Ok` for 0 and `Unknown` for a number that this library
 * does not use. Never `NULL`, and valid for ever.
 */
const char *routellm_status_name(routellm_status status);

/**
 * The status of an error, the same number that the call returned. `ROUTELLM_INVALID_ARGUMENT` for `NULL`.
 */
routellm_status routellm_error_status(const struct routellm_error *error);

/**
 * The name of an error's status, as in `NotFound`. Never `NULL`, and valid for ever.
 */
const char *routellm_error_name(const struct routellm_error *error);

/**
 * The message of an error: NUL-terminated UTF-8, valid until the error is freed. Never `NULL`.
 */
const char *routellm_error_message(const struct routellm_error *error);

/**
 * The number that the operating system gave for what went wrong (`errno`, such as `EACCES`), or 0 if nothing of it did
 * or the error is `NULL`.
 */
int32_t routellm_error_os_code(const struct routellm_error *error);

/**
 * Frees an error. `NULL` is permitted.
 */
void routellm_error_free(struct routellm_error *error);

/**
 * The bytes of a string: UTF-8, `routellm_string_len()` of them and a NUL, valid until it is freed. The text
 * itself may hold NUL. `NULL` for `NULL`.
 */
const char *routellm_string_data(const struct routellm_string *string);

/**
 * The length of a string in bytes, without the NUL after it. 0 for `NULL`.
 */
size_t routellm_string_len(const struct routellm_string *string);

/**
 * Frees a string. `NULL` is permitted.
 */
void routellm_string_free(struct routellm_string *string);

/**
 * Options with every default. You own them. Never `NULL`.
 */
struct routellm_open_options *routellm_open_options_new(void);

/**
 * Frees options. `NULL` is permitted.
 */
void routellm_open_options_free(struct routellm_open_options *options);

/**
 * Sets one single-threaded ONNX session for each core: most requests a second for many callers. The same as the preset
 * `throughput`.
 */
routellm_status routellm_open_options_set_throughput(struct routellm_open_options *options,
                                                     struct routellm_error **err);

/**
 * Adds the token that stands for the next score of an exported causal LM: the first one added for score 1, the second
 * one for score 2, and so on. A text has to be one token of its vocabulary (checked when opening). Without any, they
 * are `[[1]]` to `[[5]]`. The text is copied.
 */
routellm_status routellm_open_options_add_score_token(struct routellm_open_options *options,
                                                      const char *token,
                                                      struct routellm_error **err);

/**
 * As `routellm_open_options_add_score_token()`, with the id of a token in place of its text. Texts and ids may be mixed.
 */
routellm_status routellm_open_options_add_score_token_id(struct routellm_open_options *options,
                                                         uint32_t token,
                                                         struct routellm_error **err);

/**
 * Gives a candidate a name of your own: `of` is `strong`, `weak` or the router's name of it, and `own` what decisions,
 * scores, explanations, hooks and the router's information call it from then on. Candidates go on being chosen by the
 * router's names. Every call names one more (checked when opening). The texts are copied.
 */
routellm_status routellm_open_options_add_name(struct routellm_open_options *options,
                                               const char *of,
                                               const char *own,
                                               struct routellm_error **err);

/**
 * Sets options from a JSON object of `len` bytes, whose members are named as the setters are:
 * `{"strong": "gpt-4", "sessions": 2, "head": {"kind": "binary", "strong_label": 0}}`. It is for languages that the
 * library has no package for; `routellm_option_at()` lists what there is. `null` leaves an option as it is. On failure
 * nothing is set.
 *
 * Errors: `ROUTELLM_INVALID_ARGUMENT` for text that is no JSON object, a name that is no option's, and a value of another
 * type or out of range.
 */
routellm_status routellm_open_options_set_json(struct routellm_open_options *options,
                                               const char *json,
                                               size_t len,
                                               struct routellm_error **err);

/**
 * Sets the strong model, one of the router's candidates. An exported model knows no names, and needs it. The text is
 * copied.
 */
routellm_status routellm_open_options_set_strong(struct routellm_open_options *options,
                                                 const char *model,
                                                 struct routellm_error **err);

/**
 * Sets the weak model, likewise. A router with votes refuses two models of one tier, which would get one half on every
 * prompt, unless `routellm_open_options_set_mode()` is `reference`. The text is copied.
 */
routellm_status routellm_open_options_set_weak(struct routellm_open_options *options,
                                               const char *model,
                                               struct routellm_error **err);

/**
 * Sets the mathematics: `ROUTELLM_MODE_EXACT` (the default), or `ROUTELLM_MODE_REFERENCE` to do as lm-sys/RouteLLM
 * does. Routers that know one mode take either.
 */
routellm_status routellm_open_options_set_mode(struct routellm_open_options *options,
                                               int32_t mode,
                                               struct routellm_error **err);

/**
 * Sets what of a chat is read, unless a call says otherwise: `ROUTELLM_READ_LAST_USER`, `ROUTELLM_READ_ALL_USER` or
 * `ROUTELLM_READ_CONVERSATION`; by default what the artifact says. Routers of prompts only.
 */
routellm_status routellm_open_options_set_read(struct routellm_open_options *options,
                                               int32_t read,
                                               struct routellm_error **err);

/**
 * Sets whether every decision has an id: 128 bits, sortable by time, unlike that of any other decision. Without it a
 * decision has one only if a hook or an adapter asks for it.
 */
routellm_status routellm_open_options_set_ids(struct routellm_open_options *options,
                                              int32_t on,
                                              struct routellm_error **err);

/**
 * Sets what is known about candidates, instead of what the artifact says: a list (JSON where the language has texts
 * only) of objects with the `name` of a candidate and, if known, `price` (`{"input": 2.5, "output": 10, "date":
 * "2026-01-31"}`, in USD per million tokens), `context_length` in tokens and `capabilities` (`["text", "vision"]`).
 * Members that are absent leave what the artifact says, and so do candidates that are not named.
 */
routellm_status routellm_open_options_set_candidates(struct routellm_open_options *options,
                                                     const char *candidates,
                                                     struct routellm_error **err);

/**
 * Sets the number of tokens that an answer has on average, for expected costs; by default what the artifact says, or
 * 256.
 */
routellm_status routellm_open_options_set_mean_output_tokens(struct routellm_open_options *options,
                                                             double tokens,
                                                             struct routellm_error **err);

/**
 * Sets a calibration instead of the artifact's: the path of the file that calibrating this router wrote, or what
 * stands in it. One of another router or pair is refused.
 */
routellm_status routellm_open_options_set_calibration(struct routellm_open_options *options,
                                                      const char *calibration,
                                                      struct routellm_error **err);

/**
 * Sets what a folder without `router.json` is: `bert` (any sequence classifier), `causal_llm` or `mf`; by default what
 * the model's `config.json` tells. For an artifact, the kind that it has to be. The text is copied.
 */
routellm_status routellm_open_options_set_kind(struct routellm_open_options *options,
                                               const char *kind,
                                               struct routellm_error **err);

/**
 * Sets the path of `libonnxruntime`. Without it, `ROUTELLM_ORT_PATH`, `ORT_DYLIB_PATH`, a library that the process has
 * loaded, the language's own package of ONNX Runtime and the system are looked at. Only routers with a model to run
 * need it. The text is copied.
 */
routellm_status routellm_open_options_set_onnxruntime(struct routellm_open_options *options,
                                                      const char *library,
                                                      struct routellm_error **err);

/**
 * Sets where ONNX models run: `cpu` (the default); `cuda`, an NVIDIA GPU, which is `ROUTELLM_RUNTIME_UNAVAILABLE` if
 * it cannot be had; or `auto`, a GPU if it can be had and else the processor, and the router's information tells
 * which. A GPU needs the `libonnxruntime` that was built for it.
 */
routellm_status routellm_open_options_set_provider(struct routellm_open_options *options,
                                                   const char *provider,
                                                   struct routellm_error **err);

/**
 * Sets which GPU, from 0; 0 by default. Providers `cuda` and `auto` only.
 */
routellm_status routellm_open_options_set_device_id(struct routellm_open_options *options,
                                                    uint32_t device,
                                                    struct routellm_error **err);

/**
 * Sets the bytes of GPU memory that the sessions' arena may take; no limit of its own by default. Providers `cuda` and
 * `auto` only.
 */
routellm_status routellm_open_options_set_memory_limit(struct routellm_open_options *options,
                                                       uint64_t bytes,
                                                       struct routellm_error **err);

/**
 * Sets whether a GPU may compute float32 in TF32: faster, with 10 bits of mantissa, so that win rates differ from
 * those of the processor by about 1e-3. It does not by default. Providers `cuda` and `auto` only.
 */
routellm_status routellm_open_options_set_tf32(struct routellm_open_options *options,
                                               int32_t on,
                                               struct routellm_error **err);

/**
 * Sets the numbers of sessions and threads by name: `latency`, one session with a thread for each core, four at most,
 * or `throughput`, one single-threaded session for each core. It excludes `routellm_open_options_set_sessions()` and
 * `routellm_open_options_set_intra_threads()`.
 */
routellm_status routellm_open_options_set_preset(struct routellm_open_options *options,
                                                 const char *preset,
                                                 struct routellm_error **err);

/**
 * Sets the number of ONNX sessions, which run side by side: 1 to 256, 1 by default.
 */
routellm_status routellm_open_options_set_sessions(struct routellm_open_options *options,
                                                   size_t count,
                                                   struct routellm_error **err);

/**
 * Sets the number of threads inside one ONNX session: 1 to 256, by default the smaller of the number of cores and 4. A
 * router with votes reads them with as many, by default with one.
 */
routellm_status routellm_open_options_set_intra_threads(struct routellm_open_options *options,
                                                        size_t count,
                                                        struct routellm_error **err);

/**
 * Sets how many calls may wait for a session, a batch counting once; any number by default. Beyond it a call is
 * `ROUTELLM_RESOURCE_EXHAUSTED` at once, or a fallback if `routellm_route_options_set_on_error()` says so. Routers
 * with sessions only.
 */
routellm_status routellm_open_options_set_max_waiting(struct routellm_open_options *options,
                                                      size_t calls,
                                                      struct routellm_error **err);

/**
 * Sets what is decided for a prompt that no vote resembles: `ROUTELLM_OUT_OF_DISTRIBUTION_IGNORE` (the default) leaves
 * it to the win rate, as for any prompt; or `ROUTELLM_OUT_OF_DISTRIBUTION_STRONG`, or
 * `ROUTELLM_OUT_OF_DISTRIBUTION_WEAK`. A strong share of 0 or 1 and a threshold above 1 still send nothing, everything
 * and nothing to the strong model. Routers with votes only.
 */
routellm_status routellm_open_options_set_out_of_distribution(struct routellm_open_options *options,
                                                              int32_t decision,
                                                              struct routellm_error **err);

/**
 * Sets the least similarity, in [-1, 1]: a prompt whose largest cosine similarity to any vote is below it is out of
 * distribution. Without it, only a prompt is whose every similarity is 0 or less. Routers with votes only.
 */
routellm_status routellm_open_options_set_min_similarity(struct routellm_open_options *options,
                                                         double similarity,
                                                         struct routellm_error **err);

/**
 * Sets whether the store of votes is read into memory when opening (`never`) or mapped (`always`); `auto`, the
 * default, reads stores of up to 256 MB and maps larger ones. A mapped store is shared between processes, and its file
 * must not change while the router lives: replace it by a rename, never overwrite or truncate it, which can end the
 * process with `SIGBUS`. Routers with votes only.
 */
routellm_status routellm_open_options_set_mmap(struct routellm_open_options *options,
                                               const char *map,
                                               struct routellm_error **err);

/**
 * Sets how many of the nearest clusters have their votes read one by one, at least 1; `SIZE_MAX` gives the exact
 * answer. It excludes `routellm_open_options_set_error_target()`. Clustered stores of routers with votes only.
 */
routellm_status routellm_open_options_set_open_clusters(struct routellm_open_options *options,
                                                        size_t count,
                                                        struct routellm_error **err);

/**
 * Sets the largest estimated error of a win rate, in (0, 1]: clusters are read until it is reached. It excludes
 * `routellm_open_options_set_open_clusters()`, of which `all` is exact. Clustered stores of routers with votes only.
 */
routellm_status routellm_open_options_set_error_target(struct routellm_open_options *options,
                                                       double error,
                                                       struct routellm_error **err);

/**
 * Sets what the outputs of an exported classifier mean, by name or, with parameters, as an object (JSON where the
 * language has texts only):
 *
 * - `three_labels`: strong wins, tie, weak wins, as in the paper. The default for a model with three outputs; there is
 *   none for others.
 * - `binary`: two labels. `{"kind": "binary", "strong_label": 0}` says which label is that of the strong model, 1 by
 *   default. A single output is the logit of label 1.
 * - `regression`: one score `x`. `{"kind": "regression", "link": "sigmoid", "scale": 1, "offset": 0}` is the win rate
 *   `link(scale * x + offset)`; the default link is `identity`, which holds it within [0, 1].
 * - `candidates`: one logit for each model. Then the strong and the weak model are two of the labels in `config.json`.
 *
 * A model that ends in the softmax is seen to give probabilities, which are taken as they are. Where its graph does
 * not tell, `{"kind": "three_labels", "probabilities": true}` does, and likewise for `binary` and `candidates`. A head
 * that does not fit the model's outputs is an error when opening.
 */
routellm_status routellm_open_options_set_head(struct routellm_open_options *options,
                                               const char *head,
                                               struct routellm_error **err);

/**
 * Sets what an exported classifier does with prompts that are longer than it reads, by name or, with parameters, as an
 * object: `truncate` (the default) cuts them, `windows` reads them piece by piece: `{"kind": "windows", "overlap": 32,
 * "pooling": "mean", "max_windows": 8}` are its defaults, and `pooling` may be `max`. A prompt that was cut has
 * `truncated` in its decision.
 */
routellm_status routellm_open_options_set_long_prompts(struct routellm_open_options *options,
                                                       const char *long_prompts,
                                                       struct routellm_error **err);

/**
 * Sets how a question becomes the text that an exported causal LM reads:
 *
 * - a text with `{question}` (or `{prompt}`) in it; braces that are meant are doubled;
 * - `chat`, the model's own chat template, or with parameters `{"kind": "chat", "system": "...", "user": "{question}",
 *   "add_generation_prompt": true}`, and `"name"` where the model has several, in `tokenizer_config.json` or as files
 *   in `additional_chat_templates`;
 * - `routellm`, the published router's prompt, whose two files are beside its model. Then it is the default; there is
 *   none for other models.
 */
routellm_status routellm_open_options_set_template(struct routellm_open_options *options,
                                                   const char *template_,
                                                   struct routellm_error **err);

/**
 * Sets the score from which on the weak model is good enough, 2 to the number of scores, 4 by default: the win rate of
 * an exported causal LM is 1 - P(score >= this).
 */
routellm_status routellm_open_options_set_score_threshold(struct routellm_open_options *options,
                                                          size_t threshold,
                                                          struct routellm_error **err);

/**
 * Sets how many tokens an exported causal LM generates at most until one is a score, 0 to 64, 6 by default. 0 takes
 * the scores' probabilities as the next token, whatever the most likely one is. If none is a score, the win rate is 1,
 * and the decision has `no_score`.
 */
routellm_status routellm_open_options_set_max_new_tokens(struct routellm_open_options *options,
                                                         size_t count,
                                                         struct routellm_error **err);

/**
 * Sets the day that a chat template gets where it asks for today's date (`strftime_now`), of the form `2026-01-31`.
 * The clock is never read, so that a router decides alike on every day, and such a template is refused without it. The
 * template `chat` of exported models without an artifact only: an artifact keeps what it was written with. The text is
 * copied.
 */
routellm_status routellm_open_options_set_date(struct routellm_open_options *options,
                                               const char *day,
                                               struct routellm_error **err);

/**
 * Sets what becomes of control tokens that a prompt spells out, `[SEP]` or `<|im_end|>` for example: `as_written`
 * makes them control tokens, as the reference does, and `text` reads them as text, those of the template excepted.
 * They are the added tokens that `tokenizer.json` marks as special and, with a template or a prefix, those in brackets
 * that it spells out, `<think>` for example; what a model reads as common text, as many do `[INST]`, is text either
 * way. By default `as_written`, but `text` where `routellm_open_options_set_template()` is `chat`. Exported models
 * without an artifact only: an artifact keeps what it was written with.
 */
routellm_status routellm_open_options_set_control_tokens(struct routellm_open_options *options,
                                                         const char *meaning,
                                                         struct routellm_error **err);

/**
 * Sets which model in the folder is read, by its path in it, `onnx/model_fp16.onnx` for example; by default the first
 * of the usual names, in the folder itself and then in its `onnx`. Exported models without an artifact only: an
 * artifact has one model. The text is copied.
 */
routellm_status routellm_open_options_set_file(struct routellm_open_options *options,
                                               const char *path,
                                               struct routellm_error **err);

/**
 * Sets the number of tokens that an exported model reads of a prompt, special ones and an instruction included; by
 * default what its files say.
 */
routellm_status routellm_open_options_set_max_tokens(struct routellm_open_options *options,
                                                     size_t count,
                                                     struct routellm_error **err);

/**
 * How many options there are, those of opening first and then those of a call.
 */
size_t routellm_option_count(void);

/**
 * Tells what is known about the option number `index`, from 0.
 *
 * Errors: `ROUTELLM_INVALID_ARGUMENT` for an index that is not below `routellm_option_count()`.
 */
routellm_status routellm_option_at(size_t index,
                                   struct routellm_option *option,
                                   struct routellm_error **err);

/**
 * Opens an artifact (a folder with `router.json`), a checkpoint in the published RouteLLM layout, or the folder of a
 * classifier or causal LM that was exported to ONNX (`config.json`, `tokenizer.json`, `model.onnx`).
 *
 * The folder may be replaced or written by a training while it is opened: you get the old router or the new one. Files
 * of models and mapped stores must be replaced by a rename while a router has them open, never overwritten in place:
 * ONNX Runtime maps the weights beside a model, and a part of a mapped file that is gone ends the process.
 *
 * `options` may be `NULL`; an exported model needs the names of the strong and the weak model in them. On success `*router` is a new router, which you free.
 *
 * `ROUTELLM_NOT_FOUND`, `ROUTELLM_IO`; `ROUTELLM_INVALID_MODEL` for a malformed, incomplete or altered artifact;
 * `ROUTELLM_INVALID_ARGUMENT` for a model that it does not know, an option that has no effect on it, or, of a router
 * with votes in the mode `exact`, two models of one tier, which would get one half on every prompt;
 * `ROUTELLM_RUNTIME_UNAVAILABLE` if it needs ONNX Runtime and there is none, or none for the provider `cuda`.
 */
routellm_status routellm_router_open(const char *folder,
                                     const struct routellm_open_options *options,
                                     struct routellm_router **router,
                                     struct routellm_error **err);

/**
 * Opens the router that is compiled into the library: hashed features and a linear model, no file to find and
 * no ONNX Runtime. `options` may be `NULL`. On success `*router` is a new router, which you free.
 */
routellm_status routellm_router_open_default(const struct routellm_open_options *options,
                                             struct routellm_router **router,
                                             struct routellm_error **err);

/**
 * Another handle of the same router: it shares everything, costs almost nothing, and lives as long as you keep
 * it. `NULL` for `NULL`.
 */
struct routellm_router *routellm_router_clone(const struct routellm_router *router);

/**
 * Frees a handle, and the router with its last one. No call may be using this handle; calls without waiting that were
 * begun with it go on, and end as they would have. `NULL` is permitted.
 */
void routellm_router_free(struct routellm_router *router);

/**
 * Closes a router, with all of its handles: calls fail from now on with `ROUTELLM_INVALID_ARGUMENT`, those that wait for
 * a session end as `ROUTELLM_CANCELLED`, those that run go on, and the memory of the sessions is given back after the
 * last of them. Handles are still to be freed. Many threads may call this, also while others route. Closing twice
 * does nothing; `NULL` is permitted.
 */
void routellm_router_close(const struct routellm_router *router);

/**
 * The name of the strong model, valid until this handle is freed. `NULL` for `NULL`.
 */
const char *routellm_router_strong(const struct routellm_router *router);

/**
 * The name of the weak model, valid until this handle is freed. `NULL` for `NULL`.
 */
const char *routellm_router_weak(const struct routellm_router *router);

/**
 * The number of candidates that the router knows, two or more. 0 for `NULL`.
 */
size_t routellm_router_model_count(const struct routellm_router *router);

/**
 * The name of candidate `index`, valid until this handle is freed. `NULL` if there is none.
 */
const char *routellm_router_model(const struct routellm_router *router,
                                  size_t index);

/**
 * The length of the embeddings that the router takes; 0 if it takes none, because it reads hashed features or a model
 * reads the prompt itself.
 */
size_t routellm_router_embedding_dimension(const struct routellm_router *router);

/**
 * The length of the embeddings that `routellm_embed()` gives; 0 if it gives none. It is that of the embeddings that
 * the router takes, where it has an encoder; hashed features may be given too, and are never taken.
 */
size_t routellm_router_embed_dimension(const struct routellm_router *router);

/**
 * How many decisions of the router, through any of its handles, were fallbacks. 0 for `NULL`.
 */
uint64_t routellm_router_fallbacks(const struct routellm_router *router);

/**
 * How busy a router is, and what it has done since it was opened, as a JSON object: `sessions` (0 if it has none),
 * `busy` and `waiting` (calls that wait for a session; a batch counts once), `decisions`, and `fallbacks`, an object from
 * the names of errors, as in `Inference`, to numbers. On success `*json` is a new string, which you free.
 */
routellm_status routellm_router_stats_json(const struct routellm_router *router,
                                           struct routellm_string **json,
                                           struct routellm_error **err);

/**
 * What is known about a router, as a JSON object: `name`, `kind`, `models`, `strong`, `weak`, `mode`, `read`,
 * `featurizer` (`kind`, which is `none` where a model reads the prompt itself, `id`, `dimension`, `max_bytes`,
 * `max_tokens`), `calibration` (of this pair: `sample`, `count`, `sha256` and `date` of the sample, `points`, which are
 * its distinct win rates, `share_error`, `default_strong_share`, `default_threshold`, or null), `constant` (why every
 * prompt has the same win rate, or null), `runtime` (of ONNX: `library`, `version`, `build`, `provider`, `sessions`, `intra_threads`, or null), `votes` (`count`, `store`,
 * `clusters`, `tiers`, `weight_exponent`, or null), `model` (of a classifier or causal LM: `parameters`, `max_tokens`,
 * `dynamically_quantized`, `cached_tokens`, or null), `path`, `provenance` and `version`. On success `*json` is a new
 * string, which you free.
 */
routellm_status routellm_router_info_json(const struct routellm_router *router,
                                          struct routellm_string **json,
                                          struct routellm_error **err);

/**
 * Rewrites `router.json` of the artifact in a folder in the form of this release; its other files stay as they are.
 * `*upgraded` is 1 if there was anything to do, and 0 if it had that form. Older artifacts open without this; older
 * releases cannot open what it writes.
 *
 * Errors as of `routellm_router_open()`; `ROUTELLM_IO` if the file cannot be replaced, which then is the old one.
 */
routellm_status routellm_upgrade_artifact(const char *folder,
                                          int32_t *upgraded,
                                          struct routellm_error **err);

/**
 * What was found on this machine, as a report of a defect needs it: a JSON object, in which what is not known is null.
 *
 * - `versions`: `routellm`, `c_abi`, `format` (of artifacts), `target`, `optimized`, `ort`, `tokenizers`, `system`,
 *   `language` (null in C);
 * - `runtime`: `found`, `in_use`, `library`, `located` (how), `version`, `build`, `providers`, `needed` (the oldest
 *   version that works), `looked_at` (places before, with what the system said of each);
 * - `gpu`: `cuda`, `driver`, `cuda_version`, `devices`, `problem`;
 * - `cpu`: `architecture`, `model`, `cores` (that this process may use), `features`, `kernel` (`avx512`, `avx2` or
 *   `baseline`);
 * - `artifact`: `path`, `form` (`compiled_in`, `artifact`, `folder` or `missing`), `name`, `kind`, `version`,
 *   `candidates`, `files`, `bytes`, `checksums`, `problem`;
 * - `settings`: `environment` (variables that are read and set, with values), `unset`.
 *
 * What is missing or broken is told and is no failure. No router is opened and no model loaded. The ONNX Runtime that a
 * router would use is loaded to be asked, and stays so, without binding the process to it. No prompt is in the report;
 * paths and the values of those variables are. Members may be added in later versions. On success `*json` is a new
 * string, which you free.
 */
routellm_status routellm_doctor(struct routellm_string **json,
                                struct routellm_error **err);

/**
 * As `routellm_doctor()`, about the artifact, or the model, in a folder instead of the router that is compiled in.
 */
routellm_status routellm_doctor_of(const char *folder,
                                   struct routellm_string **json,
                                   struct routellm_error **err);

/**
 * Sets options of a call from a JSON object of `len` bytes, whose members are named as the rows of the table
 * (`routellm_option_at()`, group `call`); null leaves one as it is. On failure nothing is set.
 *
 * `ROUTELLM_INVALID_ARGUMENT` for what is no JSON object, for a name that is no option's, or a value of another type.
 */
routellm_status routellm_route_options_set_json(struct routellm_route_options *options,
                                                const char *json,
                                                size_t len,
                                                struct routellm_error **err);

/**
 * Options with every default. You own them. Never `NULL`.
 */
struct routellm_route_options *routellm_route_options_new(void);

/**
 * Frees options. `NULL` is permitted.
 */
void routellm_route_options_free(struct routellm_route_options *options);

/**
 * Sets whether a fallback decision comes with the error behind it in `fallback_error`, which you then own and
 * free: 1 or 0, 0 by default. The status of that error is in `fallback_status` either way.
 */
routellm_status routellm_route_options_set_keep_fallback_errors(struct routellm_route_options *options,
                                                                int32_t keep,
                                                                struct routellm_error **err);

/**
 * Sets the token that cancels the calls with these options; `NULL` takes it away. The options keep their own
 * share of the token.
 */
routellm_status routellm_route_options_set_cancel(struct routellm_route_options *options,
                                                  const struct routellm_cancel_token *token,
                                                  struct routellm_error **err);

/**
 * Sets the threshold, in [0, 1]: strong if and only if the win rate is at least that. The next number above 1 is taken
 * too, and sends nothing to strong, whatever the prompt and whatever `routellm_open_options_set_out_of_distribution()`
 * says. Without any policy the router's own default counts; two of them together are an error.
 */
routellm_status routellm_route_options_set_threshold(struct routellm_route_options *options,
                                                     double threshold,
                                                     struct routellm_error **err);

/**
 * Sets the strong share, in [0, 1]: the threshold at which this share of the calibration sample goes to strong, or the
 * nearest that some threshold reaches. 0 sends nothing to strong and 1 everything, whatever the prompt and whatever
 * `routellm_open_options_set_out_of_distribution()` says; only `routellm_route_options_set_on_error()` may decide
 * otherwise. It excludes `routellm_route_options_set_threshold()`.
 */
routellm_status routellm_route_options_set_strong_share(struct routellm_route_options *options,
                                                        double share,
                                                        struct routellm_error **err);

/**
 * Sets the cost weight, 0 or more: the candidate with the most `quality - cost_weight x cost` is chosen, where `cost`
 * is the expected cost in USD per 1,000 requests. So a weight of 0.1 gives up 0.1 of quality to save one dollar on
 * 1,000 requests. Of equal ones the cheaper is chosen, then the one that the artifact names first. Every candidate
 * that is left needs a price. It excludes the other policies.
 */
routellm_status routellm_route_options_set_cost_weight(struct routellm_route_options *options,
                                                       double weight,
                                                       struct routellm_error **err);

/**
 * Sets the least quality, in [0, 1]: the cheapest candidate whose quality is at least that is chosen, of equally cheap
 * ones the one that the artifact names first, and if none reaches it the best, of equally good ones the cheaper. Every
 * candidate that is left needs a price. It excludes the other policies.
 */
routellm_status routellm_route_options_set_min_quality(struct routellm_route_options *options,
                                                       double quality,
                                                       struct routellm_error **err);

/**
 * Sets the budget in USD per 1,000 requests: it decides as the smallest `routellm_route_options_set_cost_weight()`
 * does with which the calibration sample costs no more than that on average, among the same candidates and with the
 * same output tokens. The weight is looked for once and kept. A budget that even the cheapest candidates exceed is an
 * error that says what they cost. It excludes the other policies.
 */
routellm_status routellm_route_options_set_budget(struct routellm_route_options *options,
                                                  double usd,
                                                  struct routellm_error **err);

/**
 * Sets the candidates that may be chosen, by name; by default all of them. With
 * `routellm_route_options_set_threshold()` and `routellm_route_options_set_strong_share()`, a prompt whose side is
 * left out goes to the other side; it is an error if neither is left.
 * `names` is an array of `count` texts, which are copied.
 */
routellm_status routellm_route_options_set_candidates(struct routellm_route_options *options,
                                                      const char *const *names,
                                                      size_t count,
                                                      struct routellm_error **err);

/**
 * Sets the capabilities that the chosen candidate has to have, `text`, `vision`, `tools`, `json` and `audio` for
 * example, as the artifact or `routellm_open_options_set_candidates()` says. Other candidates are left out as by
 * `routellm_route_options_set_candidates()`. If nobody is left, the error says what each of them lacks.
 * `capabilities` is an array of `count` texts, which are copied.
 */
routellm_status routellm_route_options_set_requires(struct routellm_route_options *options,
                                                    const char *const *capabilities,
                                                    size_t count,
                                                    struct routellm_error **err);

/**
 * Sets the number of tokens that the request has, each one of a batch. Without it they are estimated from the prompt
 * that is scored, before it is cut: its bytes of UTF-8 divided by 4 and rounded up, at least 1. Candidates whose
 * context is shorter than that are left out as by `routellm_route_options_set_candidates()`. An embedding has no
 * bytes, so that its cost is known with this option only.
 */
routellm_status routellm_route_options_set_input_tokens(struct routellm_route_options *options,
                                                        uint64_t tokens,
                                                        struct routellm_error **err);

/**
 * Sets the number of tokens that the answer is expected to have; by default
 * `routellm_open_options_set_mean_output_tokens()`.
 */
routellm_status routellm_route_options_set_output_tokens(struct routellm_route_options *options,
                                                         uint64_t tokens,
                                                         struct routellm_error **err);

/**
 * Sets what happens when a prompt cannot be scored, a chat has no text or a text is not Unicode.
 * `ROUTELLM_ON_ERROR_RAISE` (the default) is an error. `ROUTELLM_ON_ERROR_STRONG` and `ROUTELLM_ON_ERROR_WEAK` decide
 * for that side, and the name of a candidate for that one, with a fallback in the decision, which is counted; in calls
 * that decide nothing, what could not be computed is NaN then. A side that is left out of the call gives way to the
 * other one; a candidate that is left out is an error. Wrong options, and what is no prompt at all (a number, a list
 * of texts), are errors all the same, and so is cancellation.
 * Candidates are named by `routellm_route_options_set_on_error_candidate()`.
 */
routellm_status routellm_route_options_set_on_error(struct routellm_route_options *options,
                                                    int32_t on_error,
                                                    struct routellm_error **err);

/**
 * As `routellm_route_options_set_on_error()`, with the name of a candidate, to which such prompts go. The last of both
 * calls counts. The text is copied.
 */
routellm_status routellm_route_options_set_on_error_candidate(struct routellm_route_options *options,
                                                              const char *candidate,
                                                              struct routellm_error **err);

/**
 * Sets the longest time of the whole call in milliseconds, above 0, waiting for a session included. What is not scored
 * by then is `ROUTELLM_RESOURCE_EXHAUSTED`, or what `routellm_route_options_set_on_error()` says.
 */
routellm_status routellm_route_options_set_timeout_ms(struct routellm_route_options *options,
                                                      double milliseconds,
                                                      struct routellm_error **err);

/**
 * Sets what of a chat is read, instead of what the artifact says: `ROUTELLM_READ_LAST_USER`, `ROUTELLM_READ_ALL_USER`
 * or `ROUTELLM_READ_CONVERSATION`. Of a text all of it is; an embedding has nothing to read, which is an error.
 */
routellm_status routellm_route_options_set_read(struct routellm_route_options *options,
                                                int32_t read,
                                                struct routellm_error **err);

/**
 * Decides for one prompt: `len` bytes of UTF-8, `NULL` if `len` is 0.
 *
 * `options` may be `NULL`. `decision->struct_size` must be set.
 *
 * `ROUTELLM_INVALID_ARGUMENT` for a prompt that is not UTF-8, a threshold or share outside [0, 1], both of them, or
 * a share where the router has no calibration; `ROUTELLM_CANCELLED`; `ROUTELLM_RESOURCE_EXHAUSTED` after the timeout;
 * what scoring reports. Errors of the prompt and of scoring, and the timeout, become fallback decisions if `on_error`
 * says so.
 */
routellm_status routellm_route(const struct routellm_router *router,
                               const char *prompt,
                               size_t len,
                               const struct routellm_route_options *options,
                               struct routellm_decision *decision,
                               struct routellm_error **err);

/**
 * Decides for `count` prompts, with the same bits as one by one.
 *
 * `decisions` is an array of `count`. Set `struct_size` of the first: it counts for all, and is written into the
 * others. With `count` 0 both arrays may be `NULL`.
 *
 * Errors as of `routellm_route()`, for the first prompt that fails, naming its index; then no decision is written.
 */
routellm_status routellm_route_batch(const struct routellm_router *router,
                                     const struct routellm_text *prompts,
                                     size_t count,
                                     const struct routellm_route_options *options,
                                     struct routellm_decision *decisions,
                                     struct routellm_error **err);

/**
 * Decides for an embedding that you computed: `dimension` numbers.
 *
 * Errors as of `routellm_route()`; `ROUTELLM_INVALID_ARGUMENT` if `dimension` is not that of the router, a number
 * is NaN or infinite, or the router reads hashed features.
 */
routellm_status routellm_route_embedding(const struct routellm_router *router,
                                         const float *embedding,
                                         size_t dimension,
                                         const struct routellm_route_options *options,
                                         struct routellm_decision *decision,
                                         struct routellm_error **err);

/**
 * Decides for `count` inputs of any kinds, with the same bits as one by one: what `routellm_route()` and its like do for
 * one kind each. Of a single input a message by itself is a chat; in a batch it is refused.
 *
 * Arrays and errors as of `routellm_route_batch()`, and of each input as of the function for its kind.
 */
routellm_status routellm_route_inputs(const struct routellm_router *router,
                                      const struct routellm_input *inputs,
                                      size_t count,
                                      const struct routellm_route_options *options,
                                      struct routellm_decision *decisions,
                                      struct routellm_error **err);

/**
 * The threshold that a call with these options compares win rates with: a number in [0, 1], or for a strong share of
 * 0 the next double above 1. `routellm_route_options_set_threshold()` takes either, and a call then decides alike (but
 * that a threshold of 0, other than the share of 1, leaves prompts that no vote resembles to what was chosen for them).
 * `options` may be `NULL`: then it is the artifact's default.
 *
 * `ROUTELLM_INVALID_ARGUMENT` for a number outside [0, 1] (a threshold of the next double above 1 excepted), for both a
 * threshold and a share, or where the router has no calibration.
 */
routellm_status routellm_threshold(const struct routellm_router *router,
                                   const struct routellm_route_options *options,
                                   double *threshold,
                                   struct routellm_error **err);

/**
 * The threshold that a strong share in [0, 1] comes to, and the share of the calibration sample that it sends to the
 * strong model. That is the nearest share that some threshold reaches, because equal win rates go to one side
 * together; 0 and 1 are always reached, and need no calibration. In the mode `reference` the threshold is numpy's
 * interpolated quantile of the sample, for 0 and 1 too.
 *
 * `ROUTELLM_INVALID_ARGUMENT` for a share outside [0, 1], or one between where the router has no calibration.
 */
routellm_status routellm_share(const struct routellm_router *router,
                               double strong_share,
                               double *threshold,
                               double *share,
                               struct routellm_error **err);

/**
 * Decides for one prompt without waiting: as `routellm_route()`, and `callback` gets the one decision. The prompt is
 * copied. A decision that takes less time than handing it to another thread is made at once.
 *
 * The timeout of the options counts from this call, waiting included. Cancelling their token ends the call at once
 * if it still waits.
 *
 * `ROUTELLM_OK` means that `callback` is called exactly once, perhaps before this returns; it is told what is wrong with
 * the prompt, and every other error. After an error of this function it is never called: `ROUTELLM_INVALID_ARGUMENT` for
 * wrong options, a `callback` that is `NULL`, or a router that is closed.
 */
routellm_status routellm_route_async(const struct routellm_router *router,
                                     const char *prompt,
                                     size_t len,
                                     const struct routellm_route_options *options,
                                     routellm_route_callback callback,
                                     void *user,
                                     struct routellm_error **err);

/**
 * Decides for `count` prompts without waiting: as `routellm_route_batch()`, and `callback` gets all decisions at
 * once. The prompts are copied. For the rest as `routellm_route_async()`.
 */
routellm_status routellm_route_batch_async(const struct routellm_router *router,
                                           const struct routellm_text *prompts,
                                           size_t count,
                                           const struct routellm_route_options *options,
                                           routellm_route_callback callback,
                                           void *user,
                                           struct routellm_error **err);

/**
 * Decides for a chat without waiting: as `routellm_route_messages()`, and otherwise as `routellm_route_async()`. The
 * chat is read before this returns, and not kept.
 */
routellm_status routellm_route_messages_async(const struct routellm_router *router,
                                              const char *json,
                                              size_t len,
                                              const struct routellm_route_options *options,
                                              routellm_route_callback callback,
                                              void *user,
                                              struct routellm_error **err);

/**
 * Decides for `count` chats without waiting: as `routellm_route_batch_messages()`, and otherwise as
 * `routellm_route_batch_async()`. The chats are read before this returns, and not kept.
 */
routellm_status routellm_route_batch_messages_async(const struct routellm_router *router,
                                                    const struct routellm_text *chats,
                                                    size_t count,
                                                    const struct routellm_route_options *options,
                                                    routellm_route_callback callback,
                                                    void *user,
                                                    struct routellm_error **err);

/**
 * Decides for `count` inputs of any kinds without waiting: as `routellm_route_inputs()`, and otherwise as
 * `routellm_route_batch_async()`. Texts and embeddings are copied.
 */
routellm_status routellm_route_inputs_async(const struct routellm_router *router,
                                            const struct routellm_input *inputs,
                                            size_t count,
                                            const struct routellm_route_options *options,
                                            routellm_route_callback callback,
                                            void *user,
                                            struct routellm_error **err);

/**
 * 1 if a prompt of `len` bytes is expected to take less than 50 microseconds, so that `routellm_route()` may be called
 * where waiting is not allowed, such as on an event loop; else 0. 0 for `NULL`.
 */
int32_t routellm_router_is_quick(const struct routellm_router *router,
                                 size_t len);

/**
 * P(strong model's answer is preferred or needed) for a prompt of `len` bytes, in [0, 1], into `*win_rate`.
 *
 * `ROUTELLM_INVALID_ARGUMENT` for a prompt that is not UTF-8; what scoring reports.
 */
routellm_status routellm_win_rate(const struct routellm_router *router,
                                  const char *prompt,
                                  size_t len,
                                  double *win_rate,
                                  struct routellm_error **err);

/**
 * Win rates of `count` prompts, with the same bits as one by one, into `win_rates`, an array of `count`.
 * `token` may be `NULL`.
 *
 * Errors as of `routellm_win_rate()`, for the first prompt that fails, naming its index; `ROUTELLM_CANCELLED`.
 */
routellm_status routellm_win_rates(const struct routellm_router *router,
                                   const struct routellm_text *prompts,
                                   size_t count,
                                   const struct routellm_cancel_token *token,
                                   double *win_rates,
                                   struct routellm_error **err);

/**
 * The win rate for an embedding that you computed, `dimension` numbers, into `*win_rate`.
 *
 * `ROUTELLM_INVALID_ARGUMENT` if `dimension` is not that of the router, a number is NaN or infinite, or the router
 * reads hashed features.
 */
routellm_status routellm_win_rate_from_embedding(const struct routellm_router *router,
                                                 const float *embedding,
                                                 size_t dimension,
                                                 double *win_rate,
                                                 struct routellm_error **err);

/**
 * Win rates of `rows` embeddings: `rows` x `dimension` numbers, row after row, into `win_rates`, an array of
 * `rows`.
 *
 * Errors as of `routellm_win_rate_from_embedding()`, naming the row.
 */
routellm_status routellm_win_rates_from_embeddings(const struct routellm_router *router,
                                                   const float *embeddings,
                                                   size_t rows,
                                                   size_t dimension,
                                                   double *win_rates,
                                                   struct routellm_error **err);

/**
 * One score for each candidate, higher is better, in the order of `routellm_router_model()`, into `scores`, an
 * array of `count`, which must be `routellm_router_model_count()`.
 *
 * Errors as of `routellm_win_rate()`; `ROUTELLM_UNSUPPORTED` if the router knows its pair only.
 */
routellm_status routellm_candidate_scores(const struct routellm_router *router,
                                          const char *prompt,
                                          size_t len,
                                          double *scores,
                                          size_t count,
                                          struct routellm_error **err);

/**
 * As `routellm_candidate_scores()`, for an embedding that you computed.
 *
 * Errors as of `routellm_win_rate_from_embedding()`; `ROUTELLM_UNSUPPORTED` if the router knows its pair only.
 */
routellm_status routellm_candidate_scores_from_embedding(const struct routellm_router *router,
                                                         const float *embedding,
                                                         size_t dimension,
                                                         double *scores,
                                                         size_t count,
                                                         struct routellm_error **err);

/**
 * The embedding of a prompt by the router's own encoder or hashed features into `embedding`, an array of
 * `dimension`, which must be `routellm_router_embed_dimension()`.
 *
 * Errors as of `routellm_win_rate()`; `ROUTELLM_UNSUPPORTED` if its features are sparse or come from the caller.
 */
routellm_status routellm_embed(const struct routellm_router *router,
                               const char *prompt,
                               size_t len,
                               float *embedding,
                               size_t dimension,
                               struct routellm_error **err);

/**
 * Win rates of `count` inputs of any kinds, with the same bits as one by one, into `win_rates`, an array of `count`.
 * `options` may be `NULL`; a threshold and a strong share have no effect, which is an error. An input that cannot be scored
 * is NaN if `on_error` is `ROUTELLM_ON_ERROR_STRONG` or `ROUTELLM_ON_ERROR_WEAK`.
 *
 * Errors as of `routellm_route_inputs()`.
 */
routellm_status routellm_win_rates_of(const struct routellm_router *router,
                                      const struct routellm_input *inputs,
                                      size_t count,
                                      const struct routellm_route_options *options,
                                      double *win_rates,
                                      struct routellm_error **err);

/**
 * As `routellm_candidate_scores()`, for an input of any kind and with options, as `routellm_win_rates_of()` takes them.
 */
routellm_status routellm_candidate_scores_of(const struct routellm_router *router,
                                             const struct routellm_input *input,
                                             const struct routellm_route_options *options,
                                             double *scores,
                                             size_t count,
                                             struct routellm_error **err);

/**
 * The quality of each candidate for `count` inputs of any kinds, with the same bits as one by one, into `qualities`, an array of
 * `count` x `models` numbers, those of one input after the other, in the order of `routellm_router_model()`; `models` must be
 * `routellm_router_model_count()`. A quality is in [0, 1]: the score that a gold answer would give the candidate, as expected
 * from rows that the training held out, or its expected win rate against the others; `routellm_router_info()` says which.
 * NaN for a candidate that the votes compare with no other. Options as of `routellm_win_rates_of()`.
 *
 * Errors as of `routellm_win_rates_of()`; `ROUTELLM_UNSUPPORTED` if the router knows its pair only.
 */
routellm_status routellm_qualities_of(const struct routellm_router *router,
                                      const struct routellm_input *inputs,
                                      size_t count,
                                      const struct routellm_route_options *options,
                                      double *qualities,
                                      size_t models,
                                      struct routellm_error **err);

/**
 * As `routellm_embed()`, for a text or a chat and with options, as `routellm_win_rates_of()` takes them.
 */
routellm_status routellm_embed_of(const struct routellm_router *router,
                                  const struct routellm_input *input,
                                  const struct routellm_route_options *options,
                                  float *embedding,
                                  size_t dimension,
                                  struct routellm_error **err);

/**
 * The largest cosine similarity of a prompt to any vote, in [-1, 1], into `*similarity`: how far the prompt is from
 * the data that the router was made of.
 *
 * Errors as of `routellm_win_rate()`; `ROUTELLM_UNSUPPORTED` if the router has no votes.
 */
routellm_status routellm_similarity(const struct routellm_router *router,
                                    const char *prompt,
                                    size_t len,
                                    double *similarity,
                                    struct routellm_error **err);

/**
 * As `routellm_similarity()`, for an embedding that you computed.
 *
 * Errors as of `routellm_win_rate_from_embedding()`; `ROUTELLM_UNSUPPORTED` if the router has no votes.
 */
routellm_status routellm_similarity_from_embedding(const struct routellm_router *router,
                                                   const float *embedding,
                                                   size_t dimension,
                                                   double *similarity,
                                                   struct routellm_error **err);

/**
 * As `routellm_similarity()`, for an input of any kind and with options, as `routellm_win_rates_of()` takes them.
 */
routellm_status routellm_similarity_of(const struct routellm_router *router,
                                       const struct routellm_input *input,
                                       const struct routellm_route_options *options,
                                       double *similarity,
                                       struct routellm_error **err);

/**
 * Why a prompt got its score, with the `k` votes that weighed most, as a JSON object: `win_rate`,
 * `win_rate_error` (its standard error), `similarity`, `out_of_distribution`, `ratings` (a list of `model`,
 * `tier`, `rating`, `standard_error`), `votes` (a list, heaviest first, of `row`, `id`, `text`, `similarity`,
 * `weight`, `model_a`, `model_b`, and `winner`: `model_a`, `model_b` or `tie`) and `reach` (of a clustered store:
 * `opened_clusters`, `opened_votes`, `error`; else null). What is unknown is null. On success `*json` is a new
 * string, which you free.
 *
 * Errors as of `routellm_win_rate()`; `ROUTELLM_UNSUPPORTED` if the router has no votes.
 */
routellm_status routellm_explain(const struct routellm_router *router,
                                 const char *prompt,
                                 size_t len,
                                 size_t k,
                                 struct routellm_string **json,
                                 struct routellm_error **err);

/**
 * As `routellm_explain()`, for an embedding that you computed.
 *
 * Errors as of `routellm_win_rate_from_embedding()`; `ROUTELLM_UNSUPPORTED` if the router has no votes.
 */
routellm_status routellm_explain_embedding(const struct routellm_router *router,
                                           const float *embedding,
                                           size_t dimension,
                                           size_t k,
                                           struct routellm_string **json,
                                           struct routellm_error **err);

/**
 * As `routellm_explain()`, for an input of any kind and with options, as `routellm_win_rates_of()` takes them. If `on_error`
 * covers an error, the object has a member `fallback` with the `kind` and the `reason` of it, its numbers are null, and its
 * lists are empty.
 */
routellm_status routellm_explain_of(const struct routellm_router *router,
                                    const struct routellm_input *input,
                                    size_t k,
                                    const struct routellm_route_options *options,
                                    struct routellm_string **json,
                                    struct routellm_error **err);

/**
 * The prompt of a chat: the text of its newest user message that has text (blanks are none).
 *
 * `json` is `len` bytes of JSON in UTF-8: the list of messages, a whole request body around it (`messages`, `input`,
 * `contents` or `prompt`), or a single message. A message has a `role` (or LangChain's `type`) and `content`, `parts`
 * or `blocks`: a text, or a list of texts and parts. A part counts if it has a string `text` and its `type` is absent
 * or ends in `text`; the others are passed over, and texts of one message are joined by newlines. So chats of OpenAI
 * (both APIs), Anthropic, Gemini, the AI SDK, LangChain and LlamaIndex are read as they are. Only what is read is
 * checked: half an emoji or NaN elsewhere does not matter. On success `*prompt` is a new string, which you free.
 *
 * `ROUTELLM_INVALID_ARGUMENT` if no message to read has text, that text is not Unicode, or the JSON is malformed or no
 * chat.
 */
routellm_status routellm_prompt_from_messages(const char *json,
                                              size_t len,
                                              struct routellm_string **prompt,
                                              struct routellm_error **err);

/**
 * As `routellm_prompt_from_messages()`, with `read` to say which messages count: `ROUTELLM_READ_LAST_USER`,
 * `ROUTELLM_READ_ALL_USER` or `ROUTELLM_READ_CONVERSATION`.
 */
routellm_status routellm_read_messages(const char *json,
                                       size_t len,
                                       int32_t read,
                                       struct routellm_string **prompt,
                                       struct routellm_error **err);

/**
 * Decides for a chat: `len` bytes of JSON, as `routellm_prompt_from_messages()` takes them. What of it is read the
 * artifact says, or `routellm_route_options_set_read()`.
 *
 * Errors as of `routellm_route()`; `ROUTELLM_INVALID_ARGUMENT` for a chat without text, text that is not Unicode and
 * malformed JSON, which become fallback decisions if `on_error` says so, and for JSON that is no chat (a number, a list
 * of texts), which does not.
 */
routellm_status routellm_route_messages(const struct routellm_router *router,
                                        const char *json,
                                        size_t len,
                                        const struct routellm_route_options *options,
                                        struct routellm_decision *decision,
                                        struct routellm_error **err);

/**
 * Decides for `count` chats, with the same bits as one by one. Each is JSON of its own: a list of messages, a request
 * body, or a string, which is a text. A message by itself is refused, because the batch is one chat then.
 *
 * Arrays and errors as of `routellm_route_batch()`, and errors of each chat as of `routellm_route_messages()`.
 */
routellm_status routellm_route_batch_messages(const struct routellm_router *router,
                                              const struct routellm_text *chats,
                                              size_t count,
                                              const struct routellm_route_options *options,
                                              struct routellm_decision *decisions,
                                              struct routellm_error **err);

/**
 * Sets who hears of fallbacks of this router, through any of its handles: in the first fallback of a kind of error,
 * and at most once a minute after it. `callback` `NULL` takes the last one away.
 *
 * `callback` may be called by any thread that routes, by several at once, with `user` as its first argument. `release`,
 * unless it is `NULL`, is called with `user` once nobody needs it any more: after another callback was set, or after
 * the last handle was freed. If the call fails, `user` stays yours and is not freed.
 */
routellm_status routellm_router_on_fallback(const struct routellm_router *router,
                                            routellm_fallback_callback callback,
                                            void *user,
                                            routellm_free_callback release,
                                            struct routellm_error **err);

/**
 * The text of a warning: that `count` decisions were fallbacks because of errors of this status, and what to do. For
 * programs that take `fallback_warning` from decisions; a callback gets it. On success `*message` is a new string, which
 * you free.
 *
 * `ROUTELLM_INVALID_ARGUMENT` for a status that is none of an error, or a count of 0.
 */
routellm_status routellm_fallback_message(routellm_status status,
                                          uint64_t count,
                                          struct routellm_string **message,
                                          struct routellm_error **err);

/**
 * Sets who hears of every decision of this router, through any of its handles: of each prompt once, those of a batch in
 * their order, fallbacks too. Calls that fail decide nothing, and scores are no decisions. `callback` `NULL` takes the
 * last one away; then a call looks whether there is one, reads no clock and makes no id.
 *
 * `callback` may be called by any thread that decides, by several at once, with `user` as its first argument. It hears
 * of the decisions that it makes itself, too. Calls that began when there was none are not told. `release`, unless it is
 * `NULL`, is called with `user` once nobody needs it any more: after another callback was set and those under way have
 * returned, or after the last handle was freed and the last call has ended. If the call fails, `user` stays yours and is
 * not freed.
 */
routellm_status routellm_router_on_decision(const struct routellm_router *router,
                                            routellm_decision_callback callback,
                                            void *user,
                                            routellm_free_callback release,
                                            struct routellm_error **err);

/**
 * A token that is not cancelled. You own it. Never `NULL`.
 */
struct routellm_cancel_token *routellm_cancel_token_new(void);

/**
 * Cancels every call that was given this token, now and from now on. They return `ROUTELLM_CANCELLED` soon: an
 * ONNX session that is running is stopped. `NULL` is permitted.
 */
void routellm_cancel_token_cancel(const struct routellm_cancel_token *token);

/**
 * 1 if the token was cancelled, else 0. 0 for `NULL`.
 */
int32_t routellm_cancel_token_is_cancelled(const struct routellm_cancel_token *token);

/**
 * Frees a token; calls that still use it are not disturbed. `NULL` is permitted.
 */
void routellm_cancel_token_free(struct routellm_cancel_token *token);

/**
 * A place that holds a handle of `router`; yours stays yours. `NULL` for `NULL`.
 */
struct routellm_reloadable *routellm_reloadable_new(const struct routellm_router *router);

/**
 * A handle of the router that is in use now, which you free. It stays good for as long as you keep it, also after a
 * replacement. `NULL` for `NULL`.
 */
struct routellm_router *routellm_reloadable_get(const struct routellm_reloadable *reloadable);

/**
 * Puts a handle of `router` into the place; yours stays yours. Calls that run or wait on the one before finish on it,
 * and it goes with the last of its handles. Do not close it: that ends the calls that wait. Who hears of the decisions of
 * the one before (`routellm_router_on_decision()`) hears of those of `router`, too, unless that has a callback of its own.
 *
 * `ROUTELLM_INVALID_ARGUMENT` if an argument is `NULL`.
 */
routellm_status routellm_reloadable_replace(const struct routellm_reloadable *reloadable,
                                            const struct routellm_router *router,
                                            struct routellm_error **err);

/**
 * Frees the place; handles that were taken from it stay good. `NULL` is permitted.
 */
void routellm_reloadable_free(struct routellm_reloadable *reloadable);

/**
 * Trains a router as a specification says, `len` bytes of JSON, and writes its artifact, which `routellm_router_open()`
 * opens. It returns when the training is done.
 *
 * ```json
 * {"trainer": {"kind": "linear", "folds": 5},
 *  "sources": [{"kind": "gold", "path": "gold.jsonl"}],
 *  "strong": "big", "weak": "small", "seed": 7,
 *  "calibration": {"path": "traffic.jsonl", "date": "2026-01-31"},
 *  "out": "my-router"}
 * ```
 *
 * - `trainer`: its `kind`, `linear`, `knn`, `logistic`, `mf` or `sw_ranking`, and beside it its hyperparameters, each of which
 *   has a default.
 * - `sources`: what it learns from. Each has a `kind`, `votes`, `gold`, `judge` (votes of a model that judges) or `log` (the
 *   outcome of one model a row), and either a `path` (`.jsonl`, `.csv`, `.parquet`) or the `rows` themselves; where they are
 *   needed `weight` and `columns`. Sources of one kind are read one after the other.
 * - `out`: the folder to write. An artifact that is there is replaced at once, at the end; whatever fails before leaves it
 *   as it was.
 * - Where they are needed: `strong` and `weak`; `encoder`, a folder, or an object with `path`, `parameters`, `session` and
 *   `cache`, or with `id` and a `path` to embeddings, for trainers on vectors; `calibration` with `path` or `prompts`, `name`
 *   and `date`; `candidates`, names or objects with what is known of each, to which the sources are then restricted;
 *   `mean_output_tokens`; `split`, a share of the prompts that nothing is learned from, and `evaluation`, how these are
 *   evaluated afterwards (members of `routellm_evaluate()` but `routers` and data, or `{}`); `models`, `rename`, `ties`, `read`,
 *   `seed`, `name`, `on_error`, `timeout_ms` and `provenance`.
 *
 * `progress` and `cancel` may be `NULL`; `user` is handed to `progress`. `*report` is a text of JSON that you own: `kind`,
 * `out`, `name`, `models`, `sources` (with their numbers of rows and checksums), `left_out_rows`, `held_out`,
 * `calibration_prompts`, in `trained` what the trainer found, and `evaluation`. `report` may be `NULL`.
 *
 * `ROUTELLM_INVALID_ARGUMENT` for a wrong specification, an unknown model, or rows that are malformed (naming file and
 * line) or too few; `ROUTELLM_NOT_FOUND` or `ROUTELLM_IO` for files; `ROUTELLM_RESOURCE_EXHAUSTED` after `timeout_ms`;
 * `ROUTELLM_CANCELLED`.
 */
routellm_status routellm_train(const char *spec,
                               size_t len,
                               routellm_progress_callback progress,
                               void *user,
                               const struct routellm_cancel_token *cancel,
                               struct routellm_string **report,
                               struct routellm_error **err);

/**
 * Evaluates routers as a specification says, `len` bytes of JSON: quality against cost with intervals, baselines, slices,
 * other clothes and attacks. It returns when the evaluation is done.
 *
 * ```json
 * {"routers": ["default", "my-router"],
 *  "data": ["gold.csv"],
 *  "strong": "big", "weak": "small"}
 * ```
 *
 * - `routers`: `default` (the one that is compiled in), folders of artifacts or of models, or objects with `path`, `name` and
 *   `options` of opening.
 * - `benchmarks` (`mmlu`, `gsm8k`, `mt-bench`) with `folder`, laid out as RouteLLM's `routellm/evals`; or `data`: files
 *   (`.jsonl`, `.csv`), or objects with a `path` or the `rows` themselves, and where they are needed `kind` (`gold`, `votes`,
 *   `log`), `models`, `columns`, `name`, `contaminated`, `rename` and `held_out` (the `split` of a training). Or both.
 * - Where they are needed: `strong` and `weak`, `costs` (USD per 1,000 requests by model), `baselines` (sources as a training
 *   has them), `slices`, `robustness` (rows that are scored again; 0 for none), `draws`, `seed`, `confidence`, `levels`,
 *   `definition`, `wrong`, `with_prompts`, `cache` (a folder that keeps scores), `on_error` and `timeout_ms`.
 *
 * `progress`, `user`, `cancel` and `report` are as for `routellm_train()`. `*report` is a text of JSON that you own: `routers`,
 * and in `tables` the `results`, `comparisons` and `slices` of each benchmark and file; it is what the command `routellm eval`
 * writes.
 *
 * `ROUTELLM_INVALID_ARGUMENT` for a wrong specification, an unknown model, or rows that are malformed (naming file and
 * line); `ROUTELLM_NOT_FOUND` or `ROUTELLM_IO` for files; as opening a router; `ROUTELLM_RESOURCE_EXHAUSTED` after
 * `timeout_ms`; `ROUTELLM_CANCELLED`.
 */
routellm_status routellm_evaluate(const char *spec,
                                  size_t len,
                                  routellm_progress_callback progress,
                                  void *user,
                                  const struct routellm_cancel_token *cancel,
                                  struct routellm_string **report,
                                  struct routellm_error **err);

/**
 * Calibrates a router on requests of your own as a specification says, `len` bytes of JSON: `*calibrated` is a new router,
 * which you free. It shares the models of this one, which stays as it is, and has another table and default.
 *
 * ```json
 * {"path": "traffic.jsonl", "strong_share": 0.2, "further_requests": 10000}
 * ```
 *
 * - One sample: `prompts`, `chats`, `embeddings` or `win_rates` (arrays), `rows` (objects), or the `path` of a file of rows
 *   (`.jsonl`, `.csv`, `.parquet`). A row has `prompt`, `messages`, `body` (a request of OpenAI's API), `embedding` or
 *   `win_rate`.
 * - One target: `strong_share`; `cost` in USD per 1,000 requests, by the candidates' prices; or, with labels, `pgr`, `quality`
 *   or `p_success`. Labels are columns of the models' names, or `strong_quality` and `weak_quality`.
 * - Where they are needed: `further_requests`, `input_tokens`, `groups`, `group_by`, `slice_by`, `columns`, `policy`, `name`,
 *   `date`, `seed` and `draws`.
 *
 * `progress` and `cancel` may be `NULL`; `user` is handed to `progress`. `*report` is a text of JSON that you own: the
 * threshold, the share, its confidence interval and the prediction interval of further requests, costs, qualities, slices and
 * warnings. `report` may be `NULL`.
 *
 * `ROUTELLM_INVALID_ARGUMENT` for a wrong specification, a sample that is malformed or has one win rate only, and a target that
 * cannot be met; `ROUTELLM_NOT_FOUND` or `ROUTELLM_IO` for files; `ROUTELLM_CANCELLED`.
 */
routellm_status routellm_router_calibrate(const struct routellm_router *router,
                                          const char *spec,
                                          size_t len,
                                          routellm_progress_callback progress,
                                          void *user,
                                          const struct routellm_cancel_token *cancel,
                                          struct routellm_router **calibrated,
                                          struct routellm_string **report,
                                          struct routellm_error **err);

/**
 * As `routellm_router_calibrate()`, from `count` win rates that this router gave, to a strong share in [0, 1]. The prediction
 * interval in the report is for `further_requests`; 0 means as many as there are win rates.
 */
routellm_status routellm_router_calibrate_win_rates(const struct routellm_router *router,
                                                    const double *win_rates,
                                                    size_t count,
                                                    double strong_share,
                                                    uint64_t further_requests,
                                                    struct routellm_router **calibrated,
                                                    struct routellm_string **report,
                                                    struct routellm_error **err);

/**
 * What the calibration of this router found, as JSON: `*json` is a new text, which you free, or `NULL` of a router that was
 * neither calibrated nor opened with the option `calibration`.
 */
routellm_status routellm_router_calibration_report(const struct routellm_router *router,
                                                   struct routellm_string **json,
                                                   struct routellm_error **err);

/**
 * Keeps the calibration of a router that was calibrated: in a file, if `file_or_folder` ends in `.json`, which the option
 * `calibration` of opening takes; else with the artifact in a folder, that of this router or a new one.
 *
 * `ROUTELLM_INVALID_ARGUMENT` for a router that was not calibrated, and a folder that holds something else; `ROUTELLM_IO`.
 */
routellm_status routellm_router_save_calibration(const struct routellm_router *router,
                                                 const char *file_or_folder,
                                                 struct routellm_error **err);

/**
 * Sets who hears what this router notices about calls, each thing once: that a threshold is above, or below, every win rate of
 * the calibration sample. The statistics of the router have it, too. `callback` `NULL` takes the last one away. `user` and
 * `release` are as of `routellm_router_on_decision()`.
 */
routellm_status routellm_router_on_notice(const struct routellm_router *router,
                                          routellm_notice_callback callback,
                                          void *user,
                                          routellm_free_callback release,
                                          struct routellm_error **err);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* ROUTELLM_H */
