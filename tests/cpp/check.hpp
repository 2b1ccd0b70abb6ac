// Counting checks. A program of checks ends with `return report();`.
#ifndef CHECK_HPP
#define CHECK_HPP

#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include <routellm.hpp>

inline int check_passed = 0;
inline int check_failed = 0;

inline void check_that(bool ok, const std::string &what, const char *file, int line)
{
    if (ok) {
        check_passed++;
    } else {
        check_failed++;
        std::printf("%s:%d: failed: %s\n", file, line, what.c_str());
    }
}

/** call() must throw an Error of this status whose text has `part` in it. */
template <class Call>
void check_fails(Call &&call, routellm::Status status, std::string_view part, const char *what, const char *file,
                 int line)
{
    std::string got = "nothing was thrown";
    bool ok = false;
    try {
        call();
    } catch (const routellm::Error &error) {
        got = error.what();
        ok = error.status() == status && got.find(part) != std::string::npos &&
             got.rfind(std::string(error.name()) + ": ", 0) == 0;
    }
    check_that(ok, std::string(what) + ": " + got, file, line);
}

#define CHECK(...) check_that((__VA_ARGS__), #__VA_ARGS__, __FILE__, __LINE__)
#define CHECK_FAILS(call, status, part)                                                                           \
    check_fails([&] { static_cast<void>(call); }, routellm::Status::status, (part), #call, __FILE__, __LINE__)

/** Says what is not tested and why, in the form that the suite counts. */
inline void check_skipped(const char *what, const char *reason)
{
    std::printf("skipped: %s: %s\n", what, reason);
}

/** Whether a router did not open because there is no ONNX Runtime. Where one is named, it has to be there. */
inline bool check_no_runtime(const routellm::Error &error)
{
    const char *named = std::getenv("ROUTELLM_ORT_PATH");
    return error.status() == routellm::Status::runtime_unavailable && (named == nullptr || *named == '\0');
}

inline int report()
{
    std::printf("%d passed, %d failed\n", check_passed, check_failed);
    return check_failed != 0;
}

#endif
