#include "topics/rfc3339.h"

#include <fmt/format.h>

namespace slipway {

namespace {

// Reads digits and single letters from the front of a text; after a mismatch it stays false.
struct Cursor {
    std::string_view rest;
    bool good = true;

    int digits(std::size_t count) {
        if (rest.size() < count) good = false;
        int value = 0;
        for (std::size_t at = 0; good && at < count; ++at) {
            if (rest[at] < '0' || rest[at] > '9') good = false;
            value = value * 10 + (rest[at] - '0');
        }
        if (good) rest.remove_prefix(count);
        return value;
    }

    bool take(char upper) {
        if (rest.empty() || (rest[0] != upper && rest[0] != (upper | 0x20))) return false;
        rest.remove_prefix(1);
        return true;
    }

    void need(char upper) { good = good && take(upper); }
};

std::chrono::microseconds fraction(Cursor& cursor) {
    std::int64_t value = 0;
    int digits = 0;
    while (!cursor.rest.empty() && cursor.rest[0] >= '0' && cursor.rest[0] <= '9') {
        if (digits < 6) value = value * 10 + (cursor.rest[0] - '0');
        ++digits;
        cursor.rest.remove_prefix(1);
    }
    if (digits == 0) cursor.good = false;
    for (int missing = digits; missing < 6; ++missing) value *= 10;
    return std::chrono::microseconds(value);
}

std::chrono::minutes offset(Cursor& cursor) {
    if (cursor.take('Z')) return {};
    const int sign = cursor.take('+') ? 1 : -1;
    if (sign < 0) cursor.need('-');
    const int hours = cursor.digits(2);
    cursor.need(':');
    const int minutes = cursor.digits(2);
    if (hours > 23 || minutes > 59) cursor.good = false;
    return sign * (std::chrono::hours(hours) + std::chrono::minutes(minutes));
}

}  // namespace

std::string to_rfc3339(EventTime time) {
    const auto day = std::chrono::floor<std::chrono::days>(time);
    const std::chrono::year_month_day date(day);
    const std::chrono::hh_mm_ss clock(time - day);
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z",
                       static_cast<int>(date.year()),
                       static_cast<unsigned>(date.month()),
                       static_cast<unsigned>(date.day()),
                       clock.hours().count(),
                       clock.minutes().count(),
                       clock.seconds().count(),
                       clock.subseconds().count());
}

std::optional<EventTime> from_rfc3339(std::string_view text) {
    using namespace std::chrono;
    Cursor cursor{text};
    const year y(cursor.digits(4));
    cursor.need('-');
    const month m(static_cast<unsigned>(cursor.digits(2)));
    cursor.need('-');
    const day d(static_cast<unsigned>(cursor.digits(2)));
    cursor.need('T');
    const int hour = cursor.digits(2);
    cursor.need(':');
    const int minute = cursor.digits(2);
    cursor.need(':');
    const int second = cursor.digits(2);
    microseconds parts{0};
    if (cursor.good && cursor.take('.')) parts = fraction(cursor);
    const auto east = cursor.good ? offset(cursor) : minutes(0);
    const year_month_day date(y, m, d);
    // 60 is a leap second, which RFC 3339 allows and the system clock does not have.
    if (!cursor.good || !cursor.rest.empty() || !date.ok() || hour > 23 || minute > 59 ||
        second > 60) {
        return std::nullopt;
    }
    return sys_days(date) + hours(hour) + minutes(minute) + seconds(second) + parts - east;
}

}  // namespace slipway
