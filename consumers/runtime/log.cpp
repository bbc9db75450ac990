#include "consumers/runtime/log.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <mutex>

#include "consumers/runtime/clock.h"
#include "topics/event.h"

namespace slipway {
namespace {

constexpr std::array<std::string_view, 4> level_names = {"debug", "info", "warning", "error"};

// The process has one stderr, so it has one of these.
std::atomic<Level> least_level = Level::Info;
std::atomic<LogFormat> log_format = LogFormat::Logfmt;
std::mutex writing;

std::string time_text(Time at) {
    const auto second = std::chrono::floor<std::chrono::seconds>(at);
    const auto micros = (at - second).count();
    return fmt::format(
        "{:%Y-%m-%dT%H:%M:%S}.{:06}Z", fmt::gmtime(second.time_since_epoch().count()), micros);
}

// In double quotes, for logfmt and JSON alike. The text is valid UTF-8 without NUL.
void append_quoted(std::string& out, std::string_view text) {
    out += '"';
    for (const char c : text) {
        switch (c) {
            case '"':
                out += "\\\"";
                break;
            case '\\':
                out += "\\\\";
                break;
            case '\n':
                out += "\\n";
                break;
            case '\r':
                out += "\\r";
                break;
            case '\t':
                out += "\\t";
                break;
            default:
                if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
                    out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
                else
                    out += c;
        }
    }
    out += '"';
}

bool needs_quotes(std::string_view text) {
    if (text.empty()) return true;
    for (const char c : text)
        if (static_cast<unsigned char>(c) <= 0x20 || c == '"' || c == '=' || c == '\\' || c == 0x7f)
            return true;
    return false;
}

enum class Quotes { Always, WhereNeeded };

void append_text(std::string& out, std::string_view text, Quotes quotes) {
    const std::string clean = clean_text(text);
    if (quotes == Quotes::Always || needs_quotes(clean))
        append_quoted(out, clean);
    else
        out += clean;
}

void append_value(std::string& out, const LogValue& value, Quotes quotes) {
    if (const auto* text = std::get_if<std::string_view>(&value.value())) {
        append_text(out, *text, quotes);
    } else if (const auto* truth = std::get_if<bool>(&value.value())) {
        out += *truth ? "true" : "false";
    } else if (const auto* whole = std::get_if<std::int64_t>(&value.value())) {
        out += std::to_string(*whole);
    } else if (const auto* real = std::get_if<double>(&value.value())) {
        // JSON has no word for infinity.
        out += std::isfinite(*real) ? fmt::format("{}", *real) : "null";
    }
}

std::string logfmt(const LogRecord& record) {
    std::string out = "time=" + time_text(record.at) + " level=";
    out += level_names.at(static_cast<std::size_t>(record.level));
    out += " text=";
    append_text(out, record.text, Quotes::Always);
    for (const LogField& field : record.fields) {
        out += ' ';
        out += field.name;
        out += '=';
        append_value(out, field.value, Quotes::WhereNeeded);
    }
    return out += '\n';
}

std::string json(const LogRecord& record) {
    std::string out = R"({"time":")" + time_text(record.at) + R"(","level":")";
    out += level_names.at(static_cast<std::size_t>(record.level));
    out += R"(","text":)";
    append_text(out, record.text, Quotes::Always);
    for (const LogField& field : record.fields) {
        out += ',';
        append_text(out, field.name, Quotes::Always);
        out += ':';
        append_value(out, field.value, Quotes::Always);
    }
    return out += "}\n";
}

void write_all(std::string_view line) {
    const std::lock_guard lock(writing);
    while (!line.empty()) {
        const ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return;  // nobody to tell: stderr itself is gone
        line.remove_prefix(static_cast<std::size_t>(written));
    }
}

// Hides what follows `marker` wherever it occurs: a quoted text, or all up to the next separator.
std::string hide_after(std::string text, std::string_view marker) {
    for (std::size_t at = text.find(marker); at != std::string::npos;
         at = text.find(marker, at + marker.size())) {
        const std::size_t begin = at + marker.size();
        std::size_t end = text.find_first_of("& \t\n", begin);
        if (begin < text.size() && text[begin] == '\'') {
            const std::size_t closing = text.find('\'', begin + 1);
            end = closing == std::string::npos ? closing : closing + 1;
        }
        text.replace(begin, std::min(end, text.size()) - begin, "***");
    }
    return text;
}

}  // namespace

void set_log(Level least, LogFormat format) {
    least_level = least;
    log_format = format;
}

bool logs(Level level) {
    return level >= least_level.load(std::memory_order_relaxed);
}

void log(Level level, std::string_view text, LogFields fields) {
    if (!logs(level)) return;
    write_all(
        format_record(log_format.load(std::memory_order_relaxed),
                      {.at = SystemClock().now(), .level = level, .text = text, .fields = fields}));
}

std::string format_record(LogFormat format, const LogRecord& record) {
    return format == LogFormat::Json ? json(record) : logfmt(record);
}

std::string masked_url(std::string_view url) {
    std::string out(url);
    const std::size_t scheme = out.find("://");
    if (scheme != std::string::npos) {
        const std::size_t begin = scheme + 3;
        // The last @ before the parameters: a password may hold an @ or a / that nobody escaped.
        const std::size_t at = out.rfind('@', out.find('?', begin));
        const std::size_t colon = out.find(':', begin);
        if (at != std::string::npos && at > begin && colon < at)
            out.replace(colon + 1, at - colon - 1, "***");
    }
    return hide_after(std::move(out), "password=");
}

}  // namespace slipway
