// Calibrating a router: calibrate WORK, a folder to write in.
#include "check.hpp"

#include <string>
#include <vector>

#include <routellm.hpp>

int main(int argc, char **argv)
{
    CHECK(argc == 2);
    const std::string file = std::string(argv[1]) + "/calibration-cpp.json";
    const auto router = routellm::Router::open_default();
    CHECK(router.calibration_report().empty());
    const auto mine = router.calibrate(std::vector<double>{0.2, 0.3, 0.4, 0.5}, 0.5, 100);
    CHECK(mine.calibration_report().find(R"("further_requests":100)") != std::string::npos);
    CHECK(mine.route("hi").threshold == 0.4);
    const auto same = router.calibrate(R"({"win_rates": [0.2, 0.3, 0.4, 0.5], "strong_share": 0.5})");
    CHECK(same.route("hi").threshold == 0.4);
    mine.save_calibration(file);
    const auto opened = routellm::Router::open_default(routellm::OpenOptions().calibration(file));
    CHECK(opened.route("hi").threshold == 0.4);
    std::vector<std::string> heard;
    opened.on_notice([&](std::string_view text) { heard.emplace_back(text); });
    for (int i = 0; i < 2; i++) {
        opened.route("hi", routellm::RouteOptions().threshold(0.6));
    }
    CHECK(heard.size() == 1 && heard.front().find("threshold 0.6 is above every win rate") == 0);
    opened.on_notice({});
    CHECK_FAILS(router.calibrate(R"({"win_rates": [0.5], "strong_share": 0.5})"), invalid_argument, "two distinct");
    return report();
}
