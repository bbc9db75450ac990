// How VMs are named.

#include "consumers/inventory/name_rule.h"

#include <gtest/gtest.h>

#include "consumers/runtime/error.h"

namespace slipway {
namespace {

std::string problem(std::string_view rule) {
    try {
        parse_name_rule(rule);
    } catch (const Error& error) {
        return error.what();
    }
    return "none";
}

TEST(NameRules, AreTakenApart) {
    const std::vector<NamePart> parts = {{.text = "vm-"},
                                         {.macro = NameMacro::ServiceId},
                                         {.macro = NameMacro::RandomDigits, .count = 12},
                                         {.macro = NameMacro::Second},
                                         {.text = ".x"}};

    EXPECT_EQ(parse_name_rule("vm-{service_id}{random_digit_12}{second}.x"), parts);
}

TEST(NameRules, AreRefusedWithReasons) {
    struct Row {
        std::string rule;
        std::string problem;
    };
    const std::vector<Row> rows = {
        {"{client_id}-{service_id}", "none"},
        {"{random_letter_4}", "none"},
        {"{service_id}-{client_id}{unixtime}{year}{month}{day}{hour}{minute}{second}", "none"},
        {"{servce_id}", "there is no macro {servce_id}; did you mean service_id?"},
        {"{random_digit_x}{service_id}",
         "{random_digit_x} ends with how many, from 1 to 32: {random_digit_6}"},
        {"{random_digit_33}",
         "{random_digit_33} ends with how many, from 1 to 32: {random_digit_6}"},
        {"{service_id", "{service_id has no closing }"},
        {"vm_{service_id}",
         "a name consists of letters, digits, - and . only; macros stand in {…}"},
        {"{client_id}-{year}",
         "gives several VMs the same name; put {service_id} into it, or {random_digit_6}"},
        {"{random_digit_2}",
         "gives several VMs the same name; put {service_id} into it, or {random_digit_6}"},
        {"-{service_id}",
         "a name neither begins nor ends with - or ., and has no two dots in a row"},
        {"{service_id}{random_digit_32}{random_letter_32}", "makes names longer than 63 letters"},
    };

    for (const Row& row : rows) EXPECT_EQ(problem(row.rule), row.problem) << row.rule;
}

}  // namespace
}  // namespace slipway
