/**
 * routellm.hpp: the C interface of routellm.h for C++17. Header only; link the same library.
 *
 *     #include <iostream>
 *
 *     #include <routellm.hpp>
 *
 *     int main()
 *     {
 *         const auto router = routellm::Router::open_default();
 *         const auto decision = router.route("Prove that the square root of two is irrational.");
 *         std::cout << decision.model << '\n';
 *     }
 *
 * A classifier or causal LM that was exported to ONNX is opened from its folder:
 *
 *     #include <chrono>
 *     #include <iostream>
 *
 *     #include <routellm.hpp>
 *
 *     int main(int argc, char **argv)
 *     {
 *         if (argc != 3) {
 *             return 2;
 *         }
 *         const char *prompt = "Prove that the square root of two is irrational.";
 *         const auto call = routellm::RouteOptions().threshold(0.5).timeout(std::chrono::seconds(30));
 *         // A classifier of three labels: strong wins, tie, weak wins.
 *         const auto models = [] { return routellm::OpenOptions().strong("gpt-4").weak("mixtral-8x7b"); };
 *         const auto bert = routellm::Router::open(argv[1], models().kind("bert").provider("auto"));
 *         std::cout << bert.route(prompt, call).model << '\n';
 *         // A causal LM, asked for a score from 1 to 5.
 *         const auto options = models()
 *                                  .kind("causal_llm")
 *                                  .prompt_template("Rate the question from 1 to 5.\n{question}\nScore:")
 *                                  .score_tokens({"1", "2", "3", "4", "5"})
 *                                  .max_new_tokens(0);
 *         const auto causal = routellm::Router::open(argv[2], options);
 *         std::cout << causal.route(prompt, call).model << '\n';
 *     }
 *
 * Nobody has to wait for a decision: route_async() returns a future, or calls back. A Reloadable holds the router that
 * is in use, for programs that exchange it while they serve:
 *
 *     #include <future>
 *     #include <iostream>
 *     #include <string_view>
 *     #include <utility>
 *     #include <vector>
 *
 *     #include <routellm.hpp>
 *
 *     int main()
 *     {
 *         const routellm::Reloadable current(routellm::Router::open_default());
 *         // A handle for as long as decisions of it are used, whoever replaces the router meanwhile.
 *         const auto router = current.get();
 *         const std::vector<std::string_view> prompts = {"Hello!", "Prove that there are infinitely many primes."};
 *         std::promise<void> told;
 *         const auto done = told.get_future();
 *         using Outcome = routellm::Outcome<std::vector<routellm::Decision>>;
 *         router.route_batch_async(prompts, [told = std::move(told)](Outcome outcome) mutable {
 *             if (const auto *error = outcome.error()) {
 *                 std::cerr << error->what() << '\n';
 *             } else {
 *                 for (const auto &decision : outcome.get()) {
 *                     std::cout << decision.model << '\n';
 *                 }
 *             }
 *             told.set_value();
 *         });
 *         std::future<routellm::Decision> decision = router.route_async(prompts[1]);
 *         // Opened in full before it takes the place. The calls above end on the router that they began with.
 *         current.replace(routellm::Router::open_default());
 *         std::cout << decision.get().model << '\n';
 *         done.wait();
 *     }
 *
 * on_decision() sets who hears of every decision, with an id that sorts by time and where the time went:
 *
 *     #include <iostream>
 *
 *     #include <routellm.hpp>
 *
 *     int main()
 *     {
 *         const auto router = routellm::Router::open_default();
 *         router.on_decision([](const routellm::DecisionEvent &event) {
 *             std::cout << event.id << ' ' << event.model << ' ' << event.total.count() << " ns\n";
 *         });
 *         router.route("Prove that the square root of two is irrational.");
 *     }
 *
 * attempt() gives what a call came to as a value, a routellm::Outcome, and so does without exceptions:
 *
 *     #include <iostream>
 *
 *     #include <routellm.hpp>
 *
 *     int main()
 *     {
 *         const auto router = routellm::attempt([] { return routellm::Router::open_default(); });
 *         if (!router) {
 *             std::cerr << router.error()->what() << '\n';
 *             return 1;
 *         }
 *         const auto decision = routellm::attempt([&] {
 *             const auto call = routellm::RouteOptions().strong_share(0.2);
 *             return router.get().route("Prove that the square root of two is irrational.", call);
 *         });
 *         std::cout << (decision ? decision.get().model : "none") << '\n';
 *     }
 *
 * Objects own what they stand for and cannot be copied, only moved; a moved-from object may be destroyed or
 * assigned to. Failures are exceptions of type routellm::Error.
 *
 * With -fno-exceptions (-fno-rtti does not matter), or with ROUTELLM_NO_EXCEPTIONS defined before this header, the calls
 * are the same. A failure then ends the innermost attempt() of its thread: the calls of this header that follow in it
 * are not made and give empty values, and attempt() returns the error. Outside of one, a failure ends the program, with
 * its text on the standard error, as an exception that nobody catches does. Only futures differ: they hold an Outcome then,
 * because they cannot hold an error. See Future. Parts of a program with and without exceptions may be linked together.
 *
 * A const object may be used by many threads at
 * once. Texts are std::string_view and are not copied; they must be UTF-8, and NUL inside is a character as any
 * other. See routellm.h for what every call does, for callbacks and their threads, and for forks.
 */
#ifndef ROUTELLM_HPP
#define ROUTELLM_HPP

#include <routellm.h>

#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <future>
#include <initializer_list>
#include <memory>
#include <optional>
#include <ratio>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#if !defined(ROUTELLM_NO_EXCEPTIONS) && !defined(__cpp_exceptions) && !defined(__EXCEPTIONS) && !defined(_CPPUNWIND)
#define ROUTELLM_NO_EXCEPTIONS 1
#endif

#ifdef ROUTELLM_NO_EXCEPTIONS
#include <cstdio>
#include <cstdlib>
#endif

namespace routellm {
#ifdef ROUTELLM_NO_EXCEPTIONS
// Names of their own for the linker: a program may have parts of both kinds.
inline namespace without_exceptions {
#endif

/** What went wrong: the numbers of routellm.h. */
enum class Status : routellm_status {
    ok = ROUTELLM_OK,
    // <faces:errors>
    invalid_argument = ROUTELLM_INVALID_ARGUMENT,
    not_found = ROUTELLM_NOT_FOUND,
    invalid_model = ROUTELLM_INVALID_MODEL,
    unsupported = ROUTELLM_UNSUPPORTED,
    runtime_unavailable = ROUTELLM_RUNTIME_UNAVAILABLE,
    inference = ROUTELLM_INFERENCE,
    tokenize = ROUTELLM_TOKENIZE,
    cancelled = ROUTELLM_CANCELLED,
    resource_exhausted = ROUTELLM_RESOURCE_EXHAUSTED,
    internal = ROUTELLM_INTERNAL,
    io = ROUTELLM_IO,
    remote = ROUTELLM_REMOTE
    // </faces:errors>
};

/** The name of a status, as in "InvalidArgument". */
inline std::string_view name(Status status) noexcept
{
    return routellm_status_name(static_cast<routellm_status>(status));
}

/** A failed call. what() is "InvalidArgument: threshold is 2, expected a number in [0, 1]". */
class Error : public std::runtime_error {
public:
    Error(Status status, const std::string &message, std::int32_t os_code = 0)
        : std::runtime_error(std::string(routellm::name(status)) + ": " + message), status_(status), os_code_(os_code)
    {
    }

    Status status() const noexcept { return status_; }
    /** The name of the status. */
    std::string_view name() const noexcept { return routellm::name(status_); }
    /** The number that the operating system gave, such as EACCES; 0 if it gave none. */
    std::int32_t os_code() const noexcept { return os_code_; }

private:
    Status status_;
    std::int32_t os_code_;
};

enum class Side : std::int32_t { none = ROUTELLM_SIDE_NONE, strong = ROUTELLM_SIDE_STRONG, weak = ROUTELLM_SIDE_WEAK };

// <faces:names>
/**
 * Which mathematics a router follows.
 */
enum class Mode : std::int32_t {
    /** The mathematically right one. */
    exact = ROUTELLM_MODE_EXACT,
    /** That of lm-sys/RouteLLM, to the digit where that is possible. Routers that know one mode take either. */
    reference = ROUTELLM_MODE_REFERENCE,
};

/**
 * What of a chat is its prompt. Of a text all of it is, whatever is read of chats.
 */
enum class Read : std::int32_t {
    /** The newest user message that has text. */
    last_user = ROUTELLM_READ_LAST_USER,
    /** Every user message that has text, oldest first, joined by newlines. */
    all_user = ROUTELLM_READ_ALL_USER,
    /** Every message that has text, whatever its role, oldest first, joined by newlines and without roles. */
    conversation = ROUTELLM_READ_CONVERSATION,
};

/**
 * What is decided for a prompt that no vote resembles (similarity-weighted ranking only).
 */
enum class OutOfDistribution : std::int32_t {
    /** The win rate decides as for any prompt; the decision says that the prompt is far away. */
    ignore = ROUTELLM_OUT_OF_DISTRIBUTION_IGNORE,
    /** The strong model. */
    strong = ROUTELLM_OUT_OF_DISTRIBUTION_STRONG,
    /** The weak model. */
    weak = ROUTELLM_OUT_OF_DISTRIBUTION_WEAK,
};

/**
 * What a call does when a prompt cannot be scored.
 */
enum class OnError : std::int32_t {
    /** Return the error. */
    raise = ROUTELLM_ON_ERROR_RAISE,
    /** Decide for the strong model, with fallback set. */
    strong = ROUTELLM_ON_ERROR_STRONG,
    /** Decide for the weak model, with fallback set. */
    weak = ROUTELLM_ON_ERROR_WEAK,
};
// </faces:names>

/** For OpenOptions::open_clusters(): all of them, for the exact answer. */
inline constexpr std::size_t all_clusters = SIZE_MAX;

namespace detail {

template <auto function> struct Free {
    template <class T> void operator()(T *object) const noexcept { function(object); }
};

template <class T, auto function> using Handle = std::unique_ptr<T, Free<function>>;

using ErrorHandle = Handle<routellm_error, routellm_error_free>;
using StringHandle = Handle<routellm_string, routellm_string_free>;

#ifdef ROUTELLM_NO_EXCEPTIONS

/** The calls of a thread from whose first failure on nothing is done. They nest. */
class Attempt {
public:
    Attempt() noexcept : outer_(current()) { current() = this; }
    ~Attempt() { current() = outer_; }
    Attempt(const Attempt &) = delete;
    Attempt &operator=(const Attempt &) = delete;

    static Attempt *&current() noexcept
    {
        static thread_local Attempt *attempt = nullptr;
        return attempt;
    }

    std::optional<Error> error;

private:
    Attempt *outer_;
};

/** Ends the program as an exception does that nobody catches. */
[[noreturn]] inline void end(const Error &error) noexcept
{
    std::fprintf(stderr, "routellm: %s\n", error.what());
    std::abort();
}

/** Whether a call before this one failed. */
inline bool failed() noexcept
{
    const Attempt *attempt = Attempt::current();
    return attempt != nullptr && attempt->error.has_value();
}

/** Keeps the error for the attempt. */
inline void fail(const Error &error)
{
    Attempt *attempt = Attempt::current();
    if (attempt == nullptr) {
        end(error);
    }
    if (!attempt->error.has_value()) {
        attempt->error.emplace(error);
    }
}

#else

[[noreturn]] inline void end(const Error &error) { throw Error(error); }
inline bool failed() noexcept { return false; }
[[noreturn]] inline void fail(const Error &error) { throw Error(error); }

#endif

/** call(&err) must return a status. Whether it was made and did not fail; false is for callers without exceptions. */
template <class Call> bool check(Call &&call)
{
    if (failed()) {
        return false;
    }
    routellm_error *error = nullptr;
    const routellm_status status = call(&error);
    if (status == ROUTELLM_OK) {
        return true;
    }
    const ErrorHandle owner(error);
    fail(Error(static_cast<Status>(status), routellm_error_message(error), routellm_error_os_code(error)));
#ifdef ROUTELLM_NO_EXCEPTIONS
    return false;
#endif
}

/** A C string of a text that may be no C string. */
inline std::string c_string(std::string_view text, const char *what)
{
    if (text.find('\0') != std::string_view::npos) {
        fail(Error(Status::invalid_argument, std::string(what) + " holds a NUL"));
    }
    return std::string(text);
}

inline std::string take(routellm_string *string)
{
    if (string == nullptr) {
        return {};
    }
    const StringHandle owner(string);
    return std::string(routellm_string_data(string), routellm_string_len(string));
}

} // namespace detail

/** Numbers in a row that belong to somebody else: a std::span for C++17. Converts from vectors and arrays. */
template <class T> class Span {
public:
    constexpr Span() noexcept = default;
    constexpr Span(T *data, std::size_t size) noexcept : data_(data), size_(size) {}
    template <std::size_t N> constexpr Span(T (&array)[N]) noexcept : data_(array), size_(N) {}
    template <class C,
              class = std::enable_if_t<std::is_convertible_v<decltype(std::declval<C &>().data()), T *>>>
    constexpr Span(C &&container) noexcept : data_(container.data()), size_(container.size())
    {
    }

    constexpr T *data() const noexcept { return data_; }
    constexpr std::size_t size() const noexcept { return size_; }

private:
    T *data_ = nullptr;
    std::size_t size_ = 0;
};

/**
 * What is asked about: Input::text("..."), Input::messages(json) or Input::embedding(numbers). It holds no copy: what it
 * was made of has to outlive the call.
 */
class Input {
public:
    /** A text in UTF-8. */
    static Input text(std::string_view text) noexcept { return {text.data(), text.size(), ROUTELLM_INPUT_TEXT}; }
    /** A chat in JSON: see prompt_from_messages(). */
    static Input messages(std::string_view json) noexcept
    {
        return {json.data(), json.size(), ROUTELLM_INPUT_MESSAGES};
    }
    /** An embedding of Router::embedding_dimension() numbers. */
    static Input embedding(Span<const float> numbers) noexcept
    {
        return {numbers.data(), numbers.size(), ROUTELLM_INPUT_EMBEDDING};
    }

    const routellm_input &get() const noexcept { return plain_; }

private:
    Input(const void *data, std::size_t len, std::int32_t kind) noexcept : plain_{data, len, kind} {}

    routellm_input plain_;
};

/** Cancels calls from another thread. Every function may be called by many threads at once. */
class CancelToken {
public:
    CancelToken() : handle_(routellm_cancel_token_new()) {}

    void cancel() const noexcept { routellm_cancel_token_cancel(handle_.get()); }
    bool is_cancelled() const noexcept { return routellm_cancel_token_is_cancelled(handle_.get()) != 0; }
    const routellm_cancel_token *get() const noexcept { return handle_.get(); }

private:
    detail::Handle<routellm_cancel_token, routellm_cancel_token_free> handle_;
};

/** How a router is opened: OpenOptions().strong("a").weak("b"), or step by step on a variable. */
class OpenOptions {
public:
    OpenOptions() : handle_(routellm_open_options_new()) {}

    // <faces:open>
    /**
     * The strong model, one of the router's candidates. An exported model knows no names, and needs it.
     */
    OpenOptions &strong(std::string_view model) &
    {
        const std::string text = detail::c_string(model, "strong");
        return set([&](auto err) { return routellm_open_options_set_strong(handle_.get(), text.c_str(), err); });
    }
    OpenOptions strong(std::string_view model) && { return std::move(strong(model)); }
    /**
     * The weak model, likewise. A router with votes refuses two models of one tier, which would get one half on every
     * prompt, unless mode() is "reference".
     */
    OpenOptions &weak(std::string_view model) &
    {
        const std::string text = detail::c_string(model, "weak");
        return set([&](auto err) { return routellm_open_options_set_weak(handle_.get(), text.c_str(), err); });
    }
    OpenOptions weak(std::string_view model) && { return std::move(weak(model)); }
    /**
     * The mathematics: "exact" (the default), or "reference" to do as lm-sys/RouteLLM does. Routers that know one mode
     * take either.
     */
    OpenOptions &mode(Mode value) &
    {
        const auto number = static_cast<std::int32_t>(value);
        return set([&](auto err) { return routellm_open_options_set_mode(handle_.get(), number, err); });
    }
    OpenOptions mode(Mode value) && { return std::move(mode(value)); }
    /**
     * What of a chat is read, unless a call says otherwise: "last_user", "all_user" or "conversation"; by default what
     * the artifact says. Routers of prompts only.
     */
    OpenOptions &read(Read value) &
    {
        const auto number = static_cast<std::int32_t>(value);
        return set([&](auto err) { return routellm_open_options_set_read(handle_.get(), number, err); });
    }
    OpenOptions read(Read value) && { return std::move(read(value)); }
    /**
     * Whether every decision has an id: 128 bits, sortable by time, unlike that of any other decision. Without it a
     * decision has one only if a hook or an adapter asks for it.
     */
    OpenOptions &ids(bool on) &
    {
        return set([&](auto err) { return routellm_open_options_set_ids(handle_.get(), on ? 1 : 0, err); });
    }
    OpenOptions ids(bool on) && { return std::move(ids(on)); }
    /**
     * What is known about candidates, instead of what the artifact says: a list (JSON where the language has texts
     * only) of objects with the "name" of a candidate and, if known, "price" ({"input": 2.5, "output": 10, "date":
     * "2026-01-31"}, in USD per million tokens), "context_length" in tokens and "capabilities" (["text", "vision"]).
     * Members that are absent leave what the artifact says, and so do candidates that are not named.
     */
    OpenOptions &candidates(std::string_view value) &
    {
        const std::string text = detail::c_string(value, "candidates");
        return set([&](auto err) { return routellm_open_options_set_candidates(handle_.get(), text.c_str(), err); });
    }
    OpenOptions candidates(std::string_view value) && { return std::move(candidates(value)); }
    /**
     * The number of tokens that an answer has on average, for expected costs; by default what the artifact says, or
     * 256.
     */
    OpenOptions &mean_output_tokens(double tokens) &
    {
        return set([&](auto err) { return routellm_open_options_set_mean_output_tokens(handle_.get(), tokens, err); });
    }
    OpenOptions mean_output_tokens(double tokens) && { return std::move(mean_output_tokens(tokens)); }
    /**
     * A calibration instead of the artifact's: the path of the file that calibrating this router wrote, or what stands
     * in it. One of another router or pair is refused.
     */
    OpenOptions &calibration(std::string_view value) &
    {
        const std::string text = detail::c_string(value, "calibration");
        return set([&](auto err) { return routellm_open_options_set_calibration(handle_.get(), text.c_str(), err); });
    }
    OpenOptions calibration(std::string_view value) && { return std::move(calibration(value)); }
    /**
     * What a folder without "router.json" is: "bert" (any sequence classifier), "causal_llm" or "mf"; by default what
     * the model's "config.json" tells. For an artifact, the kind that it has to be.
     */
    OpenOptions &kind(std::string_view value) &
    {
        const std::string text = detail::c_string(value, "kind");
        return set([&](auto err) { return routellm_open_options_set_kind(handle_.get(), text.c_str(), err); });
    }
    OpenOptions kind(std::string_view value) && { return std::move(kind(value)); }
    /**
     * The path of "libonnxruntime". Without it, "ROUTELLM_ORT_PATH", "ORT_DYLIB_PATH", a library that the process has
     * loaded, the language's own package of ONNX Runtime and the system are looked at. Only routers with a model to run
     * need it.
     */
    OpenOptions &onnxruntime(std::string_view library) &
    {
        const std::string text = detail::c_string(library, "onnxruntime");
        return set([&](auto err) { return routellm_open_options_set_onnxruntime(handle_.get(), text.c_str(), err); });
    }
    OpenOptions onnxruntime(std::string_view library) && { return std::move(onnxruntime(library)); }
    /**
     * Where ONNX models run: "cpu" (the default); "cuda", an NVIDIA GPU, which is runtime_unavailable if it cannot be
     * had; or "auto", a GPU if it can be had and else the processor, and the router's information tells which. A GPU
     * needs the "libonnxruntime" that was built for it.
     */
    OpenOptions &provider(std::string_view value) &
    {
        const std::string text = detail::c_string(value, "provider");
        return set([&](auto err) { return routellm_open_options_set_provider(handle_.get(), text.c_str(), err); });
    }
    OpenOptions provider(std::string_view value) && { return std::move(provider(value)); }
    /**
     * Which GPU, from 0; 0 by default. Providers "cuda" and "auto" only.
     */
    OpenOptions &device_id(std::uint32_t device) &
    {
        return set([&](auto err) { return routellm_open_options_set_device_id(handle_.get(), device, err); });
    }
    OpenOptions device_id(std::uint32_t device) && { return std::move(device_id(device)); }
    /**
     * The bytes of GPU memory that the sessions' arena may take; no limit of its own by default. Providers "cuda" and
     * "auto" only.
     */
    OpenOptions &memory_limit(std::uint64_t bytes) &
    {
        return set([&](auto err) { return routellm_open_options_set_memory_limit(handle_.get(), bytes, err); });
    }
    OpenOptions memory_limit(std::uint64_t bytes) && { return std::move(memory_limit(bytes)); }
    /**
     * Whether a GPU may compute float32 in TF32: faster, with 10 bits of mantissa, so that win rates differ from those
     * of the processor by about 1e-3. It does not by default. Providers "cuda" and "auto" only.
     */
    OpenOptions &tf32(bool on) &
    {
        return set([&](auto err) { return routellm_open_options_set_tf32(handle_.get(), on ? 1 : 0, err); });
    }
    OpenOptions tf32(bool on) && { return std::move(tf32(on)); }
    /**
     * The numbers of sessions and threads by name: "latency", one session with a thread for each core, four at most, or
     * "throughput", one single-threaded session for each core. It excludes sessions() and intra_threads().
     */
    OpenOptions &preset(std::string_view value) &
    {
        const std::string text = detail::c_string(value, "preset");
        return set([&](auto err) { return routellm_open_options_set_preset(handle_.get(), text.c_str(), err); });
    }
    OpenOptions preset(std::string_view value) && { return std::move(preset(value)); }
    /**
     * The number of ONNX sessions, which run side by side: 1 to 256, 1 by default.
     */
    OpenOptions &sessions(std::size_t count) &
    {
        return set([&](auto err) { return routellm_open_options_set_sessions(handle_.get(), count, err); });
    }
    OpenOptions sessions(std::size_t count) && { return std::move(sessions(count)); }
    /**
     * The number of threads inside one ONNX session: 1 to 256, by default the smaller of the number of cores and 4. A
     * router with votes reads them with as many, by default with one.
     */
    OpenOptions &intra_threads(std::size_t count) &
    {
        return set([&](auto err) { return routellm_open_options_set_intra_threads(handle_.get(), count, err); });
    }
    OpenOptions intra_threads(std::size_t count) && { return std::move(intra_threads(count)); }
    /**
     * How many calls may wait for a session, a batch counting once; any number by default. Beyond it a call is
     * resource_exhausted at once, or a fallback if RouteOptions::on_error() says so. Routers with sessions only.
     */
    OpenOptions &max_waiting(std::size_t calls) &
    {
        return set([&](auto err) { return routellm_open_options_set_max_waiting(handle_.get(), calls, err); });
    }
    OpenOptions max_waiting(std::size_t calls) && { return std::move(max_waiting(calls)); }
    /**
     * What is decided for a prompt that no vote resembles: "ignore" (the default) leaves it to the win rate, as for any
     * prompt; or "strong", or "weak". A strong share of 0 or 1 and a threshold above 1 still send nothing, everything
     * and nothing to the strong model. Routers with votes only.
     */
    OpenOptions &out_of_distribution(OutOfDistribution decision) &
    {
        const auto number = static_cast<std::int32_t>(decision);
        return set([&](auto err) { return routellm_open_options_set_out_of_distribution(handle_.get(), number, err); });
    }
    OpenOptions out_of_distribution(OutOfDistribution decision) && { return std::move(out_of_distribution(decision)); }
    /**
     * The least similarity, in [-1, 1]: a prompt whose largest cosine similarity to any vote is below it is out of
     * distribution. Without it, only a prompt is whose every similarity is 0 or less. Routers with votes only.
     */
    OpenOptions &min_similarity(double similarity) &
    {
        return set([&](auto err) { return routellm_open_options_set_min_similarity(handle_.get(), similarity, err); });
    }
    OpenOptions min_similarity(double similarity) && { return std::move(min_similarity(similarity)); }
    /**
     * Whether the store of votes is read into memory when opening ("never") or mapped ("always"); "auto", the default,
     * reads stores of up to 256 MB and maps larger ones. A mapped store is shared between processes, and its file must
     * not change while the router lives: replace it by a rename, never overwrite or truncate it, which can end the
     * process with "SIGBUS". Routers with votes only.
     */
    OpenOptions &mmap(std::string_view map) &
    {
        const std::string text = detail::c_string(map, "mmap");
        return set([&](auto err) { return routellm_open_options_set_mmap(handle_.get(), text.c_str(), err); });
    }
    OpenOptions mmap(std::string_view map) && { return std::move(mmap(map)); }
    /**
     * How many of the nearest clusters have their votes read one by one, at least 1; all_clusters gives the exact
     * answer. It excludes error_target(). Clustered stores of routers with votes only.
     */
    OpenOptions &open_clusters(std::size_t count) &
    {
        return set([&](auto err) { return routellm_open_options_set_open_clusters(handle_.get(), count, err); });
    }
    OpenOptions open_clusters(std::size_t count) && { return std::move(open_clusters(count)); }
    /**
     * The largest estimated error of a win rate, in (0, 1]: clusters are read until it is reached. It excludes
     * open_clusters(), of which all_clusters is exact. Clustered stores of routers with votes only.
     */
    OpenOptions &error_target(double error) &
    {
        return set([&](auto err) { return routellm_open_options_set_error_target(handle_.get(), error, err); });
    }
    OpenOptions error_target(double error) && { return std::move(error_target(error)); }
    /**
     * What the outputs of an exported classifier mean, by name or, with parameters, as an object (JSON where the
     * language has texts only):
     *
     * - "three_labels": strong wins, tie, weak wins, as in the paper. The default for a model with three outputs; there
     *   is none for others.
     * - "binary": two labels. {"kind": "binary", "strong_label": 0} says which label is that of the strong model, 1 by
     *   default. A single output is the logit of label 1.
     * - "regression": one score "x". {"kind": "regression", "link": "sigmoid", "scale": 1, "offset": 0} is the win rate
     *   link(scale * x + offset); the default link is "identity", which holds it within [0, 1].
     * - "candidates": one logit for each model. Then the strong and the weak model are two of the labels in
     *   "config.json".
     *
     * A model that ends in the softmax is seen to give probabilities, which are taken as they are. Where its graph does
     * not tell, {"kind": "three_labels", "probabilities": true} does, and likewise for "binary" and "candidates". A
     * head that does not fit the model's outputs is an error when opening.
     */
    OpenOptions &head(std::string_view value) &
    {
        const std::string text = detail::c_string(value, "head");
        return set([&](auto err) { return routellm_open_options_set_head(handle_.get(), text.c_str(), err); });
    }
    OpenOptions head(std::string_view value) && { return std::move(head(value)); }
    /**
     * What an exported classifier does with prompts that are longer than it reads, by name or, with parameters, as an
     * object: "truncate" (the default) cuts them, "windows" reads them piece by piece: {"kind": "windows", "overlap":
     * 32, "pooling": "mean", "max_windows": 8} are its defaults, and "pooling" may be "max". A prompt that was cut has
     * "truncated" in its decision.
     */
    OpenOptions &long_prompts(std::string_view value) &
    {
        const std::string text = detail::c_string(value, "long_prompts");
        return set([&](auto err) { return routellm_open_options_set_long_prompts(handle_.get(), text.c_str(), err); });
    }
    OpenOptions long_prompts(std::string_view value) && { return std::move(long_prompts(value)); }
    /**
     * How a question becomes the text that an exported causal LM reads:
     *
     * - a text with "{question}" (or "{prompt}") in it; braces that are meant are doubled;
     * - "chat", the model's own chat template, or with parameters {"kind": "chat", "system": "...", "user":
     *   "{question}", "add_generation_prompt": true}, and "name" where the model has several, in
     *   "tokenizer_config.json" or as files in "additional_chat_templates";
     * - "routellm", the published router's prompt, whose two files are beside its model. Then it is the default; there
     *   is none for other models.
     */
    OpenOptions &prompt_template(std::string_view value) &
    {
        const std::string text = detail::c_string(value, "template");
        return set([&](auto err) { return routellm_open_options_set_template(handle_.get(), text.c_str(), err); });
    }
    OpenOptions prompt_template(std::string_view value) && { return std::move(prompt_template(value)); }
    /**
     * The score from which on the weak model is good enough, 2 to the number of scores, 4 by default: the win rate of
     * an exported causal LM is 1 - P(score >= this).
     */
    OpenOptions &score_threshold(std::size_t threshold) &
    {
        return set([&](auto err) { return routellm_open_options_set_score_threshold(handle_.get(), threshold, err); });
    }
    OpenOptions score_threshold(std::size_t threshold) && { return std::move(score_threshold(threshold)); }
    /**
     * How many tokens an exported causal LM generates at most until one is a score, 0 to 64, 6 by default. 0 takes the
     * scores' probabilities as the next token, whatever the most likely one is. If none is a score, the win rate is 1,
     * and the decision has "no_score".
     */
    OpenOptions &max_new_tokens(std::size_t count) &
    {
        return set([&](auto err) { return routellm_open_options_set_max_new_tokens(handle_.get(), count, err); });
    }
    OpenOptions max_new_tokens(std::size_t count) && { return std::move(max_new_tokens(count)); }
    /**
     * The day that a chat template gets where it asks for today's date ("strftime_now"), of the form "2026-01-31". The
     * clock is never read, so that a router decides alike on every day, and such a template is refused without it. The
     * template "chat" of exported models without an artifact only: an artifact keeps what it was written with.
     */
    OpenOptions &date(std::string_view day) &
    {
        const std::string text = detail::c_string(day, "date");
        return set([&](auto err) { return routellm_open_options_set_date(handle_.get(), text.c_str(), err); });
    }
    OpenOptions date(std::string_view day) && { return std::move(date(day)); }
    /**
     * What becomes of control tokens that a prompt spells out, "[SEP]" or "<|im_end|>" for example: "as_written" makes
     * them control tokens, as the reference does, and "text" reads them as text, those of the template excepted. They
     * are the added tokens that "tokenizer.json" marks as special and, with a template or a prefix, those in brackets
     * that it spells out, "<think>" for example; what a model reads as common text, as many do "[INST]", is text either
     * way. By default "as_written", but "text" where template() is "chat". Exported models without an artifact only: an
     * artifact keeps what it was written with.
     */
    OpenOptions &control_tokens(std::string_view meaning) &
    {
        const std::string text = detail::c_string(meaning, "control_tokens");
        return set([&](auto err) { return routellm_open_options_set_control_tokens(handle_.get(), text.c_str(), err); });
    }
    OpenOptions control_tokens(std::string_view meaning) && { return std::move(control_tokens(meaning)); }
    /**
     * Which model in the folder is read, by its path in it, "onnx/model_fp16.onnx" for example; by default the first of
     * the usual names, in the folder itself and then in its "onnx". Exported models without an artifact only: an
     * artifact has one model.
     */
    OpenOptions &file(std::string_view path) &
    {
        const std::string text = detail::c_string(path, "file");
        return set([&](auto err) { return routellm_open_options_set_file(handle_.get(), text.c_str(), err); });
    }
    OpenOptions file(std::string_view path) && { return std::move(file(path)); }
    /**
     * The number of tokens that an exported model reads of a prompt, special ones and an instruction included; by
     * default what its files say.
     */
    OpenOptions &max_tokens(std::size_t count) &
    {
        return set([&](auto err) { return routellm_open_options_set_max_tokens(handle_.get(), count, err); });
    }
    OpenOptions max_tokens(std::size_t count) && { return std::move(max_tokens(count)); }
    // </faces:open>
    /** One single-threaded ONNX session for each core. */
    OpenOptions &throughput() &
    {
        return set([&](auto err) { return routellm_open_options_set_throughput(handle_.get(), err); });
    }
    OpenOptions throughput() && { return std::move(throughput()); }
    /**
     * A name of your own for a candidate: of is "strong", "weak" or the router's name of it. Every call names one more.
     */
    OpenOptions &name(std::string_view of, std::string_view own) &
    {
        const std::string which = detail::c_string(of, "of");
        const std::string text = detail::c_string(own, "own");
        return set([&](auto err) {
            return routellm_open_options_add_name(handle_.get(), which.c_str(), text.c_str(), err);
        });
    }
    OpenOptions name(std::string_view of, std::string_view own) && { return std::move(name(of, own)); }
    /**
     * Tokens that stand for the scores 1, 2, 3 ... of an exported causal LM. Every call adds one more, by its text or
     * its id; score_tokens() adds several.
     */
    OpenOptions &score_token(std::string_view token) &
    {
        const std::string text = detail::c_string(token, "score token");
        return set(
            [&](auto err) { return routellm_open_options_add_score_token(handle_.get(), text.c_str(), err); });
    }
    OpenOptions score_token(std::string_view token) && { return std::move(score_token(token)); }
    OpenOptions &score_token(std::uint32_t id) &
    {
        return set([&](auto err) { return routellm_open_options_add_score_token_id(handle_.get(), id, err); });
    }
    OpenOptions score_token(std::uint32_t id) && { return std::move(score_token(id)); }
    template <class Tokens> OpenOptions &score_tokens(const Tokens &tokens) &
    {
        for (const auto &token : tokens) {
            score_token(token);
        }
        return *this;
    }
    template <class Tokens> OpenOptions score_tokens(const Tokens &tokens) &&
    {
        return std::move(score_tokens(tokens));
    }
    OpenOptions &score_tokens(std::initializer_list<std::string_view> tokens) &
    {
        return score_tokens<std::initializer_list<std::string_view>>(tokens);
    }
    OpenOptions score_tokens(std::initializer_list<std::string_view> tokens) &&
    {
        return std::move(score_tokens(tokens));
    }
    /**
     * Options from a JSON object, whose members are named as the methods are:
     * R"({"sessions": 2, "head": {"kind": "binary", "strong_label": 0}})".
     */
    OpenOptions &json(std::string_view object) &
    {
        return set([&](auto err) {
            return routellm_open_options_set_json(handle_.get(), object.data(), object.size(), err);
        });
    }
    OpenOptions json(std::string_view object) && { return std::move(json(object)); }

    const routellm_open_options *get() const noexcept { return handle_.get(); }

private:
    template <class Call> OpenOptions &set(Call &&call)
    {
        detail::check(std::forward<Call>(call));
        return *this;
    }

    detail::Handle<routellm_open_options, routellm_open_options_free> handle_;
};

namespace detail {

/** A duration as C has it. */
template <class Rep, class Period> double milliseconds(std::chrono::duration<Rep, Period> time)
{
    return std::chrono::duration<double, std::milli>(time).count();
}

} // namespace detail

/**
 * Options of one call, of whatever kind: RouteOptions().threshold(0.3). The errors behind fallbacks are kept, and come out
 * in Decision::fallback.
 */
class RouteOptions {
public:
    RouteOptions() : handle_(routellm_route_options_new()) {}

    // <faces:call>
    /**
     * The threshold, in [0, 1]: strong if and only if the win rate is at least that. The next number above 1 is taken
     * too, and sends nothing to strong, whatever the prompt and whatever OpenOptions::out_of_distribution() says.
     * Without any policy the router's own default counts; two of them together are an error.
     */
    RouteOptions &threshold(double value) &
    {
        const auto number = value;
        return set([&](auto err) { return routellm_route_options_set_threshold(handle_.get(), number, err); });
    }
    RouteOptions threshold(double value) &&
    {
        return std::move(threshold(value));
    }
    /**
     * The strong share, in [0, 1]: the threshold at which this share of the calibration sample goes to strong, or the
     * nearest that some threshold reaches. 0 sends nothing to strong and 1 everything, whatever the prompt and whatever
     * OpenOptions::out_of_distribution() says; only on_error() may decide otherwise. It excludes threshold().
     */
    RouteOptions &strong_share(double value) &
    {
        const auto number = value;
        return set([&](auto err) { return routellm_route_options_set_strong_share(handle_.get(), number, err); });
    }
    RouteOptions strong_share(double value) &&
    {
        return std::move(strong_share(value));
    }
    /**
     * The cost weight, 0 or more: the candidate with the most quality - cost_weight x cost is chosen, where "cost" is
     * the expected cost in USD per 1,000 requests. So a weight of 0.1 gives up 0.1 of quality to save one dollar on
     * 1,000 requests. Of equal ones the cheaper is chosen, then the one that the artifact names first. Every candidate
     * that is left needs a price. It excludes the other policies.
     */
    RouteOptions &cost_weight(double value) &
    {
        const auto number = value;
        return set([&](auto err) { return routellm_route_options_set_cost_weight(handle_.get(), number, err); });
    }
    RouteOptions cost_weight(double value) &&
    {
        return std::move(cost_weight(value));
    }
    /**
     * The least quality, in [0, 1]: the cheapest candidate whose quality is at least that is chosen, of equally cheap
     * ones the one that the artifact names first, and if none reaches it the best, of equally good ones the cheaper.
     * Every candidate that is left needs a price. It excludes the other policies.
     */
    RouteOptions &min_quality(double value) &
    {
        const auto number = value;
        return set([&](auto err) { return routellm_route_options_set_min_quality(handle_.get(), number, err); });
    }
    RouteOptions min_quality(double value) &&
    {
        return std::move(min_quality(value));
    }
    /**
     * The budget in USD per 1,000 requests: it decides as the smallest cost_weight() does with which the calibration
     * sample costs no more than that on average, among the same candidates and with the same output tokens. The weight
     * is looked for once and kept. A budget that even the cheapest candidates exceed is an error that says what they
     * cost. It excludes the other policies.
     */
    RouteOptions &budget(double value) &
    {
        const auto number = value;
        return set([&](auto err) { return routellm_route_options_set_budget(handle_.get(), number, err); });
    }
    RouteOptions budget(double value) &&
    {
        return std::move(budget(value));
    }
    /**
     * The candidates that may be chosen, by name; by default all of them. With threshold() and strong_share(), a prompt
     * whose side is left out goes to the other side; it is an error if neither is left.
     */
    RouteOptions &candidates(const std::vector<std::string> &names) &
    {
        std::vector<const char *> texts;
        for (const std::string &text : names)
            texts.push_back(text.c_str());
        return set([&](auto err) { return routellm_route_options_set_candidates(handle_.get(), texts.data(), texts.size(), err); });
    }
    RouteOptions candidates(const std::vector<std::string> &names) &&
    {
        return std::move(candidates(names));
    }
    /**
     * The capabilities that the chosen candidate has to have, "text", "vision", "tools", "json" and "audio" for
     * example, as the artifact or OpenOptions::candidates() says. Other candidates are left out as by candidates(). If
     * nobody is left, the error says what each of them lacks.
     */
    RouteOptions &requiring(const std::vector<std::string> &capabilities) &
    {
        std::vector<const char *> texts;
        for (const std::string &text : capabilities)
            texts.push_back(text.c_str());
        return set([&](auto err) { return routellm_route_options_set_requires(handle_.get(), texts.data(), texts.size(), err); });
    }
    RouteOptions requiring(const std::vector<std::string> &capabilities) &&
    {
        return std::move(requiring(capabilities));
    }
    /**
     * The number of tokens that the request has, each one of a batch. Without it they are estimated from the prompt
     * that is scored, before it is cut: its bytes of UTF-8 divided by 4 and rounded up, at least 1. Candidates whose
     * context is shorter than that are left out as by candidates(). An embedding has no bytes, so that its cost is
     * known with this option only.
     */
    RouteOptions &input_tokens(std::uint64_t value) &
    {
        const auto number = value;
        return set([&](auto err) { return routellm_route_options_set_input_tokens(handle_.get(), number, err); });
    }
    RouteOptions input_tokens(std::uint64_t value) &&
    {
        return std::move(input_tokens(value));
    }
    /**
     * The number of tokens that the answer is expected to have; by default OpenOptions::mean_output_tokens().
     */
    RouteOptions &output_tokens(std::uint64_t value) &
    {
        const auto number = value;
        return set([&](auto err) { return routellm_route_options_set_output_tokens(handle_.get(), number, err); });
    }
    RouteOptions output_tokens(std::uint64_t value) &&
    {
        return std::move(output_tokens(value));
    }
    /**
     * What happens when a prompt cannot be scored, a chat has no text or a text is not Unicode. "raise" (the default)
     * is an error. "strong" and "weak" decide for that side, and the name of a candidate for that one, with a fallback
     * in the decision, which is counted; in calls that decide nothing, what could not be computed is NaN then. A side
     * that is left out of the call gives way to the other one; a candidate that is left out is an error. Wrong options,
     * and what is no prompt at all (a number, a list of texts), are errors all the same, and so is cancellation.
     */
    RouteOptions &on_error(OnError which) &
    {
        const auto number = static_cast<std::int32_t>(which);
        // What is behind a fallback is told, if there can be one.
        const std::int32_t keep = which == OnError::raise ? 0 : 1;
        set([&](auto err) {
            return routellm_route_options_set_keep_fallback_errors(handle_.get(), keep, err);
        });
        return set([&](auto err) { return routellm_route_options_set_on_error(handle_.get(), number, err); });
    }
    RouteOptions on_error(OnError which) &&
    {
        return std::move(on_error(which));
    }
    /** As on_error(), with the name of a candidate. */
    RouteOptions &on_error_candidate(std::string_view candidate) &
    {
        const std::string text = detail::c_string(candidate, "candidate");
        set([&](auto err) {
            return routellm_route_options_set_keep_fallback_errors(handle_.get(), 1, err);
        });
        return set([&](auto err) { return routellm_route_options_set_on_error_candidate(handle_.get(), text.c_str(), err); });
    }
    RouteOptions on_error_candidate(std::string_view candidate) && { return std::move(on_error_candidate(candidate)); }
    /**
     * The longest time of the whole call, above 0, waiting for a session included. What is not scored by then is
     * resource_exhausted, or what on_error() says.
     */
    template <class Rep, class Period> RouteOptions &timeout(std::chrono::duration<Rep, Period> timeout_) &
    {
        const auto number = detail::milliseconds(timeout_);
        return set([&](auto err) { return routellm_route_options_set_timeout_ms(handle_.get(), number, err); });
    }
    template <class Rep, class Period> RouteOptions timeout(std::chrono::duration<Rep, Period> timeout_) &&
    {
        return std::move(timeout(timeout_));
    }
    /**
     * What of a chat is read, instead of what the artifact says: "last_user", "all_user" or "conversation". Of a text
     * all of it is; an embedding has nothing to read, which is an error.
     */
    RouteOptions &read(Read which) &
    {
        const auto number = static_cast<std::int32_t>(which);
        return set([&](auto err) { return routellm_route_options_set_read(handle_.get(), number, err); });
    }
    RouteOptions read(Read which) &&
    {
        return std::move(read(which));
    }
    // </faces:call>
    /** Cancels calls with these options; the token may go before them. */
    RouteOptions &cancel(const CancelToken &token) &
    {
        return set([&](auto err) { return routellm_route_options_set_cancel(handle_.get(), token.get(), err); });
    }
    RouteOptions cancel(const CancelToken &token) && { return std::move(cancel(token)); }

    /** Sets options from a JSON object, whose members are named as they are here, a timeout as timeout_ms. */
    RouteOptions &json(std::string_view object) &
    {
        return set([&](auto err) {
            return routellm_route_options_set_json(handle_.get(), object.data(), object.size(), err);
        });
    }
    RouteOptions json(std::string_view object) && { return std::move(json(object)); }

    const routellm_route_options *get() const noexcept { return handle_.get(); }

private:
    template <class Call> RouteOptions &set(Call &&call)
    {
        detail::check(std::forward<Call>(call));
        return *this;
    }

    detail::Handle<routellm_route_options, routellm_route_options_free> handle_;
};

/** What a listener hears of fallbacks: their kind, how many since the last time, and both as a text with advice. */
struct FallbackWarning {
    Status status;
    std::uint64_t count;
    std::string_view message;
};

/** The error behind a fallback decision. */
struct Fallback {
    Status status;
    std::string reason;
};

/** Which model should answer, and why. */
struct Decision {
    Side side;
    /** The name of the chosen model. It belongs to the router, and is valid while that lives. */
    std::string_view model;
    // <faces:decision>
    /**
     * P(strong model's answer is preferred or needed), in [0, 1]; nothing in a fallback and outside the policies of the
     * pair, RouteOptions::threshold() and RouteOptions::strong_share().
     */
    std::optional<double> win_rate;
    /**
     * The threshold that the win rate was compared with: in [0, 1], or the next number above 1; NaN outside the
     * policies of the pair.
     */
    double threshold;
    /**
     * Whether the prompt was longer than the router reads, and was cut.
     */
    bool truncated;
    /**
     * The largest cosine similarity to any vote that was read, in [-1, 1]: a clustered store reads the votes of some
     * clusters, the router's own similarity reads all. It is nothing in a fallback and for routers without votes.
     */
    std::optional<double> similarity;
    /**
     * Whether the prompt is farther from every vote than the router was told to trust. Then
     * OpenOptions::out_of_distribution() may have decided instead of the win rate.
     */
    bool out_of_distribution;
    /**
     * Whether a causal LM gave no score token, so that the win rate is 1, as in the reference.
     */
    bool no_score;
    /**
     * The probability that the side had of being chosen, in (0, 1]. It is 1 unless a policy leaves something to chance.
     */
    double propensity;
    /**
     * The decision's id, which sorts by time and is unlike that of any other decision: 36 characters, a UUID of version
     * 7. It is empty unless a hook, an adapter or OpenOptions::ids() asks for it.
     */
    std::string id;
    /**
     * The number of the chosen candidate, from 0, in the order of the router's models.
     */
    std::size_t candidate;
    /**
     * The quality that the chosen candidate is expected to have on this prompt, in [0, 1]; nothing in a fallback, and
     * for RouteOptions::threshold() and RouteOptions::strong_share(), which compute none.
     */
    std::optional<double> quality;
    /**
     * What the request is expected to cost in USD: the chosen candidate's price for the input tokens and the output
     * tokens; nothing without a price, and for an embedding without input tokens.
     */
    std::optional<double> expected_cost;
    // </faces:decision>
    /** Why the prompt could not be scored, if on_error decided instead. */
    std::optional<Fallback> fallback;
};

/** What a hook hears of a decision; texts are valid until it returns. The prompt is not in it. */
struct DecisionEvent {
    /** The decision's id: a UUID of version 7 in lower case, which sorts by time. */
    std::string_view id;
    /** The name of the chosen model. */
    std::string_view model;
    /** The chosen side; Side::none outside the policies of the pair. */
    Side side;
    /** The number of the chosen candidate, from 0. */
    std::size_t candidate;
    /**
     * P(strong model's answer is preferred or needed), in [0, 1]; nothing in a fallback and outside the policies of the
     * pair.
     */
    std::optional<double> win_rate;
    /** The threshold that the win rate was compared with; NaN outside the policies of the pair. */
    double threshold;
    /**
     * The quality that the chosen candidate is expected to have, in [0, 1]; nothing in a fallback and for the policies of
     * the pair.
     */
    std::optional<double> quality;
    /** What the request is expected to cost in USD; nothing if that is not known. */
    std::optional<double> expected_cost;
    /** The probability that the side had of being chosen, in (0, 1]: 1, as none is left to chance. */
    double propensity;
    /** The status of the error behind a fallback, if it is one. */
    std::optional<Status> fallback;
    /**
     * From the beginning of the call until the prompt's turn: the wait for a session, and for prompts of the same batch
     * that came before. All of the time, if the turn never came.
     */
    std::chrono::nanoseconds queue;
    /** Features and score together. Prompts that a model reads in one run have the time of that run each. */
    std::chrono::nanoseconds score;
    /** From the beginning of the call until all of its decisions were made. */
    std::chrono::nanoseconds total;
    /** The prompt's place in its batch, from 0, and how many prompts the call had; 0 and 1 for a prompt alone. */
    std::size_t index;
    std::size_t batch_size;
};

/** What attempt(), or a call without waiting, came to: a value, or the error that it failed with. */
template <class T> class Outcome {
public:
    Outcome(T value) : result_(std::in_place_index<0>, std::move(value)) {}
    Outcome(Error error) : result_(std::in_place_index<1>, std::move(error)) {}

    /** Whether there is a value. */
    explicit operator bool() const noexcept { return result_.index() == 0; }
    /** The error of a call that failed; else a null pointer. */
    const Error *error() const noexcept { return std::get_if<1>(&result_); }
    /** The value; throws the error of a call that failed, and without exceptions ends the program. */
    const T &get() const &
    {
        check();
        return *std::get_if<0>(&result_);
    }
    T get() &&
    {
        check();
        return std::move(*std::get_if<0>(&result_));
    }

private:
    void check() const
    {
        if (const Error *failed = error()) {
            detail::end(*failed);
        }
    }

    std::variant<T, Error> result_;
};

/** What an attempt() without a value came to. */
template <> class Outcome<void> {
public:
    Outcome() = default;
    Outcome(Error error) : error_(std::move(error)) {}

    explicit operator bool() const noexcept { return !error_.has_value(); }
    const Error *error() const noexcept { return error_.has_value() ? &*error_ : nullptr; }
    void get() const
    {
        if (error_.has_value()) {
            detail::end(*error_);
        }
    }

private:
    std::optional<Error> error_;
};

namespace detail {

/** An outcome of an outcome is one. */
template <class T> struct Flat {
    using type = Outcome<T>;
};
template <class T> struct Flat<Outcome<T>> {
    using type = Outcome<T>;
};

template <class Call> using Attempted = typename Flat<std::decay_t<std::invoke_result_t<Call &>>>::type;

} // namespace detail

/**
 * What call() comes to: its value, or the routellm::Error that one of the calls of this header in it fails with. Works with
 * and without exceptions; other exceptions pass through. Where call() returns an Outcome, that is what comes out. Without
 * exceptions, code of yours in call() goes on after a failure (calls of this header are left out): keep it short.
 */
template <class Call> detail::Attempted<Call> attempt(Call &&call)
{
    using Value = std::decay_t<std::invoke_result_t<Call &>>;
#ifdef ROUTELLM_NO_EXCEPTIONS
    detail::Attempt scope;
    if constexpr (std::is_void_v<Value>) {
        call();
        return scope.error.has_value() ? Outcome<void>(std::move(*scope.error)) : Outcome<void>();
    } else {
        Value value = call();
        if (scope.error.has_value()) {
            return std::move(*scope.error);
        }
        return value;
    }
#else
    try {
        if constexpr (std::is_void_v<Value>) {
            call();
            return {};
        } else {
            return call();
        }
    } catch (const Error &error) {
        return error;
    }
#endif
}

/**
 * What the calls without waiting and without a callback return. With and without exceptions, attempt() gives what it holds:
 * `attempt([&] { return future.get(); })` is an Outcome<T>.
 */
#ifdef ROUTELLM_NO_EXCEPTIONS
template <class T> using Future = std::future<Outcome<T>>;
#else
template <class T> using Future = std::future<T>;
#endif

namespace detail {

/** A number that may be none. */
inline std::optional<double> number(double value)
{
    return std::isnan(value) ? std::nullopt : std::optional<double>(value);
}

inline Decision decision(const routellm_decision &plain)
{
    const ErrorHandle owner(plain.fallback_error);
    Decision decision{};
    decision.side = static_cast<Side>(plain.side);
    // No name where a call was left out.
    decision.model = plain.model == nullptr ? std::string_view() : std::string_view(plain.model);
    // <faces:value>
    decision.win_rate = number(plain.win_rate);
    decision.threshold = plain.threshold;
    decision.truncated = plain.truncated != 0;
    decision.similarity = number(plain.similarity);
    decision.out_of_distribution = plain.out_of_distribution != 0;
    decision.no_score = plain.no_score != 0;
    decision.propensity = plain.propensity;
    decision.id = plain.id;
    decision.candidate = plain.candidate;
    decision.quality = number(plain.quality);
    decision.expected_cost = number(plain.expected_cost);
    // </faces:value>
    if (plain.fallback != 0) {
        decision.fallback = Fallback{static_cast<Status>(plain.fallback_status),
                                     owner ? routellm_error_message(owner.get()) : ""};
    }
    return decision;
}

/** What a callback of the C interface is given, as a Decision or a std::vector of them. */
template <class T> struct Told;
template <> struct Told<Decision> {
    static Decision value(const routellm_decision *decisions, std::size_t) { return decision(*decisions); }
};
template <> struct Told<std::vector<Decision>> {
    static std::vector<Decision> value(const routellm_decision *decisions, std::size_t count)
    {
        std::vector<Decision> out;
        out.reserve(count);
        for (std::size_t i = 0; i < count; i++) {
            out.push_back(decision(decisions[i]));
        }
        return out;
    }
};

template <class T>
Outcome<T> outcome(routellm_status status, const routellm_decision *decisions, std::size_t count,
                   const routellm_error *error)
{
    if (status == ROUTELLM_OK) {
        return Told<T>::value(decisions, count);
    }
    return Error(static_cast<Status>(status), routellm_error_message(error));
}

/** The C callback around a callable that was allocated for it. noexcept: nothing is thrown through the library. */
template <class T, class Callback>
void tell(void *user, routellm_status status, const routellm_decision *decisions, std::size_t count,
          const routellm_error *error) noexcept
{
    const std::unique_ptr<Callback> callback(static_cast<Callback *>(user));
    (*callback)(outcome<T>(status, decisions, count, error));
}

/** A callable that keeps a promise. */
template <class T> struct Keep {
#ifdef ROUTELLM_NO_EXCEPTIONS
    std::promise<Outcome<T>> promise;

    void operator()(Outcome<T> result) { promise.set_value(std::move(result)); }
#else
    std::promise<T> promise;

    void operator()(Outcome<T> result)
    {
        if (const Error *error = result.error()) {
            promise.set_exception(std::make_exception_ptr(*error));
        } else {
            promise.set_value(std::move(result).get());
        }
    }
#endif
};

/** Whether a callable is one that can hold none, such as a std::function, and holds none. */
template <class Callback> bool is_null(const Callback &callback) noexcept
{
    if constexpr (std::is_constructible_v<Callback, std::nullptr_t> && std::is_constructible_v<bool, Callback>) {
        return !static_cast<bool>(callback);
    } else {
        return false;
    }
}

/** What takes an Outcome<T>. */
template <class T, class Callback>
using IfTakes = std::enable_if_t<std::is_invocable_v<std::decay_t<Callback> &, Outcome<T>>>;

/** Views of many texts as the C interface takes them. */
template <class Texts> std::vector<routellm_text> texts(const Texts &prompts)
{
    std::vector<routellm_text> out;
    out.reserve(prompts.size());
    for (const auto &prompt : prompts) {
        const std::string_view view(prompt);
        out.push_back(routellm_text{view.data(), view.size()});
    }
    return out;
}

} // namespace detail

/** What a strong share comes to: `auto [threshold, share] = router.share(0.3);` */
struct Share {
    double threshold;
    /** The share of the calibration sample that the threshold sends to strong. */
    double share;
};

/** Decides which model should answer a prompt. Immutable: many threads may use one at once. */
class Router {
public:
    /** Opens an artifact, a checkpoint in the published RouteLLM layout, or an exported classifier or causal LM. */
    static Router open(std::string_view folder) { return open_with(folder, nullptr); }
    static Router open(std::string_view folder, const OpenOptions &options)
    {
        return open_with(folder, options.get());
    }

    /** Opens the router that is compiled into the library. */
    static Router open_default() { return open_default_with(nullptr); }
    static Router open_default(const OpenOptions &options) { return open_default_with(options.get()); }

    /** Another handle of the same router, for a reader that outlives this one. */
    Router clone() const { return Router(routellm_router_clone(handle_.get())); }

    /** Decides for one prompt. */
    Decision route(std::string_view prompt) const { return route_with(prompt, nullptr); }
    Decision route(std::string_view prompt, const RouteOptions &options) const
    {
        return route_with(prompt, options.get());
    }

    /** Decides for many: any container of std::string, std::string_view or const char *. */
    template <class Texts> std::vector<Decision> route_batch(const Texts &prompts) const
    {
        return route_batch_with(routellm_route_batch, detail::texts(prompts), nullptr);
    }
    template <class Texts>
    std::vector<Decision> route_batch(const Texts &prompts, const RouteOptions &options) const
    {
        return route_batch_with(routellm_route_batch, detail::texts(prompts), options.get());
    }

    /** Decides for a chat in JSON, as prompt_from_messages() takes it. */
    Decision route_messages(std::string_view json) const { return route_messages_with(json, nullptr); }
    Decision route_messages(std::string_view json, const RouteOptions &options) const
    {
        return route_messages_with(json, options.get());
    }

    /** Decides for many chats, each JSON of its own: messages, a request body, or a string. A bare message is refused. */
    template <class Texts> std::vector<Decision> route_batch_messages(const Texts &chats) const
    {
        return route_batch_with(routellm_route_batch_messages, detail::texts(chats), nullptr);
    }
    template <class Texts>
    std::vector<Decision> route_batch_messages(const Texts &chats, const RouteOptions &options) const
    {
        return route_batch_with(routellm_route_batch_messages, detail::texts(chats), options.get());
    }

    /**
     * A router that is calibrated on requests of your own as a specification says, JSON: see routellm_router_calibrate(). It
     * shares the models of this one, which stays as it is.
     */
    Router calibrate(std::string_view spec, const CancelToken *cancel = nullptr) const
    {
        routellm_router *calibrated = nullptr;
        detail::check([&](auto err) {
            return routellm_router_calibrate(handle_.get(), spec.data(), spec.size(), nullptr, nullptr,
                                             cancel == nullptr ? nullptr : cancel->get(), &calibrated, nullptr, err);
        });
        return Router(calibrated);
    }

    /** As above, from win rates that this router gave, to a strong share; 0 further requests are as many as win rates. */
    Router calibrate(const std::vector<double> &win_rates, double strong_share, std::uint64_t further_requests = 0) const
    {
        routellm_router *calibrated = nullptr;
        detail::check([&](auto err) {
            return routellm_router_calibrate_win_rates(handle_.get(), win_rates.data(), win_rates.size(), strong_share,
                                                       further_requests, &calibrated, nullptr, err);
        });
        return Router(calibrated);
    }

    /** What the calibration of this router found, JSON; empty if it has none of its own. */
    std::string calibration_report() const
    {
        routellm_string *json = nullptr;
        detail::check([&](auto err) { return routellm_router_calibration_report(handle_.get(), &json, err); });
        return json == nullptr ? std::string() : detail::take(json);
    }

    /** Keeps the calibration in a file that ends in .json, or with the artifact in a folder. */
    void save_calibration(std::string_view file_or_folder) const
    {
        const std::string path = detail::c_string(file_or_folder, "file_or_folder");
        detail::check([&](auto err) { return routellm_router_save_calibration(handle_.get(), path.c_str(), err); });
    }

    /**
     * Who hears what this router notices about calls, each thing once: that a threshold is above, or below, every win rate of
     * the calibration sample. An empty function takes the last one away. It runs in the call; what it throws ends the program.
     */
    void on_notice(std::function<void(std::string_view)> listener) const
    {
        using Listener = std::function<void(std::string_view)>;
        if (!listener) {
            detail::check([&](auto err) {
                return routellm_router_on_notice(handle_.get(), nullptr, nullptr, nullptr, err);
            });
            return;
        }
        auto owner = std::make_unique<Listener>(std::move(listener));
        const auto call = [](void *user, const char *message) noexcept { (*static_cast<Listener *>(user))(message); };
        const auto release = [](void *user) noexcept { delete static_cast<Listener *>(user); };
        const bool taken = detail::check([&](auto err) {
            return routellm_router_on_notice(handle_.get(), call, owner.get(), release, err);
        });
        // The router frees it from now on.
        if (taken) {
            static_cast<void>(owner.release());
        }
    }

    /**
     * Who hears of fallbacks, through any handle of this router: the first of a kind of error, and at most one a minute
     * after it. An empty function takes the last one away. It may be called by several threads at once, in the routing
     * call; what it throws ends the program.
     */
    void on_fallback(std::function<void(const FallbackWarning &)> listener) const
    {
        using Listener = std::function<void(const FallbackWarning &)>;
        if (!listener) {
            detail::check([&](auto err) {
                return routellm_router_on_fallback(handle_.get(), nullptr, nullptr, nullptr, err);
            });
            return;
        }
        auto owner = std::make_unique<Listener>(std::move(listener));
        const auto call = [](void *user, routellm_status status, std::uint64_t count,
                             const char *message) noexcept {
            (*static_cast<Listener *>(user))(FallbackWarning{static_cast<Status>(status), count, message});
        };
        const auto release = [](void *user) noexcept { delete static_cast<Listener *>(user); };
        const bool taken = detail::check([&](auto err) {
            return routellm_router_on_fallback(handle_.get(), call, owner.get(), release, err);
        });
        // The router frees it from now on.
        if (taken) {
            static_cast<void>(owner.release());
        }
    }

    /**
     * Who hears of every decision, through any handle of this router: of each prompt once, those of a batch in their order,
     * fallbacks too. An empty function takes the last one away; then nothing is measured, and no id is made. It runs on the
     * thread that decides, before the call returns or calls back, and may be called by several threads at once: it must be
     * quick, and must not wait for the router. What it throws ends the program. See routellm_router_on_decision().
     */
    void on_decision(std::function<void(const DecisionEvent &)> hook) const
    {
        using Hook = std::function<void(const DecisionEvent &)>;
        if (!hook) {
            detail::check([&](auto err) {
                return routellm_router_on_decision(handle_.get(), nullptr, nullptr, nullptr, err);
            });
            return;
        }
        auto owner = std::make_unique<Hook>(std::move(hook));
        const auto call = [](void *user, const routellm_decision_event *plain) noexcept {
            DecisionEvent event{};
            event.id = plain->id;
            event.model = plain->model;
            event.side = static_cast<Side>(plain->side);
            event.candidate = plain->candidate;
            event.quality = detail::number(plain->quality);
            event.expected_cost = detail::number(plain->expected_cost);
            event.threshold = plain->threshold;
            event.propensity = plain->propensity;
            if (plain->fallback_status == ROUTELLM_OK) {
                event.win_rate = detail::number(plain->win_rate);
            } else {
                event.fallback = static_cast<Status>(plain->fallback_status);
            }
            const auto time = [](std::uint64_t ns) {
                return std::chrono::nanoseconds(static_cast<std::chrono::nanoseconds::rep>(ns));
            };
            event.queue = time(plain->queue_ns);
            event.score = time(plain->score_ns);
            event.total = time(plain->total_ns);
            event.index = plain->index;
            event.batch_size = plain->batch_size;
            (*static_cast<Hook *>(user))(event);
        };
        const auto release = [](void *user) noexcept { delete static_cast<Hook *>(user); };
        const bool taken = detail::check([&](auto err) {
            return routellm_router_on_decision(handle_.get(), call, owner.get(), release, err);
        });
        // The router frees it from now on.
        if (taken) {
            static_cast<void>(owner.release());
        }
    }

    /**
     * Decides for one prompt without waiting, and gives callback, which is moved or copied, an Outcome<Decision>:
     * exactly once, on a thread of the library, on the one that cancels the call or closes the router, or, where
     * nothing has to be waited for, before this returns. It should return soon, must not wait for another call, and
     * must not throw: that ends the program by std::terminate(), as on a thread of its own. Throws at once, and never
     * calls back, for wrong options or a router that is closed.
     */
    template <class Callback, class = detail::IfTakes<Decision, Callback>>
    void route_async(std::string_view prompt, Callback &&callback) const
    {
        route_async_with(prompt, nullptr, std::forward<Callback>(callback));
    }
    template <class Callback, class = detail::IfTakes<Decision, Callback>>
    void route_async(std::string_view prompt, const RouteOptions &options, Callback &&callback) const
    {
        route_async_with(prompt, options.get(), std::forward<Callback>(callback));
    }
    /**
     * As above; the future has the decision or the error (an Outcome, without exceptions). Wrong options and a closed
     * router throw at once. The future's destructor does not wait.
     */
    Future<Decision> route_async(std::string_view prompt) const { return route_future(prompt, nullptr); }
    Future<Decision> route_async(std::string_view prompt, const RouteOptions &options) const
    {
        return route_future(prompt, options.get());
    }

    /** As route_async(), for many: callback gets an Outcome<std::vector<Decision>>. The prompts are copied. */
    template <class Texts, class Callback, class = detail::IfTakes<std::vector<Decision>, Callback>>
    void route_batch_async(const Texts &prompts, Callback &&callback) const
    {
        route_batch_async_with(detail::texts(prompts), nullptr, std::forward<Callback>(callback));
    }
    template <class Texts, class Callback, class = detail::IfTakes<std::vector<Decision>, Callback>>
    void route_batch_async(const Texts &prompts, const RouteOptions &options, Callback &&callback) const
    {
        route_batch_async_with(detail::texts(prompts), options.get(), std::forward<Callback>(callback));
    }
    template <class Texts> Future<std::vector<Decision>> route_batch_async(const Texts &prompts) const
    {
        return route_batch_future(detail::texts(prompts), nullptr);
    }
    template <class Texts>
    Future<std::vector<Decision>> route_batch_async(const Texts &prompts, const RouteOptions &options) const
    {
        return route_batch_future(detail::texts(prompts), options.get());
    }

    /**
     * Whether a prompt of this many bytes is expected to take less than 50 microseconds, so that route() may be called
     * where waiting is not allowed, such as on an event loop.
     */
    bool is_quick(std::size_t bytes) const noexcept { return routellm_router_is_quick(handle_.get(), bytes) != 0; }

    /** Decides for an embedding that you computed. */
    Decision route_embedding(Span<const float> embedding) const { return route_embedding_with(embedding, nullptr); }
    Decision route_embedding(Span<const float> embedding, const RouteOptions &options) const
    {
        return route_embedding_with(embedding, options.get());
    }

    /** P(strong model's answer is preferred or needed), in [0, 1]. */
    double win_rate(std::string_view prompt) const
    {
        double out = 0.0;
        detail::check([&](auto err) {
            return routellm_win_rate(handle_.get(), prompt.data(), prompt.size(), &out, err);
        });
        return out;
    }

    template <class Texts> std::vector<double> win_rates(const Texts &prompts) const
    {
        return win_rates_with(detail::texts(prompts), nullptr);
    }
    template <class Texts> std::vector<double> win_rates(const Texts &prompts, const CancelToken &token) const
    {
        return win_rates_with(detail::texts(prompts), token.get());
    }

    double win_rate_from_embedding(Span<const float> embedding) const
    {
        double out = 0.0;
        detail::check([&](auto err) {
            return routellm_win_rate_from_embedding(handle_.get(), embedding.data(), embedding.size(), &out, err);
        });
        return out;
    }

    /** Win rates of rows x dimension numbers, row after row; out.size() is the number of rows. */
    void win_rates_from_embeddings(Span<const float> embeddings, std::size_t dimension, Span<double> out) const
    {
        if (embeddings.size() / (dimension == 0 ? 1 : dimension) != out.size() ||
            embeddings.size() != out.size() * dimension) {
            return detail::fail(Error(Status::invalid_argument,
                                      std::to_string(embeddings.size()) + " numbers are not " +
                                          std::to_string(out.size()) + " rows of " + std::to_string(dimension)));
        }
        detail::check([&](auto err) {
            return routellm_win_rates_from_embeddings(handle_.get(), embeddings.data(), out.size(), dimension,
                                                      out.data(), err);
        });
    }

    /** One score for each candidate, in the order of models(), higher is better. */
    std::vector<double> candidate_scores(std::string_view prompt) const
    {
        std::vector<double> out(routellm_router_model_count(handle_.get()));
        detail::check([&](auto err) {
            return routellm_candidate_scores(handle_.get(), prompt.data(), prompt.size(), out.data(), out.size(),
                                             err);
        });
        return out;
    }
    std::vector<double> candidate_scores_from_embedding(Span<const float> embedding) const
    {
        std::vector<double> out(routellm_router_model_count(handle_.get()));
        detail::check([&](auto err) {
            return routellm_candidate_scores_from_embedding(handle_.get(), embedding.data(), embedding.size(),
                                                            out.data(), out.size(), err);
        });
        return out;
    }

    /** The embedding of a prompt by the router's own encoder or hashed features. */
    std::vector<float> embed(std::string_view prompt) const
    {
        std::vector<float> out(routellm_router_embed_dimension(handle_.get()));
        detail::check([&](auto err) {
            return routellm_embed(handle_.get(), prompt.data(), prompt.size(), out.data(), out.size(), err);
        });
        return out;
    }

    /** Largest cosine similarity of a prompt to any vote, in [-1, 1]. Routers with votes only. */
    double similarity(std::string_view prompt) const
    {
        double out = 0.0;
        detail::check([&](auto err) {
            return routellm_similarity(handle_.get(), prompt.data(), prompt.size(), &out, err);
        });
        return out;
    }
    double similarity_from_embedding(Span<const float> embedding) const
    {
        double out = 0.0;
        detail::check([&](auto err) {
            return routellm_similarity_from_embedding(handle_.get(), embedding.data(), embedding.size(), &out, err);
        });
        return out;
    }

    /**
     * Why a prompt got its score, with the k votes that weighed most: a JSON object, which routellm_explain() in
     * routellm.h describes. Routers with votes only.
     */
    std::string explain(std::string_view prompt, std::size_t k) const
    {
        routellm_string *json = nullptr;
        detail::check([&](auto err) {
            return routellm_explain(handle_.get(), prompt.data(), prompt.size(), k, &json, err);
        });
        return detail::take(json);
    }
    std::string explain_embedding(Span<const float> embedding, std::size_t k) const
    {
        routellm_string *json = nullptr;
        detail::check([&](auto err) {
            return routellm_explain_embedding(handle_.get(), embedding.data(), embedding.size(), k, &json, err);
        });
        return detail::take(json);
    }

    // Calls for an input of any kind, with options. Those that decide nothing take no threshold and no strong share; where
    // on_error() covers an error, numbers that could not be computed are NaN.

    /** Decides for one input. */
    Decision route(const Input &input, const RouteOptions &options = RouteOptions()) const
    {
        routellm_decision plain = ROUTELLM_DECISION_INIT;
        detail::check([&](auto err) {
            return routellm_route_inputs(handle_.get(), &input.get(), 1, options.get(), &plain, err);
        });
        return detail::decision(plain);
    }
    /** Decides for many inputs, with the same bits as one by one. */
    std::vector<Decision> route_inputs(const std::vector<Input> &inputs,
                                       const RouteOptions &options = RouteOptions()) const
    {
        const routellm_decision empty = ROUTELLM_DECISION_INIT;
        std::vector<routellm_decision> plain(inputs.size(), empty);
        const auto some = all(inputs);
        detail::check([&](auto err) {
            return routellm_route_inputs(handle_.get(), some.data(), some.size(), options.get(), plain.data(), err);
        });
        std::vector<Decision> out;
        out.reserve(plain.size());
        for (const routellm_decision &one : plain) {
            out.push_back(detail::decision(one));
        }
        return out;
    }
    double win_rate(const Input &input, const RouteOptions &options = RouteOptions()) const
    {
        double out = 0.0;
        detail::check([&](auto err) {
            return routellm_win_rates_of(handle_.get(), &input.get(), 1, options.get(), &out, err);
        });
        return out;
    }
    std::vector<double> win_rates_of(const std::vector<Input> &inputs,
                                     const RouteOptions &options = RouteOptions()) const
    {
        std::vector<double> out(inputs.size());
        const auto some = all(inputs);
        detail::check([&](auto err) {
            return routellm_win_rates_of(handle_.get(), some.data(), some.size(), options.get(), out.data(), err);
        });
        return out;
    }
    std::vector<double> candidate_scores(const Input &input, const RouteOptions &options = RouteOptions()) const
    {
        std::vector<double> out(routellm_router_model_count(handle_.get()));
        detail::check([&](auto err) {
            return routellm_candidate_scores_of(handle_.get(), &input.get(), options.get(), out.data(), out.size(),
                                                err);
        });
        return out;
    }
    /**
     * The quality of each candidate for one input or for many, in [0, 1], in the order of models(): the expected gold score or
     * the expected win rate against the others, as the router's information says. NaN for a candidate that the votes
     * compare with no other. A router that knows its pair only is unsupported.
     */
    std::vector<double> qualities(const Input &input, const RouteOptions &options = RouteOptions()) const
    {
        std::vector<double> out(routellm_router_model_count(handle_.get()));
        detail::check([&](auto err) {
            return routellm_qualities_of(handle_.get(), &input.get(), 1, options.get(), out.data(), out.size(), err);
        });
        return out;
    }
    std::vector<std::vector<double>> qualities_of(const std::vector<Input> &inputs,
                                                  const RouteOptions &options = RouteOptions()) const
    {
        const std::size_t models = routellm_router_model_count(handle_.get());
        std::vector<double> numbers(inputs.size() * models);
        const auto some = all(inputs);
        detail::check([&](auto err) {
            return routellm_qualities_of(handle_.get(), some.data(), some.size(), options.get(), numbers.data(), models,
                                         err);
        });
        std::vector<std::vector<double>> out;
        for (auto row = numbers.begin(); row != numbers.end(); row += static_cast<std::ptrdiff_t>(models)) {
            out.emplace_back(row, row + static_cast<std::ptrdiff_t>(models));
        }
        return out;
    }
    double similarity(const Input &input, const RouteOptions &options = RouteOptions()) const
    {
        double out = 0.0;
        detail::check([&](auto err) {
            return routellm_similarity_of(handle_.get(), &input.get(), options.get(), &out, err);
        });
        return out;
    }
    std::string explain(const Input &input, std::size_t k, const RouteOptions &options = RouteOptions()) const
    {
        routellm_string *json = nullptr;
        detail::check([&](auto err) {
            return routellm_explain_of(handle_.get(), &input.get(), k, options.get(), &json, err);
        });
        return detail::take(json);
    }
    std::vector<float> embed(const Input &input, const RouteOptions &options = RouteOptions()) const
    {
        std::vector<float> out(routellm_router_embed_dimension(handle_.get()));
        detail::check([&](auto err) {
            return routellm_embed_of(handle_.get(), &input.get(), options.get(), out.data(), out.size(), err);
        });
        return out;
    }

    /** The threshold that a call with these options compares win rates with. */
    double threshold() const { return threshold_with(nullptr); }
    double threshold(const RouteOptions &options) const { return threshold_with(options.get()); }

    /** The threshold that a strong share comes to, and the share of the calibration sample that it reaches. */
    Share share(double strong_share) const
    {
        Share out{};
        detail::check([&](auto err) {
            return routellm_share(handle_.get(), strong_share, &out.threshold, &out.share, err);
        });
        return out;
    }

    /** Names, valid while this router lives. */
    std::string_view strong() const noexcept { return text(routellm_router_strong(handle_.get())); }
    std::string_view weak() const noexcept { return text(routellm_router_weak(handle_.get())); }
    std::vector<std::string_view> models() const
    {
        std::vector<std::string_view> out(routellm_router_model_count(handle_.get()));
        for (std::size_t i = 0; i < out.size(); i++) {
            out[i] = text(routellm_router_model(handle_.get(), i));
        }
        return out;
    }

    /** Length of the embeddings that the router takes; 0 if it takes none. */
    std::size_t embedding_dimension() const noexcept { return routellm_router_embedding_dimension(handle_.get()); }
    /** How many decisions were fallbacks. */
    std::uint64_t fallbacks() const noexcept { return routellm_router_fallbacks(handle_.get()); }
    /** What is known about the router, as a JSON object. */
    std::string info_json() const
    {
        routellm_string *json = nullptr;
        detail::check([&](auto err) { return routellm_router_info_json(handle_.get(), &json, err); });
        return detail::take(json);
    }

    /**
     * How busy the router is, and what it has done since it was opened, as a JSON object: sessions, busy, waiting,
     * decisions, and fallbacks, an object from the names of errors to numbers.
     */
    std::string stats_json() const
    {
        routellm_string *json = nullptr;
        detail::check([&](auto err) { return routellm_router_stats_json(handle_.get(), &json, err); });
        return detail::take(json);
    }

    /**
     * Closes the router, with all of its handles: calls fail from now on with invalid_argument, those that wait for a
     * session end as cancelled, those that run go on, and the memory of the sessions is given back after the last of
     * them. Closing twice does nothing. A destructor closes nothing: calls without waiting end as they would have.
     */
    void close() const noexcept { routellm_router_close(handle_.get()); }

    const routellm_router *get() const noexcept { return handle_.get(); }

private:
    friend class Reloadable;

    explicit Router(routellm_router *handle) noexcept : handle_(handle) {}

    static std::vector<routellm_input> all(const std::vector<Input> &inputs)
    {
        std::vector<routellm_input> out;
        out.reserve(inputs.size());
        for (const Input &input : inputs) {
            out.push_back(input.get());
        }
        return out;
    }

    static std::string_view text(const char *name) noexcept
    {
        return name == nullptr ? std::string_view() : std::string_view(name);
    }

    static Router open_with(std::string_view folder, const routellm_open_options *options)
    {
        const std::string path = detail::c_string(folder, "folder");
        routellm_router *router = nullptr;
        detail::check([&](auto err) { return routellm_router_open(path.c_str(), options, &router, err); });
        return Router(router);
    }

    static Router open_default_with(const routellm_open_options *options)
    {
        routellm_router *router = nullptr;
        detail::check([&](auto err) { return routellm_router_open_default(options, &router, err); });
        return Router(router);
    }

    Decision route_with(std::string_view prompt, const routellm_route_options *options) const
    {
        routellm_decision plain = ROUTELLM_DECISION_INIT;
        detail::check([&](auto err) {
            return routellm_route(handle_.get(), prompt.data(), prompt.size(), options, &plain, err);
        });
        return detail::decision(plain);
    }

    Decision route_embedding_with(Span<const float> embedding, const routellm_route_options *options) const
    {
        routellm_decision plain = ROUTELLM_DECISION_INIT;
        detail::check([&](auto err) {
            return routellm_route_embedding(handle_.get(), embedding.data(), embedding.size(), options, &plain,
                                            err);
        });
        return detail::decision(plain);
    }

    Decision route_messages_with(std::string_view json, const routellm_route_options *options) const
    {
        routellm_decision plain = ROUTELLM_DECISION_INIT;
        detail::check([&](auto err) {
            return routellm_route_messages(handle_.get(), json.data(), json.size(), options, &plain, err);
        });
        return detail::decision(plain);
    }

    std::vector<Decision> route_batch_with(decltype(routellm_route_batch) *call,
                                           const std::vector<routellm_text> &prompts,
                                           const routellm_route_options *options) const
    {
        const routellm_decision empty = ROUTELLM_DECISION_INIT;
        std::vector<routellm_decision> plain(prompts.size(), empty);
        std::vector<Decision> out;
        out.reserve(prompts.size());
        detail::check([&](auto err) {
            return call(handle_.get(), prompts.data(), prompts.size(), options, plain.data(), err);
        });
        for (const routellm_decision &one : plain) {
            out.push_back(detail::decision(one));
        }
        return out;
    }

    template <class Callback>
    void route_async_with(std::string_view prompt, const routellm_route_options *options, Callback &&callback) const
    {
        begin<Decision>(std::forward<Callback>(callback), [&](auto call, void *user, auto err) {
            return routellm_route_async(handle_.get(), prompt.data(), prompt.size(), options, call, user, err);
        });
    }

    template <class Callback>
    void route_batch_async_with(const std::vector<routellm_text> &prompts, const routellm_route_options *options,
                                Callback &&callback) const
    {
        begin<std::vector<Decision>>(std::forward<Callback>(callback), [&](auto call, void *user, auto err) {
            return routellm_route_batch_async(handle_.get(), prompts.data(), prompts.size(), options, call, user,
                                              err);
        });
    }

    Future<Decision> route_future(std::string_view prompt, const routellm_route_options *options) const
    {
        detail::Keep<Decision> keep;
        auto future = keep.promise.get_future();
        route_async_with(prompt, options, std::move(keep));
        return future;
    }

    Future<std::vector<Decision>> route_batch_future(const std::vector<routellm_text> &prompts,
                                                     const routellm_route_options *options) const
    {
        detail::Keep<std::vector<Decision>> keep;
        auto future = keep.promise.get_future();
        route_batch_async_with(prompts, options, std::move(keep));
        return future;
    }

    /** Hands a callable over to call(callback, user, err), which calls it once if it returns ROUTELLM_OK. */
    template <class T, class Callback, class Call> static void begin(Callback &&callback, Call &&call)
    {
        using Own = std::decay_t<Callback>;
        auto own = std::make_unique<Own>(std::forward<Callback>(callback));
        if (detail::is_null(*own)) {
            return detail::fail(Error(Status::invalid_argument, "callback is NULL"));
        }
        const bool begun = detail::check(
            [&](auto err) { return call(&detail::tell<T, Own>, static_cast<void *>(own.get()), err); });
        // The callback has it, and may have destroyed it already.
        if (begun) {
            static_cast<void>(own.release());
        }
    }

    std::vector<double> win_rates_with(const std::vector<routellm_text> &prompts,
                                       const routellm_cancel_token *token) const
    {
        std::vector<double> out(prompts.size());
        detail::check([&](auto err) {
            return routellm_win_rates(handle_.get(), prompts.data(), prompts.size(), token, out.data(), err);
        });
        return out;
    }

    double threshold_with(const routellm_route_options *options) const
    {
        double out = 0.0;
        detail::check([&](auto err) { return routellm_threshold(handle_.get(), options, &out, err); });
        return out;
    }

    detail::Handle<routellm_router, routellm_router_free> handle_;
};

/**
 * What was found on this machine (runtime, GPU, versions, artifact, settings), as a report of a defect needs it: JSON, see
 * routellm_doctor(). What is missing or broken is told and is no failure.
 */
inline std::string doctor()
{
    routellm_string *json = nullptr;
    detail::check([&](auto err) { return routellm_doctor(&json, err); });
    return detail::take(json);
}

/** As above, about the artifact, or the model, in a folder instead of the router that is compiled in. */
inline std::string doctor(std::string_view folder)
{
    const std::string path = detail::c_string(folder, "folder");
    routellm_string *json = nullptr;
    detail::check([&](auto err) { return routellm_doctor_of(path.c_str(), &json, err); });
    return detail::take(json);
}

/** How far a training or an evaluation has come. stage is good for as long as the callback runs; loss is NaN where there is none, and so
    is rate, the steps of the stage a second, at its first report. */
struct Progress {
    std::string_view stage;
    std::size_t done;
    std::size_t total;
    double loss;
    double rate;
};

namespace detail {

using Hear = std::function<bool(const Progress &)>;
using Watched = decltype(&routellm_train);

inline std::string watched(Watched work, std::string_view spec, const Hear &on_progress, const CancelToken *cancel)
{
    const auto hear = [](void *user, const routellm_progress *step) noexcept -> std::int32_t {
        const Progress progress{step->stage, step->done, step->total, step->loss, step->rate};
        return (*static_cast<const Hear *>(user))(progress) ? 0 : 1;
    };
    routellm_progress_callback callback = nullptr;
    if (on_progress) {
        callback = hear;
    }
    routellm_string *report = nullptr;
    check([&](auto err) {
        return work(spec.data(), spec.size(), callback, const_cast<Hear *>(&on_progress),
                    cancel == nullptr ? nullptr : cancel->get(), &report, err);
    });
    return take(report);
}

}  // namespace detail

/**
 * Trains a router as a specification says, JSON, and writes its artifact: see routellm_train(). It returns the report, JSON,
 * when the training is done. on_progress hears how far it is, on this thread, and stops it by returning false; it must not
 * throw. Another thread stops it through the token.
 */
inline std::string train(std::string_view spec, const std::function<bool(const Progress &)> &on_progress = {},
                         const CancelToken *cancel = nullptr)
{
    return detail::watched(routellm_train, spec, on_progress, cancel);
}

/**
 * Evaluates routers as a specification says, JSON: see routellm_evaluate(). It returns the report, JSON, when the evaluation
 * is done. on_progress and the token are as for train().
 */
inline std::string evaluate(std::string_view spec, const std::function<bool(const Progress &)> &on_progress = {},
                            const CancelToken *cancel = nullptr)
{
    return detail::watched(routellm_evaluate, spec, on_progress, cancel);
}

/** Rewrites an older artifact's router.json in the form of this release; false if it has that form already. */
inline bool upgrade_artifact(const std::string &folder)
{
    std::int32_t upgraded = 0;
    detail::check([&](auto err) { return routellm_upgrade_artifact(folder.c_str(), &upgraded, err); });
    return upgraded != 0;
}

/**
 * The router that is in use, for programs that exchange it while calls run: Reloadable current(Router::open(folder)).
 * Readers take a handle from it without waiting. Every function may be called by many threads at once.
 */
class Reloadable {
public:
    /** A place that holds a handle of router. */
    explicit Reloadable(const Router &router) : handle_(routellm_reloadable_new(router.get()))
    {
        if (handle_ == nullptr) {
            detail::fail(Error(Status::invalid_argument, "router is NULL"));
        }
    }

    /** The router that is in use now. It stays good for as long as it is kept, also after a replacement. */
    Router get() const { return Router(routellm_reloadable_get(handle_.get())); }

    /**
     * Lets router take the place. Calls that run or wait on the one before finish on it, and it goes with the last of
     * its handles. Do not close it: that ends the calls that wait. Who hears of the decisions of the one before hears of
     * those of router, too, unless that has a hook of its own.
     */
    void replace(const Router &router) const
    {
        detail::check([&](auto err) { return routellm_reloadable_replace(handle_.get(), router.get(), err); });
    }

private:
    detail::Handle<routellm_reloadable, routellm_reloadable_free> handle_;
};

/**
 * The prompt of a chat: by default the text of its newest user message that has text. json is the list of messages, a
 * request body around it, or a message: routellm_prompt_from_messages() in routellm.h describes them.
 */
inline std::string prompt_from_messages(std::string_view json, Read read = Read::last_user)
{
    routellm_string *prompt = nullptr;
    detail::check([&](auto err) {
        return routellm_read_messages(json.data(), json.size(), static_cast<std::int32_t>(read), &prompt, err);
    });
    return detail::take(prompt);
}

/** The version of the library that is loaded. */
inline std::string_view version() noexcept
{
    return routellm_version();
}

#ifdef ROUTELLM_NO_EXCEPTIONS
} // namespace without_exceptions
#endif
} // namespace routellm

#endif /* ROUTELLM_HPP */
