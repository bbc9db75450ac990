#pragma once
// One question to a DNS server on loopback, over UDP (RFC 1035), as far as tests need it.

#include <cstdint>
#include <string>
#include <vector>

namespace slipway {

// "vm1.example.com 300 A 192.0.2.5", sorted; types A, AAAA, PTR, and SOA, of which only the name of
// the server is shown. Throws std::runtime_error if there is no answer, or one that refuses.
std::vector<std::string> ask_dns(std::uint16_t port,
                                 const std::string& name,
                                 const std::string& type);

}  // namespace slipway
