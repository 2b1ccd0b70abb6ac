// Candidates with prices, their qualities, and the policies that choose among them: candidates WORK, a folder to write in.
#include <cmath>
#include <fstream>

#include "check.hpp"

using routellm::Input;
using routellm::OpenOptions;
using routellm::RouteOptions;
using routellm::Router;
using routellm::Side;

namespace {

const std::string hard = "integral of x number 7";

Router trained(const std::string &work)
{
    std::ofstream gold(work + "/gold.jsonl");
    for (int i = 0; i < 90; i++) {
        gold << "{\"prompt\": \"" << (i % 3 == 0 ? "integral of x number " : "greet person ") << i
             << "\", \"large\": true, \"small\": " << (i % 3 == 0 ? "false" : "true") << "}\n";
    }
    gold.close();
    routellm::train(R"({"trainer": {"kind": "linear", "bits": 10, "folds": 3, "per_candidate": true}, "strong": "large",
        "weak": "small", "sources": [{"kind": "gold", "path": ")" +
                    work + R"(/gold.jsonl"}], "out": ")" + work + R"(/candidates-router"})");
    const auto options = OpenOptions()
                             .candidates(R"([{"name": "large", "price": {"input": 10, "output": 30}},
                                 {"name": "small", "price": {"input": 0.1, "output": 0.2}, "context_length": 100}])")
                             .mean_output_tokens(200.0);
    return Router::open(work + "/candidates-router", options);
}

void decides(const Router &router)
{
    const auto input = Input::text(hard);
    const auto qualities = router.qualities(input);
    CHECK(qualities.size() == 2 && qualities[0] > qualities[1]);
    CHECK(router.qualities_of({input, input})[1] == qualities);
    const auto best = router.route(input, RouteOptions().cost_weight(0.0));
    CHECK(best.side == Side::none && best.candidate == 0 && best.model == "large" && best.quality == qualities[0]);
    CHECK(!best.win_rate && std::isnan(best.threshold));
    CHECK(std::abs(*best.expected_cost - 6060.0 / 1e6) < 1e-15);
    CHECK(router.route(input, RouteOptions().min_quality(0.0)).candidate == 1);
    CHECK(router.route(input, RouteOptions().min_quality(0.0).input_tokens(101)).candidate == 0);
    CHECK(router.route(input, RouteOptions().budget(1e6)).candidate == 0);
    CHECK(router.route(input, RouteOptions().threshold(0.0).candidates({"small"})).side == Side::weak);
    CHECK_FAILS(router.route(input, RouteOptions().threshold(0.0).requiring({"vision"})), invalid_argument,
                "no known capabilities");
    const auto lost = router.route(Input::text("\xff"), RouteOptions().on_error_candidate("small"));
    CHECK(lost.candidate == 1 && lost.fallback);
    CHECK_FAILS(Router::open_default().qualities(input), unsupported, "pair only");
}

} // namespace

int main(int argc, char **argv)
{
    if (argc != 2) {
        return 2;
    }
    decides(trained(argv[1]));
    return report();
}
