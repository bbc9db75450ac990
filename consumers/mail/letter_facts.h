#pragma once
// What the rows say about a VM, for the letter about it. Pure.

#include <optional>
#include <string>

#include "consumers/mail/letter_text.h"
#include "schema/store.h"

namespace slipway {

// All but the password, which is sealed.
LetterFacts letter_facts(const Vm& vm, const Holdings& holdings);

// Where the customer wants letters sent: `email` of the order; nullopt if it names nobody.
std::optional<std::string> customer_address(const Vm& vm);

// Why no letter about this VM makes sense any more; nullopt if one does.
std::optional<std::string> why_out_of_date(const Vm& vm);

}  // namespace slipway
