// Training through a specification: train WORK, a folder to write in.
#include "check.hpp"

#include <cmath>
#include <fstream>
#include <string>

#include <routellm.hpp>

namespace {

// Hard prompts are those with "integral" in them: the strong model solves all, the weak one the easy ones.
void write_gold(const std::string &path)
{
    std::ofstream file(path);
    for (int i = 0; i < 90; i++) {
        const bool hard = i % 3 == 0;
        file << R"({"prompt": ")" << (hard ? "integral of x number " : "greet person ") << i << R"(", "big": true, "small": )"
             << (hard ? "false" : "true") << "}\n";
    }
}

void trains(const std::string &spec, const std::string &out)
{
    int steps = 0;
    const std::string report = routellm::train(spec, [&](const routellm::Progress &step) {
        steps++;
        CHECK(!step.stage.empty() && step.done <= step.total && (std::isnan(step.loss) || step.loss >= 0.0));
        return true;
    });
    CHECK(steps > 2);
    CHECK(report.find(R"("kind":"linear")") != std::string::npos);
    const auto router = routellm::Router::open(out);
    CHECK(router.win_rate("integral of x number 7") > router.win_rate("greet person 7"));
    CHECK(!routellm::train(spec).empty());
}

void stops(const std::string &spec)
{
    CHECK_FAILS(routellm::train(spec, [](const routellm::Progress &) { return false; }), cancelled, "training");
    const routellm::CancelToken token;
    token.cancel();
    CHECK_FAILS(routellm::train(spec, {}, &token), cancelled, "");
    CHECK_FAILS(routellm::train(""), invalid_argument, "specification");
    CHECK_FAILS(routellm::train(R"({"trainer": {"kind": "linear"}, "sources": [], "out": "x"})"), invalid_argument,
                "sources is empty");
}

}  // namespace

int main(int argc, char **argv)
{
    if (argc != 2) {
        return 2;
    }
    const std::string work = argv[1];
    const std::string out = work + "/trained";
    write_gold(work + "/gold.jsonl");
    const std::string spec = R"({"trainer": {"kind": "linear", "bits": 10, "folds": 3, "lambdas": [0.1, 1]}, "sources": )"
                             R"([{"kind": "gold", "path": ")" +
                             work + R"(/gold.jsonl"}], "strong": "big", "weak": "small", "out": ")" + out + R"("})";
    trains(spec, out);
    stops(spec);
    return report();
}
