// Any bytes as Proxmox's answer to a question about tasks: their log, their list, their state. What
// comes of it is lines, tasks and per cents within bounds, or our own error.

#include "consumers/proxmox/tasks.h"
#include "consumers/runtime/log.h"
#include "tests/fuzz/property.h"
#include "tests/story/sim_clock.h"

namespace slipway {
namespace {

class OneAnswer final : public Http {
  public:
    explicit OneAnswer(std::string body) : body_(std::move(body)) {}
    HttpAnswer send(const HttpRequest&) override { return {.status = 200, .body = body_}; }

  private:
    std::string body_;
};

void check_log(const Proxmox& pve, const Upid& upid) {
    try {
        const TaskLog log = task_log(pve, upid, 0, 0);
        if (const auto percent = progress_in(log.lines))
            must(*percent >= 0 && *percent <= 100, "per cents are from 0 to 100", upid.text);
        task_log_tail(pve, upid, 10);
    } catch (const ProxmoxError&) {
        // not an answer, or of no such task
    }
}

void check_tasks(const Proxmox& pve, const Upid& upid) {
    try {
        for (const TaskStatus& task : task_list(pve, "pve1", {})) {
            must(!task.running || task.exit_status.empty(),
                 "what runs has no end",
                 task.exit_status);
            must(parse_upid(task.upid.text) == task.upid,
                 "a listed task has a name",
                 task.upid.text);
        }
        const auto status = task_status(pve, upid);
        must(status && (status->running || status->exit_status != ""),
             "an end has a status",
             upid.text);
    } catch (const ProxmoxError&) {
        // not an answer
    }
}

void check_line(std::string_view line) {
    const auto percent = progress_in({std::string(line)});
    must(!percent || (*percent >= 0 && *percent <= 100), "per cents are from 0 to 100", line);
}

void check_all(std::string_view text) {
    set_log(Level::Error, LogFormat::Logfmt);
    const SimClock clock;
    OneAnswer http{std::string(text)};
    ProxmoxCluster cluster(
        http, clock, {.endpoints = {"https://pve1:8006"}, .token = "root@pam!a=b"});
    const Upid upid =
        parse_upid("UPID:pve1:000007E8:000953F2:6B0030A2:qmclone:9000:root@pam!slipway:");
    check_log({cluster}, upid);
    check_tasks({cluster}, upid);
    check_line(text);
}

}  // namespace
}  // namespace slipway

// NOLINTNEXTLINE(readability-identifier-naming): the fuzzer's name for it
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
    slipway::check_all(slipway::as_text(bytes, size));
    return 0;
}
