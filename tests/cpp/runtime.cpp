// Without ONNX Runtime: an artifact that needs it says where it was looked for, and what needs none works.
#include "check.hpp"

using routellm::Router;

int main(int argc, char **argv)
{
    if (argc < 4) {
        std::fprintf(stderr, "usage: runtime ARTIFACT CALLER-ARTIFACT PART...\n");
        return 2;
    }
    for (int i = 3; i < argc; i++) {
        CHECK_FAILS(Router::open(argv[1]), runtime_unavailable, argv[i]);
    }
    const std::string nowhere = "/nowhere/libonnxruntime.so.9";
    CHECK_FAILS(Router::open(argv[1], routellm::OpenOptions().onnxruntime(nowhere)), runtime_unavailable, nowhere);
    CHECK(Router::open_default().route("x").win_rate.has_value());
    const float values[8] = {0.5F};
    CHECK(Router::open(argv[2]).win_rate_from_embedding(values) > 0.0);
    return report();
}
