// Exported models: exports CASES OUT [cuda]. Runs the cases, and writes the bits of the win rates to OUT (`-` for
// nowhere). With `cuda`, every model runs on the GPU.
#include <optional>
#include <vector>

#include "check.hpp"
#include "exports.h"

using routellm::OpenOptions;
using routellm::Router;

namespace {

void set(OpenOptions &options, const exports_option &option)
{
    const std::string_view key = option.key;
    const std::string_view text = option.text == nullptr ? "" : option.text;
    if (key == "strong") {
        options.strong(text);
    } else if (key == "weak") {
        options.weak(text);
    } else if (key == "kind") {
        options.kind(text);
    } else if (key == "mode") {
        options.mode(static_cast<routellm::Mode>(option.number));
    } else if (key == "provider") {
        options.provider(text);
    } else if (key == "device_id") {
        options.device_id(static_cast<std::uint32_t>(option.number));
    } else if (key == "memory_limit") {
        options.memory_limit(option.number);
    } else if (key == "preset") {
        options.preset(text);
    } else if (key == "sessions") {
        options.sessions(option.number);
    } else if (key == "intra_threads") {
        options.intra_threads(option.number);
    } else if (key == "head") {
        options.head(text);
    } else if (key == "long_prompts") {
        options.long_prompts(text);
    } else if (key == "template") {
        options.prompt_template(text);
    } else if (key == "score_tokens" && option.text != nullptr) {
        options.score_token(text);
    } else if (key == "score_tokens") {
        options.score_token(static_cast<std::uint32_t>(option.number));
    } else if (key == "score_threshold") {
        options.score_threshold(option.number);
    } else if (key == "max_new_tokens") {
        options.max_new_tokens(option.number);
    } else if (key == "max_tokens") {
        options.max_tokens(option.number);
    } else {
        cases_die("unknown option", option.key);
    }
}

Router open(const exports_case &one, bool cuda)
{
    OpenOptions options;
    for (int i = 0; i < one.options; i++) {
        set(options, one.option[i]);
    }
    if (cuda) {
        options.provider("cuda");
    }
    return Router::open(one.folder, options);
}

bool same(const routellm::Decision &a, const routellm::Decision &b)
{
    return a.win_rate == b.win_rate && a.side == b.side && a.model == b.model && a.truncated == b.truncated &&
           a.no_score == b.no_score && a.threshold == b.threshold;
}

// Every prompt alone and all at once.
void decide(const exports_case &one, bool cuda, const Router &router, cases_out &out)
{
    const double tolerance = exports_tolerance(&one, cuda ? 1 : 0);
    const auto options = routellm::RouteOptions().threshold(one.threshold);
    std::vector<std::string_view> prompts;
    std::vector<double> rates;
    for (int i = 0; i < one.prompts; i++) {
        prompts.emplace_back(one.prompt[i].text, one.prompt[i].len);
    }
    const auto match = [&](int i, const routellm::Decision &found) {
        return exports_match(&one, &one.prompt[i], tolerance, found.win_rate.value(),
                             found.side == routellm::Side::strong ? 1 : 0, found.truncated ? 1 : 0,
                             found.no_score ? 1 : 0) != 0;
    };
    const auto batch = router.route_batch(prompts, options);
    for (int i = 0; i < one.prompts; i++) {
        const auto index = static_cast<std::size_t>(i);
        const auto decision = router.route(prompts[index], options);
        const std::string what = std::string(one.name) + ", prompt " + std::to_string(i);
        rates.push_back(decision.win_rate.value());
        check_that(match(i, decision), what + ": " + std::to_string(rates.back()), __FILE__, __LINE__);
        check_that(cuda ? match(i, batch[index]) : same(decision, batch[index]), what, __FILE__, __LINE__);
    }
    exports_write(&out, one.name, rates.data(), one.prompts);
}

} // namespace

int main(int argc, char **argv)
{
    const bool cuda = argc == 4 && std::string_view(argv[3]) == "cuda";
    if (argc != 3 && !cuda) {
        std::fprintf(stderr, "usage: exports CASES OUT [cuda]\n");
        return 2;
    }
    cases_out out = {nullptr, 0};
    if (std::string_view(argv[2]) != "-") {
        out.stream = std::fopen(argv[2], "w");
        CHECK(out.stream != nullptr);
    }
    cases_file file = cases_open(argv[1]);
    exports_case one{};
    int cases = 0;
    int skipped = 0;
    for (; exports_next(&file, &one) != 0; exports_free(&one)) {
        cases++;
        if (cuda && one.error != nullptr) {
            continue;
        }
        std::string got = "nothing was thrown";
        bool ok = false;
        try {
            const Router router = open(one, cuda);
            ok = one.error == nullptr;
            if (ok) {
                decide(one, cuda, router, out);
            }
        } catch (const routellm::Error &error) {
            got = error.what();
            if (check_no_runtime(error)) {
                skipped++;
                continue;
            }
            ok = one.error != nullptr && error.name() == one.error && got.find(one.message) != std::string::npos;
        }
        check_that(ok, std::string(one.name) + ": " + got, __FILE__, __LINE__);
    }
    if (out.stream != nullptr) {
        std::fputs(out.count == 0 ? "{}\n" : "}\n", out.stream);
        CHECK(std::fclose(out.stream) == 0);
    }
    CHECK(cases >= 40);
    if (skipped > 0) {
        check_skipped("cases of exported models", "no ONNX Runtime");
    }
    std::free(file.text);
    return report();
}
