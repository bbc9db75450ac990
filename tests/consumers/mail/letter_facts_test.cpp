// What a letter can say about a VM, from its rows.

#include "consumers/mail/letter_facts.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace slipway {
namespace {

std::string as_text(const LetterFacts& facts) {
    const DeclaredLetter all{
        .subject = "s",
        .body =
            "{service_id}|{client_id}|{domain}|{name}|{vmid}|{username}|{password}|{ip}|{ipv6}|"
            "{ips}|{package}|{cluster}|{node}"};
    return write_letter(all, facts).body;
}

TEST(LetterFacts, AreWhatTheRowsSay) {
    const Vm vm{.service_id = "5546",
                .cluster = "waw",
                .client = "77",
                .product = "small",
                .node = "pve1",
                .vmid = 2005,
                .name = "77-5546",
                .domain = "web.example.com",
                .username = "debian",
                .password = "v1:sealed"};
    const Holdings holdings{.vmid = 2005,
                            .addresses = {{parse_address("2001:db8::5"), "v6"},
                                          {parse_address("192.0.2.5"), "v4"},
                                          {parse_address("192.0.2.6"), "v4"}}};

    EXPECT_EQ(as_text(letter_facts(vm, holdings)),
              "5546|77|web.example.com|77-5546|2005|debian||192.0.2.5|2001:db8::5|"
              "2001:db8::5, 192.0.2.5, 192.0.2.6|small|waw|pve1");
    EXPECT_EQ(as_text(letter_facts({}, {})), "||||||||||||");
}

}  // namespace
}  // namespace slipway
