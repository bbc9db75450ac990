// The command as people meet it: help that teaches, exit codes, errors as sentences.

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace {

struct Ended {
    int code = 0;
    std::string said;  // on stdout and stderr
};

// With an environment and a folder of its own, so that nothing of this machine shines through.
Ended slipway(const std::string& arguments, const std::string& environment = "") {
    const std::string command = "cd '" + ::testing::TempDir() + "' && env -i " + environment +
                                " '" SLIPWAY_COMMAND "' " + arguments + " 2>&1";
    std::FILE* pipe = popen(command.c_str(), "r");
    Ended ended;
    std::array<char, 4096> buffer;
    while (const std::size_t got = std::fread(buffer.data(), 1, buffer.size(), pipe))
        ended.said.append(buffer.data(), got);
    ended.code = WEXITSTATUS(pclose(pipe));
    return ended;
}

class Folder {
  public:
    Folder() : path_(::testing::TempDir() + "slipway-command-" + std::to_string(getpid())) {
        std::filesystem::create_directories(path_);
    }
    ~Folder() { std::filesystem::remove_all(path_); }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;

    std::string file(const std::string& name, const std::string& content) const {
        std::ofstream(path_ + "/" + name) << content;
        return path_ + "/" + name;
    }
    const std::string& path() const { return path_; }

  private:
    std::string path_;
};

bool has(const Ended& ended, const std::string& text) {
    return ended.said.find(text) != std::string::npos;
}

// "watch", "topics create" …: every command that the help of the one above it lists.
std::vector<std::string> commands_below(const std::string& command) {
    std::vector<std::string> found;
    std::istringstream help(slipway(command + " --help").said);
    bool listed = false;
    for (std::string line; std::getline(help, line);) {
        if (listed && line.empty()) break;
        if (listed) {
            std::string& below = found.emplace_back(command);
            if (!command.empty()) below += ' ';
            below += line.substr(2, line.find(' ', 2) - 2);
            for (const std::string& deeper : commands_below(below)) found.push_back(deeper);
        }
        listed = listed || line == "Subcommands:";
    }
    return found;
}

TEST(Command, TeachesInTheHelpOfEachCommand) {
    const auto commands = commands_below("");
    EXPECT_GE(commands.size(), 18U);
    for (const std::string& command : commands) {
        SCOPED_TRACE(command);

        const Ended help = slipway(command + " --help");

        EXPECT_EQ(help.code, 0);
        const auto example = help.said.find("\nExample");
        ASSERT_NE(example, std::string::npos) << help.said;
        EXPECT_NE(help.said.find("slipway " + command, example), std::string::npos) << help.said;
        EXPECT_EQ(help.said.find("Exit codes:"), help.said.rfind("Exit codes:")) << help.said;
        EXPECT_TRUE(has(help, "\nExit codes: 0 done, 1 failed, 2 wrong use or configuration.\n"))
            << help.said;
    }
}

TEST(Command, AnswersWrongUseOfEachCommandWithTwoAndAHint) {
    for (const std::string& command : commands_below("")) {
        const Ended ended = slipway(command + " --lowd");

        EXPECT_EQ(ended.code, 2) << command;
        EXPECT_EQ(
            ended.said,
            "slipway: there is no option --lowd\n    slipway " + command + " --help says more\n");
    }
}

TEST(Command, SaysWhichWordMayHaveBeenMeant) {
    const struct {
        std::string arguments;
        std::string said;
    } rows[] = {
        {"",
         "a command is missing: one of up, run, apply, get, vm, dns, rehearse, status, pipelines, "
         "migrate, topics, watch, pve, config, sandbox, version\n    slipway --help says more\n"},
        {"wath", "there is no command wath; did you mean watch?\n    slipway --help says more\n"},
        {"config",
         "a command is missing: one of check, show, example\n    slipway config --help "
         "says more\n"},
        {"topics creat",
         "there is no command creat; did you mean create?\n    slipway topics "
         "--help says more\n"},
        {"watch --servce 5546",
         "there is no option --servce; did you mean --service?\n    slipway "
         "watch --help says more\n"},
        {"watch 5546", "5546 is one argument too many\n    slipway watch --help says more\n"},
        {"run", "ROLE is required\n    slipway run --help says more\n"},
        {"run intak",
         "\"intak\" is no role; the roles are: intake, due, mailer, deploy, service\n"},
        {"rehearse --vms none",
         "--vms: Value none not in range 1 to 100000000\n    slipway "
         "rehearse --help says more\n"},
        {"rehearse --fail clon=1",
         "--fail: no rehearsed step leads to \"clon\"; see `slipway "
         "pipelines`\n"},
        {"topics tail activty", "there is no topic \"activty\"; did you mean activity?\n"},
    };
    for (const auto& row : rows) {
        const Ended ended = slipway(row.arguments);

        EXPECT_EQ(ended.code, 2) << row.arguments;
        EXPECT_EQ(ended.said, "slipway: " + row.said);
    }
}

TEST(Command, MakesNothingForARehearsalThatCannotBe) {
    const Folder folder;
    const std::string state = folder.path() + "/state";

    EXPECT_EQ(slipway("rehearse --wait clone", "SLIPWAY_STATE_FOLDER=" + state).code, 2);

    EXPECT_FALSE(std::filesystem::exists(state));
}

TEST(Command, ExplainsItself) {
    const Ended help = slipway("--help");

    EXPECT_EQ(help.code, 0) << help.said;
    for (const std::string word :
         {"config", "migrate", "pve", "sandbox", "watch", "version", "Exit codes"})
        EXPECT_TRUE(has(help, word)) << word << " is not in:\n" << help.said;
}

TEST(Command, AnswersAWrongConfigurationWithTwoAndEveryProblem) {
    const Folder folder;
    const std::string file =
        folder.file("wrong.yaml", "runtime:\n  gracee: 60s\ndue: {batch: many}\n");

    const Ended ended = slipway("config check --config " + file);

    EXPECT_EQ(ended.code, 2);
    EXPECT_EQ(ended.said,
              file + ":2: runtime.gracee: unknown key; did you mean runtime.grace?\n" + file +
                  ":3: due.batch: \"many\" is not a whole number from 1 to 100000\n");
}

TEST(Command, ShowsTheConfigurationWithoutSecrets) {
    const Ended shown =
        slipway("config show", "SLIPWAY_DATABASE_URL=postgresql://me:s-e-c-r-e-t@db/slipway");

    EXPECT_EQ(shown.code, 0);
    EXPECT_TRUE(has(shown, "postgresql://me:***@db/slipway")) << shown.said;
    EXPECT_TRUE(has(shown, "# SLIPWAY_DATABASE_URL")) << shown.said;
    EXPECT_FALSE(has(shown, "s-e-c-r-e-t")) << shown.said;
}

TEST(Command, PrintsAnExampleThatItAccepts) {
    const Folder folder;
    const std::string file = folder.file("slipway.yaml", slipway("config example").said);

    const Ended checked = slipway("config check --config " + file);

    EXPECT_EQ(checked.code, 0) << checked.said;
    EXPECT_TRUE(has(checked, "nothing is wrong")) << checked.said;
}

TEST(Command, MigratesADatabaseOnce) {
    const Folder folder;
    const std::string environment = "SLIPWAY_DATABASE_URL=sqlite:" + folder.path() + "/slipway.db";

    EXPECT_EQ(slipway("migrate --check", environment).code, 1);
    const Ended first = slipway("migrate", environment);
    EXPECT_EQ(first.code, 0) << first.said;
    EXPECT_TRUE(has(first, "applied 0001")) << first.said;
    EXPECT_TRUE(has(slipway("migrate", environment), "nothing to do"));
    EXPECT_EQ(slipway("migrate --check", environment).code, 0);
}

TEST(Command, SaysWhatIsMissingWhenItCannot) {
    const Folder folder;

    const Ended ended = slipway("watch", "SLIPWAY_STATE_FOLDER=" + folder.path());

    EXPECT_EQ(ended.code, 1);
    EXPECT_TRUE(has(ended, "start `slipway up` first")) << ended.said;
}

}  // namespace
