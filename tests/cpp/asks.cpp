// Inputs of every kind, and options of every call: asks CONFORMANCE, a folder of artifacts with votes.
#include <array>
#include <chrono>
#include <cmath>

#include "check.hpp"

using routellm::CancelToken;
using routellm::Input;
using routellm::OnError;
using routellm::RouteOptions;
using routellm::Router;

namespace {

const std::string prompt = "What is the capital of France?";
const std::string chat = R"([{"role": "user", "content": "What is the capital of France?"}])";

void inputs(const Router &router)
{
    const std::vector<Input> all = {Input::text(prompt), Input::messages(chat)};
    const double rate = router.win_rate(prompt);
    CHECK(router.win_rate(Input::text(prompt)) == rate);
    CHECK((router.win_rates_of(all) == std::vector<double>{rate, rate}));
    CHECK(router.route(Input::messages(chat)).win_rate == rate);
    for (const auto &decision : router.route_inputs(all)) {
        CHECK(decision.win_rate == rate);
    }
    CHECK(router.candidate_scores(Input::messages(chat)) == router.candidate_scores(prompt));
    CHECK(router.similarity(Input::messages(chat)) == router.similarity(prompt));
    CHECK(router.explain(Input::messages(chat), 2) == router.explain(prompt, 2));
    CHECK(router.embed(Input::messages(chat)) == router.embed(prompt));
}

void stops(const Router &router)
{
    const auto text = Input::text(prompt);
    const auto late = RouteOptions().timeout(std::chrono::nanoseconds(1));
    CHECK_FAILS(router.win_rate(text, late), resource_exhausted, "timeout");
    CHECK_FAILS(router.win_rates_of({text, text}, late), resource_exhausted, "timeout");
    CHECK_FAILS(router.candidate_scores(text, late), resource_exhausted, "timeout");
    CHECK_FAILS(router.similarity(text, late), resource_exhausted, "timeout");
    CHECK_FAILS(router.explain(text, 1, late), resource_exhausted, "timeout");
    CHECK_FAILS(router.embed(text, late), resource_exhausted, "timeout");
    const auto never_mind = RouteOptions().json(R"({"timeout_ms": 1e-6, "on_error": "strong"})");
    CHECK(std::isnan(router.win_rate(text, never_mind)));
    CHECK(std::isnan(router.win_rates_of({text, text}, never_mind)[1]));
    CHECK(std::isnan(router.candidate_scores(text, never_mind)[0]));
    CHECK(std::isnan(router.similarity(text, never_mind)));
    CHECK(std::isnan(router.embed(text, never_mind)[0]));
    CHECK(router.explain(text, 1, never_mind).find(R"("fallback":{"kind":"ResourceExhausted")") != std::string::npos);
    const CancelToken token;
    token.cancel();
    const auto cancelled = RouteOptions().cancel(token).on_error(OnError::weak);
    CHECK_FAILS(router.similarity(text, cancelled), cancelled, "cancelled");
    CHECK_FAILS(router.embed(text, RouteOptions().threshold(0.5)), invalid_argument, "threshold has no effect");
}

void names()
{
    const auto options = routellm::OpenOptions().name("strong", "gpt-5").name("weak", "gpt-5-mini");
    const Router router = Router::open_default(options);
    CHECK(router.strong() == "gpt-5" && router.weak() == "gpt-5-mini");
    CHECK(router.route(prompt, RouteOptions().strong_share(1.0)).model == "gpt-5");
    CHECK_FAILS(Router::open_default(routellm::OpenOptions().name("nobody", "x")), invalid_argument, "nobody");
}

void embeddings(const Router &router)
{
    const std::array<float, 8> numbers = {1.0F, 0.5F, 0.25F, 0.0F, 0.0F, 0.0F, 0.0F, 0.125F};
    const auto embedding = Input::embedding(numbers);
    CHECK(router.win_rate(embedding) == router.win_rate_from_embedding(numbers));
    CHECK(router.explain(embedding, 1) == router.explain_embedding(numbers, 1));
    CHECK(router.route(embedding, RouteOptions().threshold(0.5)).win_rate == router.win_rate(embedding));
    CHECK_FAILS(router.embed(embedding), invalid_argument, "pass a prompt");
}

} // namespace

int main(int argc, char **argv)
{
    if (argc != 2) {
        return 2;
    }
    const std::string folder = argv[1];
    const Router texts = Router::open(folder + "/sw-hashed");
    inputs(texts);
    stops(texts);
    names();
    embeddings(Router::open(folder + "/sw-caller"));
    return report();
}
