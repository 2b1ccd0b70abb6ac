// Strong shares, thresholds at the ends, pairs inside one tier, older artifacts: shares CONFORMANCE OLD, a folder of
// artifacts with votes, and one of version 1 that is rewritten.
#include <array>
#include <cmath>

#include "check.hpp"

using routellm::OnError;
using routellm::OpenOptions;
using routellm::OutOfDistribution;
using routellm::RouteOptions;
using routellm::Router;
using routellm::Side;

namespace {

const double nothing = std::nextafter(1.0, 2.0);

void ends()
{
    const Router router = Router::open_default();
    for (const double wanted : {0.0, 1.0}) {
        const Side side = wanted == 0.0 ? Side::weak : Side::strong;
        const auto [threshold, share] = router.share(wanted);
        CHECK(threshold == (wanted == 0.0 ? nothing : 0.0) && share == wanted);
        for (const RouteOptions &options :
             std::array<RouteOptions, 2>{RouteOptions().strong_share(wanted), RouteOptions().threshold(threshold)}) {
            CHECK(router.threshold(options) == threshold);
            const auto decision = router.route("Prove it.", options);
            CHECK(decision.side == side && decision.threshold == threshold);
        }
    }
    const auto third = router.share(0.3);
    CHECK(third.threshold == router.threshold(RouteOptions().strong_share(0.3)));
    CHECK(std::abs(third.share - 0.3) <= 1e-3);
    CHECK_FAILS(router.share(nothing), invalid_argument, "[0, 1]");
    CHECK_FAILS(router.threshold(RouteOptions().threshold(std::nextafter(nothing, 2.0))), invalid_argument, "[0, 1]");
}

void far_prompts(const std::string &folder)
{
    const std::array<float, 8> far{-1.0F};
    const std::array<float, 8> zeros{};
    for (const bool strong : {true, false}) {
        const Side side = strong ? Side::strong : Side::weak;
        const auto abstain = strong ? OutOfDistribution::strong : OutOfDistribution::weak;
        const Router router = Router::open(folder, OpenOptions().out_of_distribution(abstain));
        CHECK(router.route_embedding(far, RouteOptions().strong_share(0.5)).side == side);
        for (const double share : {0.0, 1.0}) {
            const Side expected = share == 0.0 ? Side::weak : Side::strong;
            const auto decision = router.route_embedding(far, RouteOptions().strong_share(share));
            CHECK(decision.side == expected && decision.out_of_distribution);
            // Above 1 a threshold sends nothing either; 0 is one as any other.
            const auto again = router.route_embedding(far, RouteOptions().threshold(decision.threshold));
            CHECK(again.side == (share == 0.0 ? expected : side));
            const auto on_error = strong ? OnError::strong : OnError::weak;
            const auto fallback =
                router.route_embedding(zeros, RouteOptions().strong_share(share).on_error(on_error));
            CHECK(fallback.side == side && fallback.fallback.has_value());
        }
    }
}

} // namespace

int main(int argc, char **argv)
{
    if (argc != 3) {
        std::fprintf(stderr, "usage: shares CONFORMANCE OLD\n");
        return 2;
    }
    const std::string conformance = argv[1];
    const std::string old = argv[2];
    ends();
    far_prompts(conformance + "/sw-lopsided");
    const auto same_tier = [] { return OpenOptions().strong("small").weak("tiny"); };
    CHECK_FAILS(Router::open(conformance + "/sw-caller", same_tier()), invalid_argument, "tier 3 of 4");
    const Router reference = Router::open(conformance + "/sw-caller", same_tier().mode(routellm::Mode::reference));
    CHECK(reference.info_json().find("\"constant\":\"") != std::string::npos);
    const double before = Router::open(old).share(0.3).threshold;
    CHECK(routellm::upgrade_artifact(old));
    CHECK(!routellm::upgrade_artifact(old));
    CHECK(Router::open(old).share(0.3).threshold == before);
    CHECK_FAILS(routellm::upgrade_artifact("nothing"), not_found, "nothing");
    return report();
}
