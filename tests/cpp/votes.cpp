// Routers with votes: votes CASES EXPLANATIONS. Runs the cases, and writes a line with the id and the explanation of
// each to EXPLANATIONS, where they are compared.
#include <array>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>

#include "check.hpp"
#include "votes.h"

using routellm::OpenOptions;
using routellm::OutOfDistribution;
using routellm::RouteOptions;
using routellm::Router;

namespace {

Router open(const votes_router &how)
{
    OpenOptions options;
    if (how.strong != nullptr) {
        options.strong(how.strong);
    }
    if (how.weak != nullptr) {
        options.weak(how.weak);
    }
    if (how.mode != nullptr) {
        options.mode(static_cast<routellm::Mode>(how.mode[0] - '0'));
    }
    if (how.out_of_distribution != nullptr) {
        options.out_of_distribution(static_cast<OutOfDistribution>(how.out_of_distribution[0] - '0'));
    }
    if (how.min_similarity != nullptr) {
        options.min_similarity(cases_double(how.min_similarity));
    }
    if (how.open_clusters != nullptr) {
        options.open_clusters(votes_clusters(how.open_clusters));
    }
    if (how.error_target != nullptr) {
        options.error_target(cases_double(how.error_target));
    }
    return Router::open(how.folder, options);
}

bool same(double a, double b)
{
    return std::memcmp(&a, &b, sizeof a) == 0;
}

// Checks one function of a case: its value, or its error.
template <class Call> void check_case(const votes_case &one, const char *what, Call &&call)
{
    std::string got;
    bool ok = false;
    try {
        ok = call() && one.error == nullptr;
    } catch (const routellm::Error &error) {
        got = error.what();
        ok = one.error != nullptr && error.name() == one.error;
    }
    check_that(ok, std::string(what) + " of " + one.id + ": " + got, __FILE__, __LINE__);
}

void run(const Router &router, const votes_case &one, std::ofstream &out)
{
    const auto *bytes = static_cast<const void *>(one.data);
    const std::string_view text(static_cast<const char *>(bytes), one.len);
    const routellm::Span<const float> values(static_cast<const float *>(bytes), one.len / sizeof(float));
    const bool embedding = one.embedding != 0;
    const auto options = RouteOptions().threshold(one.threshold);
    check_case(one, "decision", [&] {
        const auto decision = embedding ? router.route_embedding(values, options) : router.route(text, options);
        return same(decision.win_rate.value(), one.win_rate) && same(decision.similarity.value(), one.similarity) &&
               decision.out_of_distribution == (one.out_of_distribution != 0) &&
               (decision.side == routellm::Side::strong) == (one.strong != 0);
    });
    check_case(one, "similarity", [&] {
        return same(embedding ? router.similarity_from_embedding(values) : router.similarity(text), one.largest);
    });
    check_case(one, "explanation", [&] {
        const std::string json =
            embedding ? router.explain_embedding(values, one.k) : router.explain(text, one.k);
        out << one.id << '\t' << json << '\n';
        return true;
    });
}

void rest(const Router &hashed)
{
    CHECK(hashed.embed("a").size() == 8 && hashed.embedding_dimension() == 0);
    CHECK(hashed.info_json().find("\"votes\":{\"count\":") != std::string::npos);
    const auto batch = hashed.route_batch(std::array<std::string_view, 2>{"a", "\xff"},
                                          RouteOptions().on_error(routellm::OnError::weak));
    CHECK(batch[0].similarity == hashed.similarity("a"));
    CHECK(!batch[1].similarity && !batch[1].out_of_distribution && batch[1].fallback.has_value());
    CHECK_FAILS(hashed.explain("\xff", 1), invalid_argument, "UTF-8");

    const Router linear = Router::open_default();
    CHECK(!linear.route("a").similarity && !linear.route("a").out_of_distribution);
    CHECK_FAILS(linear.similarity("a"), unsupported, "votes");
    CHECK_FAILS(linear.similarity_from_embedding({}), unsupported, "votes");
    CHECK_FAILS(linear.explain("a", 1), unsupported, "votes");
    CHECK_FAILS(linear.explain_embedding({}, 1), unsupported, "votes");
    for (const OpenOptions &options : std::array<OpenOptions, 5>{
             OpenOptions().out_of_distribution(OutOfDistribution::strong), OpenOptions().min_similarity(0.5),
             OpenOptions().open_clusters(routellm::all_clusters), OpenOptions().error_target(0.1),
             OpenOptions().mmap("never")}) {
        CHECK_FAILS(Router::open_default(options), invalid_argument, "has no votes");
    }
    CHECK_FAILS(OpenOptions().mmap("sometimes"), invalid_argument, "mmap is \"sometimes\"");
    CHECK_FAILS(OpenOptions().out_of_distribution(static_cast<OutOfDistribution>(7)), invalid_argument,
                "out_of_distribution is 7");
}

} // namespace

int main(int argc, char **argv)
{
    if (argc != 3) {
        std::fprintf(stderr, "usage: votes CASES EXPLANATIONS\n");
        return 2;
    }
    std::map<std::string, Router> routers;
    std::ofstream out(argv[2]);
    cases_file file = cases_open(argv[1]);
    votes_router how{};
    votes_case one{};
    int cases = 0;
    for (votes_line line = votes_next(&file, &how, &one); line != VOTES_END; line = votes_next(&file, &how, &one)) {
        if (line == VOTES_CASE) {
            run(routers.at(one.router), one, out);
            std::free(one.data);
            cases++;
            continue;
        }
        std::string got = "Ok";
        try {
            routers.emplace(how.name, open(how));
        } catch (const routellm::Error &error) {
            got = error.name();
        }
        check_that(got == (how.refused != 0 ? how.name : "Ok"), std::string(how.folder) + ": " + got, __FILE__,
                   __LINE__);
    }
    out.close();
    CHECK(out.good() && routers.size() >= 5 && cases >= 40);
    rest(routers.at("hashed"));
    std::free(file.text);
    return report();
}
