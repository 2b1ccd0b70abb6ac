// Calls without waiting, closing, reloading and statistics: async MODELS, the folder with the tiny models, which are
// left out without ONNX Runtime.
#include <atomic>
#include <chrono>
#include <exception>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

#include "check.hpp"

using namespace std::chrono_literals;
using namespace std::string_view_literals;
using routellm::CancelToken;
using routellm::Decision;
using routellm::Error;
using routellm::OnError;
using routellm::OpenOptions;
using routellm::Outcome;
using routellm::Reloadable;
using routellm::RouteOptions;
using routellm::Router;
using routellm::Side;
using routellm::Status;

using Batch = Outcome<std::vector<Decision>>;

static_assert(std::is_nothrow_move_constructible_v<Reloadable> && !std::is_copy_constructible_v<Reloadable>);
static_assert(std::is_copy_constructible_v<Outcome<Decision>>);

namespace {

// What is taken for a callback, and what is not, is known when it is compiled.
template <class Callback, class = void> constexpr bool TAKEN = false;
template <class Callback>
constexpr bool TAKEN<Callback, std::enable_if_t<std::is_void_v<decltype(std::declval<const Router &>().route_async(
                                   ""sv, std::declval<RouteOptions>(), std::declval<Callback>()))>>> = true;
static_assert(TAKEN<void (*)(Outcome<Decision>)> && TAKEN<std::function<void(const Outcome<Decision> &)>>);
static_assert(!TAKEN<int> && !TAKEN<void (*)(Batch)> && !TAKEN<void (*)()>);

bool contains(const std::string &text, std::string_view part)
{
    return text.find(part) != std::string::npos;
}

/** A call whose future does not get ready leaves the program to its alarm(). */
template <class T> T wait(std::future<T> future)
{
    return future.get();
}

void outcomes()
{
    const Outcome<Decision> failed(Error(Status::cancelled, "stopped"));
    CHECK(!failed && failed.error() != nullptr && failed.error()->status() == Status::cancelled);
    CHECK_FAILS(failed.get(), cancelled, "stopped");
    Outcome<std::vector<Decision>> empty(std::vector<Decision>{});
    CHECK(empty && empty.error() == nullptr && empty.get().empty() && std::move(empty).get().empty());
}

void callbacks(const Router &router)
{
    const auto expected = router.route("Why?");
    int told = 0;
    const auto count = [&](const Outcome<Decision> &outcome) {
        told += outcome && outcome.get().win_rate == expected.win_rate && outcome.get().model == expected.model;
    };
    CHECK(router.is_quick(4) && !router.is_quick(1'000'000));
    // In place: it has been told when the call returns.
    router.route_async("Why?", count);
    router.route_async("Why?", RouteOptions(), count);
    router.route_async("Why?", std::function<void(Outcome<Decision>)>(count));
    router.route_async("Why?", std::ref(count));
    CHECK(told == 4);
    // A callable that can only be moved, and is destroyed after it was called.
    const auto owner = std::make_shared<int>(1);
    const std::weak_ptr<int> watched = owner;
    auto held = std::make_unique<std::shared_ptr<int>>(owner);
    router.route_async("Why?", [held = std::move(held), &told](const Outcome<Decision> &outcome) {
        told += outcome && **held == 1;
    });
    CHECK(told == 5 && watched.use_count() == 1);

    // What is wrong with the prompt is told.
    Status status = Status::ok;
    std::string what;
    router.route_async("\xff", [&](const Outcome<Decision> &outcome) {
        status = outcome.error()->status();
        what = outcome.error()->what();
    });
    CHECK(status == Status::invalid_argument && contains(what, "UTF-8") && contains(what, "InvalidArgument: "));
    router.route_async("\xff", RouteOptions().on_error(OnError::strong), [&](Outcome<Decision> outcome) {
        const Decision decision = std::move(outcome).get();
        CHECK(decision.side == Side::strong && !decision.win_rate && decision.fallback.has_value());
        CHECK(contains(decision.fallback->reason, "UTF-8"));
        status = Status::ok;
    });
    CHECK(status == Status::ok);

    // What is wrong with the call is thrown, and the callable is destroyed uncalled.
    const auto both = RouteOptions().threshold(0.5).strong_share(0.5);
    bool called = false;
    const auto never = [&called, owner](const Outcome<Decision> &) { called = true; };
    const auto never_many = [&called, owner](const Batch &) { called = true; };
    const std::vector<std::string> prompts = {"Why?", "", "Prove it."};
    CHECK_FAILS(router.route_async("x", both, never), invalid_argument, "both");
    CHECK_FAILS(router.route_batch_async(prompts, both, never_many), invalid_argument, "both");
    CHECK_FAILS(router.route_async("x", both), invalid_argument, "both");
    CHECK_FAILS(router.route_batch_async(prompts, both), invalid_argument, "both");
    const std::function<void(Outcome<Decision>)> empty;
    CHECK_FAILS(router.route_async("x", empty), invalid_argument, "callback is NULL");
    void (*none)(Outcome<Decision>) = nullptr;
    CHECK_FAILS(router.route_async("x", none), invalid_argument, "callback is NULL");
    // The owner, and the two that may be called again.
    CHECK(!called && watched.use_count() == 3);
    CHECK_FAILS(Router::open_default(OpenOptions().max_waiting(2)), invalid_argument, "max_waiting");
}

void futures(const Router &router)
{
    const auto expected = router.route("Why?");
    CHECK(wait(router.route_async("Why?")).win_rate == expected.win_rate);
    CHECK(wait(router.route_async("Why?", RouteOptions().threshold(0.0))).side == Side::strong);
    CHECK_FAILS(wait(router.route_async("\xff")), invalid_argument, "UTF-8");
    // A long prompt is decided elsewhere, from a copy.
    std::future<Decision> decision;
    {
        const std::string text(1'000'000, 'a');
        decision = router.route_async(text);
    }
    CHECK(wait(std::move(decision)).win_rate == router.route(std::string(1'000'000, 'a')).win_rate);

    const std::vector<std::string_view> prompts = {"Why?", "", "Prove it."};
    const auto sync = router.route_batch(prompts);
    const auto batch = wait(router.route_batch_async(prompts));
    CHECK(batch.size() == 3 && batch[0].win_rate == sync[0].win_rate && batch[2].win_rate == sync[2].win_rate);
    CHECK(wait(router.route_batch_async(std::vector<std::string>{})).empty());
    const std::vector<std::string> mixed = {"fine", "\xff"};
    CHECK_FAILS(wait(router.route_batch_async(mixed)), invalid_argument, "prompt 1");
    const auto lenient = wait(router.route_batch_async(mixed, RouteOptions().on_error(OnError::weak)));
    CHECK(lenient[1].fallback && lenient[1].side == Side::weak && !lenient[0].fallback);
    std::promise<std::size_t> told;
    auto size = told.get_future();
    router.route_batch_async(prompts, [told = std::move(told)](const Batch &outcome) mutable {
        told.set_value(outcome.get().size());
    });
    CHECK(wait(std::move(size)) == 3);
    // Nobody has to take the future.
    router.route_batch_async(prompts);

    const CancelToken token;
    token.cancel();
    CHECK_FAILS(wait(router.route_async("x", RouteOptions().cancel(token))), cancelled, "cancelled");
    CHECK_FAILS(wait(router.route_batch_async(prompts, RouteOptions().cancel(token))), cancelled, "cancelled");
}

/** What a callable throws ends the program as on any thread, and unwinds nothing of the library. */
void thrown(const Router &router, const std::string &prompt)
{
    std::fflush(stdout);
    const pid_t child = fork();
    if (child == 0) {
        std::set_terminate([] { _exit(42); });
        try {
            router.route_async(prompt, [](const Outcome<Decision> &) { throw std::runtime_error("mine"); });
            pause();
        } catch (...) {
            _exit(1);
        }
        _exit(2);
    }
    int status = 0;
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 42);
}

void reloading(const std::function<Router()> &open, int times)
{
    const auto options = RouteOptions().threshold(0.5);
    const Reloadable place(open());
    const Router kept = place.get();
    std::atomic<bool> over{false};
    std::atomic<int> wrong{0};
    std::vector<std::thread> readers;
    for (int i = 0; i < 4; i++) {
        readers.emplace_back([&] {
            while (!over) {
                try {
                    const Router router = place.get();
                    const auto decision = router.route("Why?", options);
                    const auto later = wait(router.route_async("Why?", options));
                    wrong += decision.win_rate != later.win_rate ||
                             (decision.model != router.strong() && decision.model != router.weak());
                } catch (const Error &) {
                    wrong++;
                }
            }
        });
    }
    for (int i = 0; i < times; i++) {
        place.replace(open());
    }
    over = true;
    for (auto &reader : readers) {
        reader.join();
    }
    CHECK(wrong == 0);
    CHECK(kept.route("x", options).win_rate == place.get().route("x", options).win_rate);
    Router moved = open();
    const Router taken = std::move(moved);
    CHECK_FAILS(place.replace(moved), invalid_argument, "router is NULL");
    CHECK_FAILS(Reloadable(moved), invalid_argument, "router is NULL");
    Reloadable from(taken);
    const Reloadable to = std::move(from);
    CHECK(to.get().strong() == taken.strong());
    CHECK_FAILS(from.get().route("x"), invalid_argument, "router is NULL");
}

void closing_and_statistics()
{
    const Router router = Router::open_default();
    const Router clone = router.clone();
    CHECK(router.stats_json() == R"({"sessions":0,"busy":0,"waiting":0,"decisions":0,"fallbacks":{},"notices":[]})");
    router.route("x");
    router.route("\xff", RouteOptions().on_error(OnError::weak));
    CHECK(contains(clone.stats_json(), R"("decisions":2,"fallbacks":{"InvalidArgument":1},"notices":[]})"));
    router.close();
    router.close();
    CHECK_FAILS(clone.route("x", RouteOptions().on_error(OnError::weak)), invalid_argument, "closed");
    CHECK_FAILS(clone.win_rate("x"), invalid_argument, "closed");
    CHECK_FAILS(router.route_async("x"), invalid_argument, "closed");
    CHECK_FAILS(router.route_batch_async(std::vector<std::string>{"x"}, [](const Batch &) { std::abort(); }),
                invalid_argument, "closed");
    CHECK(!router.strong().empty() && contains(router.stats_json(), "\"decisions\":2"));
}

OpenOptions pair()
{
    return OpenOptions().strong("gpt-4").weak("mixtral").intra_threads(1);
}

/** Lets a batch take the one session. */
std::future<std::vector<Decision>> hold(const Router &router, const CancelToken &token)
{
    const std::vector<std::string> prompts(50'000, "What is 3 times 17?");
    auto held = router.route_batch_async(prompts, RouteOptions().threshold(0.5).cancel(token));
    while (!contains(router.stats_json(), R"("busy":1,"waiting":0,)")) {
        std::this_thread::sleep_for(1ms);
    }
    return held;
}

void waiting(const std::string &bert)
{
    const Router router = Router::open(bert, pair().sessions(1).max_waiting(1));
    const auto options = [] { return RouteOptions().threshold(0.5); };
    const CancelToken holding;
    const CancelToken token;
    CHECK(!router.is_quick(1));
    auto held = hold(router, holding);

    auto stopped = router.route_async("Why?", options().cancel(token));
    CHECK(stopped.wait_for(0s) == std::future_status::timeout);
    token.cancel();
    // Whoever waits is told before the cancellation returns.
    CHECK(stopped.wait_for(0s) == std::future_status::ready);
    CHECK_FAILS(wait(std::move(stopped)), cancelled, "cancelled");
    CHECK_FAILS(wait(router.route_async("Why?", options().timeout(5ms))), resource_exhausted, "timeout");
    const std::vector<std::string> few(3, "Why?");
    const auto late = wait(router.route_batch_async(few, options().timeout(5ms).on_error(OnError::strong)));
    CHECK(late.size() == 3 && late[2].fallback && late[2].fallback->status == Status::resource_exhausted);

    auto place = router.route_async("Why?", options());
    CHECK_FAILS(router.route("Why?", options()), resource_exhausted, "max_waiting");
    CHECK_FAILS(wait(router.route_async("Why?", options())), resource_exhausted, "max_waiting");
    CHECK(router.route("Why?", options().on_error(OnError::weak)).fallback->status == Status::resource_exhausted);
    CHECK(contains(router.stats_json(), R"("waiting":1,)"));
    holding.cancel();
    CHECK_FAILS(wait(std::move(held)), cancelled, "cancelled");
    CHECK(wait(std::move(place)).win_rate == router.route("Why?", options()).win_rate);

    const CancelToken last;
    held = hold(router, last);
    place = router.route_async("Why?", options());
    router.close();
    CHECK(place.wait_for(0s) == std::future_status::ready);
    CHECK_FAILS(wait(std::move(place)), cancelled, "closed");
    // What has begun goes on, until its own token ends it.
    CHECK(held.wait_for(0s) == std::future_status::timeout);
    last.cancel();
    CHECK_FAILS(wait(std::move(held)), cancelled, "cancelled");
}

void many(const std::string &bert)
{
    std::vector<std::future<Decision>> calls;
    const auto options = RouteOptions().threshold(0.5);
    std::optional<double> expected;
    // Futures outlive the router, but not the names in their decisions.
    {
        const Router router = Router::open(bert, pair().sessions(2));
        expected = router.route("Why?", options).win_rate;
        for (int i = 0; i < 500; i++) {
            calls.push_back(router.route_async("Why?", options));
        }
    }
    int right = 0;
    for (auto &call : calls) {
        right += call.get().win_rate == expected;
    }
    CHECK(right == 500);
}

} // namespace

int main(int argc, char **argv)
{
    if (argc != 2) {
        std::fprintf(stderr, "usage: async MODELS\n");
        return 2;
    }
    alarm(600);
    const std::string bert = std::string(argv[1]) + "/bert-tiny";
    outcomes();
    const Router router = Router::open_default();
    callbacks(router);
    futures(router);
    thrown(router, "Why?");
    thrown(router, std::string(1'000'000, 'a'));
    reloading([] { return Router::open_default(); }, 50);
    closing_and_statistics();
    try {
        Router::open(bert, pair());
    } catch (const Error &error) {
        if (check_no_runtime(error)) {
            check_skipped("calls that wait for a session", "no ONNX Runtime");
        } else {
            check_that(false, error.what(), __FILE__, __LINE__);
        }
        return report();
    }
    waiting(bert);
    many(bert);
    reloading([&] { return Router::open(bert, pair().sessions(2)); }, 10);
    return report();
}
