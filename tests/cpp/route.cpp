// Routes the prompts of its command line.
#include <cstdio>
#include <exception>
#include <string>

#include <routellm.hpp>

int main(int argc, char **argv)
{
    try {
        const auto router = routellm::Router::open_default();
        for (int i = 1; i < argc; i++) {
            const routellm::Decision decision = router.route(argv[i]);
            std::printf("%s\t%.17g\t%s\n", decision.side == routellm::Side::strong ? "strong" : "weak",
                        decision.win_rate.value(), std::string(decision.model).c_str());
        }
    } catch (const std::exception &error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
    return 0;
}
