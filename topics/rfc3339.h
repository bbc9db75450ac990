#pragma once
// Times as CloudEvents write them: RFC 3339, microseconds, UTC.

#include <optional>
#include <string>
#include <string_view>

#include "topics/event.h"

namespace slipway {

std::string to_rfc3339(EventTime time);

// Any RFC 3339 time, offsets and any number of fraction digits included; finer than a microsecond
// is cut off.
std::optional<EventTime> from_rfc3339(std::string_view text);

}  // namespace slipway
