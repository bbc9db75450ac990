// What `slipway pve` shows: to programs, where there is no terminal, and on one.

#include "ops/slipway/pve_report.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <pty.h>
#include <unistd.h>

#include <algorithm>
#include <memory>

#include "tests/story/sim_clock.h"

namespace slipway {
namespace {

using namespace std::chrono_literals;

const std::string upid = "UPID:pve1:00000064:000953F2:6B0030A2:qmstart:100:root@pam!slipway:";

TEST(PveReport, SpeaksToPrograms) {
    const std::vector<ActionState> states = {
        {.subject = "pve1:100",
         .outcome = Outcome::Failed,
         .upid = parse_upid(upid),
         .text = "no \"room\"",
         .elapsed = 1500ms,
         .percent = 50.0,
         .log_tail = {"TASK ERROR: \xff"}},
        {.subject = "pve1:101", .outcome = Outcome::Completed}};

    EXPECT_EQ(
        states_as_json(states),
        R"({"completed":1,"failed":1,"running":0,"tasks":[{"elapsed_s":1.5,"log_tail":["TASK ERROR: )"
        "\xEF\xBF\xBD"
        R"("],"node":"pve1","outcome":"failed","percent":50.0,"subject":"pve1:100",)"
        R"("text":"no \"room\"","type":"qmstart","upid":")" +
            upid +
            R"("},{"elapsed_s":0.0,"outcome":"completed","subject":"pve1:101","text":""}],)"
            R"("timeout":0,"unknown":0,"waiting":0})"
            "\n");
}

TEST(PveReport, ShowsTimesAsPeopleSayThem) {
    EXPECT_EQ(elapsed_text(1540ms), "1.5s");
    EXPECT_EQ(elapsed_text(59'900ms), "59.9s");
    EXPECT_EQ(elapsed_text(125s), "2m 05s");
    EXPECT_EQ(elapsed_text(3725s), "1h 02m");
}

TEST(PveReport, TellsNewsOnlyWhereThereIsNoTerminal) {
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::tmpfile(), std::fclose);
    SimClock clock;
    LiveTable table(clock, file.get());
    std::vector<ActionState> states = {{.subject = "pve1:100", .outcome = Outcome::Running},
                                       {.subject = "pve1:101", .outcome = Outcome::Waiting}};

    table.show(states);
    table.show(states);
    clock.advance(10s);
    table.show(states);  // still at it
    states[0].outcome = Outcome::Completed;
    table.show(states);
    table.show(states);

    table.end(states);

    std::rewind(file.get());
    std::string text(4'096, '\0');
    text.resize(std::fread(text.data(), 1, text.size(), file.get()));
    EXPECT_EQ(text,
              "pve1:100              running       0.0s\n"
              "pve1:100              completed     0.0s\n"
              "pve1:101              waiting       0.0s\n");
}

// A terminal of 60 columns and 5 rows, and what was written to it.
class Terminal {
  public:
    Terminal() {
        const winsize size{.ws_row = 5, .ws_col = 60, .ws_xpixel = 0, .ws_ypixel = 0};
        int program = -1;
        if (openpty(&screen_, &program, nullptr, nullptr, &size) != 0)
            throw std::runtime_error("there is no terminal to be had");
        out.reset(fdopen(program, "w"));
    }
    ~Terminal() { close(screen_); }
    Terminal(const Terminal&) = delete;
    Terminal& operator=(const Terminal&) = delete;

    // As many lines as that, however many pieces they come in.
    std::string read(std::ptrdiff_t lines) {
        std::string text;
        while (std::count(text.begin(), text.end(), '\n') < lines) {
            std::string piece(4'096, '\0');
            const ssize_t got = ::read(screen_, piece.data(), piece.size());
            if (got <= 0) break;
            text += piece.substr(0, static_cast<std::size_t>(got));
        }
        return text;
    }

    std::unique_ptr<std::FILE, int (*)(std::FILE*)> out{nullptr, std::fclose};

  private:
    int screen_ = -1;
};

TEST(PveReport, ShowsAllOfItInTheEndOnATerminal) {
    const std::string why = "the task says OK, but storage nas holds no backup of it";
    std::vector<ActionState> states;
    for (int vmid = 100; vmid < 106; ++vmid)
        states.push_back(
            {.subject = fmt::format("pve1:{}", vmid), .outcome = Outcome::Failed, .text = why});
    Terminal terminal;
    SimClock clock;
    LiveTable table(clock, terminal.out.get());

    table.show(states);
    const std::string live = terminal.read(3);
    EXPECT_EQ(live.find(why), std::string::npos) << "cut, so that it stays one line";
    EXPECT_EQ(live.find("pve1:105"), std::string::npos) << "below the last row";

    table.end(states);
    const std::string last = terminal.read(6);
    EXPECT_TRUE(last.starts_with("\033[3A\r\033[J")) << last;
    for (const ActionState& state : states)
        EXPECT_NE(last.find(state.subject + "              failed        0.0s         " + why),
                  std::string::npos)
            << last;
}

}  // namespace
}  // namespace slipway
