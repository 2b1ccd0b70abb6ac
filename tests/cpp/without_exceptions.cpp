// The same source with exceptions and with -fno-exceptions -fno-rtti: attempt() gives errors as values.
#include <functional>
#include <future>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <routellm.hpp>

#include <cstdio>

namespace {

int passed = 0;
int failed = 0;

void check(bool ok, const char *what, int line)
{
    passed += ok;
    failed += !ok;
    if (!ok) {
        std::printf("without_exceptions.cpp:%d: failed: %s\n", line, what);
    }
}

#define CHECK(...) check((__VA_ARGS__), #__VA_ARGS__, __LINE__)

using routellm::attempt;
using routellm::Decision;
using routellm::Outcome;
using routellm::Router;
using routellm::Status;

template <class T> bool is(const Outcome<T> &outcome, Status status, std::string_view part)
{
    return !outcome && outcome.error()->status() == status &&
           std::string_view(outcome.error()->what()).find(part) != std::string_view::npos;
}

void values()
{
    const Router router = Router::open_default();
    const auto decision = attempt([&] { return router.route("Hello!"); });
    CHECK(decision && decision.error() == nullptr && !decision.get().model.empty());
    CHECK(attempt([&] { return router.route_batch(std::vector<std::string>{"a", "b"}); }).get().size() == 2);
    CHECK(attempt([&] { router.on_decision([](const routellm::DecisionEvent &) {}); }).error() == nullptr);
    CHECK(!attempt([&] { return router.info_json(); }).get().empty());
    CHECK(routellm::doctor().find("\"compiled_in\"") != std::string::npos);
    CHECK(routellm::doctor("/nowhere").find("\"missing\"") != std::string::npos);
}

void failures()
{
    const Router router = Router::open_default();
    CHECK(is(attempt([] { return Router::open("/nowhere"); }), Status::not_found, "/nowhere"));
    CHECK(is(attempt([] { return Router::open(std::string_view("a\0b", 3)); }), Status::invalid_argument, "NUL"));
    const auto unknown = static_cast<routellm::Read>(99);
    CHECK(is(attempt([&] { return routellm::RouteOptions().read(unknown); }), Status::invalid_argument, "read"));
    CHECK(is(attempt([] { return routellm::prompt_from_messages("[]"); }), Status::invalid_argument, ""));
    CHECK(is(attempt([&] { return router.route_batch_messages(std::vector<std::string>{"{"}); }),
             Status::invalid_argument, ""));
    CHECK(is(attempt([&] { return router.explain("x", 3); }), Status::unsupported, ""));
    CHECK(!attempt([&] { return router.route_embedding(std::vector<float>(3)); }));
    CHECK(is(attempt([&] {
                 std::vector<double> out(2);
                 router.win_rates_from_embeddings(std::vector<float>(3), 2, out);
             }),
             Status::invalid_argument, "3 numbers"));
    CHECK(is(attempt([&] { router.route_async("x", std::function<void(Outcome<Decision>)>()); }),
             Status::invalid_argument, "NULL"));
    CHECK(is(attempt([] { routellm::upgrade_artifact("/nowhere"); }), Status::not_found, ""));

    // What follows a failure is not done, and the first error counts.
    int asked = 0;
    router.on_decision([&](const routellm::DecisionEvent &) { asked++; });
    CHECK(is(attempt([&] {
                 const auto call = routellm::RouteOptions().threshold(2.0);
                 const auto first = router.route("x", call);
                 return router.route("y");
             }),
             Status::invalid_argument, "threshold"));
    CHECK(asked == 0);
    // Inner attempts keep their errors, and the thread goes on as before.
    const auto outer = attempt([&] {
        CHECK(is(attempt([] { return Router::open("/nowhere"); }), Status::not_found, ""));
        return router.route("x").win_rate.has_value();
    });
    CHECK(outer && outer.get() && asked == 1);
    router.close();
    CHECK(is(attempt([&] { return router.route("x"); }), Status::invalid_argument, "closed"));
    CHECK(is(attempt([&] { return router.threshold() > 0.0; }), Status::invalid_argument, "") ||
          attempt([&] { return router.threshold(); }));
}

void calls_without_waiting()
{
    const Router router = Router::open_default();
    std::promise<bool> told;
    router.route_async("x", [&](Outcome<Decision> outcome) { told.set_value(static_cast<bool>(outcome)); });
    CHECK(told.get_future().get());
    routellm::Future<Decision> future = router.route_async("x");
    const Outcome<Decision> decision = attempt([&] { return future.get(); });
    CHECK(decision && !decision.get().model.empty());
    // A call that was begun, and then failed.
    future = router.route_async(std::string_view("\xff", 1));
    CHECK(is(attempt([&] { return future.get(); }), Status::invalid_argument, ""));
    // Every thread has attempts of its own.
    bool apart = false;
    static_cast<void>(attempt([&] {
        static_cast<void>(attempt([] { return Router::open("/nowhere"); }));
        std::thread([&] { apart = !router.route("x").model.empty(); }).join();
    }));
    CHECK(apart);
}

} // namespace

int main(int argc, char **)
{
    if (argc > 1) {
        // Outside of an attempt a failure ends the program.
        static_cast<void>(Router::open("/nowhere/at/all"));
        return 0;
    }
    values();
    failures();
    calls_without_waiting();
    std::printf("%d passed, %d failed\n", passed, failed);
    return failed != 0;
}
