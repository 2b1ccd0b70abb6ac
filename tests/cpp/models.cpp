// Exported models beyond their conformance cases: models FOLDER, which holds the tiny ones. Options that are refused,
// what is known about a router, cancellation, timeouts.
#include <chrono>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "check.hpp"

using namespace std::chrono_literals;
using namespace std::string_view_literals;
using routellm::OnError;
using routellm::OpenOptions;
using routellm::RouteOptions;
using routellm::Router;

namespace {

OpenOptions pair()
{
    return OpenOptions().strong("gpt-4").weak("mixtral");
}

bool variable(const char *name)
{
    const char *value = std::getenv(name);
    return value != nullptr && *value != '\0';
}

void refusals(const std::string &folder)
{
    CHECK_FAILS(OpenOptions().provider("tpu"), invalid_argument, "expected \"cpu\", \"cuda\" or \"auto\"");
    CHECK_FAILS(OpenOptions().preset("fast"), invalid_argument, "expected \"latency\" or \"throughput\"");
    CHECK_FAILS(OpenOptions().head("four_labels"), invalid_argument, "three_labels");
    CHECK_FAILS(OpenOptions().long_prompts("split"), invalid_argument, "windows");
    CHECK_FAILS(OpenOptions().prompt_template("no place"), invalid_argument, "{question}");
    CHECK_FAILS(OpenOptions().prompt_template("{question}\0"sv), invalid_argument, "template holds a NUL");
    CHECK_FAILS(Router::open_default(OpenOptions().head("binary")), invalid_argument, "head");
    CHECK_FAILS(Router::open_default(OpenOptions().provider("auto")), invalid_argument, "provider");
    CHECK_FAILS(Router::open_default(OpenOptions().kind("bert")), invalid_argument, "kind");
    const std::string bert = folder + "/bert-tiny";
    CHECK_FAILS(Router::open(bert), invalid_argument, "strong and weak are needed");
    CHECK_FAILS(Router::open(bert, pair().preset("latency").sessions(2)), invalid_argument, "preset");
    CHECK_FAILS(Router::open(bert, pair().memory_limit(1)), invalid_argument, "memory_limit");
    CHECK_FAILS(Router::open(bert, pair().tf32(true)), invalid_argument, "tf32");
    CHECK_FAILS(Router::open(bert, pair().score_threshold(2)), invalid_argument, "score_threshold");
    CHECK_FAILS(RouteOptions().timeout(0ms), invalid_argument, "timeout_ms is 0");
    CHECK_FAILS(RouteOptions().timeout(-1s), invalid_argument, "timeout_ms is -1000");
    CHECK(!Router::open_default().route("x", RouteOptions().timeout(10min)).no_score);
}

void providers(const std::string &folder)
{
    const std::string bert = folder + "/bert-tiny";
    const bool cuda = variable("ROUTELLM_TEST_CUDA");
    const Router router = Router::open(bert, pair().kind("bert").provider("auto").device_id(0).tf32(true).preset("latency"));
    const std::string info = router.info_json();
    CHECK(cuda || info.find("\"provider\":\"cpu\"") != std::string::npos);
    CHECK(info.find("\"model\":{\"parameters\":{\"head\":") != std::string::npos);
    CHECK(router.embedding_dimension() == 0 && router.models().size() == 2);
    CHECK_FAILS(router.route("x"), invalid_argument, "threshold");
    if (!cuda) {
        CHECK_FAILS(Router::open(bert, pair().provider("cuda")), runtime_unavailable, "onnxruntime-gpu");
    }
}

void stopping(const std::string &folder)
{
    const std::vector<std::uint32_t> scores = {805, 806, 807, 808, 809};
    const Router router = Router::open(folder + "/llama-genai-ts", pair()
                                                                       .kind("causal_llm")
                                                                       .prompt_template("Rate it.\n{question}\nScore:")
                                                                       .score_tokens(scores)
                                                                       .max_new_tokens(2)
                                                                       .intra_threads(1));
    std::vector<std::string> prompts;
    for (int i = 0; i < 20000; i++) {
        prompts.push_back("Question " + std::to_string(i) + ": what is " + std::to_string(3 * i) + " squared?");
    }
    const std::vector<std::string> few(prompts.begin(), prompts.begin() + 16);
    const auto batch = router.route_batch(few, RouteOptions().threshold(0.5).timeout(10min));
    for (std::size_t i = 0; i < few.size(); i++) {
        const auto one = router.route(few[i], RouteOptions().threshold(0.5));
        CHECK(one.win_rate == batch[i].win_rate && one.side == batch[i].side && one.no_score == batch[i].no_score);
    }
    // Over before the first prompt is read.
    CHECK_FAILS(router.route_batch(few, RouteOptions().threshold(0.5).timeout(1us)), resource_exhausted, "timeout");
    const auto late = RouteOptions().threshold(0.5).timeout(1us).on_error(OnError::weak);
    for (const auto &decision : router.route_batch(few, late)) {
        CHECK(decision.fallback && decision.fallback->status == routellm::Status::resource_exhausted &&
              decision.side == routellm::Side::weak && !decision.win_rate);
    }

    // More work than a moment suffices for.
    const routellm::CancelToken token;
    const auto cancelled = RouteOptions().threshold(0.5).on_error(OnError::weak).cancel(token);
    std::thread other([&token] {
        std::this_thread::sleep_for(50ms);
        token.cancel();
    });
    CHECK_FAILS(router.route_batch(prompts, cancelled), cancelled, "cancelled");
    other.join();
}

} // namespace

int main(int argc, char **argv)
{
    if (argc != 2) {
        std::fprintf(stderr, "usage: models FOLDER\n");
        return 2;
    }
    const std::string folder = argv[1];
    refusals(folder);
    try {
        Router::open(folder + "/bert-tiny", pair());
    } catch (const routellm::Error &error) {
        if (check_no_runtime(error)) {
            check_skipped("options of exported models", "no ONNX Runtime");
            return report();
        }
        check_that(false, error.what(), __FILE__, __LINE__);
        return report();
    }
    providers(folder);
    stopping(folder);
    return report();
}
