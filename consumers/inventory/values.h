#pragma once
// One value of a declaration: from its text, and back to it. take() throws Error that says what is
// wrong with the text and what would be right; whatever it took, print() gives as people write it.

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "consumers/inventory/inventory.h"

namespace slipway {

// For numbers as they are, for durations in milliseconds, for sizes in MiB or GiB, for texts their
// length.
struct Bounds {
    std::int64_t least = 0;
    std::int64_t most = 1'000;
};

// What a text stands for, where its type alone does not say it.
struct Name {  // letters, digits and . _ -
    std::string& text;
};
struct Domain {  // kept in small letters, without a dot at either end
    std::string& text;
};
struct Prose {  // may have several lines
    std::string& text;
};
struct Word {  // one of a few
    std::string& text;
    std::span<const std::string_view> words;
};
struct Mebibytes {
    std::int64_t& count;
};
struct Gibibytes {
    std::int64_t& count;
};

void take(std::string& place, const std::string& text, Bounds bounds);
void take(Name place, const std::string& text, Bounds bounds);
void take(Domain place, const std::string& text, Bounds bounds);
void take(Prose place, const std::string& text, Bounds bounds);
void take(Word place, const std::string& text, Bounds bounds);
void take(Mebibytes place, const std::string& text, Bounds bounds);
void take(Gibibytes place, const std::string& text, Bounds bounds);
void take(int& place, const std::string& text, Bounds bounds);
void take(std::int64_t& place, const std::string& text, Bounds bounds);
void take(std::optional<int>& place, const std::string& text, Bounds bounds);
void take(double& place, const std::string& text, Bounds bounds);
void take(bool& place, const std::string& text, Bounds bounds);
void take(std::chrono::seconds& place, const std::string& text, Bounds bounds);
void take(std::chrono::milliseconds& place, const std::string& text, Bounds bounds);
void take(IpAddress& place, const std::string& text, Bounds bounds);
void take(IpNetwork& place, const std::string& text, Bounds bounds);
void take(std::optional<IpNetwork>& place, const std::string& text, Bounds bounds);
void take(IpRange& place, const std::string& text, Bounds bounds);
void take(CloneKind& place, const std::string& text, Bounds bounds);
void take(DnsKind& place, const std::string& text, Bounds bounds);

// Empty if there is nothing to be said of it.
std::string print(const std::string& value);
std::string print(const Name& value);
std::string print(const Domain& value);
std::string print(const Prose& value);
std::string print(const Word& value);
std::string print(const Mebibytes& value);
std::string print(const Gibibytes& value);
std::string print(const int& value);
std::string print(const std::int64_t& value);
std::string print(const std::optional<int>& value);
std::string print(const double& value);
std::string print(const bool& value);
std::string print(const std::chrono::seconds& value);
std::string print(const std::chrono::milliseconds& value);
std::string print(const IpAddress& value);
std::string print(const IpNetwork& value);
std::string print(const std::optional<IpNetwork>& value);
std::string print(const IpRange& value);
std::string print(const CloneKind& value);
std::string print(const DnsKind& value);

// "unknown key; did you mean memory?"
std::string unknown_key(std::string_view key, std::span<const std::string_view> keys);

// "; did you mean vps-start?", or nothing if no word is near.
std::string did_you_mean(std::string_view word, std::span<const std::string_view> words);

}  // namespace slipway
