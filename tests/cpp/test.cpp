// What the C++ interface returns, refuses, owns and shares.
#include <array>
#include <atomic>
#include <chrono>
#include <cerrno>
#include <cmath>
#include <limits>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

#include "check.hpp"

using namespace std::string_literals;
using namespace std::string_view_literals;
using routellm::CancelToken;
using routellm::OnError;
using routellm::OpenOptions;
using routellm::RouteOptions;
using routellm::Router;
using routellm::Side;

// Copies do not compile; moves do, and cannot throw.
template <class T>
constexpr bool MOVE_ONLY = std::is_nothrow_move_constructible_v<T> && std::is_nothrow_move_assignable_v<T> &&
                           !std::is_copy_constructible_v<T> && !std::is_copy_assignable_v<T>;
static_assert(MOVE_ONLY<Router> && MOVE_ONLY<OpenOptions> && MOVE_ONLY<RouteOptions> && MOVE_ONLY<CancelToken>);
static_assert(std::is_base_of_v<std::runtime_error, routellm::Error>);

namespace {

constexpr std::size_t DIMENSION = 8;

void values()
{
    const Router router = Router::open_default();
    const std::vector<std::string> prompts = {"What is 2+2?", "", "a\0b"s, "Prove that there are many primes."};
    const auto batch = router.route_batch(prompts);
    const auto rates = router.win_rates(prompts);
    CHECK(batch.size() == prompts.size() && rates.size() == prompts.size());
    for (std::size_t i = 0; i < prompts.size(); i++) {
        const auto one = router.route(prompts[i]);
        CHECK(one.win_rate == batch[i].win_rate && one.win_rate == rates[i]);
        CHECK(router.win_rate(prompts[i]) == rates[i]);
        CHECK(one.side == (rates[i] >= one.threshold ? Side::strong : Side::weak));
        CHECK(one.model == (one.side == Side::strong ? router.strong() : router.weak()));
        CHECK(!one.fallback && !one.truncated);
    }
    // A NUL is a character as any other.
    CHECK(router.win_rate("a\0b"sv) != router.win_rate("a"sv));
    CHECK(router.route_batch(std::vector<std::string_view>{}).empty());
    CHECK(router.win_rates(std::array<const char *, 2>{"a", "b"}).size() == 2);
    CHECK(router.route("x", RouteOptions().threshold(0.0)).side == Side::strong);
    CHECK(router.route("x", RouteOptions().threshold(1.0)).side == Side::weak);
    CHECK(router.threshold(RouteOptions().strong_share(0.1)) > router.threshold(RouteOptions().strong_share(0.9)));
    CHECK(router.threshold() == router.route("x").threshold);
    CHECK(router.models().size() >= 2 && router.embedding_dimension() == 0);
    CHECK(router.info_json().find("\"kind\":\"linear\"") != std::string::npos);
    CHECK(routellm::prompt_from_messages(R"([{"role":"user","content":"hi\u0000!"}])") == "hi\0!"s);
    CHECK(routellm::version() == ROUTELLM_VERSION);
    CHECK(router.route(std::string(3'000'000, 'x')).truncated);
}

void ownership()
{
    Router first = Router::open_default();
    const std::string strong(first.strong());
    Router second = std::move(first);
    CHECK(second.strong() == strong);
    // A moved-from router refuses; it does not crash.
    CHECK_FAILS(first.route("x"), invalid_argument, "router is NULL");
    first = second.clone();
    second = Router::open_default();
    CHECK(first.route("x").win_rate == second.route("x").win_rate);

    RouteOptions options;
    {
        const CancelToken token;
        options.cancel(token).threshold(0.5);
        CHECK(first.route("x", options).threshold == 0.5);
        token.cancel();
        CHECK(token.is_cancelled());
    }
    CHECK_FAILS(first.route("x", options), cancelled, "cancelled");
}

void embeddings(const std::string &fixtures)
{
    const Router router = Router::open(fixtures + "/caller-mf");
    CHECK(router.embedding_dimension() == DIMENSION);
    std::vector<float> rows(2 * DIMENSION);
    for (std::size_t i = 0; i < rows.size(); i++) {
        rows[i] = static_cast<float>(i % 5) / 4.0F - 0.5F;
    }
    std::array<double, 2> out{};
    router.win_rates_from_embeddings(rows, DIMENSION, out);
    const routellm::Span<const float> row(rows.data() + DIMENSION, DIMENSION);
    CHECK(router.win_rate_from_embedding(row) == out[1]);
    CHECK(router.route_embedding(row, RouteOptions().threshold(out[1])).side == Side::strong);
    CHECK_FAILS(router.route_embedding(row, RouteOptions().threshold(0.5).timeout(std::chrono::nanoseconds(1))),
                resource_exhausted, "timeout");
    CHECK(router.candidate_scores_from_embedding(row).size() == 64);

    const auto swapped = Router::open(
        fixtures + "/caller-mf",
        OpenOptions().strong(router.weak()).weak(router.strong()).mode(routellm::Mode::reference));
    CHECK(std::abs(swapped.win_rate_from_embedding(row) + out[1] - 1.0) < 1e-12);

    const Router hashed = Router::open_default();
    CHECK_FAILS(hashed.win_rate_from_embedding(row), invalid_argument, "hashed");
    CHECK_FAILS(hashed.embed("x"), unsupported, "sparse");
    CHECK_FAILS(hashed.candidate_scores("x"), unsupported, "pair");
    CHECK_FAILS(router.win_rate_from_embedding({}), invalid_argument, "8");
    CHECK_FAILS(router.route_embedding(rows), invalid_argument, "calibration");
    CHECK_FAILS(router.win_rate_from_embedding(rows), invalid_argument, "8");
    CHECK_FAILS(router.win_rates_from_embeddings(rows, 7, out), invalid_argument, "rows of 7");
    CHECK_FAILS(router.win_rates_from_embeddings(rows, 0, out), invalid_argument, "rows of 0");
    CHECK_FAILS(router.win_rate("x"), unsupported, "embedding");
    for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
        rows[DIMENSION] = bad;
        CHECK_FAILS(router.win_rate_from_embedding(row), invalid_argument, "element 0 is");
        CHECK_FAILS(router.win_rates_from_embeddings(rows, DIMENSION, out), invalid_argument, "row 1");
    }
}

void refusals(const std::string &fixtures)
{
    const Router router = Router::open_default();
    const double nan = std::numeric_limits<double>::quiet_NaN();

    CHECK_FAILS(Router::open(fixtures + "/nowhere"), not_found, "nowhere");
    CHECK_FAILS(Router::open(fixtures + "/malformed"), invalid_model, "router.json");
    CHECK_FAILS(Router::open(fixtures + "/altered"), invalid_model, "weights.safetensors");
    CHECK_FAILS(Router::open(fixtures + "/incomplete"), invalid_model, "weights.safetensors");
    try {
        Router::open(fixtures + "/unreadable");
        CHECK(false);
    } catch (const routellm::Error &error) {
        CHECK(error.status() == routellm::Status::io && error.os_code() == EISDIR);
    }
    CHECK(Router::open(fixtures + "/votes", OpenOptions().mmap("always")).models().size() > 1);
    CHECK_FAILS(Router::open("a\0b"sv), invalid_argument, "NUL");
    CHECK_FAILS(OpenOptions().strong("a\0b"sv), invalid_argument, "NUL");
    CHECK_FAILS(OpenOptions().mode(static_cast<routellm::Mode>(7)), invalid_argument, "mode is 7");
    CHECK_FAILS(Router::open_default(OpenOptions().strong("none")), invalid_argument, "none");
    CHECK_FAILS(Router::open_default(OpenOptions().weak("none")), invalid_argument, "none");
    CHECK_FAILS(Router::open_default(OpenOptions().sessions(2)), invalid_argument, "no effect");
    CHECK_FAILS(Router::open_default(OpenOptions().intra_threads(0)), invalid_argument, "intra_threads is 0");
    CHECK_FAILS(Router::open_default(OpenOptions().throughput()), invalid_argument, "no effect");
    CHECK_FAILS(Router::open_default(OpenOptions().onnxruntime("/x")), invalid_argument, "no effect");

    for (const double bad : {-0.1, 1.1, nan}) {
        CHECK_FAILS(router.route("x", RouteOptions().threshold(bad)), invalid_argument, "[0, 1]");
        CHECK_FAILS(router.route("x", RouteOptions().strong_share(bad)), invalid_argument, "[0, 1]");
    }
    CHECK_FAILS(router.route("x", RouteOptions().threshold(0.5).strong_share(0.5)), invalid_argument, "both");
    CHECK_FAILS(RouteOptions().on_error(static_cast<OnError>(9)), invalid_argument, "on_error is 9");

    const std::string bad = "\xff";
    const std::vector<std::string> prompts = {"fine", bad, "fine"};
    CHECK_FAILS(router.route(bad), invalid_argument, "UTF-8");
    CHECK_FAILS(router.win_rate(bad), invalid_argument, "UTF-8");
    CHECK_FAILS(router.win_rates(prompts), invalid_argument, "prompt 1");
    CHECK_FAILS(router.route_batch(prompts), invalid_argument, "prompt 1");
    CHECK_FAILS(routellm::prompt_from_messages("[]"), invalid_argument, "user");

    CHECK(router.fallbacks() == 0);
    const auto batch = router.route_batch(prompts, RouteOptions().on_error(OnError::weak));
    CHECK(batch[1].side == Side::weak && !batch[1].win_rate && batch[1].fallback.has_value());
    CHECK(batch[1].fallback->status == routellm::Status::invalid_argument);
    CHECK(batch[1].fallback->reason.find("UTF-8") != std::string::npos);
    CHECK(!batch[0].fallback && batch[2].win_rate == batch[0].win_rate);
    CHECK(router.route(bad, RouteOptions().on_error(OnError::strong)).model == router.strong());
    CHECK(router.fallbacks() == 2);
    // Back to raising.
    CHECK_FAILS(router.route(bad, RouteOptions().on_error(OnError::weak).on_error(OnError::raise)),
                invalid_argument, "UTF-8");
}

void threads()
{
    const Router router = Router::open_default();
    const auto options = RouteOptions().strong_share(0.3);
    std::vector<std::string> prompts;
    for (int i = 0; i < 200; i++) {
        prompts.push_back("Explain the number " + std::to_string(i * i) + " in " + std::to_string(i) + " words.");
    }
    const auto expected = router.route_batch(prompts, options);
    std::atomic<int> wrong{0};
    std::vector<std::thread> workers;
    for (int thread = 0; thread < 4; thread++) {
        workers.emplace_back([&] {
            for (std::size_t i = 0; i < prompts.size(); i++) {
                const auto one = router.route(prompts[i], options);
                wrong += one.win_rate != expected[i].win_rate || one.side != expected[i].side;
            }
        });
    }
    for (auto &worker : workers) {
        worker.join();
    }
    CHECK(wrong == 0);
}

} // namespace

int main(int argc, char **argv)
{
    if (argc != 2) {
        std::fprintf(stderr, "usage: test FIXTURES\n");
        return 2;
    }
    values();
    ownership();
    embeddings(argv[1]);
    refusals(argv[1]);
    threads();
    return report();
}
