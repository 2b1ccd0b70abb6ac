// Prints the bits of the win rate of a prompt by each of the routers that are named.
#include <cinttypes>
#include <cstdio>
#include <cstring>

#include <routellm.hpp>

int main(int argc, char **argv)
{
    for (int i = 2; i < argc; i++) {
        const double rate = routellm::Router::open(argv[i]).win_rate(argv[1]);
        std::uint64_t bits;
        std::memcpy(&bits, &rate, sizeof bits);
        std::printf("%016" PRIx64 "\n", bits);
    }
}
