#pragma once
// Who is asking: API tokens, tickets and the word against cross-site requests.

#include <optional>
#include <string>

#include "ops/sandbox/cluster.h"

namespace slipway::sandbox {

// Throws Refused (401) for whoever shows nothing or something wrong.
Caller caller_of(const Cluster& cluster, const Request& request, const std::string& secret);

std::string new_ticket(const Cluster& cluster, const std::string& user, const std::string& secret);
std::string new_csrf_token(const Cluster& cluster,
                           const std::string& user,
                           const std::string& secret);
bool is_valid_ticket(const Cluster& cluster,
                     const std::string& user,
                     const std::string& ticket,
                     const std::string& secret);

std::string percent_decoded(const std::string& text, char plus = '+');

}  // namespace slipway::sandbox
