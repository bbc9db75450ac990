// Addresses, networks and ranges: read, counted, printed; and what is said of those that are none.

#include "schema/ip_address.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace slipway {
namespace {

// What it throws, or what it prints.
template <typename Parse, typename Print>
std::string read(Parse parse, Print print, std::string_view text) {
    try {
        return print(parse(text));
    } catch (const std::runtime_error& error) {
        return error.what();
    }
}

struct Row {
    std::string_view text;
    std::string_view expected;
};

constexpr std::string_view v4_rule = "an IPv4 address has four numbers up to 255, such as 10.0.0.5";
constexpr std::string_view v6_rule =
    "an IPv6 address has eight groups of up to four hexadecimal digits, or fewer and :: once, such "
    "as 2001:db8::5";

TEST(IpAddress, IsPrintedInOneWayHoweverItWasWritten) {
    const Row rows[] = {
        {"10.0.0.5", "10.0.0.5"},
        {"0.0.0.0", "0.0.0.0"},
        {"255.255.255.255", "255.255.255.255"},
        {"::", "::"},
        {"::1", "::1"},
        {"1::", "1::"},
        {"2001:DB8:0:0:0:0:0:5", "2001:db8::5"},
        {"2001:0db8::0005", "2001:db8::5"},
        {"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},
        {"2001:db8::1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},
        {"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},
        {"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},
        {"0:0:1:0:0:0:0:0", "0:0:1::"},
        {"1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"},
        {"1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"},
        {"64:ff9b::10.0.0.5", "64:ff9b::a00:5"},
        {"::10.0.0.5", "::a00:5"},
    };

    for (const Row& row : rows) {
        SCOPED_TRACE(row.text);
        EXPECT_EQ(read(parse_address, print_address, row.text), row.expected);
    }
}

TEST(IpAddress, ThatIsNoneIsRefusedWithTheRule) {
    constexpr std::string_view v4[] = {"10.0.0.300",
                                       "10.0.0",
                                       "10.0.0.0.1",
                                       "10.0.0.",
                                       "010.0.0.1",
                                       "10.0.0.5 ",
                                       " 10.0.0.5",
                                       "10.0.0.-1",
                                       "10.0.0.0x1",
                                       "10,0,0,1",
                                       "localhost"};
    constexpr std::string_view v6[] = {"2001:db8",
                                       ":",
                                       ":::",
                                       "1:2:3:4:5:6:7",
                                       "1:2:3:4:5:6:7:8:9",
                                       "1::2::3",
                                       "12345::",
                                       "2001:db8::g",
                                       "[::1]",
                                       "fe80::1%eth0",
                                       "::10.0.0.300"};

    for (const std::string_view text : v4)
        EXPECT_EQ(read(parse_address, print_address, text), fmt::format("{}: {}", text, v4_rule));
    for (const std::string_view text : v6)
        EXPECT_EQ(read(parse_address, print_address, text), fmt::format("{}: {}", text, v6_rule));
    EXPECT_EQ(read(parse_address, print_address, ""), fmt::format("\"\": {}", v4_rule));
    EXPECT_EQ(read(parse_address, print_address, std::string_view("1.2.3.4\0\n\xFF", 10)),
              fmt::format("1.2.3.4???: {}", v4_rule));
    EXPECT_EQ(read(parse_address, print_address, "::ffff:10.0.0.5"),
              "::ffff:10.0.0.5: this is an IPv4 address, write 10.0.0.5");
}

TEST(IpAddress, HasAKeyThatSortsAsItDoes) {
    constexpr std::string_view rising[] = {
        "::", "::1", "9.255.255.255", "10.0.0.1", "10.0.0.9", "10.0.0.10", "2001:db8::", "ff02::1"};

    std::string before;
    for (const std::string_view text : rising) {
        SCOPED_TRACE(text);
        const IpAddress address = parse_address(text);
        EXPECT_LT(before, key_of(address));
        EXPECT_EQ(address_of_key(key_of(address)), address);
        before = key_of(address);
    }
    EXPECT_EQ(key_of(parse_address("10.0.0.5")), "00000000000000000000ffff0a000005");
    EXPECT_THROW(address_of_key("0a000005"), std::runtime_error);
    EXPECT_THROW(address_of_key("00000000000000000000FFFF0A000005"), std::runtime_error);
}

TEST(IpAddress, HasANextOneUnlessItIsTheLast) {
    const Row rows[] = {
        {"10.0.0.5", "10.0.0.6"},
        {"10.0.255.255", "10.1.0.0"},
        {"255.255.255.255", "none"},
        {"2001:db8::ffff", "2001:db8::1:0"},
        {"::fffe:ffff:ffff", "::1:0:0:0"},  // past those that stand for IPv4
        {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "none"},
    };

    for (const Row& row : rows) {
        SCOPED_TRACE(row.text);
        const auto after = next(parse_address(row.text));
        EXPECT_EQ(after ? print_address(*after) : "none", row.expected);
    }
}

TEST(IpAddress, HasANameForItsPtrRecord) {
    const Row rows[] = {
        {"10.0.0.5", "5.0.0.10.in-addr.arpa"},
        {"192.168.130.6", "6.130.168.192.in-addr.arpa"},
        {"2001:db8::567:89ab",
         "b.a.9.8.7.6.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa"},
    };

    for (const Row& row : rows) EXPECT_EQ(reverse_name(parse_address(row.text)), row.expected);
}

TEST(IpNetwork, HasAFirstAndALastAddress) {
    struct Network {
        std::string_view text, first, last;
    };
    const Network rows[] = {
        {"10.0.0.0/24", "10.0.0.0", "10.0.0.255"},
        {"10.0.0.128/25", "10.0.0.128", "10.0.0.255"},
        {"10.0.0.4/30", "10.0.0.4", "10.0.0.7"},
        {"10.0.0.5/32", "10.0.0.5", "10.0.0.5"},
        {"0.0.0.0/0", "0.0.0.0", "255.255.255.255"},
        {"2001:db8::/64", "2001:db8::", "2001:db8::ffff:ffff:ffff:ffff"},
        {"2001:db8::/127", "2001:db8::", "2001:db8::1"},
        {"::/80", "::", "::fffe:ffff:ffff"},  // the IPv4 addresses lie behind that
        {"::/0", "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
    };

    for (const Network& row : rows) {
        SCOPED_TRACE(row.text);
        const IpNetwork network = parse_network(row.text);
        EXPECT_EQ(print_network(network), row.text);
        EXPECT_EQ(print_address(first_of(network)), row.first);
        EXPECT_EQ(print_address(last_of(network)), row.last);
        EXPECT_TRUE(network.contains(first_of(network)) && network.contains(last_of(network)));
    }
    EXPECT_FALSE(parse_network("10.0.0.128/25").contains(parse_address("10.0.0.127")));
    EXPECT_FALSE(parse_network("::/0").contains(parse_address("10.0.0.1")));
}

TEST(IpNetwork, ThatIsNoneIsRefusedWithTheCure) {
    const Row rows[] = {
        {"10.0.0.0",
         "10.0.0.0: a network is an address and the length of its prefix, such as 10.0.0.0/24"},
        {"10.0.0.5/24",
         "10.0.0.5/24: 10.0.0.5 lies inside that network, whose own address is 10.0.0.0/24"},
        {"10.0.0.0/33", "10.0.0.0/33: behind the slash stands a number from 0 to 32"},
        {"10.0.0.0/", "10.0.0.0/: behind the slash stands a number from 0 to 32"},
        {"10.0.0.0/08", "10.0.0.0/08: behind the slash stands a number from 0 to 32"},
        {"10.0.0.0/-1", "10.0.0.0/-1: behind the slash stands a number from 0 to 32"},
        {"10.0.0.0/255.255.255.0",
         "10.0.0.0/255.255.255.0: behind the slash stands a number from 0 to 32"},
        {"2001:db8::/129", "2001:db8::/129: behind the slash stands a number from 0 to 128"},
    };

    for (const Row& row : rows)
        EXPECT_EQ(read(parse_network, print_network, row.text), row.expected);
}

TEST(IpRange, IsReadPrintedAndCounted) {
    struct Range {
        std::string_view text, printed;
        std::int64_t size;
    };
    constexpr std::int64_t most = std::int64_t{1} << 62;
    const Range rows[] = {
        {"10.0.0.5", "10.0.0.5", 1},
        {"10.0.0.5-10.0.0.5", "10.0.0.5", 1},
        {"10.0.0.5-10.0.0.9", "10.0.0.5-10.0.0.9", 5},
        {"0.0.0.0-255.255.255.255", "0.0.0.0-255.255.255.255", std::int64_t{1} << 32},
        {"2001:db8::-2001:db8::FFFF", "2001:db8::-2001:db8::ffff", 65'536},
        {"2001:db8:0:0:ffff::-2001:db8:0:1::",
         "2001:db8:0:0:ffff::-2001:db8:0:1::",
         0x1'0000'0000'0001},
        {"2001:db8::-2001:db8::ffff:ffff:ffff:ffff",
         "2001:db8::-2001:db8::ffff:ffff:ffff:ffff",
         most},
        {"2001:db8::-2001:db8:0:1::4", "2001:db8::-2001:db8:0:1::4", most},
        {"::fffe:ffff:ffff-::1:0:0:0", "::fffe:ffff:ffff-::1:0:0:0", 2},
    };

    for (const Range& row : rows) {
        SCOPED_TRACE(row.text);
        const IpRange range = parse_range(row.text);
        EXPECT_EQ(print_range(range), row.printed);
        EXPECT_EQ(size_of(range), row.size);
    }
}

TEST(IpRange, ThatIsNoneIsRefused) {
    const Row rows[] = {
        {"10.0.0.9-10.0.0.5",
         "10.0.0.9-10.0.0.5: the first address of a range is not above its last"},
        {"10.0.0.5-2001:db8::5",
         "10.0.0.5-2001:db8::5: a range has either IPv4 or IPv6 addresses at both ends"},
    };

    for (const Row& row : rows) EXPECT_EQ(read(parse_range, print_range, row.text), row.expected);
    EXPECT_THROW(parse_range("10.0.0.5-"), std::runtime_error);
    EXPECT_THROW(parse_range("10.0.0.5-10.0.0.9-10.0.0.11"), std::runtime_error);
    EXPECT_THROW(parse_range("10.0.0.0/24"), std::runtime_error);
}

TEST(IpRange, KnowsWhatIsInIt) {
    const IpRange range = parse_range("10.0.0.5-10.0.0.9");

    for (const char* text : {"10.0.0.5", "10.0.0.7", "10.0.0.9"})
        EXPECT_TRUE(range.contains(parse_address(text))) << text;
    for (const char* text : {"10.0.0.4", "10.0.0.10", "::5"})
        EXPECT_FALSE(range.contains(parse_address(text))) << text;
    for (const char* text : {"10.0.0.1-10.0.0.5", "10.0.0.9", "10.0.0.1-10.0.0.20", "10.0.0.6"})
        EXPECT_TRUE(range.overlaps(parse_range(text))) << text;
    for (const char* text : {"10.0.0.1-10.0.0.4", "10.0.0.10", "::-ff02::"})
        EXPECT_FALSE(range.overlaps(parse_range(text))) << text;
}

TEST(IpRange, IsWhatIsLeftWithoutOthers) {
    struct Left {
        std::string_view range;
        std::vector<std::string_view> excluded;
        std::string_view left;
    };
    const Left rows[] = {
        {"10.0.0.1-10.0.0.9", {}, "10.0.0.1-10.0.0.9 "},
        {"10.0.0.1-10.0.0.9", {"10.0.0.5"}, "10.0.0.1-10.0.0.4 10.0.0.6-10.0.0.9 "},
        {"10.0.0.1-10.0.0.9", {"10.0.0.1", "10.0.0.9"}, "10.0.0.2-10.0.0.8 "},
        {"10.0.0.1-10.0.0.9", {"10.0.0.8-10.0.0.20", "10.0.0.0-10.0.0.2"}, "10.0.0.3-10.0.0.7 "},
        {"10.0.0.1-10.0.0.9", {"10.0.0.2-10.0.0.6", "10.0.0.3"}, "10.0.0.1 10.0.0.7-10.0.0.9 "},
        {"10.0.0.1-10.0.0.9", {"10.0.0.2", "10.0.0.3"}, "10.0.0.1 10.0.0.4-10.0.0.9 "},
        {"10.0.0.1-10.0.0.9", {"10.0.0.1-10.0.0.9"}, ""},
        {"10.0.0.1-10.0.0.9", {"10.0.1.5", "2001:db8::5"}, "10.0.0.1-10.0.0.9 "},
        {"255.255.255.254-255.255.255.255", {"255.255.255.255"}, "255.255.255.254 "},
        {"0.0.0.0-0.0.0.2", {"0.0.0.0-0.0.0.1"}, "0.0.0.2 "},
        {"::-::1:0:0:1", {"::1:0:0:0"}, "::-::fffe:ffff:ffff ::1:0:0:1 "},
    };

    for (const Left& row : rows) {
        SCOPED_TRACE(row.range);
        std::vector<IpRange> excluded;
        for (const std::string_view text : row.excluded) excluded.push_back(parse_range(text));
        std::string left;
        for (const IpRange& range : without(parse_range(row.range), excluded))
            left += print_range(range) + " ";
        EXPECT_EQ(left, row.left);
    }
}

}  // namespace
}  // namespace slipway
