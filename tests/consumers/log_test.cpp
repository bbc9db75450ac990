// The log: one line per record, whatever is in it, and no passwords of addresses.

#include "consumers/runtime/log.h"

#include <gtest/gtest.h>

namespace slipway {
namespace {

constexpr Time at{std::chrono::microseconds(1'776'530'154'000'042)};

std::string write(LogFormat format, Level level, std::string_view text, LogFields fields) {
    return format_record(format, {.at = at, .level = level, .text = text, .fields = fields});
}

TEST(Log, WritesLogfmt) {
    const std::string service = "5546";

    const std::string line = write(LogFormat::Logfmt,
                                   Level::Info,
                                   "step saved",
                                   {{"service", service},
                                    {"step", "set_ip"},
                                    {"ms", 12},
                                    {"ok", true},
                                    {"share", 0.5},
                                    {"why", "no \"change\" = none"},
                                    {"empty", ""}});

    EXPECT_EQ(line,
              "time=2026-04-18T16:35:54.000042Z level=info text=\"step saved\" service=5546 "
              "step=set_ip ms=12 ok=true share=0.5 why=\"no \\\"change\\\" = none\" empty=\"\"\n");
}

TEST(Log, WritesJson) {
    const std::string line =
        write(LogFormat::Json, Level::Error, "failed", {{"step", "set_ip"}, {"ms", 12}});

    EXPECT_EQ(line,
              "{\"time\":\"2026-04-18T16:35:54.000042Z\",\"level\":\"error\",\"text\":\"failed\","
              "\"step\":\"set_ip\",\"ms\":12}\n");
}

TEST(Log, KeepsARecordOneLineOfValidText) {
    const std::string odd("a\nb\0c\x01\xff\x7f", 8);

    EXPECT_EQ(write(LogFormat::Json, Level::Info, odd, {}),
              "{\"time\":\"2026-04-18T16:35:54.000042Z\",\"level\":\"info\","
              "\"text\":\"a\\nbc\\u0001\xEF\xBF\xBD\\u007f\"}\n");
}

TEST(Log, IsQuietBelowItsLevel) {
    set_log(Level::Warning, LogFormat::Logfmt);

    EXPECT_FALSE(logs(Level::Info));
    EXPECT_TRUE(logs(Level::Warning));

    set_log(Level::Info, LogFormat::Logfmt);
}

TEST(Log, HidesPasswordsOfAddresses) {
    struct Row {
        std::string_view url;
        std::string_view shown;
    };
    const Row rows[] = {
        {"postgresql://slipway:secret@db/x", "postgresql://slipway:***@db/x"},
        {"postgresql://slipway:se@c/ret@db/x", "postgresql://slipway:***@db/x"},
        {"postgresql://slipway@db:5432/x", "postgresql://slipway@db:5432/x"},
        {"postgresql://db:5432/x?user=a&password=secret&b=c",
         "postgresql://db:5432/x?user=a&password=***&b=c"},
        {"host=db password='se cret' user=a", "host=db password=*** user=a"},
        {"sqlite:/var/lib/slipway/slipway.db", "sqlite:/var/lib/slipway/slipway.db"},
        {"", ""},
    };

    for (const Row& row : rows) {
        SCOPED_TRACE(row.url);
        EXPECT_EQ(masked_url(row.url), row.shown);
    }
}

}  // namespace
}  // namespace slipway
