// The proxy between a real client and a real server (PostgreSQL and psql): what the live tests
// believe about their network is true.

#include "tests/live/tcp_proxy.h"

#include <gtest/gtest.h>

#include "tests/live/postgres_server.h"
#include "tests/live/skipping.h"

namespace slipway {
namespace {

using namespace std::chrono_literals;

ChildOptions asking(const TcpProxy& proxy, const TempFolder& folder, const std::string& sql) {
    return {.program = find_program("psql"),
            .arguments = {"--no-psqlrc",
                          "--tuples-only",
                          "--no-align",
                          "postgresql://postgres@" + proxy.address() + "/postgres",
                          "--command=" + sql},
            .output = folder.path() / "output"};
}

bool wait_until_connected(const TcpProxy& proxy) {
    const auto deadline = std::chrono::steady_clock::now() + 10s;
    while (proxy.connections() == 0 && std::chrono::steady_clock::now() < deadline) {
        std::this_thread::yield();
    }
    return proxy.connections() > 0;
}

TEST(TcpProxy, CarriesEveryByteBothWays) {
    if (auto why = cannot_run(PostgresServer::missing())) GTEST_SKIP() << *why;
    const TcpProxy proxy(PostgresServer::shared().port());
    const TempFolder folder;
    ChildProcess psql(
        asking(proxy, folder, "SELECT length(repeat('x', 5000000)), repeat('y', 5000000)"));

    EXPECT_EQ(psql.wait(20s), 0) << psql.tail();

    EXPECT_EQ(read_from(folder.path() / "output", 0),
              "5000000|" + std::string(5000000, 'y') + "\n");
}

TEST(TcpProxy, CutsWhatIsConnectedAndRefusesWhatComes) {
    if (auto why = cannot_run(PostgresServer::missing())) GTEST_SKIP() << *why;
    TcpProxy proxy(PostgresServer::shared().port());
    const TempFolder folder;
    ChildProcess sleeper(asking(proxy, folder, "SELECT pg_sleep(60)"));
    ASSERT_TRUE(wait_until_connected(proxy));

    proxy.cut();
    EXPECT_NE(sleeper.wait(20s).value_or(0), 0) << "not noticed";
    ChildProcess refused(asking(proxy, folder, "SELECT 1"));
    EXPECT_NE(refused.wait(20s).value_or(0), 0) << refused.tail();

    proxy.heal();
    ChildProcess welcome(asking(proxy, folder, "SELECT 1"));
    EXPECT_EQ(welcome.wait(20s), 0) << welcome.tail();
}

TEST(TcpProxy, StallsWithoutAWordAndGoesOn) {
    if (auto why = cannot_run(PostgresServer::missing())) GTEST_SKIP() << *why;
    TcpProxy proxy(PostgresServer::shared().port());
    const TempFolder folder;
    proxy.stall();
    ChildProcess psql(asking(proxy, folder, "SELECT 1"));

    EXPECT_FALSE(psql.wait(300ms));
    proxy.heal();

    EXPECT_EQ(psql.wait(20s), 0) << psql.tail();
}

TEST(TcpProxy, DelaysEachWay) {
    if (auto why = cannot_run(PostgresServer::missing())) GTEST_SKIP() << *why;
    TcpProxy proxy(PostgresServer::shared().port());
    const TempFolder folder;
    proxy.delay(100ms);
    const auto began = std::chrono::steady_clock::now();
    ChildProcess psql(asking(proxy, folder, "SELECT 1"));

    EXPECT_EQ(psql.wait(20s), 0) << psql.tail();

    // Encryption offer, greeting and question: at least two round trips of twice 100 ms.
    EXPECT_GE(std::chrono::steady_clock::now() - began, 400ms);
}

}  // namespace
}  // namespace slipway
