// The command as people meet it: help that teaches, exit codes, errors as sentences.

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

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

TEST(Command, ExplainsItself) {
    const Ended help = slipway("--help");

    EXPECT_EQ(help.code, 0) << help.said;
    for (const std::string word : {"config", "migrate", "watch", "version", "Exit codes"})
        EXPECT_TRUE(has(help, word)) << word << " is not in:\n" << help.said;
    EXPECT_TRUE(has(slipway("watch --help"), "Example:"));
}

TEST(Command, AnswersWrongUseWithTwo) {
    EXPECT_EQ(slipway("").code, 2);
    EXPECT_EQ(slipway("wath").code, 2);
    EXPECT_EQ(slipway("config").code, 2);
    EXPECT_EQ(slipway("version --loud").code, 2);
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
        slipway("config show", "SLIPWAY_DATABASE_URL=postgresql://me:secret@db/slipway");

    EXPECT_EQ(shown.code, 0);
    EXPECT_TRUE(has(shown, "postgresql://me:***@db/slipway")) << shown.said;
    EXPECT_TRUE(has(shown, "# SLIPWAY_DATABASE_URL")) << shown.said;
    EXPECT_FALSE(has(shown, "secret")) << shown.said;
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
