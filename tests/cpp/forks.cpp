// Routers in forked children: forks MODELS, the folder with the tiny models, which are left out without ONNX Runtime.
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

#include "check.hpp"

using routellm::OpenOptions;
using routellm::Reloadable;
using routellm::RouteOptions;
using routellm::Router;

namespace {

constexpr const char *PROMPT = "What is 3 times 17?";

RouteOptions half()
{
    return RouteOptions().threshold(0.5);
}

/** Whether a child that does this comes to a normal end with all its checks passed; alarm() ends one that hangs. */
bool forked(bool at_once, const std::function<void()> &work)
{
    std::fflush(stdout);
    const pid_t child = fork();
    if (child == 0) {
        alarm(300);
        check_failed = 0;
        try {
            work();
        } catch (const std::exception &error) {
            check_that(false, error.what(), __FILE__, __LINE__);
        }
        std::fflush(stdout);
        if (at_once) {
            _exit(check_failed != 0);
        }
        std::exit(check_failed != 0);
    }
    int status = 0;
    return waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

void use(const Router &router, std::optional<double> expected)
{
    const std::vector<std::string> prompts(5, PROMPT);
    CHECK(router.route(PROMPT, half()).win_rate == expected);
    CHECK(router.route_async(PROMPT, half()).get().win_rate == expected);
    CHECK(router.route_batch_async(prompts, half()).get().back().win_rate == expected);
}

void children(const std::function<Router()> &open_first, const std::function<Router()> &open_second)
{
    auto first = std::make_unique<Router>(open_first());
    auto second = std::make_unique<Router>(open_second());
    const Reloadable place(*first);
    const auto one = first->route(PROMPT, half()).win_rate;
    const auto two = second->route(PROMPT, half()).win_rate;
    for (const bool at_once : {false, true}) {
        CHECK(forked(at_once, [&] {
            use(*first, one);
            use(*second, two);
        }));
        // Dropped unused, dropped after use, and opened again.
        CHECK(forked(at_once, [&] {
            first.reset();
            use(*second, two);
            second.reset();
            use(open_first(), one);
        }));
        CHECK(forked(at_once, [&] {
            use(place.get(), one);
            place.replace(open_second());
            use(place.get(), two);
            first->close();
            CHECK_FAILS(first->route(PROMPT, half()), invalid_argument, "closed");
        }));
        CHECK(forked(at_once, [&] {
            CHECK(forked(!at_once, [&] { use(*first, one); }));
            use(*first, one);
            CHECK(forked(at_once, [&] { use(*first, one); }));
        }));
    }
    use(*first, one);
    use(*second, two);
}

} // namespace

int main(int argc, char **argv)
{
    if (argc != 2) {
        std::fprintf(stderr, "usage: forks MODELS\n");
        return 2;
    }
    const std::string models = argv[1];
    const auto builtin = [] { return Router::open_default(); };
    children(builtin, builtin);
    const auto pair = [](std::size_t threads) {
        return OpenOptions().strong("gpt-4").weak("mixtral").intra_threads(threads);
    };
    try {
        Router::open(models + "/bert-tiny", pair(1));
    } catch (const routellm::Error &error) {
        if (check_no_runtime(error)) {
            check_skipped("forked children with sessions", "no ONNX Runtime");
        } else {
            check_that(false, error.what(), __FILE__, __LINE__);
        }
        return report();
    }
    for (const std::size_t threads : {1U, 2U, 4U}) {
        children([&] { return Router::open(models + "/bert-tiny", pair(threads)); },
                 [&] { return Router::open(models + "/roberta-tiny", pair(threads).head("regression")); });
    }
    return report();
}
