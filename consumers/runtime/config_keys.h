#pragma once
// The table of all keys: the documentation of the configuration, and what it is read by.

#include <chrono>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "consumers/runtime/config.h"

namespace slipway {

// One of a few words. `get` and `set` speak of the place of the word among `words`.
struct Choice {
    std::span<const std::string_view> words;
    int (*get)(const Config&);
    void (*set)(Config&, int);
};

// Where a value lives in Config; its alternative is also the type of the key.
using ConfigPlace = std::variant<std::string& (*)(Config&),
                                 int& (*)(Config&),
                                 bool& (*)(Config&),
                                 std::chrono::milliseconds& (*)(Config&),
                                 std::map<std::string, std::string>& (*)(Config&),
                                 Choice>;

enum class Secret {
    No,
    Yes,    // an address or a map with a secret in it, which alone is masked
    Whole,  // all of it
};

// For numbers as they are, for durations in milliseconds, for texts their length.
struct Limits {
    std::int64_t least;
    std::int64_t most;
};

struct ConfigKey {
    std::string_view path;  // "runtime.grace"
    ConfigPlace place;
    Limits limits;
    Secret secret;  // masked when shown, and may stand in a file of its own: path + "_file"
    std::string_view sentence;
};

std::span<const ConfigKey> config_keys();

const ConfigKey* find_config_key(std::string_view path);

// runtime.grace -> SLIPWAY_RUNTIME_GRACE
std::string environment_name(std::string_view path);

// "duration, 1s to 1h"
std::string type_text(const ConfigKey& key);

// Sets one value from its text. Throws Error that says what is wrong and what would be right.
void set_value(Config& config, const ConfigKey& key, const std::string& text);

// The value as text: what set_value() would take, or masked.
enum class Show { Plain, Masked };
std::string value_text(const Config& config, const ConfigKey& key, Show show);

// "30s", "250ms", "10m", "2h", "7d"; nullopt if it is none.
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);
std::string duration_text(std::chrono::milliseconds duration);

// ops/config/example.yaml, which a test keeps equal to this.
std::string example_config();

// A property of librdkafka whose value is nobody's business.
bool is_secret_property(std::string_view name);

// The known word nearest to a mistyped one, if any is near enough to be meant.
std::optional<std::string_view> nearest(std::string_view word,
                                        std::span<const std::string_view> words);

}  // namespace slipway
