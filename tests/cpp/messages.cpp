// Runs the cases of chats, and hears of their fallbacks: messages CASES.
#include "messages.h"

#include "check.hpp"

#include <routellm.hpp>

namespace {

std::string_view view(const unsigned char *data, std::size_t len)
{
    return {reinterpret_cast<const char *>(data), len};
}

void run(const routellm::Router &router, const messages_case &one, bool in_batch)
{
    const auto read = static_cast<routellm::Read>(one.read);
    const std::string_view json = view(one.json, one.json_len);
    const auto route = [&](routellm::OnError on_error) {
        const auto options = routellm::RouteOptions().threshold(0.5).read(read).on_error(on_error);
        if (in_batch) {
            return router.route_batch_messages(std::vector<std::string_view>{"\"fine\"", json}, options).at(1);
        }
        return router.route_messages(json, options);
    };
    bool ok = false;
    if (one.error == nullptr) {
        const std::string_view prompt = view(one.prompt, one.prompt_len);
        ok = route(routellm::OnError::raise).win_rate == router.win_rate(prompt) &&
             routellm::prompt_from_messages(json, read) == prompt;
    } else {
        try {
            route(routellm::OnError::raise);
        } catch (const routellm::Error &error) {
            ok = error.name() == one.error;
        }
        bool covered = false;
        try {
            covered = route(routellm::OnError::weak).fallback.has_value();
        } catch (const routellm::Error &) {
        }
        ok = ok && covered == (one.covered != 0);
    }
    if (!ok) {
        std::printf("case %s%s\n", one.id, in_batch ? ", in a batch" : "");
    }
    CHECK(ok);
}

void fallbacks()
{
    const auto router = routellm::Router::open_default(routellm::OpenOptions().read(routellm::Read::all_user));
    CHECK(router.info_json().find("\"read\":\"all_user\"") != std::string::npos);
    std::vector<std::string> heard;
    router.on_fallback([&](const routellm::FallbackWarning &warning) {
        CHECK(warning.status == routellm::Status::invalid_argument && warning.count == 1);
        heard.emplace_back(warning.message);
    });
    const auto options = routellm::RouteOptions().on_error(routellm::OnError::strong);
    for (int i = 0; i < 3; i++) {
        const auto decision = router.route_messages("[]", options);
        CHECK(decision.fallback && decision.fallback->status == routellm::Status::invalid_argument);
    }
    CHECK(heard.size() == 1 && heard[0].find("InvalidArgument") != std::string::npos);
    CHECK(router.fallbacks() == 3);
    router.on_fallback(nullptr);
    router.route_batch_messages(std::vector<std::string>{"[]"}, options);
    CHECK(heard.size() == 1);
}

} // namespace

int main(int argc, char **argv)
{
    if (argc != 2) {
        return 2;
    }
    const auto router = routellm::Router::open_default();
    cases_file file = cases_open(argv[1]);
    messages_case one;
    while (messages_next(&file, &one) != 0) {
        if (one.alone != 0) {
            run(router, one, false);
        }
        if (one.in_batch != 0) {
            run(router, one, true);
        }
        std::free(one.json);
        std::free(one.prompt);
    }
    std::free(file.text);
    fallbacks();
    return report();
}
