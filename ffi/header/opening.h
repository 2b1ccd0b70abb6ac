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
