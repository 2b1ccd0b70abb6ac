// Evaluating through a specification.
#include "check.hpp"

#include <string>

#include <routellm.hpp>

namespace {

// The strong model solves all, the weak one what is easy.
std::string spec()
{
    std::string rows;
    for (int i = 0; i < 60; i++) {
        const bool hard = i % 3 == 0;
        rows += (i == 0 ? "" : ", ") + std::string(R"({"prompt": ")") + (hard ? "Prove it for number " : "greet person ") +
                std::to_string(i) + R"(", "big": true, "small": )" + (hard ? "false" : "true") + "}";
    }
    return R"({"routers": ["default"], "data": [{"rows": [)" + rows + R"(]}], "draws": 20, "robustness": 0})";
}

}  // namespace

int main()
{
    int steps = 0;
    const std::string told = routellm::evaluate(spec(), [&](const routellm::Progress &step) {
        steps++;
        CHECK(!step.stage.empty() && step.done <= step.total);
        return true;
    });
    CHECK(steps > 2);
    CHECK(told.find(R"("strong":"big")") != std::string::npos && told.find(R"("name":"oracle")") != std::string::npos);
    CHECK_FAILS(routellm::evaluate(spec(), [](const routellm::Progress &) { return false; }), cancelled, "");
    const routellm::CancelToken token;
    token.cancel();
    CHECK_FAILS(routellm::evaluate(spec(), {}, &token), cancelled, "");
    CHECK_FAILS(routellm::evaluate(R"({"routers": []})"), invalid_argument, "routers is empty");
    return report();
}
