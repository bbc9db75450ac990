#pragma once
// The process's own log: one structured line per record to stderr, written whole and at once.
//
//     log(Level::Info, "step saved", {{"service", vm.service_id}, {"step", step.state}, {"ms",
//     12}});
//
// logfmt by default, JSON on request. Cheap below the level: nothing is formatted. Values may hold
// anything (NUL, invalid UTF-8, line ends): a record stays one line of valid UTF-8. Secrets are the
// caller's business; masked_url() is for addresses that may carry a password.

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <variant>

#include "schema/vm.h"

namespace slipway {

enum class Level { Debug, Info, Warning, Error };
enum class LogFormat { Logfmt, Json };

// Views what it is given: made in the call to log(), gone when that returns.
class LogValue {
  public:
    LogValue(std::string_view text) : value_(text) {}
    LogValue(const std::string& text) : value_(std::string_view(text)) {}
    LogValue(const char* text) : value_(std::string_view(text)) {}
    LogValue(bool value) : value_(value) {}
    LogValue(double value) : value_(value) {}
    template <std::integral Integer>
    LogValue(Integer value) : value_(static_cast<std::int64_t>(value)) {}

    const auto& value() const { return value_; }

  private:
    std::variant<std::string_view, bool, double, std::int64_t> value_;
};

struct LogField {
    std::string_view name;
    LogValue value;
};

using LogFields = std::initializer_list<LogField>;

// For the whole process; called once, before other threads are started.
void set_log(Level least, LogFormat format);

bool logs(Level level);
void log(Level level, std::string_view text, LogFields fields = {});

// One record as it is written, its line end included.
struct LogRecord {
    Time at;
    Level level = Level::Info;
    std::string_view text;
    LogFields fields;
};
std::string format_record(LogFormat format, const LogRecord& record);

// postgresql://user:secret@host/db -> postgresql://user:***@host/db. Passwords among the
// parameters of an address (?password=…, host=… password=…) are hidden as well.
std::string masked_url(std::string_view url);

}  // namespace slipway
