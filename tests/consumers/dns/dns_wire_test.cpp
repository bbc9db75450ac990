#include "consumers/dns/dns_wire.h"

#include <gtest/gtest.h>

#include <functional>

#include "tests/consumers/dns/dns_text.h"
#include "tests/story/sim_clock.h"

namespace slipway {
namespace {

using namespace std::chrono_literals;

// Does what it is told to, while a call is on its way.
struct Acting final : Http {
    std::function<HttpAnswer()> act;
    int calls = 0;

    HttpAnswer send(const HttpRequest&) override {
        ++calls;
        return act();
    }
};

struct Talk {
    SimClock clock = {};
    Acting http = {};
    DnsWire wire{http, clock, {.name = "powerdns", .url = "http://powerdns"}};

    std::string call() {
        return error_of([&] { wire.send({.method = "GET", .path = "/"}); });
    }
};

HttpAnswer refused() {
    throw HttpError(Sent::No, "connection refused");
}

TEST(DnsWire, LetsOneTryASickProviderWhileTheOthersPassItOver) {
    Talk talk;
    talk.http.act = refused;
    talk.call();
    talk.clock.advance(30s);
    std::string meanwhile;
    talk.http.act = [&]() -> HttpAnswer {
        if (talk.http.calls == 2) meanwhile = talk.call();
        return {.status = 200};
    };

    EXPECT_EQ(talk.call(), "nothing");
    EXPECT_EQ(meanwhile, "passed over for another 30 s: connection refused");
    EXPECT_EQ(talk.http.calls, 2);
}

TEST(DnsWire, LearnsNothingFromWhatNobodyIsToBlameFor) {
    Talk talk;
    const auto nobody = []() -> HttpAnswer {
        throw HttpError(Sent::No, "too late", Blame::Nobody);
    };
    talk.http.act = nobody;
    EXPECT_EQ(talk.call(), "too late");
    std::string meanwhile;
    talk.http.act = [&]() -> HttpAnswer {
        if (talk.http.calls == 2) meanwhile = talk.call();
        return {.status = 200};
    };
    EXPECT_EQ(talk.call(), "nothing");
    EXPECT_EQ(meanwhile, "nothing") << "it is not sick, and nobody waits for how that ends";

    talk.http.act = refused;
    talk.call();
    talk.clock.advance(30s);
    talk.http.act = nobody;
    EXPECT_EQ(talk.call(), "too late");
    EXPECT_EQ(talk.call(), "too late") << "it is as sick as before, and the next one may try";
}

}  // namespace
}  // namespace slipway
