// Letters as operators declare them: what is filled in, and what is said of a wrong one.

#include "consumers/mail/letter_text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include "consumers/runtime/error.h"

namespace slipway {
namespace {

LetterFacts facts() {
    return {.service_id = "5546",
            .client_id = "77",
            .domain = "web.example.com",
            .name = "77-5546",
            .vmid = "2005",
            .username = "debian",
            .password = "s3cret{ip}",
            .ip = "192.0.2.5",
            .ipv6 = "2001:db8::5",
            .ips = "192.0.2.5, 2001:db8::5",
            .package = "small",
            .cluster = "waw",
            .node = "pve1"};
}

struct Filled {
    std::string body;
    std::string text;
};

TEST(LetterText, PutsFactsWherePlaceholdersStand) {
    std::string all_body;
    for (const std::string_view name : letter_placeholders())
        all_body += fmt::format("{0}={{{0}}};", name);
    const Filled table[] = {
        {"plain text, 100 %", "plain text, 100 %"},
        {"{domain}", "web.example.com"},
        {"{ip}{ip}", "192.0.2.5192.0.2.5"},
        {"a {{ b } c }} {{ip}", "a { b } c }} {ip}"},
        {"{{{ip}}", "{192.0.2.5}"},
        {"{password}", "s3cret{ip}"},
        {all_body,
         "service_id=5546;client_id=77;domain=web.example.com;name=77-5546;vmid=2005;"
         "username=debian;password=s3cret{ip};ip=192.0.2.5;ipv6=2001:db8::5;"
         "ips=192.0.2.5, 2001:db8::5;package=small;cluster=waw;node=pve1;"},
    };

    for (const Filled& row : table) {
        SCOPED_TRACE(row.body);
        const LetterText text = write_letter(
            {.name = "ready", .subject = "{domain} is ready", .body = row.body}, facts());
        EXPECT_EQ(text.subject, "web.example.com is ready");
        EXPECT_EQ(text.body, row.text);
    }
}

struct Wrong {
    std::string subject;
    std::string body;
    std::string problems;
};

TEST(LetterText, SaysWhatIsWrongWithALetterAndWhere) {
    const std::string there_are =
        "there are {service_id}, {client_id}, {domain}, {name}, {vmid}, {username}, {password}, "
        "{ip}, {ipv6}, {ips}, {package}, {cluster}, {node}";
    const Wrong table[] = {
        {"s", "{ip}", ""},
        {"", "", "subject: is empty\nbody: is empty"},
        {"s",
         "a\nb {servce_id}",
         "body, line 2: {servce_id} is no placeholder; did you mean {service_id}?"},
        {"s", "{IP}", "body, line 1: {IP} is no placeholder; did you mean {ip}?"},
        {"s",
         "{colour_of_the_sky}",
         "body, line 1: {colour_of_the_sky} is no placeholder; " + there_are},
        {"s", "\n\n{ ip }", "body, line 3: a { that begins no placeholder; {{ is the brace itself"},
        {"s", "{ip", "body, line 1: a { that begins no placeholder; {{ is the brace itself"},
        {"s", "{}", "body, line 1: a { that begins no placeholder; {{ is the brace itself"},
        {"{passwrd}",
         "b",
         "subject, line 1: {passwrd} is no placeholder; did you mean {password}?"},
        {"{password}",
         "b",
         "subject: {password} does not belong there, since mail servers log subjects"},
        {"a\nBcc: x@example.com", "b", "subject: has more than one line"},
    };

    for (const Wrong& row : table) {
        SCOPED_TRACE(row.subject + " | " + row.body);
        const DeclaredLetter letter{.name = "ready", .subject = row.subject, .body = row.body};
        EXPECT_EQ(fmt::format("{}", fmt::join(letter_problems(letter), "\n")), row.problems);
        if (row.problems.empty()) continue;
        EXPECT_THROW(write_letter(letter, facts()), Error);
    }
}

TEST(LetterText, KnowsWhetherThePasswordMustBeOpened) {
    EXPECT_TRUE(holds_password({.body = "a {password}"}));
    EXPECT_FALSE(holds_password({.body = "a {{password} {username}"}));
}

}  // namespace
}  // namespace slipway
