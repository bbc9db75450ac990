#pragma once
// An AsyncAPI 3.0 document of everything that travels, made from the catalogue and the event types.

#include <string>
#include <string_view>
#include <vector>

#include "topics/catalogue.h"

namespace slipway {

// JSON, indented; the same catalogue gives the same text.
std::string asyncapi_document(const Catalogue& catalogue, std::string_view version);

enum class FieldKind { Text, WholeNumber };

struct EventField {
    std::string_view name;
    FieldKind kind;
    bool always;  // false: left out when there is nothing to say
    std::string_view meaning;
};

// What an event's data holds.
struct EventDescription {
    std::string_view type;  // slipway.request stands for all of slipway.request.*
    std::string_view title;
    std::string_view meaning;
    std::string_view id;  // how its CloudEvents id is made
    std::vector<EventField> fields;
};

const std::vector<EventDescription>& event_descriptions();

}  // namespace slipway
