#pragma once
// What `slipway pve` shows: a live table on a terminal, lines elsewhere, JSON for programs.

#include <cstdio>
#include <string>
#include <vector>

#include "consumers/runtime/clock.h"
#include "ops/slipway/pve_run.h"

namespace slipway {

// "pve1:100   qmclone   running    12.3s   45 %"
std::vector<std::string> table_lines(const std::vector<ActionState>& states);

// What became of all of them, the reasons of those that failed, and how to go on.
std::string summary(const std::vector<ActionState>& states);

// The same for programs: one object, on one line.
std::string states_as_json(const std::vector<ActionState>& states);

std::string task_as_json(const TaskStatus& task);
std::string task_line(const TaskStatus& task);

// "1.5s", "2m 05s", "1h 02m"
std::string elapsed_text(std::chrono::milliseconds elapsed);

class LiveTable {
  public:
    LiveTable(const Clock& clock, std::FILE* out);

    // Draws over what it drew before on a terminal; elsewhere a line for what has ended, and every
    // ten seconds one for each that has not.
    void show(const std::vector<ActionState>& states);

    // On a terminal, what was drawn last gives way to all of it: every row, none of them cut.
    // Elsewhere what has not ended is told, once more.
    void end(const std::vector<ActionState>& states);

  private:
    void redraw(const std::vector<ActionState>& states);
    void print_news(const std::vector<ActionState>& states);

    const Clock& clock_;
    std::FILE* out_;
    const bool terminal_;
    std::size_t drawn_ = 0;
    std::vector<Outcome> told_;
    std::chrono::nanoseconds told_at_;
};

}  // namespace slipway
