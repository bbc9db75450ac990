// Live output, line by line as operators know it.

#include "ops/slipway/live_lines.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>

namespace slipway {
namespace {

constexpr EventTime at{std::chrono::seconds(1'776'537'518)};

StepEvent step(int number, const std::string& label, const std::string& result) {
    return {.id = std::to_string(number),
            .service_id = "5546",
            .pipeline = "rehearse",
            .run = 1,
            .row = number,
            .number = number,
            .label = label,
            .result = result,
            .time = at};
}

StepEvent moved(StepEvent event, const std::string& from, const std::string& to) {
    event.from = from;
    event.to = to;
    return event;
}

StepEvent said(StepEvent event, const std::string& text, std::int64_t duration_us) {
    event.text = text;
    event.duration_us = duration_us;
    return event;
}

TEST(LiveLines, TellARunFromItsFirstStepToItsLast) {
    setenv("TZ", "UTC", 1);
    tzset();
    StepEvent line = moved(step(0, "", ""), "clone", "clone");
    line.line = "fwd OK [hestiacp] puqcloud.com ← 5546-1776530154.puqcloud.com (2 IPs)";
    const StepEvent events[] = {
        line,
        said(moved(step(3, "Configure DNS records", "success"), "clone", "set_dns"), "", 370'000),
        said(moved(step(4, "Resize system disk", "skip"), "set_dns", "resized"),
             "no change",
             50'000),
        said(moved(step(11, "Start VM", "error"), "resized", "resized"),
             "VM failed to start (status: stopped)",
             5'110'000),
        said(moved(step(11, "Start VM", "waiting"), "resized", "resized"), "task runs", 20'000),
        said(moved(step(15, "Verify", "success"), "starting", "ready"), "", 1'000'000),
    };

    LiveLines lines;
    std::string told;
    for (const StepEvent& event : events) told += lines.of(event);

    EXPECT_EQ(told, R"(--- Rehearsal: service=5546 status=clone ---
2026-04-18 18:38:38       · fwd OK [hestiacp] puqcloud.com ← 5546-1776530154.puqcloud.com (2 IPs)
  [+]  3. Configure DNS records          success (clone -> set_dns) [0.37s]
  [+]  4. Resize system disk (skip — no change) success (set_dns -> resized) [0.05s]
  [!] 11. Start VM                       VM failed to start (status: stopped). Will retry. (resized -> resized) [5.11s]
--- Rehearsal paused: waiting at [resized] ---
--- Rehearsal: service=5546 status=resized ---
  [~] 11. Start VM                       waiting: task runs (resized -> resized) [0.02s]
--- Rehearsal paused: waiting at [resized] ---
--- Rehearsal: service=5546 status=starting ---
  [+] 15. Verify                         success (starting -> ready) [1.00s]
--- Rehearsal complete: service=5546 status=ready ---
)");
}

TEST(LiveLines, StandUnderAHeadingOfTheirVm) {
    LiveLines lines;
    StepEvent other = moved(step(1, "Allocate IP", "success"), "creation", "set_ip");
    other.service_id = "7";

    const std::string first =
        lines.of(moved(step(1, "Allocate IP", "success"), "creation", "set_ip"));
    const std::string second = lines.of(other);
    const std::string third = lines.of(moved(step(2, "Clone VM", "success"), "set_ip", "clone"));

    EXPECT_TRUE(first.starts_with("--- Rehearsal: service=5546 status=creation ---\n")) << first;
    EXPECT_TRUE(second.starts_with("--- Rehearsal: service=7 status=creation ---\n")) << second;
    EXPECT_TRUE(third.starts_with("--- Rehearsal: service=5546 status=set_ip ---\n")) << third;
}

TEST(LiveLines, NameTheVmOnceItHasANumber) {
    LiveLines lines;
    StepEvent event = moved(step(2, "Clone VM", "success"), "set_ip", "clone");
    event.vmid = 2005;

    EXPECT_TRUE(
        lines.of(event).starts_with("--- Rehearsal: service=5546 vm=2005 status=set_ip ---\n"));
}

StepEvent phase(int row, int number, const std::string& result, std::int64_t after_ms) {
    StepEvent event = step(number, "Phase", result);
    event.pipeline = "rehearse_end";
    event.row = row;
    event.from = event.to = "rehearse_end";
    event.duration_us = 20'000;
    event.time += std::chrono::milliseconds(after_ms);
    return event;
}

TEST(LiveLines, SayHowLongARunOfPhasesTookAndThatItBeganOnce) {
    setenv("TZ", "UTC", 1);
    tzset();
    StepEvent last = phase(3, 2, "success", 48'650);
    last.to = "remove";
    const StepEvent events[] = {said(phase(1, 1, "waiting", 0), "task runs", 20'000),
                                said(phase(1, 1, "waiting", 15'000), "task runs", 15'020'000),
                                phase(2, 1, "success", 30'000),
                                last};

    LiveLines lines;
    std::string told;
    for (const StepEvent& event : events) told += lines.of(event);
    LiveLines too_late;

    EXPECT_EQ(told, R"(2026-04-18 18:38:38   sid:5546  [rehearse_end] starting
2026-04-18 18:38:38   sid:5546    · Phase: waiting: task runs
2026-04-18 18:38:53   sid:5546    · Phase: waiting: task runs
2026-04-18 18:39:08   sid:5546    · Phase: success
2026-04-18 18:39:26   sid:5546    · Phase: success
2026-04-18 18:39:26   sid:5546  [rehearse_end] done (48.67s) result=success
)");
    EXPECT_EQ(too_late.of(last), R"(2026-04-18 18:39:26   sid:5546    · Phase: success
2026-04-18 18:39:26   sid:5546  [rehearse_end] done result=success
)");
}

TEST(LiveLines, SayThatAPersonMustDecide) {
    LiveLines lines;

    const std::string told = lines.of(
        said(moved(step(4, "Destroy VM", "error"), "vm_deleted", "error_terminate"), "refused", 0));

    EXPECT_NE(told.find("refused. Parked. (vm_deleted -> error_terminate)"), std::string::npos);
    EXPECT_NE(told.find("status=error_terminate, a person must decide ---"), std::string::npos);
}

}  // namespace
}  // namespace slipway
