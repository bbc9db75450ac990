#pragma once
// The text of letters: subject and body as operators declare them, with placeholders in braces.
//
//     Your server {domain} is ready. Its addresses: {ips}
//
// {{ stands for the brace itself; a } is one anyway. What is wrong with a letter is said when it is
// declared (`slipway apply`), so that the mailer does not find out.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "consumers/inventory/inventory.h"

namespace slipway {

// What can be said about a VM; what it has not is empty.
struct LetterFacts {
    std::string service_id = {};
    std::string client_id = {};
    std::string domain = {};
    std::string name = {};
    std::string vmid = {};
    std::string username = {};
    std::string password = {};  // secret, and the only one
    std::string ip = {};        // the first IPv4 address
    std::string ipv6 = {};      // the first IPv6 address
    std::string ips = {};       // all of both kinds
    std::string package = {};
    std::string cluster = {};
    std::string node = {};
};

// Their names, in the order in which people should see them.
std::span<const std::string_view> letter_placeholders();

// What is wrong with a letter, a line each: "body, line 3: {servce_id} is no placeholder; did you
// mean {service_id}?" Nothing if it can be sent.
std::vector<std::string> letter_problems(const DeclaredLetter& letter);

// Whether the password must be known to write it.
bool holds_password(const DeclaredLetter& letter);

struct LetterText {
    std::string subject;
    std::string body;
};

// Throws Error for a letter with problems.
LetterText write_letter(const DeclaredLetter& letter, const LetterFacts& facts);

}  // namespace slipway
