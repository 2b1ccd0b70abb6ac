// Runs the conformance cases: conformance CASES ARTIFACT-OF-MF-MINILM.
// With ROUTELLM_CONFORMANCE_OUT the encoder's win rates are written there.
#include <cstdlib>
#include <optional>

#include "cases.h"
#include "check.hpp"

using routellm::Router;

namespace {

routellm::Decision decide(const Router &router, const cases_case &expected)
{
    if (expected.embedding != 0) {
        const auto *values = static_cast<const float *>(static_cast<const void *>(expected.data));
        return router.route_embedding({values, expected.len / sizeof(float)});
    }
    const auto *bytes = static_cast<const char *>(static_cast<const void *>(expected.data));
    const std::string_view text(bytes, expected.len);
    return expected.messages != 0 ? router.route(routellm::prompt_from_messages(text)) : router.route(text);
}

void run(const Router &router, const cases_case &expected, cases_out &out)
{
    std::string got;
    bool ok = false;
    try {
        const auto decision = decide(router, expected);
        got = std::to_string(decision.win_rate.value());
        ok = expected.error == nullptr && cases_close(&expected, *decision.win_rate) &&
             cases_side(&expected, decision.threshold, decision.side == routellm::Side::strong) &&
             (expected.truncated < 0 || (expected.truncated == 1) == decision.truncated);
        if (ok) {
            cases_write(&out, &expected, *decision.win_rate);
        }
    } catch (const routellm::Error &error) {
        got = error.what();
        ok = expected.error != nullptr && error.name() == expected.error;
    }
    check_that(ok, std::string(expected.router) + " " + expected.id + ": " + got, __FILE__, __LINE__);
}

} // namespace

int main(int argc, char **argv)
{
    if (argc != 3) {
        std::fprintf(stderr, "usage: conformance CASES MF-MINILM\n");
        return 2;
    }
    const Router hashed = Router::open_default();
    std::optional<Router> encoder;
    cases_out out = {nullptr, 0};
    try {
        encoder = Router::open(argv[2]);
        const char *path = std::getenv("ROUTELLM_CONFORMANCE_OUT");
        if (path != nullptr && *path != '\0') {
            out.stream = std::fopen(path, "w");
            CHECK(out.stream != nullptr);
        }
    } catch (const routellm::Error &error) {
        if (check_no_runtime(error)) {
            check_skipped("mf-minilm", "no ONNX Runtime");
        } else {
            check_that(false, error.what(), __FILE__, __LINE__);
        }
    }
    cases_file file = cases_open(argv[1]);
    cases_case one{};
    int skipped = 0;
    while (cases_next(&file, &one) != 0) {
        if (std::string_view(one.router) == "default") {
            run(hashed, one, out);
        } else if (encoder) {
            run(*encoder, one, out);
        } else {
            skipped++;
        }
        std::free(one.data);
    }
    if (out.stream != nullptr) {
        std::fputs(out.count == 0 ? "{}\n" : "}\n", out.stream);
        CHECK(std::fclose(out.stream) == 0);
    }
    CHECK(check_passed + skipped > 100);
    std::free(file.text);
    return report();
}
