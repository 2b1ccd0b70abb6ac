// A hook hears of every decision, once, in order, and of nothing else.
#include "check.hpp"

#include <future>
#include <memory>
#include <string>
#include <vector>

#include <routellm.hpp>

namespace {

struct Heard {
    std::string id;
    std::string model;
    routellm::DecisionEvent event;
};

void every_call()
{
    const auto router = routellm::Router::open_default();
    const auto weak = routellm::RouteOptions().on_error(routellm::OnError::weak);
    auto heard = std::make_shared<std::vector<Heard>>();
    router.on_decision([heard](const routellm::DecisionEvent &event) {
        CHECK(event.queue.count() >= 0 && event.score.count() >= 0 && event.queue + event.score <= event.total);
        CHECK(event.propensity == 1.0 && event.total.count() > 0);
        heard->push_back({std::string(event.id), std::string(event.model), event});
    });
    const auto is_of = [&](std::size_t which, const routellm::Decision &decision, std::size_t index, std::size_t count) {
        const Heard &one = heard->at(which);
        CHECK(one.model == decision.model && one.event.side == decision.side && one.id.size() == 36);
        CHECK(one.event.win_rate == decision.win_rate && one.event.threshold == decision.threshold);
        CHECK(one.event.fallback.has_value() == decision.fallback.has_value());
        CHECK(one.event.index == index && one.event.batch_size == count);
    };
    const std::vector<std::string_view> prompts = {"hello", "What is 17 * 23?", "\xff"};
    is_of(0, router.route("hello"), 0, 1);
    const auto many = router.route_batch(prompts, weak);
    CHECK(heard->size() == 4 && heard->at(3).event.fallback == routellm::Status::invalid_argument);
    for (std::size_t i = 0; i < many.size(); i++) {
        is_of(1 + i, many[i], i, 3);
    }
    is_of(4, router.route_messages(R"([{"role": "user", "content": "hello"}])"), 0, 1);
    is_of(5, router.route_async("hello").get(), 0, 1);
    is_of(6, router.route_async(std::string(1'000'000, 'a')).get(), 0, 1);
    try {
        router.route_batch(prompts);
        CHECK(false);
    } catch (const routellm::Error &) {
    }
    router.win_rate("hello");
    CHECK(heard->size() == 7);
    for (std::size_t i = 1; i < heard->size(); i++) {
        CHECK(heard->at(i - 1).id < heard->at(i).id);
    }
    CHECK(heard.use_count() == 2);
    router.on_decision(nullptr);
    CHECK(heard.use_count() == 1);
    router.route("hello");
    CHECK(heard->size() == 7);
}

void reloading()
{
    int first = 0;
    int second = 0;
    const auto router = routellm::Router::open_default();
    router.on_decision([&](const routellm::DecisionEvent &) { first++; });
    const routellm::Reloadable place(router);
    place.replace(routellm::Router::open_default());
    place.get().route("hello");
    CHECK(first == 1);
    const auto next = routellm::Router::open_default();
    next.on_decision([&](const routellm::DecisionEvent &) { second++; });
    place.replace(next);
    place.get().route("hello");
    CHECK(first == 1 && second == 1);
}

} // namespace

int main()
{
    every_call();
    reloading();
    return report();
}
