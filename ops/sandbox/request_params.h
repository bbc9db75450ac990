#pragma once
// What a request says before anybody knows what it is about: its form, its parameters.

#include <string>

#include "ops/sandbox/request.h"

namespace slipway::sandbox {

// Said by the server itself, outside of the API: a reason, and at most the same as plain text.
struct NoApi {
    int status;
    std::string reason;
    std::string body = {};
};

// Throws NoApi for a method or a version that the server does not know.
void check_request(const Request& request);

// From the query, a form or a JSON body; the query wins. Throws NoApi for a body that is none.
Json parameters_of(const Request& request);

}  // namespace slipway::sandbox
